"""Parquet and Arrow files: a row is a document. Columns are cast without an object per row."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate, count, groupby
from operator import itemgetter
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import ipc

from pipelines.corpus.errors import UnusableColumn
from pipelines.corpus.reading import (
    Parts,
    Reading,
    Span,
    Wanted,
    every_part,
    invalid_utf8,
    kept,
    record_numbers,
)

_BATCH_ROWS: Final = 1 << 14
"""Rows converted at once: a dictionary column's memory is only known when it is written out."""
_READ_BYTES: Final = 4 << 20
_NO_END: Final = 1 << 62
_IPC_FILE_MAGIC: Final = b"ARROW1"
_IPC_CONTINUED: Final = b"\xff\xff\xff\xff"
"""What every message of a stream starts with since Arrow 0.15."""
_IPC_END: Final = b"\0\0\0\0"
"""A message of no bytes ends a stream."""


def read_parquet(reading: Reading) -> Iterator[pa.RecordBatch]:
    """Some rows at a time, only the columns that count; page checksums are verified where a file has them."""
    for _, batches in parquet_parts(reading, every_part):
        yield from batches


def parquet_parts(reading: Reading, wanted: Wanted) -> Parts:
    """Runs of row groups, numbered by their first, each with about `part_bytes` of the columns that count.

    In a span, those of the row groups that begin in it.
    """
    with _damage(reading):
        # Without pre_buffer=False whole column chunks are read at once, whatever buffer_size says.
        parquet = pq.ParquetFile(
            reading.stream, buffer_size=_READ_BYTES, pre_buffer=False, page_checksum_verification=True
        )
        columns = _columns(reading, parquet.schema_arrow)
        metadata = parquet.metadata
        rows = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
        row_bytes = max(sum(sizes) // max(metadata.num_rows, 1), 1)
        batch_rows = min(max(reading.batch_bytes // row_bytes, 1), _BATCH_ROWS)
        parts = _runs_of_row_groups(reading, metadata, columns)
        before = [0, *accumulate(rows)]
    if before[-1] != metadata.num_rows:
        raise reading.damaged(f"its row groups hold {before[-1]} rows where its footer says {metadata.num_rows}")
    for part in parts:
        reading.record = before[part.start]
        if wanted(part.start):
            with _damage(reading):
                found = parquet.iter_batches(
                    batch_size=batch_rows, row_groups=list(part), columns=columns, use_threads=False
                )
            yield part.start, _all_rows(reading, found, before[part.stop])


def _all_rows(reading: Reading, found: Iterator[pa.RecordBatch], upto: int) -> Iterator[pa.RecordBatch]:
    yield from _converted(reading, found)
    if reading.record != upto:
        raise reading.damaged(f"holds {reading.record} rows where its footer says {upto}")


def _runs_of_row_groups(reading: Reading, metadata: Any, columns: list[str]) -> list[range]:
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    if not groups:
        return []
    paths = [groups[0].column(i).path_in_schema.partition(".")[0] for i in range(metadata.num_columns)]
    counted = [i for i, path in enumerate(paths) if path in columns]
    span = reading.span or Span(0, _NO_END)
    runs: list[range] = []
    taken = 0
    for i, group in enumerate(groups):
        first = group.column(counted[0])
        begins = first.dictionary_page_offset if first.has_dictionary_page else first.data_page_offset
        if not span.start <= min(max(begins, 0), (reading.file.size or _NO_END) - 1) < span.stop:
            continue
        if runs and taken < reading.part_bytes:
            runs[-1] = range(runs[-1].start, i + 1)
        else:
            runs.append(range(i, i + 1))
            taken = 0
        taken += sum(group.column(column).total_uncompressed_size for column in counted)
    return runs


def read_arrow(reading: Reading) -> Iterator[pa.RecordBatch]:
    """An IPC file or an IPC stream (as Hugging Face's datasets writes them), a record batch at a time."""
    for _, batches in arrow_parts(reading, every_part):
        yield from batches


def arrow_parts(reading: Reading, wanted: Wanted) -> Parts:
    """Runs of record batches, numbered by their first, each with about `part_bytes` in memory."""
    with _damage(reading):
        magic = reading.stream.read(len(_IPC_FILE_MAGIC))
        reading.stream.seek(0)
        if not magic:
            raise reading.damaged("has 0 bytes, which no Arrow file has")
        opened: Any = ipc.open_file if magic == _IPC_FILE_MAGIC else ipc.open_stream
        columns = _columns(reading, opened(reading.stream).schema)
        names = opened(_rewound(reading)).schema.names
        options = ipc.IpcReadOptions(included_fields=[names.index(name) for name in columns], use_threads=False)
        reader = opened(_rewound(reading), options=options)
    of_file = magic == _IPC_FILE_MAGIC
    in_file = (reader.get_batch(i) for i in range(reader.num_record_batches if of_file else 0))
    found = in_file if of_file else _stream_batches(reading, reader, magic)
    for part, own in groupby(_numbered(reading, found), key=itemgetter(0)):
        batches = (batch for _, batch in own)
        if wanted(part):
            yield part, _converted(reading, batches)
        else:
            reading.record += sum(batch.num_rows for batch in batches)


def _stream_batches(reading: Reading, reader: Any, magic: bytes) -> Iterator[pa.RecordBatch]:
    yield from reader
    _check_stream_end(reading, _IPC_CONTINUED + _IPC_END if magic.startswith(_IPC_CONTINUED) else _IPC_END)


def _numbered(reading: Reading, found: Iterator[pa.RecordBatch]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Each with the number of its part."""
    iterator, part, taken = iter(found), 0, 0
    for i in count():
        with _damage(reading):
            batch = next(iterator, None)
        if batch is None:
            return
        if taken >= reading.part_bytes:
            part, taken = i, 0
        taken += batch.get_total_buffer_size()  # nbytes trusts offsets that nobody has looked at yet
        yield part, batch
        del batch


def _rewound(reading: Reading) -> Any:
    reading.stream.seek(0)
    return reading.stream


def _check_stream_end(reading: Reading, mark: bytes) -> None:
    """A stream that was cut between two messages reads like a whole one, but for the mark at its end."""
    position = reading.stream.tell()
    reading.stream.seek(position - len(mark))
    if reading.stream.read(len(mark)) != mark:
        raise reading.damaged("cut short: its Arrow stream has no end mark")
    if reading.stream.read(1):
        raise reading.damaged(f"its Arrow stream is followed by something else after byte {position}")


@contextmanager
def _damage(reading: Reading) -> Iterator[None]:
    """What pyarrow says about bytes that it cannot read, as DamagedFile."""
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        said = " ".join(str(error).split())[:200]
        raise reading.damaged(f"damaged, or not of the format its name says ({said})") from error


def _columns(reading: Reading, schema: pa.Schema) -> list[str]:
    """The columns to read: text, and those of id and language that there are. Raises UnusableColumn."""
    source, path = reading.file.source, reading.file.path
    wanted = [source.text_field, source.id_field] + ([source.language_field] if source.label is None else [])
    if source.text_field not in schema.names:
        names = ", ".join(name[:40] for name in schema.names[:12]) or "none"
        more = ", ..." if len(schema.names) > 12 else ""
        raise UnusableColumn(path, source.text_field, f"is not there; there are: {names}{more}")
    columns = [name for name in dict.fromkeys(wanted) if name in schema.names]
    for name in columns:
        if schema.names.count(name) > 1:
            raise UnusableColumn(path, name, "is there more than once")
        kind = schema.field(name).type
        if not _is_text(kind) and not (name == source.id_field and pa.types.is_integer(kind)):
            needed = "strings or integers" if name == source.id_field else "strings"
            raise UnusableColumn(path, name, f"holds {kind}, not {needed}")
    return columns


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    kinds = (pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.large_binary(), pa.binary_view())
    return kind in kinds or pa.types.is_null(kind)


def _converted(reading: Reading, found: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    iterator = iter(found)
    while True:
        with _damage(reading):
            batch = next(iterator, None)
            if batch is None:
                return
            for column in batch.columns:
                _check_layout(column)
        for start in range(0, batch.num_rows, _BATCH_ROWS):
            yield from _documents(reading, batch.slice(start, _BATCH_ROWS))


def _check_layout(column: pa.Array) -> None:
    """Offsets and indices in bounds, or reading them would end the process. Contents are looked at row by row."""
    if pa.types.is_dictionary(column.type):  # a value that is no UTF-8 would keep its indices from being looked at
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
    texts = _checked(source.text_field, batch, reasons, must=True)
    if source.label is None and source.language_field in batch.schema.names:
        languages: Any = _checked(source.language_field, batch, reasons, must=True)
        for i in pc.indices_nonzero(pc.equal(pc.binary_length(languages), 0)).to_pylist():
            reasons.setdefault(i, f"{source.language_field} is empty")
    else:
        languages = pa.repeat(pa.scalar(reading.language_by_name.encode(), pa.large_binary()), rows)
    ids = record_numbers(first, rows).cast(pa.large_binary())
    if source.id_field in batch.schema.names:
        ids = pc.coalesce(_checked(source.id_field, batch, reasons, must=False), ids)
    for i in sorted(reasons):
        reading.add_bad(first + i, reasons[i])
    reading.record += rows
    ids, languages, texts = kept([ids, languages, texts], list(reasons)) if reasons else (ids, languages, texts)
    strings = [column.view(pa.large_string()) for column in (ids, languages, texts)]
    yield from reading.batches(strings[0].cast(pa.string()), strings[1].cast(pa.string()), strings[2])


def _checked(name: str, batch: pa.RecordBatch, reasons: dict[int, str], *, must: bool) -> pa.Array:
    """A column as large_binary; why rows of it are bad goes to `reasons`, by index (a row's first reason stays)."""
    values = _as_binary(batch.column(name))
    if must and values.null_count:
        for i in pc.indices_nonzero(values.is_null()).to_pylist():
            reasons.setdefault(i, f"{name} is null")
    for i, reason in invalid_utf8(values).items():
        reasons.setdefault(i, f"{name} is {reason}")
    return values


def _as_binary(column: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(column.type):
        values = _as_binary(column.dictionary)  # first, so that what is written out has 64-bit offsets
        return pa.DictionaryArray.from_arrays(column.indices, values).dictionary_decode()
    if pa.types.is_integer(column.type):
        column = column.cast(pa.string())
    return column.cast(pa.large_binary())
