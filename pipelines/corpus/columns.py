"""Reader of Arrow files, and the code it shares with that of Parquet. A row is a document."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from operators.arrays import I64
from pipelines.corpus.arrow_batches import file_batches, stream_batches
from pipelines.corpus.errors import UnusableColumn
from pipelines.corpus.expansion import why_too_large
from pipelines.corpus.fields import columns_in, kind_of, listed, path_in, unnested
from pipelines.corpus.reading import (
    Parts,
    Reading,
    Wanted,
    every_part,
    invalid_utf8,
    kept,
)

BATCH_ROWS: Final = 1 << 14
"""Rows converted at a time."""
_WRITTEN_BYTES: Final = 64 << 20
"""Bytes expanded at a time from values that many rows share, unless one row has more."""
_IPC_FILE_MAGIC: Final = b"ARROW1"
_REFUSED_SIZE: Final = re.compile(r"alloc of size (\d+) failed")


def read_arrow(reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield the documents of an IPC file or stream (as Hugging Face's datasets writes them) by record batch."""
    for _, batches in arrow_parts(reading, every_part):
        yield from batches


def arrow_parts(reading: Reading, wanted: Wanted) -> Parts:
    """Yield runs of record batches, numbered by their first, each with about `part_bytes` in memory."""
    with damage(reading):
        magic = reading.stream.read(len(_IPC_FILE_MAGIC))
        reading.stream.seek(0)
        if not magic:
            raise reading.damaged("has 0 bytes, which no Arrow file has")
        opened: Any = ipc.open_file if magic == _IPC_FILE_MAGIC else ipc.open_stream
        columns = usable_columns(reading, opened(reading.stream).schema)
        names = opened(_rewound(reading)).schema.names
        fields = sorted({names.index(place[0]) for place in columns.values()})
        options = ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        reader = opened(_rewound(reading), options=options)
        found = _found(reading, reader, fields, is_file=magic == _IPC_FILE_MAGIC)
    for part, own in groupby(_numbered(reading, found), key=itemgetter(0)):
        batches = (batch for _, batch in own)
        if wanted(part):
            yield part, converted(reading, batches)
        else:
            reading.record += sum(batch.num_rows for batch in batches)


def _found(reading: Reading, reader: Any, fields: list[int], *, is_file: bool) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Return the numbered record batches of a file or stream, with these of its fields; with a span, its own."""
    span = reading.span
    if span is None:
        whole = (reader.get_batch(i) for i in range(reader.num_record_batches if is_file else 0))
        return enumerate(whole if is_file else _stream_batches(reading, reader))
    if is_file:
        return file_batches(reading, reader, span)
    return stream_batches(reading, ipc.open_stream(_rewound(reading)).schema, fields, span)


def _stream_batches(reading: Reading, reader: Any) -> Iterator[pa.RecordBatch]:
    yield from reader
    _check_stream_end(reading)


def _numbered(reading: Reading, found: Iterator[tuple[int, pa.RecordBatch]]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield (part, batch). A part has the number of its first batch."""
    part, taken = -1, 0
    while True:
        with damage(reading):
            number, batch = next(found, (0, None))
        if batch is None:
            return
        if part < 0 or taken >= reading.part_bytes:
            part, taken = number, 0
        taken += batch.get_total_buffer_size()  # nbytes trusts offsets that are not validated yet
        yield part, batch
        del batch


def _rewound(reading: Reading) -> Any:
    reading.stream.seek(0)
    return reading.stream


def _check_stream_end(reading: Reading) -> None:
    """Raise DamagedFile if something follows the stream.

    A writer may end a stream by closing the file, without an end mark (Arrow's columnar format, IPC Streaming Format).
    So a stream that was cut exactly between two messages cannot be told from a whole one.
    """
    position = reading.stream.tell()
    if reading.stream.read(1):
        raise reading.damaged(f"its Arrow stream is followed by something else after byte {position}")


@contextmanager
def damage(reading: Reading) -> Iterator[None]:
    """Raise errors of pyarrow as DamagedFile.

    A lack of memory is no damage, unless the file asks for more than it may expand to.
    """
    try:
        yield
    except MemoryError as error:
        size = _REFUSED_SIZE.search(str(error))
        stored = reading.file.size or 0
        if size is None or (reason := why_too_large(int(size[1]), stored)) is None:
            raise
        raise reading.damaged(reason) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise reading.damaged(f"damaged, or not of the format its name says ({said})") from error


def usable_columns(reading: Reading, schema: pa.Schema) -> dict[str, list[str]]:
    """Return the columns to read, by name, with the names that lead there: text, and id and language where present.

    Raises UnusableColumn.
    """
    source, path = reading.file.source, reading.file.path
    columns: dict[str, list[str]] = {}
    for role in reading.roles:
        name = source.field(role)
        place = path_in(schema, name)
        if place is None and source.requires(role):
            raise UnusableColumn(path, name, f"is not there; there are: {listed(columns_in(schema))}")
        if place is not None:
            columns[name] = place
    for name, place in columns.items():
        if schema.names.count(place[0]) > 1:
            raise UnusableColumn(path, name, "is there more than once")
        kind, is_id = kind_of(schema, place), name == source.field("id")
        if not _is_text(kind) and not (is_id and pa.types.is_integer(kind)):
            raise UnusableColumn(path, name, f"holds {kind}, not {'strings or integers' if is_id else 'strings'}")
    return columns


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    kinds = (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view())
    return kind in kinds or pa.types.is_null(kind)


