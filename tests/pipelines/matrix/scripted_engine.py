"""An engine of threads on which one fault happens, at the work that it is aimed at: a hundred times faster than Ray."""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pipelines.engines.engine import Item, Result, WorkerLost
from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.run_stats import TaskLost

Fault = Literal["none", "worker killed", "node removed", "task repeated", "report duplicated", "reports out of order",
                "slow node"]  # fmt: skip
LOST_AT = (20, 35)
"""The calls at which workers with a state are lost."""


class ScriptedEngine:
    """Three workers. `target`: the name of the task, or of the class of a worker's state, that meets the fault.

    A killed worker has done nothing of what it was at, or all but the answer: both happen. With a node go two workers
    of three, and a third of the tasks' answers.
    """

    name = "scripted"
    workers = 3

    def __init__(self, fault: Fault, target: str) -> None:
        self.fault, self._target = fault, target
        self._local = LocalEngine(3)
        self.stats = self._local.stats
        self.round: list[ScriptedPending] = []
        self._started = 0

    def shards(self, stored_bytes: int) -> int:
        """See Engine."""
        del stored_bytes
        return 3

    def run(
        self,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        on_lost: Callable[[Item, TaskLost], Result] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """See Engine."""
        del on_lost
        if task.__name__ != self._target or self.fault == "none":
            yield from self._local.run(task, items)
            return
        places = list(range(len(items)))
        lost = places[::3] if self.fault == "node removed" else places[:2]
        match self.fault:
            case "worker killed" | "node removed":
                yield from self._of(task, items, [i for i in places if i not in lost])
                for i in lost:
                    if i % 2 == 0:
                        task(items[i])
                    self.stats.record_loss(task.__name__, "as the script says")
                    self.stats.record_retry()
                yield from self._of(task, items, lost)
            case "task repeated":
                for _ in self._of(task, items, [*places, *places]):  # side by side with itself
                    pass
                yield from self._of(task, items, places)
            case "report duplicated":
                told = list(self._of(task, items, places))
                yield from [*told, *told[::2], *told]
            case "reports out of order":
                yield from sorted(self._of(task, items, places), reverse=True)
            case "slow node":
                yield from self._of(task, items, places[1:])
                yield from self._of(task, items, places[:1])

    def _of(self, task: Callable[[Item], Result], items: Sequence[Item], places: list[int]) -> Iterator[Any]:
        for i, result in self._local.run(task, [items[place] for place in places]):
            yield places[i], result

    def require_visible(self, inputs: Sequence[str], output: Path) -> None:
        """See Engine."""

    def start(self, state: Callable[..., Any], *arguments: Any) -> "ScriptedWorker":
        """See Engine."""
        number, self._started = self._started, self._started + 1
        return ScriptedWorker(self, number, state, arguments, self._local.start(state, *arguments))

    def close(self) -> None:
        """See Engine."""
        self._local.close()


class ScriptedWorker:
    """See Worker."""

    def __init__(self, engine: ScriptedEngine, number: int, state: Any, arguments: Any, worker: Any) -> None:
        self.engine, self.number = engine, number
        self._state, self._arguments, self.worker, self._calls = state, arguments, worker, 0

    def call(self, method: str, *arguments: Any) -> "ScriptedPending":
        """See Worker."""
        self._calls += 1
        pending = ScriptedPending(self, self._calls, method, arguments)
        self.engine.round.append(pending)
        return pending

    def stop(self) -> None:
        """See Worker."""
        self.worker.stop()

    def replaced(self) -> "ScriptedWorker":
        """See Worker."""
        return self.engine.start(self._state, *self._arguments)


class ScriptedPending:
    """See Pending. What is asked of all workers is done when the first answer is asked for."""

    def __init__(self, worker: ScriptedWorker, call: int, method: str, arguments: Any) -> None:
        self._worker, self._number, self._call = worker, call, (method, arguments)
        self._answer: Any = None

    def make(self) -> None:
        """Do what was asked, as the fault has it."""
        method, arguments = self._call
        fault, number = self._worker.engine.fault, self._worker.number
        doomed = (fault == "worker killed" and (number, self._number) in ((0, LOST_AT[0]), (1, LOST_AT[1]))) or (
            fault == "node removed" and number < 2 and self._number == LOST_AT[0]
        )
        if fault == "slow node" and number == 0:
            time.sleep(0.001)
        if not doomed or number == 1:  # the second one did its work, and could not say so
            self._answer = self._worker.worker.call(method, *arguments).result()
        if fault in ("task repeated", "report duplicated"):
            again = self._worker.worker.call(method, *arguments).result()
            self._answer = again if fault == "task repeated" else self._answer
        if doomed:
            self._answer = WorkerLost("as the script says", with_node=fault == "node removed")

    def result(self) -> Any:
        """See Pending."""
        asked, self._worker.engine.round = self._worker.engine.round, []
        for one in reversed(asked) if self._worker.engine.fault == "reports out of order" else asked:
            one.make()
        if isinstance(self._answer, WorkerLost):
            raise self._answer
        return self._answer
