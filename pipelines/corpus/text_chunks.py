"""Text of a file of lines or rows: decompressed, known to be no UTF-16 or UTF-32, a JSON array as JSON lines."""

from collections.abc import Iterator
from functools import partial
from itertools import chain

from operators.reading.json_array import ArrayLines, begins_array
from pipelines.corpus.compression import bounded_lines, chunks
from pipelines.corpus.encodings import HEAD_BYTES, foreign_encoding
from pipelines.corpus.errors import DamagedFile, WrongEncoding
from pipelines.corpus.formats import Format, format_of
from pipelines.corpus.reading import Reading, open_input
from pipelines.corpus.sources import InputFile


def text_chunks(reading: Reading, how: Format) -> Iterator[bytes]:
    """Yield the text of a file of lines or rows in chunks.

    Raises WrongEncoding, and DamagedFile after the last sound chunk.
    """
    if reading.span is not None and reading.span.start > 0:
        require_utf8(reading.file)
        return bounded_lines(reading, chunks(reading, how.compression))
    return _from_the_beginning(reading, how)


def _from_the_beginning(reading: Reading, how: Format) -> Iterator[bytes]:
    found = chunks(reading, how.compression)
    head: list[bytes] = []
    is_array: bool | None = None
    try:
        for chunk in found:
            head.append(chunk)
            is_array = begins_array(b"".join(head)) if how.may_be_array else False
            if is_array is not None and sum(map(len, head)) >= HEAD_BYTES:
                break
    except DamagedFile as damage:
        found = _raising(damage)
    _require_utf8(reading.file.path, b"".join(head)[:HEAD_BYTES])
    whole = chain(head, found)
    del head
    yield from bounded_lines(reading, _array_lines(reading, whole) if is_array else whole)


def _array_lines(reading: Reading, found: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the elements of a JSON array, each on a line of its own. Raises DamagedFile for what is no array."""
    array = ArrayLines()
    for chunk in found:
        yield array.lines_of(chunk)
        if array.damage is not None:
            break
    array.end()
    if array.damage is not None:
        raise reading.damaged(array.damage)


def _raising(damage: DamagedFile) -> Iterator[bytes]:
    yield from ()
    raise damage


def require_utf8(file: InputFile) -> None:
    """Read the head of an uncompressed file. Raises WrongEncoding if it is UTF-16 or UTF-32."""
    with open_input(file) as stream:
        _require_utf8(file.path, stream.read(HEAD_BYTES))


def _require_utf8(path: str, head: bytes) -> None:
    if (encoding := foreign_encoding(head)) is not None:
        raise WrongEncoding(path, encoding)


def can_be_cut(file: InputFile) -> bool:
    """Return True if spans of the file can be read independently: lines, not compressed, of known size, no array."""
    how = format_of(file.path)
    if how is None or how.kind not in ("text", "json") or how.compression or file.size is None:
        return False
    return not (how.may_be_array and _is_array(file))


def _is_array(file: InputFile) -> bool:
    with open_input(file) as stream:
        for head in iter(partial(stream.read, HEAD_BYTES), b""):
            if (is_array := begins_array(head)) is not None:
                return is_array
    return False