def converted(reading: Reading, found: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield documents from the batches of a file. Raises DamagedFile."""
    iterator = iter(found)
    while True:
        with damage(reading):
            batch = next(iterator, None)
            if batch is None:
                return
            for column in batch.columns:
                _check_layout(column)
            batch = unnested(batch, reading.fields)
            for column in batch.columns:
                _check_layout(column)
            cuts = _cuts(batch)
        for start, stop in pairwise(cuts):
            yield from _documents(reading, batch.slice(start, stop - start))


def _cuts(batch: pa.RecordBatch) -> list[int]:
    """Return row numbers at which to cut a batch, so that shared values expand to _WRITTEN_BYTES at most at a time."""
    ends = np.zeros(batch.num_rows + 1, np.int64)
    np.cumsum(sum(_lengths(column) for column in batch.columns), out=ends[1:])
    cuts = [0]
    while cuts[-1] < batch.num_rows:
        fitting = int(np.searchsorted(ends, ends[cuts[-1]] + _WRITTEN_BYTES, side="right")) - 1
        cuts.append(min(max(fitting, cuts[-1] + 1), cuts[-1] + BATCH_ROWS, batch.num_rows))
    return cuts


def _lengths(column: pa.Array) -> I64:
    """Return bytes of each row's value where many rows may share one in memory (dictionaries, views); else 0."""
    if pa.types.is_dictionary(column.type):
        dictionary, indices = column.dictionary, column.indices
        plain = _lengths(dictionary) if _is_view(dictionary.type) else pc.binary_length(as_binary(dictionary))
        lengths = np.append(np.asarray(pc.fill_null(pc.cast(plain, pa.int64()), 0)), 0)
        found: I64 = lengths[np.asarray(pc.fill_null(pc.cast(indices, pa.int64()), len(dictionary)))]
        return found
    if not _is_view(column.type):
        return np.zeros(len(column), np.int64)
    views = np.frombuffer(column.buffers()[1] or b"", np.int32)[4 * column.offset :][: 4 * len(column) : 4]
    return np.where(np.asarray(column.is_valid()), views, 0).astype(np.int64)


def _is_view(kind: pa.DataType) -> bool:
    return kind in (pa.string_view(), pa.binary_view())


def _check_layout(column: pa.Array) -> None:
    """Check that offsets and indices are in bounds: pyarrow would crash. Contents are checked later, by row."""
    if pa.types.is_dictionary(column.type):  # invalid UTF-8 in a value would skip the check of indices
        _check_layout(column.dictionary)
        column.indices.validate(full=True)
        pa.DictionaryArray.from_arrays(column.indices, column.dictionary)  # raises where an index is out of bounds
        return
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        if "UTF8" not in str(error):
            raise


def _documents(reading: Reading, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    source = reading.file.source
    first, rows = reading.record + 1, batch.num_rows
    reasons: dict[int, str] = {}
    texts = _checked(source.field("text"), batch, reasons, must=True)
    language, id_ = source.field("language"), source.field("id")
    if source.label is None and language in batch.schema.names:
        languages: Any = _checked(language, batch, reasons, must=True)
        for i in pc.indices_nonzero(pc.equal(pc.binary_length(languages), 0)).to_pylist():
            reasons.setdefault(i, f"{language} is empty")
    else:
        languages = pa.repeat(pa.scalar(reading.language_by_name.encode(), pa.large_binary()), rows)
    ids = reading.ids(rows).cast(pa.large_binary())
    if id_ in batch.schema.names:
        ids = pc.coalesce(_checked(id_, batch, reasons, must=reading.file.requires_ids), ids)
    for i in sorted(reasons):
        reading.add_bad(first + i, reasons[i])
    reading.record += rows
    ids, languages, texts = kept([ids, languages, texts], list(reasons)) if reasons else (ids, languages, texts)
    strings = [column.view(pa.large_string()) for column in (ids, languages, texts)]
    reading.expand(sum(column.nbytes for column in strings))
    yield from reading.batches(strings[0].cast(pa.string()), strings[1].cast(pa.string()), strings[2])


def _checked(name: str, batch: pa.RecordBatch, reasons: dict[int, str], *, must: bool) -> pa.Array:
    """Return a column as large_binary; add reasons for bad rows, by index (a row's first reason stays)."""
    values = as_binary(batch.column(name))
    if must and values.null_count:
        for i in pc.indices_nonzero(values.is_null()).to_pylist():
            reasons.setdefault(i, f"{name} is null")
    for i, reason in invalid_utf8(values).items():
        reasons.setdefault(i, f"{name} is {reason}")
    return values


def as_binary(column: pa.Array) -> pa.Array:
    """Return a column as large_binary, dictionaries expanded, integers as digits."""
    if pa.types.is_dictionary(column.type):
        values = as_binary(column.dictionary)  # first, so that the expanded array has 64-bit offsets
        return pa.DictionaryArray.from_arrays(column.indices, values).dictionary_decode()
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    return column.cast(pa.large_binary())
