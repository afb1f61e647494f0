"""What a Parquet file says of its column chunks and pages, read before pyarrow meets a hostile one.

pyarrow has no bound on what a page unpacks to, and ends the process when it is asked for a column chunk whose
description contradicts itself. Numbers of fields are those of Apache Parquet's parquet.thrift.
"""

from dataclasses import dataclass
from typing import IO, Any, Final, TypeAlias

from pipelines.corpus.reading import InputStream
from pipelines.corpus.thrift import Wanted, read_structure

LARGEST_PAGE_BYTES: Final = 256 << 20
"""Unpacked: a page holds one document at least, so as long as a line may be. Writers make pages of 1 MB."""
_CHUNK: Final[Wanted] = {5: None, 6: None, 7: None, 9: None, 11: None}
_FOOTER: Final[Wanted] = {2: [{}], 4: [{1: [{3: _CHUNK}]}]}
_PAGE: Final[Wanted] = {2: None, 3: None, 5: {1: None}, 8: {1: None}}
_MAGIC: Final = b"PAR1"
_TAIL_BYTES: Final = 64 << 10
_MOST_FOOTER_BYTES: Final = 16 << 20
_MOST_ITEMS: Final = 1 << 18
"""Columns, row groups and column chunks of a file: pyarrow takes up to 1 KB for each, however few bytes they have."""
_HEADER_BYTES: Final = (1 << 10, 1 << 16, 1 << 24)
"""Read of a page's header, until it is whole: it may hold the page's least and greatest value."""

_Stream: TypeAlias = InputStream | IO[bytes]


@dataclass(frozen=True)
class Chunk:
    """One column of one row group."""

    values: int
    uncompressed_bytes: int
    compressed_bytes: int
    start: int
    """Of its first page in the file."""


def read_chunks(stream: _Stream) -> list[list[Chunk]]:
    """The column chunks of each row group, as the footer has them. Raises ValueError where there is no sound footer."""
    size = stream.seek(0, 2)
    stream.seek(max(size - _TAIL_BYTES, 0))
    tail = stream.read(_TAIL_BYTES)
    if len(tail) < 12 or tail[-4:] != _MAGIC:
        raise ValueError("no Parquet footer at its end")
    length = int.from_bytes(tail[-8:-4], "little")
    if length > min(size - 8, _MOST_FOOTER_BYTES):
        raise ValueError(f"a footer of {length:,} bytes, where {min(size - 8, _MOST_FOOTER_BYTES):,} are the most")
    if length + 8 > len(tail):
        stream.seek(size - 8 - length)
        tail = stream.read(length + 8)
    try:
        footer, _ = read_structure(tail[-8 - length : -8], _FOOTER, _MOST_ITEMS)
        return [[_chunk(column.get(3, {})) for column in group[1]] for group in footer[4]]
    except (EOFError, KeyError) as error:
        raise ValueError(f"its footer is cut short, or lacks a field ({error})") from None


def _chunk(found: dict[int, Any]) -> Chunk:
    """KeyError for one that is encrypted, or elsewhere: it has no description here."""
    first = found[9]
    if 0 < found.get(11, 0) < first:  # a dictionary, as pyarrow sees it
        first = found[11]
    return Chunk(found[5], found[6], found[7], first)


def largest_page(stream: _Stream, chunk: Chunk) -> int:
    """Bytes of the largest page, or dictionary, of a chunk, unpacked. Raises ValueError where it is no run of pages."""
    place, left, largest = chunk.start, chunk.values, 0
    while left > 0 and place < chunk.start + chunk.compressed_bytes:
        page, length = _header(stream, place)
        try:
            largest = max(largest, page[2])
            place += length + max(page[3], 0)
        except KeyError as error:
            raise ValueError(f"the page at byte {place} lacks a field ({error})") from None
        left -= page.get(5, page.get(8, {})).get(1, 0)
    return largest


def _header(stream: _Stream, place: int) -> tuple[dict[int, Any], int]:
    for size in _HEADER_BYTES:
        stream.seek(max(place, 0))
        data = stream.read(size)
        try:
            return read_structure(data, _PAGE, 0)
        except EOFError:
            if len(data) < size:
                break
    raise ValueError(f"the header of the page at byte {place} has no end")
