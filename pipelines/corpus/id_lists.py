"""Reader of lists of ids: Parquet, Arrow and JSON lines, as documents of characters (`operators.id_lists`)."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import ipc

from operators.errors import DataError
from operators.id_lists import LARGEST_ALPHABET, to_text
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.columns import damage
from pipelines.corpus.errors import UnusableColumn
from pipelines.corpus.fields import columns_in, kind_of, listed, names_in, path_in, unnested, value_at
from pipelines.corpus.formats import format_of
from pipelines.corpus.lines import whole_lines
from pipelines.corpus.reading import Reading, check_unchanged, open_input
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import Span
from pipelines.corpus.text_chunks import text_chunks

FIELD: Final = "ids"
"""Name of the field of lists, where a source names no `text_field`."""
_ROWS: Final = 1 << 14


class NotIdLists(DataError):
    """A file of a format that holds no lists."""

    path: str
    message = "{path}: holds no lists of ids; name Parquet, Arrow or JSON-lines files (.parquet, .arrow, .jsonl)"


def read_id_lists(
    file: InputFile, bad: BadRecords, batch_bytes: int, *, span: Span | None = None, with_ids: bool = False
) -> Iterator[pa.RecordBatch]:
    """Yield lists as documents, in order, in batches (CORPUS_SCHEMA) of up to `batch_bytes`; all have empty ids.

    A list that is null, or holds anything but whole numbers from 0 to 2^20 - 1, is a bad record. Raises BadRecord,
    UnusableColumn, NotIdLists, DamagedFile and what opening raises.
    """
    how, name = format_of(file.path), file.source.text_field or FIELD
    with open_input(file) as stream:
        reading = Reading(file, stream, bad, max(batch_bytes, 1), span, with_ids)
        if how is not None and how.kind in ("parquet", "arrow"):
            found = _columns(reading, name, how.kind)
        elif how is not None and how.kind == "json":
            found = _lines(reading, name, whole_lines(text_chunks(reading, how), reading.batch_bytes))
        else:
            raise NotIdLists(file.path)
        for texts in found:
            yield from reading.batches(
                pa.repeat(pa.scalar("", pa.string()), len(texts)), reading.language_by_name, texts
            )
    check_unchanged(file)


def _columns(reading: Reading, name: str, kind: str) -> Iterator[pa.LargeStringArray]:
    with damage(reading):
        if kind == "parquet":
            parquet = pq.ParquetFile(reading.stream, pre_buffer=False)
            schema = parquet.schema_arrow
            place = _place(reading, schema, name)
            batches = parquet.iter_batches(batch_size=_ROWS, columns=[".".join(place)], use_threads=False)
        else:
            is_file = reading.stream.read(6) == b"ARROW1"
            reading.stream.seek(0)
            reader: Any = ipc.open_file(reading.stream) if is_file else ipc.open_stream(reading.stream)
            _place(reading, reader.schema, name)
            batches = (reader.get_batch(i) for i in range(reader.num_record_batches)) if is_file else iter(reader)
    while True:
        with damage(reading):
            batch = next(batches, None)
            if batch is None:
                return
            lists = unnested(batch, [name]).column(name)
            lists.validate(full=True)
        for first in range(0, len(lists), _ROWS):
            yield _texts(reading, name, lists[first : first + _ROWS])


def _place(reading: Reading, schema: pa.Schema, name: str) -> list[str]:
    """Return the names that lead to the column. Raises UnusableColumn unless it holds lists of whole numbers."""
    place = path_in(schema, name)
    if place is None:
        raise UnusableColumn(reading.file.path, name, f"is not there; there are: {listed(columns_in(schema))}")
    kind = kind_of(schema, place)
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    if not (is_list and (pa.types.is_integer(kind.value_type) or pa.types.is_null(kind.value_type))):
        raise UnusableColumn(reading.file.path, name, f"holds {kind}, not lists of whole numbers")
    return place


def _texts(reading: Reading, name: str, lists: Any) -> pa.LargeStringArray:
    """Return the lists of some rows as texts; bad ones are listed and left out."""
    first, reasons = reading.record + 1, dict[int, str]()
    valid = np.asarray(lists.is_valid())
    for row in np.flatnonzero(~valid).tolist():
        reasons[row] = f"{name} is null"
    lists = lists.cast(pa.large_list(lists.type.value_type))
    lengths = np.where(valid, np.asarray(lists.value_lengths().fill_null(0)), 0)
    values, rows = lists.flatten(), np.repeat(np.arange(len(lists)), lengths)
    for i in np.flatnonzero(np.asarray(values.is_null())).tolist():
        reasons.setdefault(int(rows[i]), f"{name} holds null")
    ids = np.asarray(values.fill_null(0) if not pa.types.is_null(values.type) else np.zeros(len(values), np.int64))
    for i in np.flatnonzero((ids < 0) | (ids >= LARGEST_ALPHABET)).tolist():
        reasons.setdefault(int(rows[i]), _outside(name, int(ids[i])))
    for row in sorted(reasons):
        reading.add_bad(first + row, reasons[row])
    reading.record += len(lists)
    good = np.ones(len(lists), np.bool_)
    good[list(reasons)] = False
    kept = ids[good[rows]] if reasons else ids
    return to_text(kept, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths[good])]))


def _outside(name: str, value: int) -> str:
    return f"{name} holds {value}; ids are from 0 to {LARGEST_ALPHABET - 1:,}"


def _lines(reading: Reading, name: str, found: Iterator[bytes]) -> Iterator[pa.LargeStringArray]:
    for lines in found:
        lists: list[list[int]] = []
        if reading.record == 0:
            lines = lines.removeprefix(b"\xef\xbb\xbf")
        separate = lines.split(b"\n")
        for line in separate if separate[-1] else separate[:-1]:
            reading.record += 1
            if not line.strip():
                continue
            try:
                lists.append(_list_in(line, name))
            except _BadLine as error:
                reading.add_bad(reading.record, str(error))
        if lists:
            ids = np.fromiter(chain.from_iterable(lists), np.int64)
            yield to_text(ids, np.cumsum([0, *map(len, lists)]))


class _BadLine(Exception):
    """Reason why a line holds no list of ids."""


def _list_in(line: bytes, name: str) -> list[int]:
    """Return the list of a line. Raises _BadLine."""
    try:
        record = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _BadLine(f"no JSON ({error})") from None
    if not isinstance(record, dict):
        raise _BadLine("no JSON object")
    values = value_at(record, name)
    if values is msgspec.UNSET:
        raise _BadLine(f"{name} is missing; there are: {listed(names_in(record))}")
    if not isinstance(values, list):
        raise _BadLine(f"{name} is {'null' if values is None else type(values).__name__}, not a list of whole numbers")
    if kinds := {type(one).__name__ for one in values} - {"int"}:
        raise _BadLine(f"{name} holds {', '.join(sorted(kinds))}, not whole numbers alone")
    if values and (min(values) < 0 or max(values) >= LARGEST_ALPHABET):
        raise _BadLine(_outside(name, min(values) if min(values) < 0 else max(values)))
    return values
