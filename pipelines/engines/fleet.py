"""Workers with a state each, one for every part of the data, replaced when they are lost."""

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

from pipelines.engines.engine import Engine, Worker, WorkerLost
from pipelines.engines.tally import TRIES, TaskLost

Call = tuple[str, tuple[Any, ...]]


class Fleet:
    """One worker for each entry of `arguments`, each with the state `state(*arguments[i])`.

    When a worker is lost, another is made from the same arguments, brought to the same state by `recover()` (calls
    whose answers are dropped), and asked again: a call may thus reach a state twice, and must give the same answer.
    Raises TaskLost where the same worker is lost again and again without an answer, and TooManyFailures.
    """

    def __init__(
        self,
        engine: Engine,
        state: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        recover: Callable[[], Iterable[Call]],
    ) -> None:
        self._tally, self._state, self._recover = engine.tally, state, recover
        self._lost_in_a_row = 0
        self._workers: list[Worker] = [engine.start(state, *own) for own in arguments]

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.stop()

    def ask(self, method: str, *arguments: Any) -> list[Any]:
        """Every worker's answer to the same call, in order."""
        pending = [worker.call(method, *arguments) for worker in self._workers]
        answers = []
        for i, one in enumerate(pending):
            while True:
                try:
                    answers.append(one.result())
                    break
                except WorkerLost as lost:
                    self._replace(i, lost)
                    one = self._workers[i].call(method, *arguments)
            self._lost_in_a_row = 0
        return answers

    def _replace(self, i: int, lost: WorkerLost) -> None:
        what = f"{self._state.__name__} {i + 1} of {len(self._workers)}"
        while True:
            self._lost_in_a_row += not lost.with_node
            self._tally.lose(what, lost.reason)
            if self._lost_in_a_row == TRIES:
                raise TaskLost(what, lost.reason) from lost
            self._tally.retry()
            self._workers[i] = self._workers[i].replaced()
            try:
                for method, arguments in self._recover():
                    self._workers[i].call(method, *arguments).result()
                return
            except WorkerLost as again:
                lost = again
