"""Faults from a script: which worker is lost at which of its calls."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pipelines.engines.engine import Item, Result, WorkerLost
from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.run_stats import TaskLost


class FaultyEngine:
    """A local engine whose workers are lost where the script says: {(worker, call): "before" | "after"}.

    Workers are numbered in the order in which they are started, replacements included, calls from 0. A worker lost
    "after" has done what it was asked and could not say so.
    """

    name = "faulty"

    def __init__(
        self, workers: int, script: dict[tuple[int, int], str], deadly: Callable[[Any], bool] = lambda item: False
    ) -> None:
        """`deadly`: items whose workers die each time."""
        self.workers = workers
        self._deadly = deadly
        self._local, self._script, self._started = LocalEngine(workers), script, 0
        self.stats = self._local.stats

    def shards(self, stored_bytes: int) -> int:
        """See Engine."""
        return self.workers

    def run(
        self,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        on_lost: Callable[[Item, TaskLost], Result] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """Every task is done twice, as after a lost answer."""
        alive = [i for i, item in enumerate(items) if not self._deadly(item)]
        for _ in self._local.run(task, [items[i] for i in alive]):
            pass
        for place, result in self._local.run(task, [items[i] for i in alive]):
            yield alive[place], result
        for i in sorted({*range(len(items))} - {*alive}):
            lost = TaskLost(f"item {i}", "as the script says")
            if on_lost is None:
                raise lost
            yield i, on_lost(items[i], lost)

    def require_visible(self, inputs: Sequence[str], output: Path) -> None:
        """See Engine."""

    def start(self, state: Callable[..., Any], *arguments: Any) -> "FaultyWorker":
        """See Engine."""
        number, self._started = self._started, self._started + 1
        return FaultyWorker(self, state, arguments, self._local.start(state, *arguments), number, self._script)

    def close(self) -> None:
        """See Engine."""
        self._local.close()


class FaultyWorker:
    """See FaultyEngine."""

    def __init__(self, engine: FaultyEngine, state: Any, arguments: Any, worker: Any, number: int, script: Any) -> None:
        self._engine, self._state, self._arguments = engine, state, arguments
        self._worker, self._number, self._script, self._calls = worker, number, script, 0

    def call(self, method: str, *arguments: Any) -> Any:
        """See Worker."""
        call, self._calls = self._calls, self._calls + 1
        fault = self._script.get((self._number, call))
        if fault == "before":
            return Lost()
        pending = self._worker.call(method, *arguments)
        if fault == "after":
            pending.result()
            return Lost()
        return pending

    def stop(self) -> None:
        """See Worker."""
        self._worker.stop()

    def replaced(self) -> "FaultyWorker":
        """See Worker."""
        self.stop()
        return self._engine.start(self._state, *self._arguments)


class Lost:
    """An answer that never comes."""

    def result(self) -> Any:
        """Raises WorkerLost."""
        raise WorkerLost("as the script says")
