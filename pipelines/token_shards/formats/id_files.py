"""Files of raw token ids, which several formats consist of, and the helpers of their readers."""

import mmap
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.outputs import replacing
from pipelines.token_shards.formats import BadShard, Target

COPY_BYTES: Final = 4 << 20
MAPPED_BYTES: Final = 1 << 20
"""Size from which a file is mapped into memory."""
UINT32_BYTES: Final = (1 << 32) - 1
"""Largest offset in files whose offsets are uint32."""


class IdFile:
    """A file of ids that is being written, with the lengths of the documents in it."""

    def __init__(self, path: Path, dtype: "np.dtype[Any] | str", header_bytes: int = 0) -> None:
        """Describe the file, which is opened by the first `write`. dtype: little-endian type of the ids in the file.
        header_bytes: space in front of the ids, zeros until `patch`."""
        self.path, self.dtype = path, np.dtype(dtype).newbyteorder("<")
        self._header_bytes = header_bytes
        self._open = ExitStack()
        self._file: IO[bytes] | None = None
        self._lengths: list[I64] = []

    def write(self, ids: NDArray[Any], offsets: I64) -> None:
        """Append the ids of documents."""
        if self._file is None:
            self._file = self._open.enter_context(self._open.enter_context(replacing(self.path)).open("w+b"))
            self._file.write(bytes(self._header_bytes))
        self._file.write(np.ascontiguousarray(ids, self.dtype).data)
        self._lengths.append(np.diff(offsets))

    @property
    def lengths(self) -> I64:
        """Numbers of ids of the documents so far."""
        return np.concatenate(self._lengths) if self._lengths else np.empty(0, np.int64)

    def patch(self, header: bytes) -> None:
        """Write the header into the space in front of the ids."""
        assert self._file is not None and len(header) == self._header_bytes
        self._file.seek(0)
        self._file.write(header)

    def copy_to(self, other: IO[bytes]) -> None:
        """Copy the whole content to another file."""
        assert self._file is not None
        self._file.seek(0)
        shutil.copyfileobj(self._file, other, COPY_BYTES)

    def close(self) -> None:
        """Give the file its name."""
        self._open.close()

    def abandon(self, error: BaseException | None = None) -> None:
        """Remove the unfinished file."""
        error = error or EOFError()
        self._open.__exit__(type(error), error, error.__traceback__)


class IdFileShard:
    """Base of writers whose shard is a file of raw ids, and perhaps one that says where documents begin in it.

    Readers map the file of ids into memory, which no empty file can be: a shard without an id has no files.
    """

    ENDINGS: ClassVar[tuple[str, ...]]
    INDICES: ClassVar[tuple[str, ...]] = ()
    HEADER_BYTES: ClassVar[int] = 0

    def __init__(self, target: Target) -> None:
        self._target = target
        self._ids = IdFile(target.path(self.ENDINGS[0]), self.stored_type(target.id_type), self.HEADER_BYTES)

    @staticmethod
    def stored_type(id_type: np.dtype[Any]) -> np.dtype[Any]:
        """Return the type of the ids in the file."""
        return id_type

    def write(self, batch: pa.RecordBatch, ids: NDArray[Any], offsets: I64) -> None:
        """Append documents; the format has no place for their ids and languages."""
        del batch
        self._ids.write(ids, offsets)

    def seal(self) -> None:
        """Do nothing: this writer holds no batch."""

    def finish(self) -> dict[str, int]:
        """Give the files their names, that of the bounds last; return names and sizes, none where there was no id."""
        lengths = self._ids.lengths
        if not lengths.any():
            self._ids.abandon()
            return {}
        bounds = [self._target.path(ending) for ending in self.ENDINGS[1:]]
        for path in bounds:
            path.unlink(missing_ok=True)
        self.complete(lengths)
        self._ids.close()
        self.write_bounds(bounds, lengths)
        return sizes([self._ids.path, *bounds])

    def complete(self, lengths: I64) -> None:
        """Fill in the header of the file of ids. lengths: of the documents, in ids."""

    def write_bounds(self, paths: Sequence[Path], lengths: I64) -> None:
        """Write the files of the further endings."""

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished files."""
        self._ids.abandon(error)

    @classmethod
    def write_indices(cls, target: Target, shards: Sequence[str]) -> None:
        """Do nothing: each shard stands for itself."""


def sizes(paths: Sequence[Path]) -> dict[str, int]:
    """Return names and sizes in bytes."""
    return {path.name: path.stat().st_size for path in paths}


def offsets_of(lengths: NDArray[Any]) -> I64:
    """Return bounds from lengths: one more, beginning with 0."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets


def mapped(path: Path) -> NDArray[np.uint8]:
    """Map a file into memory, read-only; a small one is read, as each map holds a file open. Raises BadShard."""
    try:
        if 0 < path.stat().st_size < MAPPED_BYTES:
            return np.frombuffer(path.read_bytes(), np.uint8)
        with path.open("rb") as file:
            return np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    except (OSError, ValueError) as error:
        raise BadShard(str(path), f"cannot be read: {getattr(error, 'strerror', None) or 'it is empty'}") from error


def ids_of(path: Path, tokens: int, skipped: int = 0) -> NDArray[Any]:
    """Map a file of `tokens` ids of 16 or 32 bits behind `skipped` bytes. Raises BadShard where its size is another."""
    data = mapped(path)[skipped:]
    width = len(data) // tokens if tokens else 0
    if width not in (2, 4) or width * tokens != len(data):
        raise BadShard(str(path), f"has {len(data):,} bytes, but its index says {tokens:,} tokens")
    return data.view(f"<u{width}")


def beside(path: Path, ending: str, other: str) -> Path:
    """Return the path of the file with the ending `other` that belongs to a file with `ending`."""
    return path.with_name(path.name.removesuffix(ending) + other)
