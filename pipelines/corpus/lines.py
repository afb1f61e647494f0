"""Lines of a file, in blocks of whole lines. Split after "\\n" only: no other character ends a line."""

from collections.abc import Iterator

from pipelines.corpus.errors import DamagedFile


def blocks(pieces: Iterator[bytes], block_bytes: int) -> Iterator[bytes]:
    """Whole lines, their endings included, in blocks of about `block_bytes`; a longer line is a block with the rest
    of its piece. The last line of all may lack its ending.

    A DamagedFile from `pieces` is passed on behind the whole lines before the damage; the line it hit is lost with it.
    Linear: no byte is searched twice, and copied three times at most, however long the lines are.
    """
    held: list[bytes] = []
    held_bytes = 0
    whole_bytes = 0
    """Of what is held, how much are whole lines."""
    try:
        for piece in pieces:
            newline = piece.rfind(b"\n")
            if newline >= 0:
                whole_bytes = held_bytes + newline + 1
            held.append(piece)
            held_bytes += len(piece)
            if held_bytes >= block_bytes and whole_bytes:
                everything = b"".join(held)
                held = [everything[whole_bytes:]]
                ready = [everything[:whole_bytes]]
                del everything, piece  # a document may be long, and is the reader's alone from here
                held_bytes, whole_bytes = held_bytes - whole_bytes, 0
                yield ready.pop()
    except DamagedFile:
        if whole_bytes:
            yield b"".join(held)[:whole_bytes]
        raise
    if held_bytes:
        yield b"".join(held)
