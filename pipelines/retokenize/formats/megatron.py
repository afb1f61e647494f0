"""Token shards as Megatron-LM's indexed dataset: .bin holds the ids, .idx the place of each sequence in it.

The layout of .idx, little-endian, as its readers expect it (Megatron-LM, core/datasets/indexed_dataset.py; GPT-NeoX and
Megatron-DeepSpeed read the same): "MMIDIDX" and two zeros; version 1 (uint64); a code for the type of ids (uint8); the
number of sequences, and that of documents plus one (uint64 each); the sequences' lengths in ids (int32) and their first
bytes in .bin (int64); the documents' first sequences, and behind them the number of sequences (int64). Here a document
is a sequence. Readers map .bin into memory, which no empty file can be: a shard without an id has no files.
"""

import struct
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64
from operators.errors import DataError
from pipelines.outputs import replacing

BIN: Final = ".bin"
IDX: Final = ".idx"
_MAGIC: Final = b"MMIDIDX\0\0"
_HEADER: Final = struct.Struct("<9sQBQQ")
_VERSION: Final = 1
_CODES: Final = {4: "<i4", 8: "<u2"}
"""Code in the header to the type of an id."""
_COPY_BYTES: Final = 16 << 20


class BadPair(DataError):
    """Files that are no pair of .bin and .idx, or not of the same type as the others."""

    path: str
    reason: str
    message = "{path}: {reason}; join pairs that one run of retokenize wrote"


class MegatronShard:
    """Writer of a pair of .bin and .idx (see TokenWriter); .idx appears last, so where it is, both are whole."""

    ENDINGS: ClassVar[tuple[str, ...]] = (BIN, IDX)

    def __init__(self, directory: Path, name: str, id_type: np.dtype[Any]) -> None:
        # Ids are below 2**31, so int32 holds what uint32 does; the format has no code for uint32.
        self._code = 8 if id_type.itemsize == 2 else 4
        self._bin, self._idx = directory / f"{name}{BIN}", directory / f"{name}{IDX}"
        self._open = ExitStack()
        self._ids: IO[bytes] | None = None
        self._lengths: list[I32] = []

    def write(self, batch: pa.RecordBatch, ids: I32, offsets: I64) -> None:
        """Append documents; the format has no place for their ids and languages."""
        del batch
        if self._ids is None:
            self._ids = self._open.enter_context(_temporary(self._open, self._bin))
        self._ids.write(np.ascontiguousarray(ids, _CODES[self._code]).data)
        self._lengths.append(np.diff(offsets).astype(np.int32))

    def seal(self) -> None:
        """Do nothing: this writer holds no batch."""

    def finish(self) -> dict[str, int]:
        """Give the files their names; return names and sizes, none where there was no id."""
        lengths = np.concatenate(self._lengths) if self._lengths else np.empty(0, np.int32)
        if not lengths.any():
            self.abandon(EOFError())
            return {}
        self._idx.unlink(missing_ok=True)
        self._open.close()
        with replacing(self._idx) as temporary:
            _write_index(temporary, self._code, lengths)
        return {path.name: path.stat().st_size for path in (self._bin, self._idx)}

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished files."""
        self._open.__exit__(type(error), error, error.__traceback__)


WRITER: Final = MegatronShard


def _temporary(held: ExitStack, path: Path) -> IO[bytes]:
    return held.enter_context(replacing(path)).open("wb")


def _write_index(path: Path, code: int, lengths: I32) -> None:
    width = np.dtype(_CODES[code]).itemsize
    pointers = np.zeros(len(lengths), np.int64)
    np.cumsum(lengths[:-1], dtype=np.int64, out=pointers[1:])
    with path.open("wb") as index:
        index.write(_HEADER.pack(_MAGIC, _VERSION, code, len(lengths), len(lengths) + 1))
        index.write(lengths.astype("<i4").data)
        index.write((pointers * width).astype("<i8").data)
        index.write(np.arange(len(lengths) + 1, dtype="<i8").data)


def _read_lengths(index: Path) -> tuple[int, I32]:
    """Read the code of the id type, and the sequences' lengths in ids."""
    with index.open("rb") as file:
        header = file.read(_HEADER.size)
        magic, version, code, count, _ = _HEADER.unpack(header) if len(header) == _HEADER.size else (b"", 0, 0, 0, 0)
        if (magic, version) != (_MAGIC, _VERSION) or code not in _CODES:
            raise BadPair(str(index), "not an index of version 1 with ids of 16 or 32 bits")
        lengths = np.frombuffer(file.read(4 * count), "<i4").astype(np.int32)
    if len(lengths) != count:
        raise BadPair(str(index), "cut short")
    return code, lengths


def join_pairs(directory: Path, prefix: Path) -> None:
    """Join all pairs in a directory, in the order of their names, into one pair `prefix`.bin and .idx.

    Raises BadPair; WriteFailed.
    """
    indices = sorted(directory.glob(f"*{IDX}"))
    if not indices:
        raise BadPair(str(directory), f"holds no {IDX} file")
    codes, lengths = zip(*map(_read_lengths, indices), strict=True)
    if len(set(codes)) > 1:
        raise BadPair(str(directory), "holds ids of 16 and of 32 bits")
    target = prefix.with_name(prefix.name + BIN)
    with replacing(target) as temporary, temporary.open("wb") as joined:
        for index, own in zip(indices, lengths, strict=True):
            source = index.with_suffix(BIN)
            if not source.is_file() or source.stat().st_size != int(own.sum(dtype=np.int64)) * _width(codes[0]):
                raise BadPair(str(source), f"is not there, or has not the size that its {IDX} says")
            joined.writelines(_chunks(source))
    with replacing(prefix.with_name(prefix.name + IDX)) as temporary:
        _write_index(temporary, codes[0], np.concatenate(list(lengths)))


def _width(code: int) -> int:
    return np.dtype(_CODES[code]).itemsize


def _chunks(path: Path) -> Iterable[bytes]:
    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            while chunk := file.read(_COPY_BYTES):
                yield chunk

    return read()
