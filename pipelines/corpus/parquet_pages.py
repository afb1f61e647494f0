"""Parser of Parquet footers and page headers, to check sizes before pyarrow reads a hostile file.

pyarrow has no bound on the unpacked size of a page, and crashes on a column chunk whose description contradicts
itself. Field numbers are those of parquet.thrift of Apache Parquet.
"""

from dataclasses import dataclass
from typing import IO, Any, Final, TypeAlias

from pipelines.corpus.reading import InputStream
from pipelines.corpus.thrift import Wanted, read_structure

LARGEST_PAGE_BYTES: Final = 256 << 20
"""Largest unpacked page. A page holds at least one document, so it may be as long as a line. Usual pages have 1 MB."""
_CHUNK: Final[Wanted] = {5: None, 6: None, 7: None, 9: None, 11: None}
_FOOTER: Final[Wanted] = {2: [{}], 4: [{1: [{3: _CHUNK, 8: {}}]}]}
_PAGE: Final[Wanted] = {2: None, 3: None, 5: {1: None}, 8: {1: None}}
_MAGIC, _ENCRYPTED_MAGIC = b"PAR1", b"PARE"
_TAIL_BYTES: Final = 64 << 10
_MOST_FOOTER_BYTES: Final = 16 << 20
_MOST_ITEMS: Final = 1 << 18
"""Largest number of columns, row groups and column chunks of a file: pyarrow needs up to 1 KB for each."""
_HEADER_BYTES: Final = (1 << 10, 1 << 16, 1 << 24)
"""Bytes read of a page header until it is complete: it may hold the page's least and greatest value."""

_Stream: TypeAlias = InputStream | IO[bytes]


@dataclass(frozen=True)
class ColumnChunk:
    """A column chunk: one column of one row group."""

    values: int
    uncompressed_bytes: int
    compressed_bytes: int
    start: int
    """Position of its first page in the file."""
    is_encrypted: bool = False
    """True: it cannot be read without its key; the other fields are 0."""


class EncryptedFooter(ValueError):
    """A footer that cannot be read without its key."""


def column_chunks(stream: _Stream) -> list[list[ColumnChunk]]:
    """Return the column chunks of each row group, by the footer. Raises ValueError if it is not sound, or encrypted."""
    size = stream.seek(0, 2)
    stream.seek(max(size - _TAIL_BYTES, 0))
    tail = stream.read(_TAIL_BYTES)
    if len(tail) >= 12 and tail[-4:] == _ENCRYPTED_MAGIC:
        raise EncryptedFooter("its footer is encrypted")
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
        return [[_chunk(column) for column in group[1]] for group in footer[4]]
    except (EOFError, KeyError) as error:
        raise ValueError(f"its footer is cut short, or lacks a field ({error})") from None


def _chunk(column: dict[int, Any]) -> ColumnChunk:
    """Return a column chunk. Raises KeyError if it has no description, as when it is in another file."""
    if 8 in column:
        return ColumnChunk(0, 0, 0, 0, is_encrypted=True)
    found = column.get(3, {})
    first = found[9]
    if 0 < found.get(11, 0) < first:  # a dictionary, as pyarrow sees it
        first = found[11]
    return ColumnChunk(found[5], found[6], found[7], first)


def check_table_size(stream: IO[bytes], most_rows: int) -> None:
    """Verify the size of a table before it is read. Raises ValueError for too many rows, or too large a page."""
    groups = column_chunks(stream)
    rows = max((sum(max(chunk.values, 0) for chunk in column) for column in zip(*groups, strict=True)), default=0)
    if rows > most_rows:
        raise ValueError(f"{rows:,} rows, more than {most_rows:,}")
    for chunk in (chunk for group in groups for chunk in group):
        if largest_page(stream, chunk) > LARGEST_PAGE_BYTES:
            raise ValueError(f"a page of more than {LARGEST_PAGE_BYTES:,} bytes")


def largest_page(stream: _Stream, chunk: ColumnChunk) -> int:
    """Return the unpacked bytes of a chunk's largest page or dictionary. Raises ValueError if it is no run of pages."""
    place, remaining, largest = chunk.start, chunk.values, 0
    while remaining > 0 and place < chunk.start + chunk.compressed_bytes:
        page, length = _header(stream, place)
        try:
            largest = max(largest, page[2])
            place += length + max(page[3], 0)
        except KeyError as error:
            raise ValueError(f"the page at byte {place} lacks a field ({error})") from None
        remaining -= page.get(5, page.get(8, {})).get(1, 0)
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
