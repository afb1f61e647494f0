"""Text of a file of lines or rows: decompressed, known to be no UTF-16 or UTF-32, a JSON array as JSON lines."""

from collections.abc import Iterator, Sequence
from itertools import chain

from operators.reading.json_array import ArrayLines, begins_array
from operators.reading.lines import count_line_ends
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.compression import bounded_lines, chunks, decompressed, text_from
from pipelines.corpus.encodings import HEAD_BYTES, foreign_encoding
from pipelines.corpus.errors import DamagedFile, WrongEncoding
from pipelines.corpus.formats import Format, format_of
from pipelines.corpus.lines import WHOLE
from pipelines.corpus.reading import Reading, open_input
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import FrameRun, Span


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
    """Read the head of a file of lines. Raises WrongEncoding if it is UTF-16 or UTF-32."""
    how, head = format_of(file.path), b""
    with open_input(file) as stream:
        for chunk in chunks(Reading(file, stream, BadRecords("skip"), HEAD_BYTES), how.compression if how else ""):
            head += chunk
            if len(head) >= HEAD_BYTES:
                break
    _require_utf8(file.path, head[:HEAD_BYTES])


def _require_utf8(path: str, head: bytes) -> None:
    if (encoding := foreign_encoding(head)) is not None:
        raise WrongEncoding(path, encoding)


def line_ends_in(file: InputFile, span: Span) -> tuple[int, bool]:
    """Return the number of line ends in the text of a span, and True if its last byte is one."""
    how, ends, last = format_of(file.path), 0, b""
    with open_input(file) as stream:
        reading = Reading(file, stream, BadRecords("skip"), 1)
        for position, chunk in text_from(reading, how.compression if how else "", span):
            own = chunk[max(span.start - position, 0) : max(span.stop - position, 0)]
            ends, last = ends + count_line_ends(own), own[-1:] or last
            if position + len(chunk) >= span.stop:
                break
    return ends, last == b"\n"


def run_sizes(file: InputFile, runs: Sequence[FrameRun]) -> list[int]:
    """Decompress runs of frames; return the bytes of text of each. Raises DamagedFile."""
    how = format_of(file.path)
    compression = how.compression if how else ""
    with open_input(file) as stream:
        reading = Reading(file, stream, BadRecords("skip"), 1)
        return [sum(map(len, decompressed(reading, compression, run.stored, run.stored_stop))) for run in runs]


def count_before(file: InputFile, span: Span, lines: int | None = None) -> int:
    """Count the records before a span: lines that begin before it. The readers of columns count rows by themselves.

    lines: their number, where it is known.
    """
    how = format_of(file.path)
    if span.start == 0 or how is None or how.kind not in ("text", "json"):
        return 0
    if lines is not None:
        return lines
    ends, at_line = line_ends_in(file, Span(0, span.start, (FrameRun(0, file.size or 0, 0, WHOLE),)))
    return ends + (not at_line)
