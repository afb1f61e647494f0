"""Reader of corpus files of any format: documents as Arrow batches of one schema. Text is never altered."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Final

import pyarrow as pa

from operators.errors import DataError
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.content import ContentHash
from pipelines.corpus.errors import ChangedWhileRead, DamagedFile, UnknownFormat
from pipelines.corpus.formats import FORMATS, Format, format_of
from pipelines.corpus.json_lines import pass_over_json, read_json
from pipelines.corpus.lines import WHOLE, count_lines, lines_by_part, whole_lines
from pipelines.corpus.reading import CORPUS_SCHEMA, Parts, Reading, Wanted, check_unchanged, every_part, open_input
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import CannotCut, Span
from pipelines.corpus.text_chunks import count_before, text_chunks
from pipelines.corpus.text_lines import read_text

__all__ = ["BATCH_BYTES", "CORPUS_SCHEMA", "Parts", "read_batches", "read_parts"]

BATCH_BYTES: Final = 8 << 20


def read_batches(
    file: InputFile,
    bad: BadRecords,
    batch_bytes: int = BATCH_BYTES,
    *,
    span: Span | None = None,
    with_ids: bool = True,
) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a file, in order, in batches (CORPUS_SCHEMA) of up to `batch_bytes` of text, at least one
    document each.

    `span` restricts reading to a span of a file (`pipelines.corpus.cutting`); spans that tile a file yield each of its
    documents once. Without `with_ids`, documents may have empty ids, which saves time.

    Bad records go to `bad`. Raises BadRecord and DamagedFile under "fail"; under "skip" the records before the damage
    are yielded, and the damage is one more bad record. Under both: ChangedWhileRead, MissingInput, UnreadableInput,
    UnusableColumn. Discard what was yielded before an error: it is not the whole file. A span may raise CannotCut:
    the file is damaged, or its headers are wrong, and only reading all of it tells what it holds.
    """
    for _, batches in read_parts(file, bad, batch_bytes, part_bytes=WHOLE, span=span, with_ids=with_ids):
        yield from batches


def read_parts(
    file: InputFile,
    bad: BadRecords,
    batch_bytes: int = BATCH_BYTES,
    *,
    part_bytes: int,
    wanted: Wanted = every_part,
    span: Span | None = None,
    lines_before: int | None = None,
    with_ids: bool = True,
    content: ContentHash | None = None,
) -> Parts:
    """Yield (number, batches) for the wanted parts of a file, in order; batches as of `read_batches`, to be consumed
    before the next part.

    The ends of parts depend on the file alone. In files of lines, compressed or not, part k holds the lines that begin
    in the bytes k * part_bytes to (k + 1) * part_bytes of their text; a span must be one of these parts. In Parquet and
    Arrow files, a part is a run of row groups or record batches of about `part_bytes`, numbered by its first. A part is
    complete once the next one, or the end, is reached: only then has the file been checked for changes.

    `lines_before`: number of lines before the span, if known; else the file is read up to the span. `content` hashes
    all bytes that are read, and the rest at the end.
    """
    with open_input(file) as stream:
        if content is not None:
            stream.watcher = content.update
        reading = Reading(file, stream, bad, max(batch_bytes, 1), span, with_ids, part_bytes)
        if span is not None:
            reading.count_before = lambda: count_before(file, span, lines_before)
        parts = _parts(reading, wanted)
        while True:
            check_unchanged(file)
            with _blaming_change(file):
                number, batches = _next_part(reading, parts, wanted)
            if batches is None:
                break
            yield number, _guarded(reading, batches)
        if content is not None:
            content.complete(stream)
    check_unchanged(file)


def _next_part(reading: Reading, parts: Parts, wanted: Wanted) -> tuple[int, Iterator[pa.RecordBatch] | None]:
    """Return the next part. A file that is damaged at its beginning has one part: the damage."""
    try:
        return next(parts, (0, None))
    except DamagedFile as damage:
        _refuse_span(reading, damage)
        if reading.bad.on_bad == "fail":
            raise
        return (0, _raising(damage)) if reading.record == 0 and wanted(0) else (0, None)


def _refuse_span(reading: Reading, damage: DamagedFile) -> None:
    """Raise CannotCut for a span, unless the damage is the error of the whole file as well."""
    span = reading.span
    if span is not None and (span.runs or reading.bad.on_bad == "skip"):
        check_unchanged(reading.file)
        raise CannotCut(reading.file.path, damage.reason) from damage


