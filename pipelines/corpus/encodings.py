"""Recognition of text that is not UTF-8, by its byte-order mark or by its zero bytes."""

from typing import Final

HEAD_BYTES: Final = 4096
"""Bytes at the beginning of a text by which its encoding is recognised."""
_MARKS: Final = (
    (b"\xff\xfe\0\0", "UTF-32"),
    (b"\0\0\xfe\xff", "UTF-32"),
    (b"\xff\xfe", "UTF-16"),
    (b"\xfe\xff", "UTF-16"),
)
"""Byte-order marks (Unicode 16.0, section 23.8). UTF-8's own mark stays in the text, as U+FEFF."""
_LEAST_ZEROS: Final = 8
_BELOW_32: Final = bytes(range(32))


def foreign_encoding(head: bytes) -> str | None:
    """Return the encoding, as iconv names it, of a text that begins with `head`, if it is UTF-16 or UTF-32; else None.

    Without a mark, UTF-32 has a zero as the first or last byte of every four. UTF-16 has zeros at odd places only, or
    at even places only, where most bytes are below 32, as those of most alphabets, or where the bytes are no UTF-8, or
    where most line feeds stand beside a zero.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    head = head[: min(len(head), HEAD_BYTES) // 4 * 4]
    if head.count(0) < _LEAST_ZEROS:
        return None
    zeros = [head[i::4].count(0) for i in range(4)]
    fours = len(head) // 4
    if zeros[3] == fours and zeros[2] * 2 > fours > zeros[0] * 2:
        return "UTF-32LE"
    if zeros[0] == fours and zeros[1] * 2 > fours > zeros[3] * 2:
        return "UTF-32BE"
    even, odd = zeros[0] + zeros[2], zeros[1] + zeros[3]
    if even and odd:
        return None
    high = head[1::2] if odd else head[::2]
    ends = sum(head[i : i + 2] == (b"\n\0" if odd else b"\0\n") for i in range(0, len(head), 2))
    if len(high.translate(None, _BELOW_32)) * 2 < len(high) or not _is_utf8(head) or ends * 2 > head.count(10) > 3:
        return "UTF-16LE" if odd else "UTF-16BE"
    return None


def _is_utf8(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.end == len(head) and len(head) - error.start < 4  # cut within a character
    return True
