"""Blocks of one file of a corpus: around places of it, or from its beginning on, and how much of the file they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from operators.arrays import F64
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.columns import read_arrow
from pipelines.corpus.compression import chunks
from pipelines.corpus.errors import DamagedFile
from pipelines.corpus.formats import Format
from pipelines.corpus.json_lines import read_json
from pipelines.corpus.lines import whole_lines
from pipelines.corpus.parquet import read_parquet
from pipelines.corpus.reading import InputStream, Reading, Span, open_input
from pipelines.corpus.sources import InputFile
from pipelines.corpus.text_lines import read_text

FAR: Final = 0.9
"""Of a file that was read so far from its beginning, blocks were taken from all of it, about."""
LONGEST_TEXT_BLOCKS: Final = 16
"""Of a line of text that is longer than so many blocks, a part is taken."""
LONGEST_RECORD_BYTES: Final = 16 << 20
"""A line of JSON that is longer is passed over."""
SIP_BYTES: Final = 8 << 10
"""Stored bytes of a compressed file read at once, so that where reading stopped says how much was used."""


@dataclass
class FileSample:
    """What was read of one file."""

    file: InputFile
    how: Format
    stored_bytes: int
    text_bytes: int = 0
    """Of the documents that were read."""
    fraction: float = 0.0
    """How much of the file that is."""
    line_bytes: int = 0
    """Of the lines that were read: more than the text that JSON lines hold."""
    reached: float = 0.0
    """How far into the file blocks were taken, 0 to 1."""

    @property
    def whole(self) -> bool:
        """Whether all of it was read."""
        return self.fraction == 1.0

    @property
    def by_head(self) -> bool:
        """Whether something was read, but nothing from its end."""
        return 0 < self.reached < FAR

    @property
    def can_be_skipped_into(self) -> bool:
        """Whether it consists of plain lines."""
        return self.how.kind in ("text", "json") and not self.how.compression


def around(one: FileSample, bad: BadRecords, block_bytes: int, places: F64) -> Iterator[pa.RecordBatch]:
    """Blocks of whole lines around places (bytes) of a file of plain lines."""
    with open_input(one.file) as stream:

        def lines() -> Iterator[bytes]:
            for place in places:
                found = _lines_at(stream, max(int(place) - block_bytes // 2, 0), block_bytes, one.how.kind == "text")
                one.line_bytes += len(found)
                if found:
                    yield found

        reading = Reading(one.file, stream, bad, LONGEST_RECORD_BYTES, Span(0, one.stored_bytes), with_ids=False)
        reader = read_text if one.how.kind == "text" else read_json
        for batch in reader(reading, lines()):
            one.text_bytes += _text_bytes(batch)
            one.fraction, one.reached = min(one.line_bytes / one.stored_bytes, 1.0), 1.0
            yield batch


def _lines_at(stream: InputStream, start: int, size: int, fragments: bool) -> bytes:
    """Whole lines: those that begin in `size` bytes from `start` on, at least the first that begins behind it.

    Where lines are so long that none is found, a part of one if `fragments` may be, else nothing.
    """
    stream.seek(max(start - 1, 0))
    held, begin = stream.read(size + 1), 0 if start == 0 else -1
    while len(held) < (LONGEST_TEXT_BLOCKS * size if fragments else LONGEST_RECORD_BYTES):
        if begin < 0:
            begin = held.find(b"\n") + 1 or -1  # behind the line that `start` falls in
        stop = held.find(b"\n", max(size - 1, begin)) if begin >= 0 else -1
        if stop >= 0:
            return held[begin : stop + 1]
        more = stream.read(len(held))
        if not more and begin >= 0:
            return held[begin:]
        if not more:
            break
        held += more
    return held[:size].decode("utf-8", "ignore").encode() if fragments else b""


def passing(
    one: FileSample, bad: BadRecords, block_bytes: int, text_bytes: int | None, every: int = 1
) -> Iterator[pa.RecordBatch]:
    """Every so many-th block from the beginning on, until they hold so much text; None: to the end."""
    with open_input(one.file) as stream:
        passage = _Passage(one, Sips(one.file.path, stream), bad, block_bytes, every)
        try:
            for batch in passage.batches:
                one.text_bytes += _text_bytes(batch)
                one.line_bytes = passage.line_bytes
                one.fraction, one.reached = passage.fraction, passage.reached
                yield batch
                if text_bytes is not None and one.text_bytes >= text_bytes:
                    return
            one.fraction, one.reached = passage.fraction if every > 1 else 1.0, 1.0
        except DamagedFile as damage:
            bad.add(one.file.path, 0, damage.reason)


class _Passage:
    """A file while it is read from its beginning, and how much was seen and taken."""

    def __init__(self, one: FileSample, stream: "Sips", bad: BadRecords, block_bytes: int, every: int) -> None:
        self._stored, self._stream, self._every = max(one.stored_bytes, 1), stream, every
        self._seen = self._taken = self._met = 0
        self._rows: int | None = None
        self._block_bytes = block_bytes
        self._reading = Reading(one.file, stream, bad, block_bytes, with_ids=False)
        self._of_rows = one.how.kind in ("parquet", "arrow")
        if self._of_rows:
            stream.sip_bytes = 1 << 62
            self._rows = _rows(stream) if one.how.kind == "parquet" else None
            self.batches = self._of_columns((read_parquet if self._rows else read_arrow)(self._reading))
        else:
            lines = self._lines(whole_lines(self._counted(chunks(self._reading, one.how.compression)), block_bytes))
            self.batches = (read_text if one.how.kind == "text" else read_json)(self._reading, lines)

    @property
    def reached(self) -> float:
        """How far into the file, 0 to 1."""
        if self._rows:
            return min(self._reading.record / self._rows, 1.0)
        return min(self._stream.tell() / self._stored, 1.0)

    @property
    def line_bytes(self) -> int:
        """Bytes of the lines that were taken; 0 where there are none."""
        return 0 if self._of_rows else self._taken

    @property
    def fraction(self) -> float:
        """How much of the file was taken."""
        return self.reached * min(self._taken / max(self._seen, 1), 1.0)

    def _is_taken(self) -> bool:
        self._met += 1
        return (self._met - 1) % self._every == self._every // 2

    def _counted(self, found: Iterator[bytes]) -> Iterator[bytes]:
        for piece in found:
            self._seen += len(piece)
            for start in range(0, len(piece), self._block_bytes):  # a block is a piece at least
                yield piece[start : start + self._block_bytes]

    def _lines(self, found: Iterator[bytes]) -> Iterator[bytes]:
        for block in found:
            if self._is_taken():
                self._taken += len(block)
                yield block

    def _of_columns(self, found: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in found:
            self._seen += batch.num_rows
            if self._is_taken():
                self._taken += batch.num_rows
                yield batch


def _rows(stream: InputStream) -> int:
    """Rows of a Parquet file; what is wrong with it is told by whoever reads on."""
    try:
        rows = int(pq.ParquetFile(stream).metadata.num_rows)
    except (pa.ArrowException, OSError):
        rows = 1
    stream.seek(0)
    return rows


class Sips(InputStream):
    """A stream that gives little at once, so that its position is where its reader is."""

    def __init__(self, path: str, stream: InputStream) -> None:
        super().__init__(path, lambda: stream)
        self.sip_bytes = SIP_BYTES

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, never more than a sip."""
        return super().read(min(size, self.sip_bytes))


def _text_bytes(batch: pa.RecordBatch) -> int:
    return int(pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0)
