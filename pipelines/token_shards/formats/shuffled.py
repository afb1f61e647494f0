"""Documents of a shuffled run between its two passes: Arrow streams whose documents are in the order of their keys.

A document's key is a hash of the seed, the name of its part and its number in the part: 64 bits, so independent of
workers. The second pass reads a range of keys of all parts, each range a run of whole pages. Copies of a document have
keys of their own, in the range of their epoch; its ids are held once.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.token_shards.formats import Target
from pipelines.token_shards.formats.arrow import ARROW, ArrowShard
from pipelines.token_shards.formats.id_files import offsets_of

KEY: Final = "key"
EPOCHS: Final = "epochs"
"""Column, of documents with copies: the epoch of each copy, a list of int32."""
_BATCH_TOKENS: Final = 1 << 22


class ShuffledShard:
    """Writer of the documents of a part in the order of their keys (see TokenWriter). It holds all of the part."""

    ENDINGS: ClassVar[tuple[str, ...]] = (ARROW,)
    INDICES: ClassVar[tuple[str, ...]] = ()

    def __init__(self, target: Target) -> None:
        self._target = target
        self._shard = ArrowShard(replace(target, extra=(pa.field(KEY, pa.uint64(), nullable=False),)))
        self._batches: list[pa.RecordBatch] = []
        self._ids: list[NDArray[Any]] = []
        self._lengths: list[I64] = []

    def write(self, batch: pa.RecordBatch, ids: NDArray[Any], offsets: I64) -> None:
        """Hold documents."""
        self._batches.append(batch)
        self._ids.append(ids.astype(self._target.id_type))
        self._lengths.append(np.diff(offsets))

    def seal(self) -> None:
        """Do nothing: the documents are held until `finish`."""

    def finish(self) -> dict[str, int]:
        """Sort, write and give the file its name; return name and size, none where nothing was written."""
        from operators.kernels.packing import copy_pieces

        if not self._batches:
            return {}
        names = pa.Table.from_batches(self._batches).combine_chunks().to_batches()
        ids, lengths = np.concatenate(self._ids), np.concatenate(self._lengths)
        documents, epochs = _copies(names[0])
        keys = document_keys(self._target.seed or 0, self._target.name, len(documents))
        keys = keys_in_epochs(keys, epochs, self._target.epochs)
        order = np.argsort(keys, kind="stable")
        documents, keys = documents[order], keys[order]
        starts, lengths, at = offsets_of(lengths)[:-1][documents], lengths[documents], 0
        while at < len(order):
            stop = at + max(1, int(np.searchsorted(np.cumsum(lengths[at:]), _BATCH_TOKENS, "right")))
            own = lengths[at:stop]
            offsets = offsets_of(own)
            out = np.empty(offsets[-1], ids.dtype)
            copy_pieces(ids, starts[at:stop], own, offsets[:-1], out)
            columns = [names[0].column(name).take(pa.array(documents[at:stop])) for name in ("id", "language")]
            batch = pa.RecordBatch.from_arrays([*columns, pa.array(keys[at:stop])], ["id", "language", KEY])
            self._shard.write(batch, out, offsets)
            at = stop
        return self._shard.finish()

    def abandon(self, error: BaseException) -> None:
        """Remove the unfinished file."""
        self._shard.abandon(error)

    @classmethod
    def write_indices(cls, target: Target, shards: Sequence[str]) -> None:
        """Do nothing: these files are for the second pass only."""


WRITER: Final = ShuffledShard


def _copies(names: pa.RecordBatch) -> tuple[I64, I64]:
    """Return document and epoch of each copy; without the column EPOCHS each document has one."""
    if EPOCHS not in names.schema.names:
        return np.arange(len(names)), np.zeros(len(names), np.int64)
    listed = names.column(EPOCHS)
    epochs = listed.flatten().to_numpy().astype(np.int64)
    return np.repeat(np.arange(len(names)), np.diff(listed.offsets.to_numpy())), epochs


def keys_in_epochs(keys: NDArray[np.uint64], epochs: I64, count: int) -> NDArray[np.uint64]:
    """Return the keys, each moved into the range of its epoch, one of `count` equal ranges."""
    if count == 1:
        return keys
    firsts = np.array([(epoch << 64) // count for epoch in range(count)], np.uint64)
    return firsts[epochs] + keys // np.uint64(count)


def document_keys(seed: int, part: str, documents: int) -> NDArray[np.uint64]:
    """Return a key of 64 bits for each document of a part: SplitMix64 from a hash of seed and name (Steele, 2014)."""
    base = int.from_bytes(hashlib.sha256(f"{seed}\0{part}".encode()).digest()[:8], "little")
    with np.errstate(over="ignore"):
        word = np.uint64(base) + np.arange(1, documents + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return word ^ (word >> np.uint64(31))
