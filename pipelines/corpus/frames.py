"""Frames of compressed files: where they begin, and how much text each holds, found without decompressing.

Frames of zstd are found by their headers and those of their blocks (RFC 8878), or by a seek table (zstd,
contrib/seekable_format); members of gzip where bgzip wrote them, whose headers say where the next one begins (SAM/BAM
format, section 4.1). A frame of zstd without a content size may hold 128 KiB for each compressed block. Headers
are not trusted: who reads a run of frames verifies that it is whole and holds as much text as they say.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

import zstandard

from pipelines.corpus.formats import Compression
from pipelines.corpus.reading import InputStream
from pipelines.corpus.spans import FrameRun

RUN_BYTES: Final = 1 << 20
"""Text from which frames make a run: a reader decompresses a run from its beginning."""
_ZSTD_HEADER_BYTES: Final = 18
_SKIPPABLE: Final = 0x184D2A50
_SEEK_TABLE: Final = 0x184D2A5E
_SEEKABLE: Final = b"\xb1\xea\x92\x8f"
_MOST_BLOCK_BYTES: Final = 1 << 17
_ONE_BYTE_BLOCK, _COMPRESSED_BLOCK = 1, 2
_BGZF: Final = (b"\x1f\x8b\x08\x04", b"\x06\x00BC\x02\x00")
"""First bytes of a member, and its bytes 10 to 16: an extra field that holds the member's size less one."""
_BGZF_HEADER_BYTES: Final = 18


_Frame: TypeAlias = tuple[int, int, bool]
"""Stored bytes of a frame, its bytes of text, and False where these are a bound only."""


class _Unknown(Exception):
    """The file does not say where its frames are, or what they hold."""


def frame_runs(stream: InputStream, size: int, compression: Compression) -> tuple[FrameRun, ...]:
    """Return runs of frames that tile a compressed file of `size` bytes; none where its headers do not tell them."""
    try:
        if compression == "zstd":
            return _runs(_listed_frames(stream, size) or _zstd_frames(stream, size))
        return _runs(_bgzf_members(stream, size)) if compression == "gzip" else ()
    except _Unknown:
        return ()


def _runs(frames: Iterator[_Frame]) -> tuple[FrameRun, ...]:
    """Join frames to runs of RUN_BYTES of text and more; the last may be less."""
    runs: list[FrameRun] = []
    stored = text = first_stored = first_text = 0
    exact = True
    for frame_bytes, text_bytes, is_exact in frames:
        stored, text, exact = stored + frame_bytes, text + text_bytes, exact and is_exact
        if text - first_text >= RUN_BYTES:
            runs.append(FrameRun(first_stored, stored, first_text, text, exact))
            first_stored, first_text, exact = stored, text, True
    if stored > first_stored:
        runs.append(FrameRun(first_stored, stored, first_text, text, exact))
    return tuple(runs)


def _at(stream: InputStream, position: int, size: int) -> bytes:
    stream.seek(position)
    data = stream.read(size)
    if len(data) < size:
        raise _Unknown
    return data


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _zstd_frames(stream: InputStream, size: int) -> Iterator[_Frame]:
    """Yield each frame's sizes by its header and those of its blocks. Raises _Unknown."""
    place = 0
    while place < size:
        head = _at(stream, place, min(_ZSTD_HEADER_BYTES, size - place))
        if _number(head[:4]) & ~15 == _SKIPPABLE and len(head) >= 8:
            end, text, is_exact = place + 8 + _number(head[4:8]), 0, True
        else:
            try:
                frame, header = zstandard.get_frame_parameters(head), zstandard.frame_header_size(head)
            except zstandard.ZstdError:
                raise _Unknown from None
            end, most = _blocks(stream, place + header)
            end += 4 * frame.has_checksum
            is_exact = frame.content_size != zstandard.CONTENTSIZE_UNKNOWN
            text = frame.content_size if is_exact else most
        if end > size:
            raise _Unknown
        yield end - place, text, is_exact
        place = end


def _blocks(stream: InputStream, place: int) -> tuple[int, int]:
    """Return the end of a frame's blocks, and the most bytes of text that they may hold. place: of the first."""
    is_last, most = False, 0
    while not is_last:
        block = _number(_at(stream, place, 3))
        is_last, kind, length = bool(block & 1), block >> 1 & 3, block >> 3
        most += _MOST_BLOCK_BYTES if kind == _COMPRESSED_BLOCK else length
        place += 3 + (1 if kind == _ONE_BYTE_BLOCK else length)
    return place, most


def _listed_frames(stream: InputStream, size: int) -> Iterator[_Frame] | None:
    """Return each frame's sizes by the seek table at the end of the file; None where there is none."""
    foot = _at(stream, max(size - 9, 0), min(size, 9))
    if not foot.endswith(_SEEKABLE) or len(foot) < 9:
        return None
    entry = 12 if foot[4] & 128 else 8
    table = 8 + entry * _number(foot[:4]) + 9
    if table > size:
        return None
    data = _at(stream, size - table, table)
    if (_number(data[:4]), _number(data[4:8])) != (_SEEK_TABLE, table - 8):
        return None
    places = range(8, table - 9, entry)
    frames = [(_number(data[at : at + 4]), _number(data[at + 4 : at + 8]), True) for at in places]
    return iter([*frames, (table, 0, True)]) if sum(stored for stored, _, _ in frames) == size - table else None


def _bgzf_members(stream: InputStream, size: int) -> Iterator[_Frame]:
    """Yield each member's sizes. Raises _Unknown for a file that is not of such members alone."""
    place = 0
    while place < size:
        head = _at(stream, place, _BGZF_HEADER_BYTES)
        member = _number(head[16:18]) + 1
        if (head[:4], head[10:16]) != _BGZF or member < _BGZF_HEADER_BYTES:
            raise _Unknown
        yield member, _number(_at(stream, place + member - 4, 4)), True
        place += member