def _raising(error: DamagedFile) -> Iterator[pa.RecordBatch]:
    yield from ()
    raise error


@contextmanager
def _blaming_change(file: InputFile) -> Iterator[None]:
    """Raise ChangedWhileRead in place of errors that a change of the file has caused."""
    try:
        yield
    except DataError:
        check_unchanged(file)
        raise


def _guarded(reading: Reading, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Yield batches; under "skip", damage ends the part and is one more bad record."""
    with _blaming_change(reading.file):
        try:
            yield from _gathered(batches, reading.batch_bytes)
        except DamagedFile as damage:
            _refuse_span(reading, damage)
            check_unchanged(reading.file)
            if reading.bad.on_bad == "fail":
                raise
            reading.add_bad(reading.record + 1, f"{damage.reason}; nothing after it was read")


def _gathered(batches: Iterator[pa.RecordBatch], batch_bytes: int) -> Iterator[pa.RecordBatch]:
    """Join small batches: a Parquet file may have a row group for every few rows."""
    held: list[pa.RecordBatch] = []
    held_bytes = 0
    try:
        for batch in batches:
            batch_size = batch.nbytes  # of this slice; with ids and languages, so that empty texts count
            if held and held_bytes + batch_size > batch_bytes:
                yield _joined(held)
                held_bytes = 0
            held.append(batch)
            held_bytes += batch_size
            del batch
            if held_bytes > batch_bytes:  # nothing will be joined to it
                yield _joined(held)
                held_bytes = 0
    except DamagedFile:
        if held:
            yield _joined(held)
        raise
    if held:
        yield _joined(held)


def _joined(held: list[pa.RecordBatch]) -> pa.RecordBatch:
    """Return what is held as one batch, and clear it."""
    batches = held[:]
    held.clear()
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)  # which copies even one


def _parts(reading: Reading, wanted: Wanted) -> Parts:
    path = reading.file.path
    how = format_of(path)
    if how is None:
        raise UnknownFormat(path, (path,), tuple(FORMATS))
    if how.kind in ("parquet", "arrow"):
        from pipelines.corpus.columns import arrow_parts  # pyarrow's functions take long to import
        from pipelines.corpus.parquet import parquet_parts

        return parquet_parts(reading, wanted) if how.kind == "parquet" else arrow_parts(reading, wanted)
    if how.kind in ("csv", "tsv"):
        return _csv_parts(reading, how, wanted)
    return _line_parts(reading, how, wanted)


def _csv_parts(reading: Reading, how: Format, wanted: Wanted) -> Parts:
    from pipelines.corpus.csv_rows import csv_parts

    yield from csv_parts(reading, whole_lines(text_chunks(reading, how), reading.batch_bytes), how.kind, wanted)
    _check_arrived(reading)


def _line_parts(reading: Reading, how: Format, wanted: Wanted) -> Parts:
    found = text_chunks(reading, how)
    if reading.span is None:
        parted = lines_by_part(found, reading.batch_bytes, reading.part_bytes)
    else:
        number = reading.span.start // reading.part_bytes
        parted = ((number, lines) for lines in whole_lines(found, reading.batch_bytes))
    waiting = list(islice(parted, 1))

    def lines_of(part: int) -> Iterator[bytes]:  # holds no lines that it has yielded: they may be a long document
        while waiting and waiting[0][0] == part:
            yield waiting.pop()[1]
            waiting.extend(islice(parted, 1))

    while waiting:
        part = waiting[0][0]
        if wanted(part):
            yield part, (read_text if how.kind == "text" else read_json)(reading, lines_of(part))
        for lines in lines_of(part):  # not wanted, or not consumed
            if how.kind == "json":
                pass_over_json(reading, lines)
            else:
                reading.record += count_lines(lines)
            del lines
    _check_arrived(reading)


def _check_arrived(reading: Reading) -> None:
    """Raise ChangedWhileRead if another number of bytes was read than listed: not every storage reports changes."""
    size, arrived = reading.file.size, reading.stream.tell()
    if size is not None and arrived != size and reading.span is None and not reading.is_damaged:
        raise ChangedWhileRead(reading.file.path, f"{arrived} of {size} bytes arrived")
