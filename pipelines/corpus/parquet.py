"""Reader of Parquet files. A row is a document; a part is a run of row groups."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.corpus.columns import BATCH_ROWS, as_binary, converted, damage, usable_columns
from pipelines.corpus.errors import EncryptedFile
from pipelines.corpus.fields import unnested
from pipelines.corpus.parquet_pages import LARGEST_PAGE_BYTES, ColumnChunk, EncryptedFooter, column_chunks, largest_page
from pipelines.corpus.reading import Parts, Reading, Wanted, every_part
from pipelines.corpus.spans import Span
from pipelines.corpus.storage import is_uri

_READ_BYTES: Final = 4 << 20
_AT_ONCE_BYTES: Final = 128 << 20
"""Bytes requested of pyarrow at a time: fewer take longer, more need more memory than the largest page."""
_NO_END: Final = 1 << 62


def read_parquet(reading: Reading) -> Iterator[pa.RecordBatch]:
    """Yield documents, reading only the needed columns. Page checksums are verified where a file has them."""
    for _, batches in parquet_parts(reading, every_part):
        yield from batches


def parquet_parts(reading: Reading, wanted: Wanted) -> Parts:
    """Yield runs of row groups, numbered by their first, each with about `part_bytes` of the needed columns.

    With a span, only row groups that begin in it.
    """
    with damage(reading):
        try:
            chunks = column_chunks(reading.stream)
        except EncryptedFooter as error:
            raise EncryptedFile(reading.file.path, str(error)) from error
        # Without pre_buffer=False whole column chunks are read at once, whatever buffer_size says.
        parquet = pq.ParquetFile(
            reading.stream, buffer_size=_READ_BYTES, pre_buffer=False, page_checksum_verification=True
        )
        columns = [".".join(place) for place in usable_columns(reading, parquet.schema_arrow).values()]
        metadata = parquet.metadata  # never .column(i) of a row group: it crashes on an unsound one
        rows = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
        row_bytes = max(sum(sizes) // max(metadata.num_rows, 1), 1)
        batch_rows = min(max(reading.batch_bytes // row_bytes, 1), BATCH_ROWS)
        counted = _counted(reading, parquet.schema, columns, chunks, len(rows))
        before = [0, *accumulate(rows)]
    if before[-1] != metadata.num_rows:
        raise reading.damaged(f"its row groups hold {before[-1]} rows where its footer says {metadata.num_rows}")
    for part in _runs(reading, counted):
        reading.record = before[part.start]
        if wanted(part.start):
            with damage(reading):
                read_rows = min(_rows_at_once(reading, [counted[i] for i in part]), batch_rows)
                found = parquet.iter_batches(
                    batch_size=read_rows, row_groups=list(part), columns=columns, use_threads=False
                )
            yield part.start, _all_rows(reading, _expanded(reading, found, batch_rows), before[part.stop])


def _all_rows(reading: Reading, found: Iterator[pa.RecordBatch], upto: int) -> Iterator[pa.RecordBatch]:
    yield from converted(reading, found)
    if reading.record != upto:
        raise reading.damaged(f"holds {reading.record} rows where its footer says {upto}")


def _counted(
    reading: Reading, schema: Any, columns: list[str], chunks: list[list[ColumnChunk]], groups: int
) -> list[list[ColumnChunk]]:
    """Return the column chunks to read in each row group. Raises DamagedFile for an unsound footer."""
    leaves = [i for i in range(len(schema)) if schema.column(i).path in columns]
    if len(chunks) != groups or any(len(group) != len(schema) for group in chunks) or not leaves:
        raise reading.damaged("its row groups do not have the columns of its schema")
    counted = [[group[i] for i in leaves] for group in chunks]
    if any(chunk.is_encrypted for group in counted for chunk in group):
        raise EncryptedFile(reading.file.path, f"its columns {', '.join(columns)} are encrypted")
    sizes = [chunk.compressed_bytes for group in counted for chunk in group]
    if sum(sizes) > (reading.file.size or _NO_END) or min(sizes, default=0) < 0:
        raise reading.damaged(f"its footer describes {sum(sizes):,} bytes of columns, more than there are")
    return counted


def _runs(reading: Reading, counted: list[list[ColumnChunk]]) -> list[range]:
    span = reading.span or Span(0, _NO_END)
    runs: list[range] = []
    taken = 0
    for i, group in enumerate(counted):
        if not span.start <= min(max(group[0].start, 0), (reading.file.size or _NO_END) - 1) < span.stop:
            continue
        if runs and taken < reading.part_bytes:
            runs[-1] = range(runs[-1].start, i + 1)
        else:
            runs.append(range(i, i + 1))
            taken = 0
        taken += sum(chunk.uncompressed_bytes for chunk in group)
    return runs


def _rows_at_once(reading: Reading, groups: list[list[ColumnChunk]]) -> int:
    """Return the number of rows whose values take up to _AT_ONCE_BYTES, however often they repeat a dictionary value.

    No value is longer than its page or dictionary. Pages of remote files are not checked.
    """
    if is_uri(reading.file.path):
        return BATCH_ROWS
    pages = [[largest_page(reading.stream, chunk) for chunk in group] for group in groups]
    largest = max(max(group) for group in pages)
    if largest > LARGEST_PAGE_BYTES:
        reason = f"holds a page of {largest:,} bytes, and up to {LARGEST_PAGE_BYTES:,} are read; write smaller pages"
        raise reading.damaged(reason)
    return max(_AT_ONCE_BYTES // max(*map(sum, pages), 1), 1)


def _expanded(reading: Reading, found: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Yield batches without dictionaries, joined to about `rows` rows or `batch_bytes`."""
    held: list[pa.RecordBatch] = []
    held_rows = held_bytes = 0
    for batch in found:
        batch = unnested(batch, reading.fields)
        if any(pa.types.is_dictionary(field.type) for field in batch.schema):
            batch = pa.record_batch([as_binary(column) for column in batch.columns], batch.schema.names)
        held.append(batch)
        held_rows += batch.num_rows
        held_bytes += batch.nbytes
        if held_rows >= rows or held_bytes >= reading.batch_bytes:
            held_rows = held_bytes = 0
            yield _joined(held)
    if held:
        yield _joined(held)


def _joined(held: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return what is held as one batch, and clear it."""
    batches = held[:]
    held.clear()
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)
