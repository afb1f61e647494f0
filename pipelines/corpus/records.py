"""Documents of any corpus file, as Arrow batches of one schema. Text is never altered."""

from collections.abc import Iterator
from typing import Final

import pyarrow as pa

from operators.errors import DataError
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.columns import read_arrow, read_parquet
from pipelines.corpus.compression import pieces
from pipelines.corpus.errors import ChangedWhileRead, DamagedFile, UnknownFormat
from pipelines.corpus.formats import FORMATS, format_of
from pipelines.corpus.json_lines import read_json
from pipelines.corpus.lines import blocks
from pipelines.corpus.reading import CORPUS_SCHEMA, Reading, check_unchanged, open_input
from pipelines.corpus.sources import InputFile
from pipelines.corpus.text_lines import read_text

__all__ = ["BATCH_BYTES", "CORPUS_SCHEMA", "read_batches"]

BATCH_BYTES: Final = 8 << 20


def read_batches(file: InputFile, bad: BadRecords, batch_bytes: int = BATCH_BYTES) -> Iterator[pa.RecordBatch]:
    """The documents of a file, in order, in batches (CORPUS_SCHEMA) of up to `batch_bytes` of text, at least one each.

    Bad records go to `bad`. Raises BadRecord and DamagedFile where `bad` fails; under "skip" the records before the
    damage count, and the damage is one more bad record. Under both: ChangedWhileRead, MissingInput, UnreadableInput,
    UnusableColumn. What was yielded before an error is not a whole file: discard it.
    """
    with open_input(file) as stream:
        reading = Reading(file, stream, bad, max(batch_bytes, 1))
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
    if how.kind == "parquet":
        return read_parquet(reading)
    if how.kind == "arrow":
        return read_arrow(reading)
    whole_lines = blocks(pieces(reading, how.compression), reading.batch_bytes)
    return _all_of_it(reading, (read_text if how.kind == "text" else read_json)(reading, whole_lines))


def _all_of_it(reading: Reading, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Hold the bytes that arrived against the size the file was found with: not every storage tells of changes."""
    yield from batches
    size, arrived = reading.file.size, reading.stream.tell()
    if size is not None and arrived != size:
        raise ChangedWhileRead(reading.file.path, f"{arrived} of {size} bytes arrived")
