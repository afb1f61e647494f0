"""Reader of JSON lines: one object a line, of which three fields are copied; everything else is checked to be JSON.

Strict as RFC 8259: anything unusual ends the scan, and a slower, careful reader reads the lines again. The bytes end
with a line feed, which inside JSON occurs only between tokens: so no loop runs over the end.
"""

from typing import NamedTuple

import numpy as np

from operators.arrays import I64, U8
from operators.kernels.intrinsics import copy_wide, lanes_equal, lanes_of, lowest_bit
from operators.kernels.kernel import kernel
from operators.kernels.lanes import WIDE

TEXT, ID, LANGUAGE = 0, 1, 2
UNUSUAL = -1
_DEEPEST = 60
"""Limit of containers in containers, a bit each; deeper is unusual."""
_DIGITS = 18
"""Limit of digits of an integer that is an id; longer is unusual."""
_QUOTE, _ESCAPE, _FEED = np.uint8(0x22), np.uint8(0x5C), np.uint8(0x0A)
_PRINTABLE = np.uint8(0xE0)
"""Mask: all bytes but control characters have one of these bits set."""


class Texts(NamedTuple):
    """Texts one after the other."""

    data: U8
    ends: I64
    """int64: where each text ends."""


@kernel
def read_objects(
    data: U8, names: Texts, has_language: int, texts: Texts, ids: Texts, languages: Texts, lines: I64
) -> tuple[int, int, int]:
    """Read records; return their number, the number of lines, and 1 if records name their language; or UNUSUAL thrice.

    names: the fields of text, id and language, in this order; an empty name is never found. has_language: 1 where all
    records must have the field, 0 where none may, -1 where the first decides. For each record its text, id (empty
    without one) and language are written, and to `lines` the number of its line (from 0), or -1 - line without an id.
    `data` of texts, ids and languages has WIDE bytes more than the input.
    """
    name_bytes, name_ends = names.data, names.ends
    text_bytes, text_ends = texts.data, texts.ends
    id_bytes, id_ends = ids.data, ids.ends
    language_bytes, language_ends = languages.data, languages.ends
    i, line, record = 0, 0, 0
    text_end, id_end, language_end = 0, 0, 0
    while i < len(data):
        i = _skip_blank(data, i)
        if data[i] == _FEED:
            i, line = i + 1, line + 1
            continue
        if data[i] != 0x7B:
            return UNUSUAL, UNUSUAL, UNUSUAL
        i = _skip_blank(data, i + 1)
        seen = 0
        while True:
            role, i = _field(data, i, name_bytes, name_ends)
            if i < 0 or (role >= 0 and seen & (1 << role)):
                return UNUSUAL, UNUSUAL, UNUSUAL
            is_string = data[i] == _QUOTE
            if role == TEXT and is_string:
                i, text_end = _copy_string(data, i + 1, text_bytes, text_end)
            elif role == ID and is_string:
                i, id_end = _copy_string(data, i + 1, id_bytes, id_end)
            elif role == LANGUAGE and is_string:
                before = language_end
                i, language_end = _copy_string(data, i + 1, language_bytes, language_end)
                i = UNUSUAL if language_end == before else i
            elif role == ID and data[i] == 0x6E:  # null: as if the field were absent
                i, role = _skip_value(data, i), -1
            elif role == ID:
                i, id_end = _copy_integer(data, i, id_bytes, id_end)
            elif role < 0:
                i = _skip_value(data, i)
            else:
                i = UNUSUAL
            if i < 0:
                return UNUSUAL, UNUSUAL, UNUSUAL
            seen |= 1 << role if role >= 0 else 0
            i = _skip_blank(data, i)
            if data[i] == 0x7D:
                break
            if data[i] != 0x2C:
                return UNUSUAL, UNUSUAL, UNUSUAL
            i = _skip_blank(data, i + 1)
        i = _skip_blank(data, i + 1)
        has = 1 if seen & (1 << LANGUAGE) else 0
        if has_language < 0:
            has_language = has
        if data[i] != _FEED or not seen & (1 << TEXT) or has != has_language:
            return UNUSUAL, UNUSUAL, UNUSUAL
        text_ends[record], id_ends[record], language_ends[record] = text_end, id_end, language_end
        lines[record] = line if seen & (1 << ID) else -1 - line
        i, line, record = i + 1, line + 1, record + 1
    return record, line, has_language


@kernel
def _skip_blank(data: U8, i: int) -> int:
    while data[i] == 0x20 or data[i] == 0x09 or data[i] == 0x0D:
        i += 1
    return i


