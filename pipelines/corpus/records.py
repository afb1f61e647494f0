"""Documents of any corpus file, as Arrow batches of one schema. Text is never altered."""

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from operators.errors import DataError
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.compression import pieces
from pipelines.corpus.errors import ChangedWhileRead, DamagedFile, UnknownFormat
from pipelines.corpus.formats import FORMATS, format_of
from pipelines.corpus.json_lines import read_json
from pipelines.corpus.lines import blocks
from pipelines.corpus.reading import CORPUS_SCHEMA, Reading, Span, check_unchanged, open_input
from pipelines.corpus.sources import InputFile
from pipelines.corpus.text_lines import read_text

__all__ = ["BATCH_BYTES", "CORPUS_SCHEMA", "Span", "can_be_cut", "read_batches"]

BATCH_BYTES: Final = 8 << 20


def read_batches(
    file: InputFile,
    bad: BadRecords,
    batch_bytes: int = BATCH_BYTES,
    *,
    span: Span | None = None,
    with_ids: bool = True,
) -> Iterator[pa.RecordBatch]:
    """The documents of a file, in order, in batches (CORPUS_SCHEMA) of up to `batch_bytes` of text, at least one each.

    `span` takes a part of a file that `can_be_cut`; spans that tile a file give each of its documents once. Without
    `with_ids`, documents may have empty ids, which saves time.

    Bad records go to `bad`. Raises BadRecord and DamagedFile where `bad` fails; under "skip" the records before the
    damage count, and the damage is one more bad record. Under both: ChangedWhileRead, MissingInput, UnreadableInput,
    UnusableColumn. What was yielded before an error is not a whole file: discard it.
    """
    with open_input(file) as stream:
        reading = Reading(file, stream, bad, max(batch_bytes, 1), span, with_ids)
        try:
            yield from _gathered(_batches(reading), reading.batch_bytes)
        except DamagedFile as damage:
            check_unchanged(file)
            if bad.on_bad == "fail":
                raise
            reading.add_bad(reading.record + 1, f"{damage.reason}; nothing after it was read")
        except DataError:
            check_unchanged(file)  # a file cut while it was read looks damaged; say what happened
            raise
    check_unchanged(file)


def can_be_cut(file: InputFile) -> bool:
    """Whether parts of the file can be read by themselves: lines of text, not compressed, of known size."""
    how = format_of(file.path)
    return how is not None and how.kind == "text" and not how.compression and file.size is not None


def _gathered(batches: Iterator[pa.RecordBatch], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """Small batches joined: a Parquet file may have a row group for every few rows."""
    held: list[pa.RecordBatch] = []
    held_bytes = 0
    try:
        for batch in batches:
            batch_size = batch.nbytes  # of this slice; with ids and languages, so that empty texts count
            if held and held_bytes + batch_size > batch_bytes:
                yield _joined(held)
                held, held_bytes = [], 0
            held.append(batch)
            held_bytes += batch_size
    except DamagedFile:
        if held:
            yield _joined(held)
        raise
    if held:
        yield _joined(held)


def _joined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)  # which copies even one


def _batches(reading: Reading) -> Iterator[pa.RecordBatch]:
    path = reading.file.path
    how = format_of(path)
    if how is None:
        raise UnknownFormat(path, (path,), tuple(FORMATS))
    if how.kind in ("parquet", "arrow"):
        from pipelines.corpus.columns import read_arrow, read_parquet  # pyarrow's functions take long to import

        return read_parquet(reading) if how.kind == "parquet" else read_arrow(reading)
    whole_lines = blocks(pieces(reading, how.compression), reading.batch_bytes)
    return _all_of_it(reading, (read_text if how.kind == "text" else read_json)(reading, whole_lines))


def _all_of_it(reading: Reading, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Hold the bytes that arrived against the size the file was found with: not every storage tells of changes."""
    yield from batches
    size, arrived = reading.file.size, reading.stream.tell()
    if size is not None and arrived != size and reading.span is None:
        raise ChangedWhileRead(reading.file.path, f"{arrived} of {size} bytes arrived")
