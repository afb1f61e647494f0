"""Splitting of a file into batches of whole lines. Only "\\n" ends a line."""

from collections.abc import Iterator
from typing import Final

from operators.reading.lines import count_line_ends
from pipelines.corpus.errors import DamagedFile

WHOLE: Final = 1 << 62
"""A value of part_bytes so large that a file has one part."""


def whole_lines(chunks: Iterator[bytes], batch_bytes: int) -> Iterator[bytes]:
    """Yield whole lines, with their endings, in batches of about `batch_bytes`; the last line may lack its ending.

    A longer line is a batch together with the rest of its chunk. A DamagedFile from `chunks` is raised after the whole
    lines before the damage; the line that it hit is dropped. Linear time: no byte is searched twice or copied more than
    three times, however long the lines are.
    """
    for _, lines in lines_by_part(chunks, batch_bytes, WHOLE):
        yield lines


def lines_by_part(chunks: Iterator[bytes], batch_bytes: int, part_bytes: int) -> Iterator[tuple[int, bytes]]:
    """Yield (part, lines) as `whole_lines` does, but no batch crosses the end of a part.

    Part k holds the lines that begin in the bytes k * part_bytes to (k + 1) * part_bytes, so parts depend on the text
    alone, not on the chunks. A part in which no line begins is left out.
    """
    held: list[bytes] = []
    held_bytes = 0
    whole_bytes = 0  # length of the whole lines at the beginning of what is held
    start = 0  # position in the text of what is held
    try:
        for chunk in chunks:
            while cut := _part_end(chunk, start + held_bytes, (start // part_bytes + 1) * part_bytes):
                held.append(chunk[:cut])
                part, start, chunk = start // part_bytes, start + held_bytes + cut, chunk[cut:]
                ready, held = [held], []
                held_bytes = whole_bytes = 0
                yield part, b"".join(ready.pop())
            newline = chunk.rfind(b"\n")
            if newline >= 0:
                whole_bytes = held_bytes + newline + 1
            held.append(chunk)
            held_bytes += len(chunk)
            if held_bytes >= batch_bytes and whole_bytes:
                ready, held = [held], [_taken_behind(held, held_bytes - whole_bytes)]
                del chunk  # a document may be long: hold no second reference
                part, start = start // part_bytes, start + whole_bytes
                held_bytes, whole_bytes = held_bytes - whole_bytes, 0
                yield part, b"".join(ready.pop())
    except DamagedFile:
        if whole_bytes:
            yield start // part_bytes, b"".join(held)[:whole_bytes]
        raise
    if held_bytes:
        yield start // part_bytes, b"".join(held)


def _taken_behind(held: list[bytes], size: int) -> bytes:
    """Remove the last `size` bytes from what is held, and return them."""
    taken: list[bytes] = []
    while size > len(held[-1]):
        taken.append(held.pop())
        size -= len(taken[-1])
    last = held.pop()
    held.append(last[: len(last) - size])
    return b"".join([last[len(last) - size :], *reversed(taken)])


def _part_end(chunk: bytes, position: int, border: int) -> int:
    """Return the end, in a chunk at `position`, of the last line that begins before the border; 0: not in the chunk."""
    if position + len(chunk) < border:
        return 0
    return chunk.find(b"\n", max(border - 1 - position, 0)) + 1


def count_lines(lines: bytes) -> int:
    """Return the number of lines in a batch of whole lines."""
    return count_line_ends(lines) + (not lines.endswith(b"\n"))
