"""What a file holds, as a name: hashes of its 64 MiB chunks, hashed again, so that chunks can be read side by side."""

import hashlib
from collections.abc import Sequence
from typing import Final

from pipelines.corpus.reading import InputStream, open_input
from pipelines.corpus.sources import InputFile

CHUNK_BYTES: Final = 64 << 20
"""Of a file as it is stored. sha256: 1.1 GB/s on a processor that has instructions for it; blake2b 0.9, sha1 1.0."""
_READ_BYTES: Final = 4 << 20


class ContentHash:
    """The name of a file that is read from its beginning; bytes that are read out of order are read again."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._current = hashlib.sha256()
        self._position = 0

    def update(self, position: int, data: bytes) -> None:
        """Bytes from `position` on; passed over unless they follow on those that were seen."""
        if position != self._position:
            return
        view = memoryview(data)
        while len(view):
            room = CHUNK_BYTES - self._position % CHUNK_BYTES
            self._current.update(view[:room])
            self._position += len(view[:room])
            if self._position % CHUNK_BYTES == 0:
                self._chunks.append(self._current.digest())
                self._current = hashlib.sha256()
            view = view[room:]

    def complete(self, stream: InputStream) -> None:
        """Read what has not been seen. `stream` must pass to `update` what is read from it."""
        stream.seek(self._position)
        while stream.read(_READ_BYTES):
            pass

    def name(self) -> str:
        """64 hexadecimal digits; the same as `content_name` gives for the file's chunks."""
        rest = [self._current.digest()] if self._position % CHUNK_BYTES else []
        return content_name([*self._chunks, *rest])


def content_name(chunks: Sequence[bytes]) -> str:
    """The name of a file with chunks of these hashes."""
    return hashlib.sha256(b"".join(chunks)).hexdigest()


def read_chunk(file: InputFile, number: int) -> tuple[bytes, int, bool]:
    """Of one chunk of a file: its hash, how many line endings are in it, and whether one is its last byte."""
    digest, lines, last, left = hashlib.sha256(), 0, b"", CHUNK_BYTES
    with open_input(file) as stream:
        stream.seek(number * CHUNK_BYTES)
        while left and (piece := stream.read(min(left, _READ_BYTES))):
            digest.update(piece)
            lines, last, left = lines + piece.count(b"\n"), piece[-1:], left - len(piece)
    return digest.digest(), lines, last == b"\n"
