"""Reader of CSV and TSV (RFC 4180): the first row names the columns, each further row is a document."""

import codecs
import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

import pyarrow as pa

from pipelines.corpus.compression import LONGEST_LINE_BYTES
from pipelines.corpus.errors import DamagedFile, UnusableColumn
from pipelines.corpus.fields import listed
from pipelines.corpus.formats import Kind
from pipelines.corpus.reading import Parts, Reading, Wanted, every_part, why_invalid_utf8
from pipelines.corpus.sources import Role

DELIMITERS: Final[dict[Kind, str]] = {"csv": ",", "tsv": "\t"}
_BROKEN: Final = re.compile("[\udc80-\udcff]")
"""Bytes that are no UTF-8, as Python's surrogateescape decodes them."""


@dataclass
class _Row:
    """A row: its number, the part in which it begins, its fields, or the reason why it has none."""

    number: int
    part: int
    fields: list[str] = field(default_factory=list)
    reason: str | None = None
    size: int = 0


def read_csv(reading: Reading, lines: Iterable[bytes], kind: Kind) -> Iterator[pa.RecordBatch]:
    """Yield the documents of a file, given its whole lines in batches."""
    for _, batches in csv_parts(reading, lines, kind, every_part):
        yield from batches


def csv_parts(reading: Reading, lines: Iterable[bytes], kind: Kind, wanted: Wanted) -> Parts:
    """Yield parts of a file, given its whole lines in batches: part k holds the rows that begin in its bytes.

    A row whose number of fields is not that of the header, or whose quotes are wrong, is a bad record; a quote that is
    not closed is damage. Blank lines are counted and skipped. Memory: the rows of one batch.
    """
    rows = _rows(reading, lines, DELIMITERS[kind])
    header = next(rows, None)
    if header is None:
        return
    reader = _Documents(reading, header)
    for part, own in groupby(rows, key=lambda row: row.part):
        remaining = iter(own)
        if wanted(part):
            yield part, reader.batches(remaining)
        for row in remaining:  # not wanted, or not consumed
            reading.record = row.number


def _rows(reading: Reading, lines: Iterable[bytes], delimiter: str) -> Iterator[_Row]:
    """Yield the header as row 0, then the rows, from 1."""
    source = _Lines(reading, lines)
    parser = csv.reader(source, delimiter=delimiter, strict=True)
    csv.field_size_limit(max(csv.field_size_limit(), LONGEST_LINE_BYTES))
    number = 0
    while True:
        row = _Row(number, source.position // reading.part_bytes)
        source.begin()
        try:
            row.fields = next(parser)
        except StopIteration:
            return
        except csv.Error as error:
            if source.is_at_end and "unexpected end of data" in str(error):
                raise reading.damaged("a quote is opened and never closed") from error
            row.reason = f"is not a row of CSV: {_plain(error)}"
        row.size = source.row_bytes
        yield row
        number += 1


class _Lines:
    """Iterator over decoded lines that knows the position in the text, and limits the bytes of a row."""

    def __init__(self, reading: Reading, batches: Iterable[bytes]) -> None:
        self._reading = reading
        self._lines = (line for batch in batches for line in io.BytesIO(batch))
        self.position = self.row_bytes = 0
        self.is_at_end = False

    def begin(self) -> None:
        """Begin a row."""
        self.row_bytes = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self.is_at_end = True
            raise StopIteration
        if self.position == 0:
            self.position = len(line)
            return line.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
        self.position += len(line)
        self.row_bytes += len(line)
        if self.row_bytes > LONGEST_LINE_BYTES:
            raise self._reading.damaged(
                f"holds a row of more than {LONGEST_LINE_BYTES:,} bytes: is a quote not closed?"
            )
        return line.decode("utf-8", "surrogateescape")


class _Documents:
    """Converter of rows to documents, by the columns that the header names."""

    def __init__(self, reading: Reading, header: _Row) -> None:
        """Raises UnusableColumn."""
        source = reading.file.source
        self._reading, self._width = reading, len(header.fields)
        self._text = self._place(header, "text")
        self._id = self._place(header, "id")
        self._language = None if source.label is not None else self._place(header, "language")

    def _place(self, header: _Row, role: Role) -> int | None:
        source = self._reading.file.source
        name = source.field(role)
        count = header.fields.count(name)
        if count > 1:
            raise UnusableColumn(self._reading.file.path, name, "is there more than once")
        if count == 0 and source.requires(role):
            reason = f"is not in the first row, which has: {header.reason or listed(header.fields)}"
            raise UnusableColumn(self._reading.file.path, name, reason)
        return header.fields.index(name) if count else None

    def batches(self, rows: Iterable[_Row]) -> Iterator[pa.RecordBatch]:
        """Yield the documents of rows, about `batch_bytes` of the file at a time."""
        held: tuple[list[str], list[str], list[str]] = ([], [], [])
        held_bytes = 0
        try:
            for row in rows:
                if row.fields or row.reason:
                    document = self._document(row)
                    for column, value in zip(held, document or (), strict=False):
                        column.append(value)
                self._reading.record = row.number
                held_bytes += row.size
                if held_bytes >= self._reading.batch_bytes:
                    yield from self._taken(held)
                    held_bytes = 0
        except DamagedFile:
            yield from self._taken(held)
            raise
        yield from self._taken(held)

    def _taken(self, held: tuple[list[str], list[str], list[str]]) -> Iterator[pa.RecordBatch]:
        kinds = (pa.string(), pa.string(), pa.large_string())
        ids, languages, texts = (pa.array(values, kind) for values, kind in zip(held, kinds, strict=True))
        for values in held:
            values.clear()
        if len(texts):
            yield from self._reading.batches(ids, languages, texts)

    def _document(self, row: _Row) -> tuple[str, str, str] | None:
        """Return id, language and text; None for a row that was added to the bad records."""
        source = self._reading.file.source
        reason = row.reason
        if reason is None and len(row.fields) != self._width:
            reason = f"has {len(row.fields)} fields, and the first row has {self._width}"
        if reason is None:
            for name, place in (
                (source.field("text"), self._text),
                (source.field("id"), self._id),
                (source.field("language"), self._language),
            ):
                if place is not None and _BROKEN.search(row.fields[place]):
                    reason = f"{name} is {why_invalid_utf8(row.fields[place].encode('utf-8', 'surrogateescape'))}"
                    break
        if reason is None and self._language is not None and not row.fields[self._language]:
            reason = f"{source.field('language')} is empty"
        if reason is not None:
            self._reading.add_bad(row.number, reason)
            return None
        number = str(row.number) if self._reading.with_ids else ""
        language = self._reading.language_by_name if self._language is None else row.fields[self._language]
        return number if self._id is None else row.fields[self._id], language, row.fields[self._text or 0]


def _plain(error: csv.Error) -> str:
    """Return the reason of Python's reader in the words of the format."""
    if "new-line character" in str(error):
        return "a carriage return stands outside quotes"
    if "expected after" in str(error):
        return "a closing quote is followed by text"
    return str(error)
