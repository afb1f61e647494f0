"""Lines of a file, in blocks of whole lines. Split after "\\n" only: no other character ends a line."""

from collections.abc import Iterator
from typing import Final

from pipelines.corpus.errors import DamagedFile

WHOLE: Final = 1 << 62
"""A part so large that there is one of it."""


def blocks(pieces: Iterator[bytes], block_bytes: int) -> Iterator[bytes]:
    """Whole lines, their endings included, in blocks of about `block_bytes`; a longer line is a block with the rest
    of its piece. The last line of all may lack its ending.

    A DamagedFile from `pieces` is passed on behind the whole lines before the damage; the line it hit is lost with it.
    Linear: no byte is searched twice, and copied three times at most, however long the lines are.
    """
    for _, block in parted_blocks(pieces, block_bytes, WHOLE):
        yield block


def parted_blocks(pieces: Iterator[bytes], block_bytes: int, part_bytes: int) -> Iterator[tuple[int, bytes]]:
    """(part, block): as `blocks`, but no block reaches over the end of a part.

    Part k holds the lines that begin in the bytes k * part_bytes to (k + 1) * part_bytes, so it depends on the text
    alone, not on how it arrives. A part in which no line begins has no block.
    """
    held: list[bytes] = []
    held_bytes = 0
    whole_bytes = 0
    """Of what is held, how much are whole lines."""
    start = 0
    """Where in the text it begins."""
    try:
        for piece in pieces:
            while cut := _part_end(piece, start + held_bytes, (start // part_bytes + 1) * part_bytes):
                held.append(piece[:cut])
                part, start, piece = start // part_bytes, start + held_bytes + cut, piece[cut:]
                ready, held = [held], []
                held_bytes = whole_bytes = 0
                yield part, b"".join(ready.pop())
            newline = piece.rfind(b"\n")
            if newline >= 0:
                whole_bytes = held_bytes + newline + 1
            held.append(piece)
            held_bytes += len(piece)
            if held_bytes >= block_bytes and whole_bytes:
                ready, held = [held], [_taken_behind(held, held_bytes - whole_bytes)]
                del piece  # a document may be long, and is the reader's alone from here
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
    """Takes the last `size` bytes away from what is held, and gives them back."""
    taken: list[bytes] = []
    while size > len(held[-1]):
        taken.append(held.pop())
        size -= len(taken[-1])
    last = held.pop()
    held.append(last[: len(last) - size])
    return b"".join([last[len(last) - size :], *reversed(taken)])


def _part_end(piece: bytes, position: int, border: int) -> int:
    """Behind the line ending in a piece at `position` that ends the last line that begins before the border; or 0."""
    if position + len(piece) < border:
        return 0
    return piece.find(b"\n", max(border - 1 - position, 0)) + 1


def count_lines(block: bytes) -> int:
    """Lines of a block of whole lines."""
    return block.count(b"\n") + (not block.endswith(b"\n"))
