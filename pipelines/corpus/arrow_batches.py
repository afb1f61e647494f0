"""Record batches of an Arrow file or stream that begin in a span, without reading those before it.

A batch of an IPC file begins at an equal share of the file: its number is all that its reader takes. Those of a stream
are found by the headers of the messages before it (Arrow columnar format, "Encapsulated message format": a flatbuffer
of Message.fbs, and the length of the body behind it).
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

import pyarrow as pa
from pyarrow import ipc

from pipelines.corpus.reading import InputStream, Reading
from pipelines.corpus.spans import CannotCut, Span

_CONTINUATION: Final = b"\xff\xff\xff\xff"
_HEAD_BYTES: Final = 1 << 10
_MOST_HEADER_BYTES: Final = 1 << 24
_RECORD_BATCH: Final = 3
_HEADER_TYPE, _HEADER, _BODY_BYTES = 1, 2, 3
"""Fields of a message."""
_LENGTH: Final = 0
"""Field of a record batch: its rows."""


def file_batches(reading: Reading, reader: Any, span: Span) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the record batches of an IPC file that begin in a span, with their numbers. reader: of the file."""
    size, count = reading.file.size or 0, reader.num_record_batches
    inside = [i for i in range(count) if span.start <= i * size // count < span.stop]
    first = inside[0] if inside else 0
    reading.count_before = lambda: sum(reader.get_batch(i).num_rows for i in range(first))
    return ((i, reader.get_batch(i)) for i in inside)


def stream_batches(
    reading: Reading, schema: pa.Schema, fields: Sequence[int], span: Span
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yield the record batches of a stream that begin in a span, with their numbers and these of its fields.

    Raises CannotCut.
    """
    rows_before, places = 0, list[tuple[int, int]]()
    for number, (place, rows) in enumerate(_batches(reading)):
        if place >= span.stop:
            break
        if place >= span.start:
            places.append((number, place))
        else:
            rows_before += rows
    reading.count_before = lambda: rows_before
    for number, place in places:
        reading.stream.seek(place)
        yield number, ipc.read_record_batch(ipc.read_message(reading.stream), schema).select(list(fields))


def _batches(reading: Reading) -> Iterator[tuple[int, int]]:
    """Yield place and rows of each record batch of a stream. Raises CannotCut for what its reader may not read."""
    place, number, size = 0, 0, reading.file.size or 0
    try:
        while place < size and (message := _message(reading.stream, place)) is not None:
            kind, rows, following = message
            if number and kind == _RECORD_BATCH:
                yield place, rows
            elif number:
                raise CannotCut(reading.file.path, f"its message at byte {place} is no record batch")
            place, number = following, number + 1
        end = place + (8 if place < size else 0)
    except struct.error:
        end = -1
    if end != size:
        raise CannotCut(reading.file.path, f"its message at byte {place} is not whole")


def _message(stream: InputStream, place: int) -> tuple[int, int, int] | None:
    """Return a message's kind, rows and end; None at the end mark. Raises struct.error where it is not whole."""
    stream.seek(place)
    head = stream.read(_HEAD_BYTES)
    if head[:4] != _CONTINUATION:
        raise struct.error
    (length,) = struct.unpack_from("<i", head, 4)
    if length == 0:
        return None
    if not 0 < length < _MOST_HEADER_BYTES:
        raise struct.error
    if length + 8 > len(head):
        stream.seek(place)
        head = stream.read(length + 8)
    message = head[8 : 8 + length]
    (root,) = struct.unpack_from("<I", message)
    kind = _field(message, root, _HEADER_TYPE, "<B")
    body = _field(message, root, _BODY_BYTES, "<q")
    header = _field_place(message, root, _HEADER)
    rows = 0
    if kind == _RECORD_BATCH:
        rows = _field(message, header + int(struct.unpack_from("<I", message, header)[0]), _LENGTH, "<q")
    if body < 0 or rows < 0:
        raise struct.error
    return kind, rows, place + 8 + length + body


def _field(table: bytes, place: int, field: int, kind: str) -> int:
    """Return a number of a flatbuffer's table at `place`; 0, the default, where it is absent."""
    found = _field_place(table, place, field)
    return int(struct.unpack_from(kind, table, found)[0]) if found else 0


def _field_place(table: bytes, place: int, field: int) -> int:
    """Return where a field is in a flatbuffer; 0 where it is absent (FlatBuffers, "Internals": tables, vtables)."""
    vtable = place - struct.unpack_from("<i", table, place)[0]
    if vtable < 0:
        raise struct.error
    (length,) = struct.unpack_from("<H", table, vtable)
    (offset,) = struct.unpack_from("<H", table, vtable + 4 + 2 * field) if 4 + 2 * field < length else (0,)
    return place + int(offset) if offset else 0
