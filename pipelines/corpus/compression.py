"""Decompression that notices where a stream was cut, which python-zstandard's own stream reader does not.

Both formats allow several frames (members) in a row. A stream cut exactly between two of them is whole as far as
anybody can tell.
"""

import zlib
from collections.abc import Iterator
from typing import Final

import zstandard

from pipelines.corpus.formats import Compression
from pipelines.corpus.reading import Reading, Span

LONGEST_LINE_BYTES: Final = 256 << 20
"""A longer line is taken for damage: zeros compress by a factor of 30,000, so a small file may hold any length."""
MAGIC: Final[dict[Compression, bytes]] = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd"}
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
ZSTD_WINDOW_BYTES: Final = 1 << 27
"""Memory that a frame may ask for: what zstd itself takes without --long. It may be 2 GiB, in a file of 20 bytes."""
_PIECE_BYTES: Final = 1 << 20
_ZSTD_PIECE_BYTES: Final = 1 << 14
"""Small: what is given to zstd is decompressed at once, and zeros compress by a factor of 30,000."""


def pieces(reading: Reading, compression: Compression) -> Iterator[bytes]:
    """The decompressed bytes of a file, in pieces. Raises DamagedFile after the last sound piece.

    Damage, too, is a line of more than LONGEST_LINE_BYTES, as it must be held whole.
    """
    length = 0
    """Of the line that the last piece ends in."""
    for piece in _pieces(reading, compression):
        first = piece.find(b"\n")
        if length + (len(piece) if first < 0 else first) > LONGEST_LINE_BYTES:
            raise reading.damaged(f"holds a line of more than {LONGEST_LINE_BYTES:,} bytes")
        length = length + len(piece) if first < 0 else len(piece) - 1 - piece.rfind(b"\n")
        yield piece


def _pieces(reading: Reading, compression: Compression) -> Iterator[bytes]:
    if compression == "gzip":
        return _gunzip(reading)
    if compression == "zstd":
        return _unzstd(reading)
    return _plain(reading)


def _raw(reading: Reading, piece_bytes: int) -> Iterator[tuple[int, bytes]]:
    """The bytes of the file with their position."""
    position = 0
    while read := reading.stream.read(reading.read_bytes):
        for start in range(0, len(read), piece_bytes):
            yield position + start, read[start : start + piece_bytes]
        position += len(read)


def _plain(reading: Reading) -> Iterator[bytes]:
    span = reading.span
    for position, piece in _raw(reading, reading.read_bytes) if span is None else _lines_of(reading, span):
        for compression, magic in MAGIC.items():
            if position == 0 and piece.startswith(magic):  # neither magic is valid UTF-8: no text begins so
                raise reading.damaged(f"is compressed with {compression}, which the ending of its name does not say")
        yield piece


def _lines_of(reading: Reading, span: Span) -> Iterator[tuple[int, bytes]]:
    """The lines that begin in a span, with the position of each piece of them."""
    position = max(span.start - 1, 0)
    reading.stream.seek(position)
    inside = span.start == 0  # else behind the first line ending, which may stand right before the span
    while piece := reading.stream.read(reading.read_bytes):
        following = position + len(piece)
        if not inside:
            newline = piece.find(b"\n")
            inside = newline >= 0
            position, piece = position + newline + 1, piece[newline + 1 :] if inside else b""
            if position >= span.stop:
                return
        if inside and following >= span.stop:
            newline = piece.find(b"\n", max(span.stop - 1 - position, 0))  # ends the last line that begins inside
            if newline >= 0:
                yield position, piece[: newline + 1]
                return
        if piece:
            yield position, piece
        position = following


def _gunzip(reading: Reading) -> Iterator[bytes]:
    member = None  # None between members
    members = 0
    for position, raw in _raw(reading, _PIECE_BYTES):
        rest, full = raw, False
        while rest or full:
            if member is None:
                rest = rest.lstrip(b"\0") if members else rest  # padding, which gzip itself passes over
                if not rest:
                    break
                member, members = zlib.decompressobj(_GZIP_WINDOW), members + 1
            try:
                piece = member.decompress(rest, _PIECE_BYTES)
            except zlib.error as error:
                raise reading.damaged(_why("gzip", position, error, members)) from error
            if piece:
                yield piece
            rest, full = member.unconsumed_tail, len(piece) == _PIECE_BYTES  # where full, more may wait inside
            if member.eof:
                rest, full, member = member.unused_data, False, None
    if member is not None or members == 0:
        raise reading.damaged(_cut("gzip", members))


def _unzstd(reading: Reading) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    frame = None  # None between frames
    frames = 0
    for position, raw in _raw(reading, _ZSTD_PIECE_BYTES):
        rest = raw
        while rest:
            if frame is None:
                frame, frames = decompressor.decompressobj(), frames + 1
            try:
                piece = frame.decompress(rest)
            except zstandard.ZstdError as error:
                raise reading.damaged(_why("zstd", position, error, frames)) from error
            if piece:
                yield piece
            rest = b""
            if frame.eof:
                rest, frame = frame.unused_data, None
    if frame is not None or frames == 0:
        raise reading.damaged(_cut("zstd", frames))


def _cut(name: str, frames: int) -> str:
    return f"cut short: its {name} stream has no end" if frames else f"has 0 bytes, which no {name} stream has"


def _why(name: str, position: int, error: Exception, frames: int) -> str:
    if "too much memory" in str(error):
        remedy = "compress it anew: zstd -d --long=31 --stdout OLD | zstd -o NEW"
        return f"its zstd stream needs a window of more than {ZSTD_WINDOW_BYTES >> 20} MiB; {remedy}"
    more = "damaged, or followed by something else," if frames > 1 else "damaged"
    return f"its {name} stream is {more} after byte {position} ({error})"
