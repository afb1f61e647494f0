"""Token shards as Megatron-LM's indexed dataset: .bin holds the ids, .idx the place of each sequence in it.

The layout of .idx, little-endian, as its readers expect it (Megatron-LM, core/datasets/indexed_dataset.py; GPT-NeoX and
Megatron-DeepSpeed read the same): "MMIDIDX" and two zeros; version 1 (uint64); a code for the type of ids (uint8); the
number of sequences, and that of documents plus one (uint64 each); the sequences' lengths in ids (int32) and their first
bytes in .bin (int64); the documents' first sequences, and behind them the number of sequences (int64). Here a document
is a sequence.
"""

import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from operators.arrays import I64
from pipelines.outputs import replacing
from pipelines.token_shards.formats import BadShard, Documents
from pipelines.token_shards.formats.id_files import IdFileShard, beside, mapped, offsets_of

BIN: Final = ".bin"
IDX: Final = ".idx"
_MAGIC: Final = b"MMIDIDX\0\0"
_HEADER: Final = struct.Struct("<9sQBQQ")
_VERSION: Final = 1
_TYPES: Final = {4: "<i4", 8: "<u2"}
"""Code in the header to the type of an id."""


class MegatronShard(IdFileShard):
    """Writer of a pair of .bin and .idx (see TokenWriter); .idx appears last, so where it is, both are whole."""

    ENDINGS: ClassVar[tuple[str, ...]] = (BIN, IDX)

    @staticmethod
    def stored_type(id_type: np.dtype[Any]) -> np.dtype[Any]:
        """Return uint16 or int32: ids are below 2**31, and the format has no code for uint32."""
        return np.dtype(np.uint16 if id_type.itemsize == 2 else np.int32)

    def write_bounds(self, paths: Sequence[Path], lengths: I64) -> None:
        """Write the .idx file."""
        width = self._ids.dtype.itemsize
        header = _HEADER.pack(_MAGIC, _VERSION, 8 if width == 2 else 4, len(lengths), len(lengths) + 1)
        with replacing(paths[0]) as temporary, temporary.open("wb") as index:
            index.write(header)
            index.write(lengths.astype("<i4").data)
            index.write((offsets_of(lengths)[:-1] * width).astype("<i8").data)
            index.write(np.arange(len(lengths) + 1, dtype="<i8").data)


WRITER: Final = MegatronShard


def read(path: Path, id_type: np.dtype[Any] | None = None) -> Iterator[Documents]:
    """Read a pair by its .bin file: all documents at once, mapped into memory. Raises BadShard."""
    del id_type
    index = beside(path, BIN, IDX)
    data = mapped(index)
    if len(data) < _HEADER.size:
        raise BadShard(str(index), "not an index of version 1 with ids of 16 or 32 bits")
    magic, version, code, count, _ = _HEADER.unpack(data[: _HEADER.size].tobytes())
    if (magic, version) != (_MAGIC, _VERSION) or code not in _TYPES:
        raise BadShard(str(index), "not an index of version 1 with ids of 16 or 32 bits")
    if len(data) != _HEADER.size + 20 * count + 8:
        raise BadShard(str(index), f"has {len(data):,} bytes, which is not the size for {count:,} documents")
    offsets = offsets_of(data[_HEADER.size :][: 4 * count].view("<i4"))
    ids = mapped(path)
    if len(ids) != offsets[-1] * np.dtype(_TYPES[code]).itemsize:
        raise BadShard(str(path), f"has not the size that its {IDX} says")
    yield Documents(ids.view(_TYPES[code]), offsets)
