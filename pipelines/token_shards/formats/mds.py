"""Token shards as Mosaic Data Shards (MDS): .mds, samples of id, input_ids and language, and one index.json for all.

A shard begins with the number of samples and one more offset than samples, in bytes from its beginning (uint32 each),
and its description as JSON. A sample begins with the sizes of its columns (uint32), in the order of their names. Text
is UTF-8; an array has a byte with its dimensions and the width of its shape (4 for one dimension and uint8, 5 for
uint16, 6 for uint32), its shape, and its values (streaming, base/format/mds/writer.py, encodings.py).
"""

import json
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.outputs import replacing
from pipelines.token_shards.formats import BadShard, Documents, ShardFull, Target
from pipelines.token_shards.formats.id_files import UINT32_BYTES, IdFile, mapped, offsets_of, sizes

MDS: Final = ".mds"
INDEX: Final = "index.json"
_SHAPES: Final = ((4, 1), (5, 2), (6, 4))
"""Byte in front of the shape of an array of one dimension, and the bytes of the shape."""
_SIZES: Final = struct.Struct("<3I")


class MdsShard:
    """Writer of a shard (see TokenWriter). Offsets precede the samples, so these are copied behind them at the end."""

    ENDINGS: ClassVar[tuple[str, ...]] = (MDS,)
    INDICES: ClassVar[tuple[str, ...]] = (INDEX,)

    def __init__(self, target: Target) -> None:
        self._path, self._id_type, self._column = target.path(MDS), target.id_type, target.column
        self._about = _description(target)
        self._samples = IdFile(self._path, "u1")

    def write(self, batch: pa.RecordBatch, ids: NDArray[Any], offsets: I64) -> None:
        """Append documents."""
        values = np.ascontiguousarray(ids, self._id_type).view("u1").data
        bounds = (offsets * self._id_type.itemsize).tolist()
        lengths = np.diff(offsets).tolist()
        samples = []
        columns = (batch.column("id").to_pylist(), batch.column("language").to_pylist(), lengths, bounds, bounds[1:])
        for name, language, length, begin, end in zip(*columns, strict=False):
            kind, width = _SHAPES[0 if length < 1 << 8 else 1 if length < 1 << 16 else 2]
            array = b"".join((bytes([kind]), length.to_bytes(width, "little"), values[begin:end]))
            parts = {"id": name.encode(), self._column: array, "language": language.encode()}
            ordered = [parts[column] for column in sorted(parts)]
            samples.append(b"".join((_SIZES.pack(*map(len, ordered)), *ordered)))
        content = np.frombuffer(b"".join(samples), "u1")
        self._samples.write(content, offsets_of(np.array([len(sample) for sample in samples], np.int64)))

    def seal(self) -> None:
        """Do nothing: this writer holds no batch."""

    def finish(self) -> dict[str, int]:
        """Give the file its name; return name and size, none where nothing was written. Raises ShardFull."""
        lengths = self._samples.lengths
        if not len(lengths):
            self._samples.abandon()
            return {}
        offsets = offsets_of(lengths) + 4 * (len(lengths) + 2) + len(self._about)
        if offsets[-1] > UINT32_BYTES:
            self._samples.abandon()
            raise ShardFull(str(self._path), "4 GiB")
        with replacing(self._path) as temporary, temporary.open("wb") as file:
            file.write(np.array(len(lengths), "<u4").tobytes())
            file.write(offsets.astype("<u4").data)
            file.write(self._about)
            self._samples.copy_to(file)
        self._samples.abandon()
        return sizes([self._path])

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished file."""
        self._samples.abandon(error)

    @classmethod
    def write_indices(cls, target: Target, shards: Sequence[str]) -> None:
        """Write index.json from the shards' own descriptions."""
        listed = []
        for name in shards:
            about, offsets = _header(target.directory / name)
            raw = {"basename": name, "bytes": int(offsets[-1]), "hashes": {}}
            listed.append(about | {"raw_data": raw, "zip_data": None, "samples": len(offsets) - 1})
        with replacing(target.directory / INDEX) as temporary:
            temporary.write_text(json.dumps({"shards": listed, "version": 2}, sort_keys=True))


WRITER: Final = MdsShard


def _description(target: Target) -> bytes:
    columns = {"id": "str", target.column: f"ndarray:{target.id_type.name}", "language": "str"}
    about: dict[str, Any] = {
        "column_encodings": [columns[name] for name in sorted(columns)],
        "column_names": sorted(columns),
        "column_sizes": [None] * len(columns),
        "compression": None,
        "format": "mds",
        "hashes": [],
        "size_limit": None,
        "version": 2,
    }
    return json.dumps(about, sort_keys=True).encode()


def read(path: Path, id_type: np.dtype[Any] | None = None) -> Iterator[Documents]:
    """Read a shard: all documents at once. Raises BadShard."""
    del id_type
    about, offsets = _header(path)
    data = mapped(path)
    columns = about["column_names"]
    [at] = [i for i, encoding in enumerate(about["column_encodings"]) if encoding.startswith("ndarray:")]
    id_type = np.dtype(about["column_encodings"][at].removeprefix("ndarray:")).newbyteorder("<")
    parts, named = [], {name: [""] * (len(offsets) - 1) for name in ("id", "language")}
    for row, begin in enumerate(offsets[:-1].tolist()):
        own = offsets_of(data[begin : begin + 4 * len(columns)].view("<u4")) + begin + 4 * len(columns)
        if own[-1] != offsets[row + 1]:
            raise BadShard(str(path), f"sample {row:,} has not the size of its columns")
        for name in named:
            if name in columns:
                i = columns.index(name)
                named[name][row] = data[own[i] : own[i + 1]].tobytes().decode("utf-8", "replace")
        parts.append(data[own[at] + 1 + dict(_SHAPES)[int(data[own[at]])] : own[at + 1]])
    lengths = np.array([len(part) for part in parts], np.int64) // id_type.itemsize
    yield Documents(np.concatenate(parts).view(id_type), offsets_of(lengths), pa.RecordBatch.from_pydict(named))


def _header(path: Path) -> tuple[dict[str, Any], I64]:
    """Read a shard's description, and its offsets in bytes. Raises BadShard."""
    data = mapped(path)
    count = int(data[:4].view("<u4")[0]) if len(data) >= 4 else -1
    if count < 1 or len(data) < 4 * (count + 2):
        raise BadShard(str(path), "is no Mosaic Data Shard")
    offsets = data[4 : 4 * (count + 2)].view("<u4").astype(np.int64)
    if offsets[0] < 4 * (count + 2) or offsets[-1] != len(data) or (np.diff(offsets) < 0).any():
        raise BadShard(str(path), "has offsets that do not fit its size")
    try:
        about = json.loads(data[4 * (count + 2) : offsets[0]].tobytes())
        if about["format"] != "mds":
            raise KeyError
    except (ValueError, KeyError, TypeError) as error:
        raise BadShard(str(path), "has no description of Mosaic Data Shards") from error
    return about, offsets
