"""Progress as plain lines or as JSON lines."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from operators.redaction import masked
from pipelines.progress import Advance

JSON_EVERY_S = 1.0


def readable(amount: float, unit: str) -> str:
    """`readable(1234567, "B")` is "1.2 MB"; other units get thousands separators."""
    if unit != "B":
        return f"{amount:,.0f} {unit}"
    for prefix in ("", "k", "M", "G"):
        if amount < 1000:
            return f"{amount:.1f} {prefix}B" if prefix else f"{amount:.0f} B"
        amount /= 1000
    return f"{amount:.1f} TB"


class Lines:
    """A line a stage, at its end."""

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
        self.note(f"{name:18} {readable(done, unit)} in {time.monotonic() - began:.1f} s")

    def note(self, text: str) -> None:
        """See pipelines.progress.Progress."""
        self._stream.write(f"{masked(text)}\n")
        self._stream.flush()


class JsonLines:
    """A JSON object a line: {"stage", "done", "total", "unit", "seconds"}, at most one a second, and one at the end."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @contextmanager
    def stage(self, name: str, total: int | None, unit: str) -> Iterator[Advance]:
        """See pipelines.progress.Progress."""
        began = told = time.monotonic()
        done = 0

        def tell(state: str) -> None:
            seconds = round(time.monotonic() - began, 3)
            self._write(stage=name, state=state, done=done, total=total, unit=unit, seconds=seconds)

        def advance(amount: int) -> None:
            nonlocal done, told
            done += amount
            if time.monotonic() - told >= JSON_EVERY_S:
                told = time.monotonic()
                tell("running")

        tell("begun")
        yield advance
        tell("done")

    def note(self, text: str) -> None:
        """See pipelines.progress.Progress."""
        self._write(note=masked(text))

    def _write(self, **fields: object) -> None:
        self._stream.write(json.dumps(fields, ensure_ascii=False) + "\n")
        self._stream.flush()
