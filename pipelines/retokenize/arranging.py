"""Second pass of a shuffled or packed run: the documents of the first, in their final order, as rows or as they are.

The first pass is an ordinary run into `.documents`, a folder in the output, so that a killed run goes on where it was.
Without a shuffle, an output shard holds the documents of some parts; with one, those whose keys are in a range of
their own. Both depend on the corpus alone. A shard has about SHARD_TOKENS ids, which bounds a worker's memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from operators.arrays import I64
from pipelines.memory import TooLittleMemory
from pipelines.outputs import replacing
from pipelines.retokenize.rows import DOCUMENTS, ROW_COLUMNS, Rows, pack
from pipelines.retokenize.settings import LongDocuments, Packing
from pipelines.token_shards.format_names import Format
from pipelines.token_shards.formats import Target, writer_of
from pipelines.token_shards.formats.id_files import offsets_of
from pipelines.token_shards.formats.shuffled import KEY

SHARD_TOKENS: Final = 1 << 24
BATCH_TOKENS: Final = 1 << 22
BYTES_PER_TOKEN: Final = 10
BYTES_PER_DOCUMENT: Final = 100
"""Memory that a shard's tokens and documents take at most while it is written: at most 200 MB more were measured, for
13 million tokens of 43,000 documents and of two million, in every packing."""
ROWS: Final = ".rows.parquet"
"""Ending of the table that stands beside a packed shard of a format without columns: a row of it is a row."""
_REPEATED: Final = [f"{DOCUMENTS}.list.element"]
"""Columns of that table with a dictionary. Positions take twice as long to write with one, and a tenth less space."""
WITH_COLUMNS: Final = ("parquet", "arrow")


@dataclass(frozen=True)
class Arrangement:
    """Order and packing of the documents."""

    format: Format
    shuffled: bool
    length: int | None = None
    """Number of ids of a row; None: documents stay as they are."""
    packing: Packing = "cut"
    long_documents: LongDocuments = "split"
    pad: int = 0
    """Id that fills rows up."""
    epochs: float = 1.0
    """Number of epochs of a shuffled run; no shard has documents of two."""


@dataclass(frozen=True)
class ArrangeTask:
    """One output shard."""

    target: Target
    arrangement: Arrangement
    folder: Path
    """Folder of the first pass."""
    parts: tuple[str, ...]
    keys: tuple[int, int] | None = None
    """First key, and end of the keys, of the documents; None: all."""
    memory_bytes: int | None = None
    """Memory limit of a worker, without its libraries."""

    @property
    def path(self) -> str:
        """Name of the shard, for messages."""
        return self.target.name


@dataclass(frozen=True)
class Arranged:
    """Outcome of the task."""

    files: dict[str, int]
    documents: int
    rows: int
    tokens: int
    padding: int
    truncated: int


def arrange_tasks(target: Target, arrangement: Arrangement, folder: Path, parts: Sequence[str]) -> list[ArrangeTask]:
    """Return the tasks of the second pass. target: names the directory. parts: names of the first pass's files."""
    tokens = [sum(_token_count(batch, target.column) for batch in _batches(folder / part)) for part in parts]
    if arrangement.length is not None and arrangement.format in WITH_COLUMNS:
        target = replace(target, extra=ROW_COLUMNS)
    if arrangement.shuffled:
        return [
            ArrangeTask(replace(target, name=f"shuffled-{i:05}"), arrangement, folder, tuple(parts), keys)
            for i, keys in enumerate(pairwise(_key_edges(arrangement.epochs, sum(tokens))))
        ]
    groups: list[list[str]] = [[]]
    held = 0
    for part, size in zip(parts, tokens, strict=True):
        if groups[-1] and held + size > SHARD_TOKENS:
            groups.append([])
            held = 0
        groups[-1].append(part)
        held += size
    return [
        ArrangeTask(replace(target, name=f"packed-{i:05}"), arrangement, folder, tuple(own))
        for i, own in enumerate(groups)
    ]


