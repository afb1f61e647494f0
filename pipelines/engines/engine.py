"""What pipelines ask of whatever runs them: stateless tasks, and workers that keep a state between calls."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from operators.errors import DataError, Retriable

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerLost(Exception, Retriable):
    """A worker ended before it answered; what it did may be repeated elsewhere."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TooManyFailures(DataError):
    """Workers were lost again and again."""

    def __init__(self, failures: int, reason: str) -> None:
        super().__init__(failures, reason)
        self.failures, self.reason = failures, reason

    def __str__(self) -> str:
        return (
            f"{self.failures} workers were lost, the last one with: {self.reason}; "
            "look at their memory and the cluster's log, then run the same command again"
        )


class Pending(Protocol):
    """An answer under way."""

    def result(self) -> Any:
        """The answer, once it is there; raises what the worker raised, or WorkerLost."""


class Worker(Protocol):
    """A state that lives somewhere, and is called one call at a time."""

    def call(self, method: str, *arguments: Any) -> Pending:
        """Start a call of the state's method."""

    def stop(self) -> None:
        """End the worker; its state is gone."""


class Engine(Protocol):
    """Where work runs. `local`: threads of this process; `ray`: a cluster."""

    @property
    def name(self) -> str:
        """`local` or `ray`."""

    @property
    def workers(self) -> int:
        """How many work side by side."""

    def shards(self, stored_bytes: int) -> int:
        """How many workers with a state to spread so many bytes of files over, at most `workers`."""

    def run(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """(index, task(item)) for every item, as they are done. A task may be repeated: it must replace, not add."""

    def see(self, paths: Sequence[str]) -> None:
        """Raises `nodes.UnseenPaths` where a machine that works for the engine does not see a local path."""

    def start(self, state: Callable[..., Any], *arguments: Any) -> Worker:
        """A worker whose state is `state(*arguments)`; made where it lives."""

    def close(self) -> None:
        """Give back what the engine holds."""
