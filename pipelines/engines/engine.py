"""What pipelines ask of whatever runs them: stateless tasks, and workers that keep a state between calls."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from operators.errors import Retriable
from pipelines.engines.tally import Tallied, TaskLost

Item = TypeVar("Item")
Result = TypeVar("Result")


class WorkerLost(Exception, Retriable):
    """A worker ended before it answered; what it did may be repeated elsewhere."""

    def __init__(self, reason: str, with_node: bool = False) -> None:
        """`with_node`: all of its machine is lost, so what it worked at is not to blame."""
        super().__init__(reason, with_node)
        self.reason, self.with_node = reason, with_node


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

    def replaced(self) -> "Worker":
        """Another in its place, its state made from the same arguments; goes on where there is room for fewer, too."""


class Engine(Tallied, Protocol):
    """Where work runs. `name` is `local`: threads of this process; or `ray`: a cluster. `workers`: how many work side
    by side. `tally`: what was lost on the way."""

    def shards(self, stored_bytes: int) -> int:
        """How many workers with a state to spread so many bytes of files over, at most `workers`."""

    def run(
        self,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        instead: Callable[[Item, TaskLost], Result] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """(index, task(item)) for every item, as they are done. A task may be repeated: it must replace, not add.

        An item at which `tally.TRIES` workers in a row were lost is not tried again: `instead(item, lost)` stands for
        its result, or raises. Raises TaskLost where there is none, and TooManyFailures.
        """

    def see(self, inputs: Sequence[str], output: Path) -> None:
        """Say what the work to come reads, and where it writes; URIs are passed over. Raises `nodes.UnseenPaths` where
        a machine that works for the engine does not see the files, or not this output."""

    def start(self, state: Callable[..., Any], *arguments: Any) -> Worker:
        """A worker whose state is `state(*arguments)`; made where it lives."""

    def close(self) -> None:
        """Give back what the engine holds."""
