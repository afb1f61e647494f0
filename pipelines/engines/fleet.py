"""Stateful workers, one for each shard of the data, which are replaced when they fail."""

from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from pipelines.engines.engine import Engine, Worker, WorkerLost
from pipelines.engines.run_stats import TRIES, TaskLost

Call = tuple[str, tuple[Any, ...]]


class Fleet:
    """A list of workers; worker i has the state `state(*arguments[i])`.

    A failed worker is replaced by one made from the same arguments. The calls of `recover()` replay it to the same
    state (their results are dropped), then the failed call is repeated. A state may thus see a call twice, and must
    return the same result. Raises TaskLost where one worker fails TRIES times without a result, and TooManyFailures.
    """

    def __init__(
        self,
        engine: Engine,
        state: Callable[..., Any],
        arguments: Sequence[tuple[Any, ...]],
        recover: Callable[[], Iterable[Call]],
    ) -> None:
        self._stats, self._state, self._recover = engine.stats, state, recover
        self._lost_in_a_row = 0
        self._workers: list[Worker] = [engine.start(state, *own) for own in arguments]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self._workers:
            worker.stop()

    def ask(self, method: str, *arguments: Any) -> list[Any]:
        """Make the same call on every worker; return the results in order."""
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
            self._stats.record_loss(what, lost.reason)
            if self._lost_in_a_row == TRIES:
                raise TaskLost(what, lost.reason) from lost
            self._stats.record_retry()
            self._workers[i] = self._workers[i].replaced()
            try:
                for method, arguments in self._recover():
                    self._workers[i].call(method, *arguments).result()
                return
            except WorkerLost as again:
                lost = again
