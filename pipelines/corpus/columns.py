"""Parquet and Arrow files: a row is a document. Columns are cast without an object per row."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import ipc

from pipelines.corpus.errors import UnusableColumn
from pipelines.corpus.reading import Reading, invalid_utf8, kept, record_numbers

_BATCH_ROWS: Final = 1 << 14
"""Rows converted at once: a dictionary column's memory is only known when it is written out."""
_READ_BYTES: Final = 4 << 20
_IPC_FILE_MAGIC: Final = b"ARROW1"
_IPC_CONTINUED: Final = b"\xff\xff\xff\xff"
"""What every message of a stream starts with since Arrow 0.15."""
_IPC_END: Final = b"\0\0\0\0"
"""A message of no bytes ends a stream."""


def read_parquet(reading: Reading) -> Iterator[pa.RecordBatch]:
    """Some rows at a time, only the columns that count; page checksums are verified where a file has them."""
    with _damage(reading):
        # Without pre_buffer=False whole column chunks are read at once, whatever buffer_size says.
        parquet = pq.ParquetFile(
            reading.stream, buffer_size=_READ_BYTES, pre_buffer=False, page_checksum_verification=True
        )
        columns = _columns(reading, parquet.schema_arrow)
        metadata = parquet.metadata
        sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
        row_bytes = max(sum(sizes) // max(metadata.num_rows, 1), 1)
        batch_rows = min(max(reading.batch_bytes // row_bytes, 1), _BATCH_ROWS)
        found = parquet.iter_batches(batch_size=batch_rows, columns=columns, use_threads=False)
    yield from _converted(reading, found)
    if reading.record != metadata.num_rows:
        raise reading.damaged(f"holds {reading.record} rows where its footer says {metadata.num_rows}")


def read_arrow(reading: Reading) -> Iterator[pa.RecordBatch]:
    """An IPC file or an IPC stream (as Hugging Face's datasets writes them), a record batch at a time."""
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
    if magic == _IPC_FILE_MAGIC:
        yield from _converted(reading, (reader.get_batch(i) for i in range(reader.num_record_batches)))
    else:
        yield from _converted(reading, reader)
        _check_stream_end(reading, _IPC_CONTINUED + _IPC_END if magic.startswith(_IPC_CONTINUED) else _IPC_END)


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