def _key_edges(epochs: float, tokens: int) -> list[int]:
    """Return the edges of the shards' ranges of keys. Each epoch has an equal range, the last one perhaps fewer ids."""
    count, edges = ceil(epochs), [0]
    for epoch in range(count):
        first, end = (epoch << 64) // count, ((epoch + 1) << 64) // count
        own = tokens * min(1.0, epochs - epoch) / epochs
        shards = max(1, ceil(own / SHARD_TOKENS))
        edges += [first + (end - first) * i // shards for i in range(1, shards + 1)]
    return edges


def planned_files(task: ArrangeTask) -> list[str]:
    """Return the names of the files that a task may write."""
    return [f"{task.target.name}{ending}" for ending in (*writer_of(task.arrangement.format).ENDINGS, ROWS)]


def arrange_shard(task: ArrangeTask) -> Arranged:
    """Worker task: write one output shard."""
    names, ids, offsets = _documents(task)
    arrangement, target = task.arrangement, task.target
    shard = writer_of(arrangement.format)(target)
    rows = None
    try:
        if arrangement.length is None:
            for first, last in _runs(offsets):
                own = offsets[first : last + 1]
                shard.write(names.slice(first, last - first), ids[own[0] : own[-1]], own - own[0])
        else:
            rows = pack(offsets, arrangement.length, arrangement.packing, arrangement.long_documents)
            _write_rows(shard, rows, task, names, ids)
        shard.seal()
        files = shard.finish()
    except BaseException as error:
        shard.abandon(error)
        raise
    if rows is not None and rows.count and arrangement.format not in WITH_COLUMNS:
        path = target.path(ROWS)
        _write_row_table(path, rows, names.column("id"))
        files[path.name] = path.stat().st_size
    counted = (rows.count, rows.padding, rows.truncated) if rows is not None else (len(names), 0, 0)
    return Arranged(files, len(names), counted[0], len(ids), counted[1], counted[2])


def _write_row_table(path: Path, rows: Rows, names: pa.Array) -> None:
    """Write ROW_COLUMNS of all rows, some at a time: padding may make their positions far more than there are ids."""
    with (
        replacing(path) as temporary,
        pq.ParquetWriter(temporary, pa.schema(ROW_COLUMNS), compression="zstd", use_dictionary=_REPEATED) as writer,
    ):
        for own in _some_rows(rows):
            writer.write_batch(pa.RecordBatch.from_arrays(own.columns(names), schema=writer.schema))


def _some_rows(rows: Rows) -> Iterator[Rows]:
    """Cut rows into groups of about BATCH_TOKENS ids."""
    step = max(1, BATCH_TOKENS // rows.length)
    for first in range(0, rows.count, step):
        yield rows.part(first, min(first + step, rows.count))


def _write_rows(shard: Any, rows: Rows, task: ArrangeTask, names: pa.RecordBatch, ids: Any) -> None:
    """Write packed rows, some at a time. A row's id is its number in the shard; its language, that of its pieces."""
    languages, first = names.column("language").dictionary_encode(), 0
    codes, spelled = languages.indices.to_numpy(), languages.dictionary.to_pylist()
    for own in _some_rows(rows):
        pieces = codes[own.documents]
        lowest, highest = np.minimum.reduceat(pieces, own.bounds[:-1]), np.maximum.reduceat(pieces, own.bounds[:-1])
        spoken = [spelled[a] if a == b else "" for a, b in zip(lowest, highest, strict=True)]
        columns = [pa.array([str(i) for i in range(first, first + own.count)]), pa.array(spoken)]
        fields = ["id", "language"]
        if task.target.extra:
            columns += own.columns(names.column("id"))
            fields += [field.name for field in ROW_COLUMNS]
        bounds = np.arange(own.count + 1, dtype=np.int64) * rows.length
        shard.write(pa.RecordBatch.from_arrays(columns, fields), own.ids(ids, task.arrangement.pad), bounds)
        first += own.count


def _documents(task: ArrangeTask) -> tuple[pa.RecordBatch, Any, I64]:
    """Read the task's documents in their final order: names, ids, bounds."""
    from operators.kernels.packing import copy_pieces

    found = []
    for part in task.parts:
        for batch in _batches(task.folder / part):
            if task.keys is None:
                found.append(batch)
                continue
            keys = batch.column(KEY).to_numpy()
            first, last = (_place(keys, edge) for edge in task.keys)
            if first < last:
                found.append(batch.slice(first, last - first))
    if not found:
        empty = pa.RecordBatch.from_pydict({name: pa.array([], pa.string()) for name in ("id", "language")})
        return empty, np.empty(0, task.target.id_type), np.zeros(1, np.int64)
    _check_room(task, found)
    lists = [batch.column(task.target.column) for batch in found]
    bounds = [one.offsets.to_numpy().astype(np.int64) for one in lists]
    ids = np.concatenate([one.values.to_numpy()[own[0] : own[-1]] for one, own in zip(lists, bounds, strict=True)])
    lengths = np.concatenate([np.diff(own) for own in bounds])
    names = (
        pa.Table.from_batches([batch.select(["id", "language"]) for batch in found]).combine_chunks().to_batches()[0]
    )
    if task.keys is None:
        return names, ids, offsets_of(lengths)
    keys = np.concatenate([batch.column(KEY).to_numpy() for batch in found])
    order = np.argsort(keys, kind="stable")
    starts, lengths = offsets_of(lengths)[:-1][order], lengths[order]
    offsets = offsets_of(lengths)
    out = np.empty_like(ids)
    copy_pieces(ids, starts, lengths, offsets[:-1], out)
    return names.take(pa.array(order)), out, offsets


def _check_room(task: ArrangeTask, found: Sequence[pa.RecordBatch]) -> None:
    """Raise TooLittleMemory where the documents of a shard take more than the limit."""
    tokens = sum(_token_count(batch, task.target.column) for batch in found)
    needed = tokens * BYTES_PER_TOKEN + sum(map(len, found)) * BYTES_PER_DOCUMENT
    if task.memory_bytes is not None and needed > task.memory_bytes:
        raise TooLittleMemory(f"a shard of {tokens:,} tokens", needed, task.memory_bytes, "raise it")


def _batches(path: Path) -> Iterator[pa.RecordBatch]:
    """Read the record batches of a file of the first pass, mapped into memory."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as stream:
        yield from stream


def _place(keys: NDArray[np.uint64], edge: int) -> int:
    """Return the number of keys below an edge, 0 to 2**64."""
    return len(keys) if edge >> 64 else int(np.searchsorted(keys, np.uint64(edge)))


def _token_count(batch: pa.RecordBatch, column: str) -> int:
    offsets = batch.column(column).offsets
    return int(offsets[-1].as_py()) - int(offsets[0].as_py())


def _runs(offsets: I64) -> Iterator[tuple[int, int]]:
    """Cut documents into runs of about BATCH_TOKENS ids."""
    first = 0
    while first < len(offsets) - 1:
        last = int(np.searchsorted(offsets, offsets[first] + BATCH_TOKENS, "right")) - 1
        last = max(first + 1, last)
        yield first, last
        first = last