@kernel
def _field(data: U8, i: int, names: U8, name_ends: I64) -> tuple[int, int]:
    """Return the role of the key at `i` (-1: none) and where its value begins; UNUSUAL if it is no key, or escaped."""
    if data[i] != _QUOTE:
        return -1, UNUSUAL
    start = i + 1
    i = start
    while data[i] != _QUOTE:
        if data[i] < 0x20 or data[i] == _ESCAPE:
            return -1, UNUSUAL
        i += 1
    role, begin = -1, 0
    for candidate in range(3):
        end = name_ends[candidate]
        if end - begin == i - start and end > begin:
            same = True
            for k in range(end - begin):
                same = same and names[begin + k] == data[start + k]
            if same:
                role = candidate
        begin = end
    i = _skip_blank(data, i + 1)
    if data[i] != 0x3A:
        return -1, UNUSUAL
    return role, _skip_blank(data, i + 1)


@kernel
def _copy_string(data: U8, i: int, out: U8, end: int) -> tuple[int, int]:
    """Copy a string, from behind its opening quote, unescaped to out[end:]; return its end in both, or UNUSUAL."""
    while True:
        while i + WIDE <= len(data):
            copy_wide(data, i, out, end)
            bits = lanes_equal(data, i, _QUOTE) | lanes_equal(data, i, _ESCAPE) | ~lanes_of(data, i, _PRINTABLE)
            stop = lowest_bit(np.int64(bits)) if bits != 0 else WIDE
            i, end = i + stop, end + stop
            if stop < WIDE:
                break
        byte = data[i]
        while byte >= 0x20 and byte != _QUOTE and byte != _ESCAPE:  # the last bytes of all
            out[end] = byte
            i, end = i + 1, end + 1
            byte = data[i]
        if byte == _QUOTE:
            return i + 1, end
        if byte != _ESCAPE:
            return UNUSUAL, end
        plain = _unescaped(data[i + 1])
        if plain:
            out[end] = plain
            i, end = i + 2, end + 1
        else:
            point, i = _code_point(data, i)
            if i < 0:
                return UNUSUAL, end
            end = _put_utf8(out, end, point)


@kernel
def _unescaped(letter: int) -> int:
    """Return the byte that a letter behind a backslash stands for; 0 for u and all others."""
    if letter == 0x22 or letter == 0x5C or letter == 0x2F:
        return letter
    if letter == 0x6E:
        return 0x0A
    if letter == 0x74:
        return 0x09
    if letter == 0x72:
        return 0x0D
    if letter == 0x62:
        return 0x08
    if letter == 0x66:
        return 0x0C
    return 0


@kernel
def _code_point(data: U8, i: int) -> tuple[int, int]:
    r"""Return the code point of "\uXXXX" at `i`, or of a surrogate pair of two, and its end; UNUSUAL for others."""
    unit = _four_digits(data, i)
    if unit < 0 or 0xDC00 <= unit < 0xE000:
        return 0, UNUSUAL
    if unit < 0xD800 or unit >= 0xE000:
        return unit, i + 6
    other = _four_digits(data, i + 6)
    if other < 0xDC00 or other >= 0xE000:
        return 0, UNUSUAL
    return 0x10000 + ((unit - 0xD800) << 10) + (other - 0xDC00), i + 12


@kernel
def _four_digits(data: U8, i: int) -> int:
    r"""Return the number of "\uXXXX" at `i`, or UNUSUAL."""
    if data[i] != _ESCAPE or data[i + 1] != 0x75:
        return UNUSUAL
    number = 0
    for k in range(2, 6):
        byte = int(data[i + k])
        if 0x30 <= byte <= 0x39:
            digit = byte - 0x30
        elif 0x41 <= byte <= 0x46:
            digit = byte - 0x37
        elif 0x61 <= byte <= 0x66:
            digit = byte - 0x57
        else:
            return UNUSUAL
        number = number * 16 + digit
    return number


@kernel
def _put_utf8(out: U8, end: int, point: int) -> int:
    if point < 0x80:
        out[end] = point
        return end + 1
    if point < 0x800:
        out[end] = 0xC0 | point >> 6
        out[end + 1] = 0x80 | point & 0x3F
        return end + 2
    if point < 0x10000:
        out[end] = 0xE0 | point >> 12
        out[end + 1] = 0x80 | point >> 6 & 0x3F
        out[end + 2] = 0x80 | point & 0x3F
        return end + 3
    out[end] = 0xF0 | point >> 18
    out[end + 1] = 0x80 | point >> 12 & 0x3F
    out[end + 2] = 0x80 | point >> 6 & 0x3F
    out[end + 3] = 0x80 | point & 0x3F
    return end + 4


