"""Token shards as ArrayRecord files, which Grain reads: .array_record, a record a document, its raw ids.

A record is the little-endian ids (uint16 or uint32; manifest.json says which). Each is a Riegeli chunk of its own,
uncompressed (`group_size:1`, which Grain recommends for random access). A chunk of footers follows, which lists the
chunks' positions, and a block of 64 KiB with the position of the footers (array_record, cpp/layout.proto,
array_record_writer.cc; Riegeli, riegeli_records_file_format.md).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.token_shards.formats import BadShard, Documents, Target
from pipelines.token_shards.formats.id_files import IdFile, mapped, offsets_of, sizes

ARRAY_RECORD: Final = ".array_record"
_BLOCK: Final = 1 << 16
_BLOCK_HEADER: Final = 24
_CHUNK_HEADER: Final = 40
_MAGIC: Final = 0x71930E704FDAE05E
_OPTIONS: Final = b"group_size:1,transpose:false,pad_to_block_boundary:false,uncompressed"

Bytes = NDArray[np.uint8]


class ArrayRecordShard:
    """Writer of an ArrayRecord file (see TokenWriter)."""

    ENDINGS: ClassVar[tuple[str, ...]] = (ARRAY_RECORD,)
    INDICES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, target: Target) -> None:
        self._path, self._id_type = target.path(ARRAY_RECORD), target.id_type
        self._file = IdFile(self._path, "u1")
        self._position = 0
        self._starts: list[I64] = []
        self._sizes: list[I64] = []

    def write(self, batch: pa.RecordBatch, ids: NDArray[Any], offsets: I64) -> None:
        """Append documents; the format has no place for their ids and languages."""
        from operators.kernels.highway_hash import KEY, put_records

        del batch
        if not self._position:
            self._chunk(np.empty(0, np.uint8), "s", 0, 0)
        values = np.ascontiguousarray(ids, self._id_type.newbyteorder("<")).view(np.uint8)
        bounds = offsets * self._id_type.itemsize
        starts = np.empty(len(bounds) - 1, np.int64)
        out = _room(len(values) + 64 * len(starts))
        self._append(out[: put_records(values, bounds, self._position, out, starts, KEY)])
        self._starts.append(starts)
        self._sizes.append(np.diff(bounds))

    def seal(self) -> None:
        """Do nothing: this writer holds no batch."""

    def finish(self) -> dict[str, int]:
        """Write the footer and give the file its name; return name and size, none where nothing was written."""
        from operators.kernels.highway_hash import put_footers

        if not self._position:
            return {}
        starts, lengths = np.concatenate(self._starts), np.concatenate(self._sizes)
        footers, own = np.empty(24 * len(starts), np.uint8), np.empty(len(starts), np.int64)
        used = put_footers(starts, lengths, footers, own)
        about = b"\x08\x01\x10" + _varint(len(starts)) + b"\x18" + _varint(len(starts))
        about += b"\x22" + _varint(len(_OPTIONS)) + _OPTIONS
        about = b"\x0a" + _varint(len(about)) + about
        footer_at = self._position
        self._records(about + footers[:used].tobytes(), np.concatenate([np.array([len(about)]), own]))
        self._pad()
        script = b"\x08" + _varint(footer_at) + b"\x10" + _varint(_MAGIC)
        self._records(script * 3, np.full(3, len(script), np.int64))
        self._pad()
        self._file.close()
        return sizes([self._path])

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished file."""
        self._file.abandon(error)

    @classmethod
    def write_indices(cls, target: Target, shards: Sequence[str]) -> None:
        """Do nothing: each shard stands for itself."""

    def _append(self, data: Bytes) -> None:
        self._file.write(data, np.array([0, len(data)], np.int64))
        self._position += len(data)

    def _chunk(self, content: Bytes, kind: str, records: int, decoded: int) -> None:
        from operators.kernels.highway_hash import KEY, put_chunk

        out = _room(len(content) + 64)
        self._append(out[: put_chunk(content, ord(kind), records, decoded, self._position, out, KEY)])

    def _records(self, values: bytes, lengths: I64) -> None:
        """Write a chunk of several records."""
        from operators.kernels.highway_hash import put_varints

        packed = np.empty(10 * len(lengths), np.uint8)
        packed = packed[: put_varints(lengths, packed)]
        content = b"\0" + _varint(len(packed)) + packed.tobytes() + values
        self._chunk(np.frombuffer(content, np.uint8), "r", len(lengths), len(values))

    def _pad(self) -> None:
        """Fill the block up, by a chunk of padding."""
        left = -self._position % _BLOCK
        if left:
            left += 0 if left >= _CHUNK_HEADER else _BLOCK - _BLOCK_HEADER
            self._chunk(np.zeros(left - _CHUNK_HEADER, np.uint8), "p", 0, 0)


WRITER: Final = ArrayRecordShard


def read(path: Path, id_type: np.dtype[Any] | None = None) -> Iterator[Documents]:
    """Read a file: all documents at once. Raises BadShard. id_type: must be given, as the file does not say it."""
    if id_type is None:
        raise BadShard(str(path), "does not say of which type its ids are; keep manifest.json beside it")
    data = mapped(path)
    if len(data) % _BLOCK or len(data) < 2 * _BLOCK:
        raise BadShard(str(path), "is no ArrayRecord file")
    [postscript, *_] = _chunks(path, _stripped(data[-_BLOCK:]), _BLOCK)
    script = postscript[0]
    footer_at, at = _varint_at(script, 1)
    if script[:1] != b"\x08" or _varint_at(script, at + 1)[0] != _MAGIC or footer_at > len(data):
        raise BadShard(str(path), "has no postscript of ArrayRecord")
    before = footer_at - _BLOCK_HEADER * -(-footer_at // _BLOCK)
    records = [record for chunk in _chunks(path, _stripped(data), before) for record in chunk]
    lengths = np.array([len(record) for record in records], np.int64) // id_type.itemsize
    yield Documents(np.frombuffer(b"".join(records), id_type.newbyteorder("<")), offsets_of(lengths))


def _room(size: int) -> Bytes:
    return np.empty(size + _BLOCK_HEADER * (2 + size // (_BLOCK - _BLOCK_HEADER)), np.uint8)


def _stripped(data: Bytes) -> Bytes:
    """Leave out the header of each block."""
    return data.reshape(-1, _BLOCK)[:, _BLOCK_HEADER:].reshape(-1)


def _chunks(path: Path, data: Bytes, end: int) -> Iterator[list[bytes]]:
    """Yield the records of each chunk that has any, up to the position `end` of `data`."""
    at = 0
    while at < min(end, len(data) - _CHUNK_HEADER):
        header = data[at : at + _CHUNK_HEADER].tobytes()
        size, kind = int.from_bytes(header[8:16], "little"), header[24:25]
        content = data[at + _CHUNK_HEADER :][:size].tobytes()
        if len(content) != size or kind not in (b"s", b"r", b"p") or (kind == b"r" and content[:1] != b"\0"):
            raise BadShard(str(path), "holds a chunk that is not of plain records")
        at += _CHUNK_HEADER + size
        if kind == b"r":
            used, place = _varint_at(content, 1)
            value, records = place + used, []
            for _ in range(int.from_bytes(header[25:32], "little")):
                length, place = _varint_at(content, place)
                records.append(content[value : value + length])
                value += length
            yield records


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _varint_at(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a position, and the position behind it."""
    number = shift = 0
    while True:
        byte = data[at] if at < len(data) else 0
        number, shift, at = number | (byte & 0x7F) << shift, shift + 7, at + 1
        if byte < 0x80:
            return number, at
