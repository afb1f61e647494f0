"""Workers with a state each, one for every part of the data, replaced when they are lost."""

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any

from pipelines.engines.engine import Engine, TooManyFailures, Worker, WorkerLost

Call = tuple[str, tuple[Any, ...]]


class Fleet:
    """One worker for each entry of `arguments`, each with the state `state(*arguments[i])`.

    When a worker is lost, another is made from the same arguments, brought to the same state by `recover()` (calls
    whose answers are dropped), and asked again: a call may thus reach a state twice, and must give the same answer.
    """

    def __init__(
        self,
        engine: Engine,
        state: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        recover: Callable[[], Iterable[Call]],
        max_failures: int,
    ) -> None:
        self._engine, self._state, self._arguments = engine, state, arguments
        self._recover, self._max_failures = recover, max_failures
        self.failures = 0
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
        return answers

    def _replace(self, i: int, lost: WorkerLost) -> None:
        while True:
            self.failures += 1
            if self.failures > self._max_failures:
                raise TooManyFailures(self.failures, lost.reason)
            self._workers[i].stop()
            self._workers[i] = self._engine.start(self._state, *self._arguments[i])
            try:
                for method, arguments in self._recover():
                    self._workers[i].call(method, *arguments).result()
                return
            except WorkerLost as again:
                lost = again
