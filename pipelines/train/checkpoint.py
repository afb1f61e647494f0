"""Checkpoint of a training run: a file of the merges so far, from which an interrupted run is resumed.

    line:   "babelmerge merges 1 <fingerprint>\\n"
    round:  number of merges (uint32), CRC-32 of the round and all before it (uint32),
            then the columns of the merges: left, right, token (int32) and count (int64), and of a training by
            parity the language served (int32); all little-endian

The file only grows, a few rounds at a time. It is not synced to disk: rounds that a crash of the machine truncates or
fills with zeros fail their checksum, and are learned again. Rounds are used up to the first bad checksum, and only if
training, replayed to the last round but one, chooses the last round itself (`pipelines.train.rounds`).
"""

import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import TracebackType
from typing import Final

import numpy as np

from operators.tokenizer import Merges
from pipelines.outputs import writing

CHECKPOINT: Final = "merges.checkpoint"
WRITE_EVERY_S: Final = 2.0
"""Shortest time between two writes, in seconds."""
_HEAD: Final = struct.Struct("<II")
_COLUMNS: Final = ("<i4", "<i4", "<i4", "<i8", "<i4")
"""Types of the columns; `Merges` have the first four."""


class Checkpoint:
    """Checkpoint file of the run with this fingerprint."""

    def __init__(
        self, path: Path, fingerprint: str, every_s: float = WRITE_EVERY_S, clock: Callable[[], float] = time.monotonic,
        kind: type[Merges] = Merges,
    ) -> None:  # fmt: skip
        """Open no file yet. Rounds, which are `kind`, are written at most every `every_s` seconds."""
        self.path, self._kind = path, kind
        self._columns = _COLUMNS[: len(fields(kind))]
        self._header = f"babelmerge merges 1 {fingerprint}\n".encode()
        self._sum, self._end = zlib.crc32(self._header), 0
        self._waiting: list[bytes] = []
        self._every_s, self._clock, self._written = every_s, clock, clock()

    def __enter__(self) -> "Checkpoint":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.write()

    def read(self) -> list[Merges]:
        """Return the rounds with valid checksums; later rounds are written behind them."""
        if self.path.is_symlink() or not self.path.is_file():  # the target of a link is not ours
            self.remove()
            return []
        try:
            content = self.path.read_bytes()
        except OSError:
            return []
        if not content.startswith(self._header):
            return []
        rounds: list[Merges] = []
        at, merge_bytes = len(self._header), sum(np.dtype(kind).itemsize for kind in self._columns)
        while at + _HEAD.size <= len(content):
            merges, checksum = _HEAD.unpack_from(content, at)
            body = content[at + _HEAD.size : at + _HEAD.size + merge_bytes * merges]
            if not merges or len(body) < merge_bytes * merges or zlib.crc32(body, self._sum) != checksum:
                break
            rounds.append(self._unpacked(body, merges))
            self._sum = checksum
            at += _HEAD.size + len(body)
        self._end = at
        return rounds

    def add(self, batch: Merges) -> None:
        """Add a round to write, with others or at the end of the `with` block. Raises WriteFailed."""
        pairs = zip(batch.columns, self._columns, strict=True)
        body = b"".join(np.ascontiguousarray(column, kind).tobytes() for column, kind in pairs)
        self._sum = zlib.crc32(body, self._sum)
        self._waiting.append(_HEAD.pack(len(batch), self._sum) + body)
        if self._clock() - self._written >= self._every_s:
            self.write()

    def write(self) -> None:
        """Write the rounds that are added but not written. Raises WriteFailed."""
        self._written = self._clock()
        if not self._waiting:
            return
        content = b"".join(self._waiting)
        self._waiting.clear()
        with writing(self.path), self.path.open("r+b" if self._end else "wb") as file:
            if not self._end:
                self._end = file.write(self._header)
            file.truncate(self._end)  # a killed run may have left an unfinished round
            file.seek(self._end)
            self._end += file.write(content)

    def remove(self) -> None:
        """Remove the file, and forget all rounds."""
        self._waiting.clear()
        self._sum, self._end = zlib.crc32(self._header), 0
        with writing(self.path):
            self.path.unlink(missing_ok=True)

    def _unpacked(self, body: bytes, merges: int) -> Merges:
        columns, at = [], 0
        for kind in self._columns:
            size = merges * np.dtype(kind).itemsize
            columns.append(np.frombuffer(body[at : at + size], kind).astype(kind[1:], copy=True))
            at += size
        return self._kind(*columns)
