"""Token shards as litdata's chunks: .bin, a table of offsets and the ids, and one index.json for all.

A chunk begins with the number of items and one more offset than items, in bytes from its beginning (uint32 each); an
item is a document's raw ids. index.json lists the chunks (`dim` is their number of ids) and names the type of ids as
`no_header_numpy:5` (uint16) or `:6` (uint32), so that TokensLoader reads blocks of ids across documents, and the common
loader reads documents (litdata, streaming/writer.py, item_loader.py, constants.py).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

import numpy as np

from operators.arrays import I64
from pipelines.outputs import UNREADABLE, replacing
from pipelines.token_shards.formats import BadShard, Documents, ShardFull, Target
from pipelines.token_shards.formats.id_files import UINT32_BYTES, IdFileShard, mapped, offsets_of, sizes

BIN: Final = ".bin"
INDEX: Final = "index.json"
_TYPES: Final = {2: "no_header_numpy:5", 4: "no_header_numpy:6"}
"""Bytes of an id to the name of its type."""
_LEAF: Final = '[1, {"type": null, "context": null, "children_spec": []}]'
"""PyTorch's serialized form of a tree that is one leaf."""


class LitdataShard(IdFileShard):
    """Writer of a chunk (see TokenWriter). Offsets precede the ids, so the ids are copied behind them at the end."""

    ENDINGS: ClassVar[tuple[str, ...]] = (BIN,)
    INDICES: ClassVar[tuple[str, ...]] = (INDEX,)

    def finish(self) -> dict[str, int]:
        """Give the file its name; return name and size, none where there was no id. Raises ShardFull."""
        lengths = self._ids.lengths
        if not lengths.any():
            self._ids.abandon()
            return {}
        offsets = offsets_of(lengths) * self._ids.dtype.itemsize + 4 * (len(lengths) + 2)
        if offsets[-1] > UINT32_BYTES:
            self._ids.abandon()
            raise ShardFull(str(self._ids.path), "4 GiB")
        with replacing(self._ids.path) as temporary, temporary.open("wb") as file:
            file.write(np.uint32(len(lengths)).astype("<u4").tobytes())
            file.write(offsets.astype("<u4").data)
            self._ids.copy_to(file)
        self._ids.abandon()
        return sizes([self._ids.path])

    @classmethod
    def write_indices(cls, target: Target, shards: Sequence[str]) -> None:
        """Write index.json from the chunks' own offsets."""
        chunks: list[dict[str, Any]] = []
        for name in shards:
            offsets = _offsets(target.directory / name)
            ids_bytes = int(offsets[-1] - offsets[0])
            about = {"chunk_bytes": ids_bytes, "chunk_size": len(offsets) - 1, "filename": name}
            chunks.append(about | {"dim": ids_bytes // target.id_type.itemsize})
        config = {
            "chunk_bytes": max((chunk["chunk_bytes"] for chunk in chunks), default=0),
            "chunk_size": None,
            "compression": None,
            "data_format": [_TYPES[target.id_type.itemsize]],
            "data_spec": _LEAF,
            "encryption": None,
            "item_loader": "TokensLoader",
        }
        with replacing(target.directory / INDEX) as temporary:
            temporary.write_text(json.dumps({"chunks": chunks, "config": config}, sort_keys=True))


WRITER: Final = LitdataShard


def read(path: Path, id_type: np.dtype[Any] | None = None) -> Iterator[Documents]:
    """Read a chunk: all documents at once, mapped into memory. Raises BadShard.

    id_type: None takes it from index.json in the same folder.
    """
    if id_type is None:
        try:
            [named] = json.loads((path.parent / INDEX).read_bytes())["config"]["data_format"]
            id_type = np.dtype({name: f"<u{width}" for width, name in _TYPES.items()}[named])
        except (*UNREADABLE, LookupError, TypeError, ValueError) as error:
            raise BadShard(str(path), f"needs {INDEX} beside it, which names the type of its ids") from error
    offsets = _offsets(path)
    ids = mapped(path)[int(offsets[0]) :]
    if len(ids) % id_type.itemsize:
        raise BadShard(str(path), "does not end at the end of an id")
    yield Documents(ids.view(id_type.newbyteorder("<")), (offsets - offsets[0]) // id_type.itemsize)


def _offsets(path: Path) -> I64:
    """Read a chunk's offsets in bytes, one more than items. Raises BadShard."""
    data = mapped(path)
    count = int(data[:4].view("<u4")[0]) if len(data) >= 4 else -1
    if count < 1 or len(data) < 4 * (count + 2):
        raise BadShard(str(path), "is no chunk of litdata")
    offsets = data[4 : 4 * (count + 2)].view("<u4").astype(np.int64)
    if offsets[0] != 4 * (count + 2) or offsets[-1] != len(data) or (np.diff(offsets) < 0).any():
        raise BadShard(str(path), "has offsets that do not fit its size")
    return offsets
