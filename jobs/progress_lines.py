"""Progress as plain lines or as JSON lines."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from jobs.printing import json_line
from jobs.units import quantity
from operators.redaction import masked
from pipelines.progress import Advance

JSON_EVERY_S = 1.0
"""Seconds between two lines of one stage, at least."""


class Lines:
    """Progress display that writes one line for each stage, at its end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """See pipelines.progress.Progress."""
        began = time.monotonic()
        done = 0

        def advance(amount: int) -> None:
            nonlocal done
            done += amount

        yield advance
        self.note(f"{name:18} {quantity(done, unit)} in {time.monotonic() - began:.1f} s")

    def note(self, text: str) -> None:
        """See pipelines.progress.Progress."""
        self._stream.write(f"{masked(text)}\n")
        self._stream.flush()


class JsonLines:
    """Progress display that writes JSON objects, one per line: {"time", "stage", "state", "done", "total", "unit",
    "seconds"}; a note is {"time", "note"}.

    A stage writes one at its beginning, one at its end, and at most one a second between.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """See pipelines.progress.Progress."""
        began = written = time.monotonic()
        done = 0

        def write(state: str) -> None:
            seconds = round(time.monotonic() - began, 3)
            self._write(stage=name, state=state, done=done, total=total, unit=unit, seconds=seconds)

        def advance(amount: int) -> None:
            nonlocal done, written
            done += amount
            if time.monotonic() - written >= JSON_EVERY_S:
                written = time.monotonic()
                write("running")

        write("begun")
        yield advance
        write("done")

    def note(self, text: str) -> None:
        """See pipelines.progress.Progress."""
        self._write(note=masked(text))

    def _write(self, **fields: object) -> None:
        self._stream.write(json_line(**fields) + "\n")
        self._stream.flush()
