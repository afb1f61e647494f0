"""Progress protocol: pipelines report stages and amounts; the caller decides how to show them."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """A listener for stages and their progress."""

    def stage(self, name: str, total: int | None, unit: str) -> AbstractContextManager[Advance]:
        """Begin a stage; the context manager yields a function to call with amounts of `unit` that are done."""

    def note(self, text: str) -> None:
        """Report a line: a skipped stage, a replaced worker."""


class Silent:
    """A listener that shows nothing."""

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """See Progress."""
        del name, total, unit
        yield lambda amount: None

    def note(self, text: str) -> None:
        """See Progress."""
        del text
