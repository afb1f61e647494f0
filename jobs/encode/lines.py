"""Lines of files or of standard input in blocks, and a standard output of bytes whose reader may end."""

import os
import select
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from jobs.printing import OutputNotPrinted, drop_output
from operators.errors import DataError

BLOCK: Final = 8 << 20
"""Largest number of bytes read at once: two batches of encoding."""
LONGEST_LINE: Final = 1 << 30


class BadLine(DataError):
    """A line that cannot be encoded or decoded."""

    file: str
    line: int
    reason: str
    message = "{file}, line {line:,}: {reason}"


class UnreadableInput(DataError):
    """An input that cannot be opened or read."""

    file: str
    reason: str
    message = "{file}: {reason}"


@dataclass(frozen=True)
class Lines:
    """Whole lines, one after the other."""

    file: str
    first: int
    """Number of the first line in its file, from 1 on."""
    data: bytes
    """The lines; each ends with a line feed."""

    def line_at(self, place: int) -> int:
        """Return the number of the line that the byte `place` belongs to."""
        return self.first + self.data.count(b"\n", 0, place)


def read_lines(files: Sequence[str]) -> Iterator[Lines]:
    """Yield the lines of files, or of standard input where there are none, as soon as they can be read.

    A last line without a line feed is a line. Raises UnreadableInput, BadLine.
    """
    for name in files or ("",):
        with ExitStack() as stack:
            try:
                path = Path(name).expanduser()
                file = stack.enter_context(path.open("rb", buffering=0)) if name else sys.stdin.buffer
                yield from _lines(file, name or "standard input")
            except OSError as error:
                raise UnreadableInput(name or "standard input", error.strerror or str(error)) from error


def _lines(file: BinaryIO, name: str) -> Iterator[Lines]:
    rest, size, number = list[bytes](), 0, 1
    while block := _block(file):
        cut = block.rfind(b"\n") + 1
        if not cut:
            rest.append(block)
            size += len(block)
            if size > LONGEST_LINE:
                raise BadLine(name, number, f"has more than {LONGEST_LINE:,} bytes; break it into lines")
            continue
        lines = Lines(name, number, b"".join([*rest, block[:cut]]))
        rest, size = [block[cut:]], len(block) - cut
        number += lines.data.count(b"\n")
        yield lines
    if size:
        yield Lines(name, number, b"".join([*rest, b"\n"]))


def _block(file: BinaryIO) -> bytes:
    """Read what waits, BLOCK bytes at most, and wait only where nothing does; b"" at the end."""
    parts, size = list[bytes](), 0
    while size < BLOCK and (not parts or _waits(file)):
        part = file.read1(BLOCK - size) if hasattr(file, "read1") else file.read(BLOCK - size)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _waits(file: BinaryIO) -> bool:
    """True if reading would not wait."""
    try:
        return bool(select.select([file.fileno()], [], [], 0)[0])
    except (OSError, ValueError):  # in memory, or a system that only asks sockets
        return False


class OutputStream:
    """Standard output as bytes. `write` returns False once its reader has ended, as `head` does."""

    def __init__(self) -> None:
        sys.stdout.flush()
        self._file = sys.stdout.buffer

    def write(self, data: bytes) -> bool:
        """Write bytes at once. Raises OutputNotPrinted where that fails otherwise than by a reader that ended."""
        try:
            self._file.write(data)
            self._file.flush()
        except BrokenPipeError:
            drop_output()
            return False
        except OSError as error:
            drop_output()
            raise OutputNotPrinted(error.strerror or os.strerror(error.errno or 0)) from error
        return True
