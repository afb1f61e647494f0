"""Frames of compressed files: where they begin, and how much text each holds, found without decompressing.

Frames are found only where headers say both: frames of zstd (RFC 8878) that state their content size, or that a seek
table lists (zstd, contrib/seekable_format), and members of gzip as bgzip writes them (SAM/BAM format, section 4.1).
Headers are not trusted: who reads a run of frames verifies that it is whole and holds as much text as they say.
"""

from collections.abc import Iterator
from typing import Final

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
_BLOCK_OF_ONE_BYTE: Final = 1
_BGZF: Final = (b"\x1f\x8b\x08\x04", b"\x06\x00BC\x02\x00")
"""First bytes of a member, and its bytes 10 to 16: an extra field that holds the member's size less one."""
_BGZF_HEADER_BYTES: Final = 18


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


def _runs(frames: Iterator[tuple[int, int]]) -> tuple[FrameRun, ...]:
    """Join frames, (stored bytes, bytes of text) each, to runs of RUN_BYTES of text and more; the last may be less."""
    runs: list[FrameRun] = []
    stored = text = first_stored = first_text = 0
    for frame_bytes, text_bytes in frames:
        stored, text = stored + frame_bytes, text + text_bytes
        if text - first_text >= RUN_BYTES:
            runs.append(FrameRun(first_stored, stored, first_text, text))
            first_stored, first_text = stored, text
    if stored > first_stored:
        runs.append(FrameRun(first_stored, stored, first_text, text))
    return tuple(runs)


def _at(stream: InputStream, position: int, size: int) -> bytes:
    stream.seek(position)
    data = stream.read(size)
    if len(data) < size:
        raise _Unknown
    return data


def _number(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _zstd_frames(stream: InputStream, size: int) -> Iterator[tuple[int, int]]:
    """Yield each frame's sizes by its header and those of its blocks. Raises _Unknown."""
    place = 0
    while place < size:
        head = _at(stream, place, min(_ZSTD_HEADER_BYTES, size - place))
        if _number(head[:4]) & ~15 == _SKIPPABLE and len(head) >= 8:
            end, text = place + 8 + _number(head[4:8]), 0
        else:
            try:
                frame, header = zstandard.get_frame_parameters(head), zstandard.frame_header_size(head)
            except zstandard.ZstdError:
                raise _Unknown from None
            text = frame.content_size
            if text == zstandard.CONTENTSIZE_UNKNOWN:
                raise _Unknown
            end = _end_of_blocks(stream, place + header) + 4 * frame.has_checksum
        if end > size:
            raise _Unknown
        yield end - place, text
        place = end


def _end_of_blocks(stream: InputStream, place: int) -> int:
    is_last = False
    while not is_last:
        block = _number(_at(stream, place, 3))
        is_last, kind, length = bool(block & 1), block >> 1 & 3, block >> 3
        place += 3 + (1 if kind == _BLOCK_OF_ONE_BYTE else length)
    return place


def _listed_frames(stream: InputStream, size: int) -> Iterator[tuple[int, int]] | None:
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
    frames = [(_number(data[at : at + 4]), _number(data[at + 4 : at + 8])) for at in range(8, table - 9, entry)]
    return iter([*frames, (table, 0)]) if sum(stored for stored, _ in frames) == size - table else None


def _bgzf_members(stream: InputStream, size: int) -> Iterator[tuple[int, int]]:
    """Yield each member's sizes. Raises _Unknown for a file that is not of such members alone."""
    place = 0
    while place < size:
        head = _at(stream, place, _BGZF_HEADER_BYTES)
        if (head[:4], head[10:16]) != _BGZF:
            raise _Unknown
        member = _number(head[16:18]) + 1
        yield member, _number(_at(stream, place + member - 4, 4))
        place += member
