"""Rows of one length, packed from documents: which piece of which document stands where."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.retokenize.settings import LongDocuments, Packing

CU_SEQLENS: Final = "cu_seqlens"
POSITIONS: Final = "position_ids"
DOCUMENTS: Final = "document_ids"
ROW_COLUMNS: Final = (
    pa.field(CU_SEQLENS, pa.list_(pa.int32()), nullable=False),
    pa.field(POSITIONS, pa.list_(pa.int32()), nullable=False),
    pa.field(DOCUMENTS, pa.list_(pa.string()), nullable=False),
)


@dataclass(frozen=True)
class Rows:
    """Pieces of documents in the order in which rows hold them, and the rows' bounds."""

    length: int
    documents: I64
    """Document of each piece."""
    starts: I64
    """First id of each piece, in the ids of all documents."""
    lengths: I64
    """Number of ids of each piece, at least 1."""
    bounds: I64
    """Pieces of each row: row r has the pieces bounds[r] to bounds[r + 1]."""
    truncated: int = 0
    """Number of ids that are in no row."""

    @property
    def count(self) -> int:
        """Number of rows."""
        return len(self.bounds) - 1

    @property
    def padding(self) -> int:
        """Number of ids that only fill rows up."""
        return self.count * self.length - int(self.lengths.sum())

    def offsets(self) -> I64:
        """Return the place of each piece in its row."""
        ends = np.cumsum(self.lengths)
        firsts = np.concatenate([np.zeros(1, np.int64), ends])[self.bounds[:-1]]
        rows = np.repeat(np.arange(self.count), np.diff(self.bounds))
        places: I64 = ends - self.lengths - firsts[rows]
        return places

    def targets(self) -> I64:
        """Return the place of each piece in the ids of all rows, one row after the other."""
        rows = np.repeat(np.arange(self.count), np.diff(self.bounds))
        places: I64 = rows * self.length + self.offsets()
        return places

    def part(self, first: int, last: int) -> "Rows":
        """Return the rows from `first` up to `last`."""
        own = slice(self.bounds[first], self.bounds[last])
        bounds = self.bounds[first : last + 1] - self.bounds[first]
        return Rows(self.length, self.documents[own], self.starts[own], self.lengths[own], bounds)

    def ids(self, ids: NDArray[Any], pad: int) -> NDArray[Any]:
        """Return the ids of all rows, `length` for each. ids: of all documents."""
        from operators.kernels.packing import copy_pieces

        out = np.full(self.count * self.length, pad, ids.dtype)
        copy_pieces(ids, self.starts, self.lengths, self.targets(), out)
        return out

    def columns(self, names: pa.Array) -> list[pa.Array]:
        """Return ROW_COLUMNS of the rows. names: ids of all documents.

        `cu_seqlens` begins with 0 and has the end of each piece; what follows the last is padding. Positions count from
        0 in each piece, and in the padding.
        """
        pieces = np.diff(self.bounds)
        ends = self.offsets() + self.lengths
        listed = np.zeros(len(ends) + self.count, np.int32)
        inner = np.ones(len(listed), bool)
        inner[self.bounds[:-1] + np.arange(self.count)] = False
        listed[inner] = ends
        cuts = np.concatenate([np.zeros(1, np.int64), np.cumsum(pieces + 1)]).astype(np.int32)
        begins = np.zeros(self.count * self.length, np.int32)
        begins[self.targets()] = self.targets()
        last = np.arange(self.count) * self.length + np.add.reduceat(self.lengths, self.bounds[:-1])
        padded = last[last < (np.arange(self.count) + 1) * self.length]
        begins[padded] = padded
        np.maximum.accumulate(begins, out=begins)
        positions = np.subtract(np.arange(len(begins), dtype=np.int32), begins, out=begins)
        row_bounds = np.arange(0, len(begins) + 1, self.length, dtype=np.int32)
        own = names.take(pa.array(self.documents))
        return [
            pa.ListArray.from_arrays(pa.array(cuts), pa.array(listed)),
            pa.ListArray.from_arrays(pa.array(row_bounds), pa.array(positions)),
            pa.ListArray.from_arrays(pa.array(self.bounds.astype(np.int32)), own),
        ]


def pack(offsets: I64, length: int, packing: Packing, long_documents: LongDocuments = "split") -> Rows:
    """Pack documents into rows. offsets: bounds of the documents' ids, one more than documents. length: at least 2.

    `cut` puts all documents one after the other and cuts at each multiple of `length`. `best-fit` cuts only documents
    longer than a row (`split`), or leaves out what is beyond (`truncate`), and fills rows by best-fit decreasing; rows
    are in the order of their longest pieces' documents. `none` gives each piece its own row.
    """
    lengths = np.diff(offsets)
    if packing == "cut":
        return _cut(offsets, lengths, length)
    documents, starts, sizes = _pieces(offsets, lengths, length)
    truncated = 0
    if long_documents == "truncate":
        kept = starts == offsets[documents]
        truncated = int(sizes[~kept].sum())
        documents, starts, sizes = documents[kept], starts[kept], sizes[kept]
    if packing == "none":
        return Rows(length, documents, starts, sizes, np.arange(len(sizes) + 1), truncated)
    from operators.kernels.packing import best_fit

    order = np.argsort(-sizes, kind="stable")
    rows = np.empty(len(order), np.int64)
    count = best_fit(sizes[order], length, rows)
    firsts = np.full(count, len(order))
    np.minimum.at(firsts, rows, np.arange(len(order)))  # each row's first piece is its longest
    rank = np.empty(count, np.int64)
    rank[np.argsort(order[firsts], kind="stable")] = np.arange(count)
    placed = np.argsort(rank[rows], kind="stable")
    order = order[placed]
    bounds = np.searchsorted(rank[rows][placed], np.arange(count + 1))
    return Rows(length, documents[order], starts[order], sizes[order], bounds, truncated)


def _cut(offsets: I64, lengths: I64, length: int) -> Rows:
    """Cut the ids of all documents at each multiple of `length`."""
    begin, end = int(offsets[0]), int(offsets[-1])
    count = -(-(end - begin) // length)
    edges = np.union1d(offsets, np.minimum(begin + np.arange(count + 1) * length, end))
    starts, sizes = edges[:-1], np.diff(edges)
    filled = np.flatnonzero(lengths)
    documents = filled[np.searchsorted(offsets[filled], starts, "right") - 1] if len(filled) else filled
    bounds = np.searchsorted(starts, begin + np.arange(count + 1) * length)
    return Rows(length, documents, starts, sizes, bounds)


def _pieces(offsets: I64, lengths: I64, length: int) -> tuple[I64, I64, I64]:
    """Return document, first id and number of ids of each piece: documents, cut where they are longer than a row."""
    counts = -(-lengths // length)
    documents = np.repeat(np.arange(len(lengths)), counts)
    numbers = np.arange(len(documents)) - np.repeat(np.cumsum(counts) - counts, counts)
    starts = offsets[documents] + numbers * length
    return documents, starts, np.minimum(length, offsets[documents + 1] - starts)
