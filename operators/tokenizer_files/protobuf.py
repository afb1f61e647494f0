"""The wire format of Protocol Buffers: a message is read strictly, field by field, or written."""

import struct
from collections.abc import Iterator
from typing import Final

VARINT: Final = 0
FIXED_64: Final = 1
BYTES: Final = 2
FIXED_32: Final = 5
_SIZES: Final = {FIXED_64: 8, FIXED_32: 4}
_VARINT_BYTES: Final = 10


def fields(message: memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """(number, wire type, value) of each field in order: an int for VARINT, else the bytes.

    Raises ValueError where the message ends within a field, or has a group or an unknown wire type.
    """
    place = 0
    while place < len(message):
        key, place = _varint(message, place)
        number, kind = key >> 3, key & 7
        if not number:
            raise ValueError(f"a field without a number at byte {place}")
        if kind == VARINT:
            value, place = _varint(message, place)
            yield number, kind, value
            continue
        if kind == BYTES:
            size, place = _varint(message, place)
        elif kind in _SIZES:
            size = _SIZES[kind]
        else:
            raise ValueError(f"wire type {kind} at byte {place}")
        if place + size > len(message):
            raise ValueError(f"the message ends within field {number}")
        yield number, kind, message[place : place + size]
        place += size


def _varint(message: memoryview, place: int) -> tuple[int, int]:
    """The number at a place, and the place behind it."""
    value = 0
    for shift in range(_VARINT_BYTES):
        if place >= len(message):
            raise ValueError("the message ends within a number")
        byte = message[place]
        place += 1
        value |= (byte & 0x7F) << 7 * shift
        if byte < 0x80:
            return value, place
    raise ValueError(f"a number of more than {_VARINT_BYTES} bytes at byte {place}")


def number(field: int, value: int) -> bytes:
    """Return a field that holds a whole number, 0 or more."""
    return _as_varint(field << 3 | VARINT) + _as_varint(value)


def content(field: int, value: bytes) -> bytes:
    """Return a field that holds bytes: a text, or another message."""
    return _as_varint(field << 3 | BYTES) + _as_varint(len(value)) + value


def single(field: int, value: float) -> bytes:
    """Return a field that holds a number of single precision."""
    return _as_varint(field << 3 | FIXED_32) + struct.pack("<f", value)


def _as_varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*written, value])
