"""Decompression of gzip, zstd, bzip2 and xz that detects truncation, which python-zstandard's stream reader does not.

All formats allow several frames (members) in a row. A stream that was cut exactly between two of them cannot be told
from a whole one.
"""

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import zstandard

from pipelines.corpus.formats import Compression
from pipelines.corpus.reading import Reading
from pipelines.corpus.spans import CannotCut, FrameRun, Span

LONGEST_LINE_BYTES: Final = 256 << 20
"""Longest line; a longer one counts as damage. Zeros compress by a factor of 30,000, so a small file may hold any."""
MAGIC: Final[dict[Compression, bytes]] = {"gzip": b"\x1f\x8b", "zstd": b"\x28\xb5\x2f\xfd", "xz": b"\xfd7zXZ\0"}
"""First bytes, of the formats in which they are no UTF-8."""
_GZIP_WINDOW: Final = 16 + zlib.MAX_WBITS
ZSTD_WINDOW_BYTES: Final = 1 << 27
"""Largest window of a frame: that of zstd without --long. A file of 20 bytes may ask for 2 GiB."""
XZ_MEMORY_BYTES: Final = 128 << 20
"""Memory limit of an xz stream: `xz -9` needs 65 MiB, and a file of 100 bytes may ask for 4 GiB."""
_CHUNK_BYTES: Final = 1 << 20
_ZSTD_CHUNK_BYTES: Final = 1 << 14
"""Bytes passed to zstd at once, which decompresses all of them: zeros compress by a factor of 30,000."""


def chunks(reading: Reading, compression: Compression) -> Iterator[bytes]:
    """Yield the decompressed bytes of a file in chunks. Raises DamagedFile after the last sound chunk."""
    for chunk in _chunks(reading, compression):
        if compression:
            reading.expand(len(chunk))
        yield chunk


def text_from(reading: Reading, compression: Compression, span: Span) -> Iterator[tuple[int, bytes]]:
    """Yield (position, chunk) of the text from the byte before a span, or earlier, to the end of the file."""
    return _runs(reading, compression, span.runs) if compression else _plain(reading, max(span.start - 1, 0))


