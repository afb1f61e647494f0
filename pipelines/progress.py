"""How pipelines say how far they are. Who shows it, and how, is the caller's business."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Takes word of stages and of their progress."""

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        """A stage that begins now; its progress is told by calling what the block is given with amounts of `unit`."""

    def note(self, text: str) -> None:
        """A line worth knowing: a stage skipped, a worker replaced."""


class Silent:
    """Shows nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """See Progress."""
        del name, total, unit
        yield lambda amount: None

    def note(self, text: str) -> None:
        """See Progress."""
        del text
