"""Engine protocol: stateless tasks, and workers that hold a state between calls."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from operators.errors import Retriable
from pipelines.engines.run_stats import HasStats, TaskLost

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerLost(Exception, Retriable):
    """A worker that ended before it answered. Its work may be repeated elsewhere."""

    def __init__(self, reason: str, with_node: bool = False) -> None:
        """`with_node`: the whole machine is gone, so the task is not suspect."""
        super().__init__(reason, with_node)
        self.reason, self.with_node = reason, with_node


class Pending(Protocol):
    """A result that is being computed."""

    def result(self) -> Any:
        """Wait for the result. Raises what the worker raised, or WorkerLost."""


class Worker(Protocol):
    """A state on some machine that runs one call at a time."""

    def call(self, method: str, *arguments: Any) -> Pending:
        """Start a call of the state's method."""

    def stop(self) -> None:
        """End the worker and discard its state."""

    def replaced(self) -> "Worker":
        """Start a replacement with a state made from the same arguments, also where processors have become fewer."""


class Engine(HasStats, Protocol):
    """An execution backend. `name`: "local" (threads of this process) or "ray" (a cluster). `workers`: degree of
    parallelism. `stats`: failures, retries and seconds so far."""

    def shards(self, stored_bytes: int) -> int:
        """Number of stateful workers for files of `stored_bytes`, at most `workers`."""

    def run(
        self,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        on_lost: Callable[[Item, TaskLost], Result] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """Yield (index, task(item)) for every item, in order of completion.

        A task may run more than once, so it must overwrite its output and never add to it. After `run_stats.TRIES`
        workers in a row failed on an item, it is not tried again: `on_lost(item, lost)` returns its result or raises.
        Raises TaskLost without `on_lost`, and TooManyFailures.
        """

    def require_visible(self, inputs: Sequence[str], output: Path) -> None:
        """Verify, before the first task, that every node can access the inputs and the output. URIs are not checked.

        Raises `nodes.InvisiblePaths`.
        """

    def start(self, state: Callable[..., Any], *arguments: Any) -> Worker:
        """Start a worker with the state `state(*arguments)`, which is created where the worker runs."""

    def close(self) -> None:
        """Release threads, processes and connections."""