def bounded_lines(reading: Reading, found: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the chunks. Raises DamagedFile at a line of more than LONGEST_LINE_BYTES, because a line is held whole."""
    length = 0  # of the line in which the last chunk ends
    for chunk in found:
        first = chunk.find(b"\n")
        if length + (len(chunk) if first < 0 else first) > LONGEST_LINE_BYTES:
            raise reading.damaged(f"holds a line of more than {LONGEST_LINE_BYTES:,} bytes")
        length = length + len(chunk) if first < 0 else len(chunk) - 1 - chunk.rfind(b"\n")
        yield chunk


def _chunks(reading: Reading, compression: Compression) -> Iterator[bytes]:
    if reading.span is not None:
        return _lines_of(text_from(reading, compression, reading.span), reading.span)
    if compression:
        return decompressed(reading, compression, 0, None)
    return (chunk for _, chunk in _plain(reading, 0))


def decompressed(reading: Reading, compression: Compression, start: int, stop: int | None) -> Iterator[bytes]:
    """Yield the text of the frames stored in the bytes `start` to `stop`; None: to the end."""
    reading.stream.seek(start)
    if compression == "gzip":
        return _gunzip(reading, _raw(reading, _CHUNK_BYTES, start, stop))
    if compression == "zstd":
        return _unzstd(reading, _raw(reading, _ZSTD_CHUNK_BYTES, start, stop))
    raw = _raw(reading, _CHUNK_BYTES, start, stop)
    if compression == "bzip2":
        return _streams(reading, raw, "bzip2", bz2.BZ2Decompressor)
    return _streams(reading, raw, "xz", lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, XZ_MEMORY_BYTES))


def _runs(reading: Reading, compression: Compression, runs: Sequence[FrameRun]) -> Iterator[tuple[int, bytes]]:
    """Yield (position in the text, chunk) of runs of frames. Raises CannotCut where a header told a wrong size."""
    for run in runs:
        position = run.text
        for chunk in decompressed(reading, compression, run.stored, run.stored_stop):
            yield position, chunk
            position += len(chunk)
        if position > run.text_stop or (run.is_exact and position < run.text_stop):
            raise CannotCut(reading.file.path, f"frames end at byte {position} of its text, not at {run.text_stop}")


def _raw(reading: Reading, chunk_bytes: int, start: int, stop: int | None) -> Iterator[tuple[int, bytes]]:
    """Yield (position, bytes) of the file as it is stored. The stream is at `start`."""
    position = start
    while read := reading.stream.read(reading.read_bytes if stop is None else min(reading.read_bytes, stop - position)):
        for at in range(0, len(read), chunk_bytes):
            yield position + at, read[at : at + chunk_bytes]
        position += len(read)


def _plain(reading: Reading, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield (position, chunk) of a file that is not compressed."""
    reading.stream.seek(start)
    for position, chunk in _raw(reading, reading.read_bytes, start, None):
        for compression, magic in MAGIC.items():
            if position == 0 and chunk.startswith(magic):  # no magic is valid UTF-8: no text begins so
                raise reading.damaged(f"is compressed with {compression}, which the ending of its name does not say")
        yield position, chunk


def _lines_of(text: Iterator[tuple[int, bytes]], span: Span) -> Iterator[bytes]:
    """Yield the lines that begin in a span. text: (position, chunk) from the byte before the span or earlier."""
    inside = span.start == 0  # else behind the first line ending, which may stand right before the span
    for position, chunk in text:
        following = position + len(chunk)
        if not inside:
            newline = chunk.find(b"\n", max(span.start - 1 - position, 0))
            inside = newline >= 0
            position, chunk = position + newline + 1, chunk[newline + 1 :] if inside else b""
            if position >= span.stop:
                return
        if inside and following >= span.stop:
            newline = chunk.find(b"\n", max(span.stop - 1 - position, 0))  # ends the last line that begins inside
            if newline >= 0:
                yield chunk[: newline + 1]
                return
        if chunk:
            yield chunk


def _gunzip(reading: Reading, stored: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    member = None  # None between members
    members = 0
    for position, raw in stored:
        rest, full = raw, False
        while rest or full:
            if member is None:
                rest = rest.lstrip(b"\0") if members else rest  # padding, which gzip itself skips
                if not rest:
                    break
                member, members = zlib.decompressobj(_GZIP_WINDOW), members + 1
            try:
                chunk = member.decompress(rest, _CHUNK_BYTES)
            except zlib.error as error:
                raise reading.damaged(_why("gzip", position, error, members)) from error
            if chunk:
                yield chunk
            rest, full = member.unconsumed_tail, len(chunk) == _CHUNK_BYTES  # where full, more may wait inside
            if member.eof:
                rest, full, member = member.unused_data, False, None
    if member is not None or members == 0:
        raise reading.damaged(_cut("gzip", members))


def _unzstd(reading: Reading, stored: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
    frame = None  # None between frames
    frames = 0
    for position, raw in stored:
        rest = raw
        while rest:
            if frame is None:
                frame, frames = decompressor.decompressobj(), frames + 1
            try:
                chunk = frame.decompress(rest)
            except zstandard.ZstdError as error:
                raise reading.damaged(_why("zstd", position, error, frames)) from error
            if chunk:
                yield chunk
            rest = b""
            if frame.eof:
                rest, frame = frame.unused_data, None
    if frame is not None or frames == 0:
        raise reading.damaged(_cut("zstd", frames))


def _streams(
    reading: Reading, stored: Iterator[tuple[int, bytes]], name: str,
    start: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor],
) -> Iterator[bytes]:  # fmt: skip
    """Decompress with a class of the standard library. Null bytes between streams of xz are padding."""
    stream = None  # None between streams
    streams = 0
    for position, raw in stored:
        rest = raw
        while True:
            if stream is None:
                rest = rest.lstrip(b"\0") if streams and name == "xz" else rest
                if not rest:
                    break
                stream, streams = start(), streams + 1
            try:
                chunk = stream.decompress(rest, _CHUNK_BYTES)
            except (OSError, lzma.LZMAError) as error:
                raise reading.damaged(_why(name, position, error, streams)) from error
            if chunk:
                yield chunk
            rest = b""
            if stream.eof:
                rest, stream = stream.unused_data, None
            elif stream.needs_input:
                break
    if stream is not None or streams == 0:
        raise reading.damaged(_cut(name, streams))


def _cut(name: str, frames: int) -> str:
    return f"cut short: its {name} stream has no end" if frames else f"has 0 bytes, which no {name} stream has"


def _why(name: str, position: int, error: Exception, frames: int) -> str:
    if "too much memory" in str(error):
        remedy = "compress it anew: zstd -d --long=31 --stdout OLD | zstd -o NEW"
        return f"its zstd stream needs a window of more than {ZSTD_WINDOW_BYTES >> 20} MiB; {remedy}"
    if "limit exceeded" in str(error):
        return f"its xz stream needs more than {XZ_MEMORY_BYTES >> 20} MiB of memory; compress it anew with xz -9"
    more = "damaged, or followed by something else," if frames > 1 else "damaged"
    return f"its {name} stream is {more} after byte {position} ({error})"