@kernel
def _copy_integer(data: U8, i: int, out: U8, end: int) -> tuple[int, int]:
    """Copy an integer that is written as Python writes it; return its end in both, or UNUSUAL."""
    start = i
    if data[i] == 0x2D:
        i += 1
    first = i
    while 0x30 <= data[i] <= 0x39:
        i += 1
    zero = data[first] == 0x30
    if i == first or i - first > _DIGITS or (zero and i - start > 1):
        return UNUSUAL, end
    if data[i] == 0x2E or data[i] == 0x65 or data[i] == 0x45:
        return UNUSUAL, end
    for k in range(start, i):
        out[end] = data[k]
        end += 1
    return i, end


@kernel
def _skip_string(data: U8, i: int) -> int:
    """Return the end of the string whose quote is at `i`, or UNUSUAL."""
    i += 1
    while True:
        while i + WIDE <= len(data):
            bits = lanes_equal(data, i, _QUOTE) | lanes_equal(data, i, _ESCAPE) | ~lanes_of(data, i, _PRINTABLE)
            stop = lowest_bit(np.int64(bits)) if bits != 0 else WIDE
            i += stop
            if stop < WIDE:
                break
        byte = data[i]
        if byte == _QUOTE:
            return i + 1
        if byte < 0x20:
            return UNUSUAL
        if byte != _ESCAPE:
            i += 1
        elif _unescaped(data[i + 1]):
            i += 2
        else:
            _, i = _code_point(data, i)
            if i < 0:
                return UNUSUAL


@kernel
def _skip_digits(data: U8, i: int) -> int:
    """Return the end of one digit or more, or UNUSUAL."""
    first = i
    while 0x30 <= data[i] <= 0x39:
        i += 1
    return i if i > first else UNUSUAL


@kernel
def _skip_number(data: U8, i: int) -> int:
    if data[i] == 0x2D:
        i += 1
    first = i
    i = _skip_digits(data, i)
    if i < 0 or (data[first] == 0x30 and i > first + 1):
        return UNUSUAL
    if data[i] == 0x2E:
        i = _skip_digits(data, i + 1)
        if i < 0:
            return UNUSUAL
    if data[i] == 0x65 or data[i] == 0x45:
        return UNUSUAL  # such numbers may be too large for some
    return i


@kernel
def _skip_literal(data: U8, i: int) -> int:
    """Return the end of true, false or null, or UNUSUAL."""
    if data[i] == 0x74:
        same = data[i + 1] == 0x72 and data[i + 2] == 0x75 and data[i + 3] == 0x65
        return i + 4 if same else UNUSUAL
    if data[i] == 0x6E:
        same = data[i + 1] == 0x75 and data[i + 2] == 0x6C and data[i + 3] == 0x6C
        return i + 4 if same else UNUSUAL
    if data[i] == 0x66 and data[i + 1] == 0x61 and data[i + 2] == 0x6C and data[i + 3] == 0x73 and data[i + 4] == 0x65:
        return i + 5
    return UNUSUAL


@kernel
def _skip_key(data: U8, i: int) -> int:
    """Return the end of a key, its colon and blanks, or UNUSUAL."""
    if data[i] != _QUOTE:
        return UNUSUAL
    i = _skip_string(data, i)
    if i < 0:
        return UNUSUAL
    i = _skip_blank(data, i)
    return _skip_blank(data, i + 1) if data[i] == 0x3A else UNUSUAL


@kernel
def _skip_value(data: U8, i: int) -> int:
    """Return the end of any value, or UNUSUAL. Each open container has a bit: 1 for an object, 0 for an array."""
    depth, objects = 0, np.int64(0)
    while True:
        byte = data[i]
        if byte == 0x7B or byte == 0x5B:
            if depth == _DEEPEST:
                return UNUSUAL
            objects = objects << 1 | (byte == 0x7B)
            depth += 1
            i = _skip_blank(data, i + 1)
            if data[i] != byte + 2:  # not empty
                if byte == 0x7B:
                    i = _skip_key(data, i)
                if i < 0:
                    return UNUSUAL
                continue
        elif byte == _QUOTE:
            i = _skip_string(data, i)
        elif byte == 0x2D or 0x30 <= byte <= 0x39:
            i = _skip_number(data, i)
        else:
            i = _skip_literal(data, i)
        if i < 0:
            return UNUSUAL
        while True:  # after a value, or at the end of an empty container
            if depth == 0:
                return i
            i = _skip_blank(data, i)
            if data[i] == 0x2C:
                i = _skip_blank(data, i + 1)
                if objects & 1:
                    i = _skip_key(data, i)
                if i < 0:
                    return UNUSUAL
                break
            if data[i] != (0x7D if objects & 1 else 0x5D):
                return UNUSUAL
            objects, depth, i = objects >> 1, depth - 1, i + 1
