"""Sampling of one file: blocks around given offsets, or from its start on, and the fraction of the file read."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from operators.arrays import F64
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.columns import read_arrow
from pipelines.corpus.csv_rows import read_csv
from pipelines.corpus.cutting import can_be_cut
from pipelines.corpus.errors import DamagedFile
from pipelines.corpus.formats import Format
from pipelines.corpus.json_lines import read_json
from pipelines.corpus.lines import whole_lines
from pipelines.corpus.parquet import read_parquet
from pipelines.corpus.reading import InputStream, Reading, open_input
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import Span
from pipelines.corpus.text_chunks import require_utf8, text_chunks
from pipelines.corpus.text_lines import read_text

FAR: Final = 0.9
"""Fraction of a file from which on it counts as read to its end."""
LONGEST_TEXT_BLOCKS: Final = 16
"""Longest line of text, in blocks; only the start of a longer one is read."""
LONGEST_RECORD_BYTES: Final = 16 << 20
"""Longest line of JSON; a longer one is skipped."""
READ_BYTES: Final = 8 << 10
"""Stored bytes of a compressed file read at once: few, so that the position in the file says how much was used."""


@dataclass
class FileSample:
    """Sample of one file: its size, and how much of it was read."""

    file: InputFile
    how: Format
    stored_bytes: int
    text_bytes: int = 0
    """Bytes of text of the documents that were read."""
    fraction: float = 0.0
    """Fraction of the file that was read, 0 to 1."""
    line_bytes: int = 0
    """Bytes of the lines that were read; lines of JSON are longer than the text in them."""
    reached: float = 0.0
    """Position of the last block in the file, 0 to 1."""

    @property
    def whole(self) -> bool:
        """True if the whole file was read."""
        return self.fraction == 1.0

    @property
    def by_head(self) -> bool:
        """True if something was read, but nothing near the end of the file."""
        return 0 < self.reached < FAR

    @property
    def can_be_skipped_into(self) -> bool:
        """True if the file consists of uncompressed lines, so that reading may start at any offset."""
        return can_be_cut(self.file)


def around(one: FileSample, bad: BadRecords, block_bytes: int, places: F64) -> Iterator[pa.RecordBatch]:
    """Yield blocks of whole lines around offsets (`places`, bytes) of a file of uncompressed lines."""
    require_utf8(one.file)
    with open_input(one.file) as stream:

        def lines() -> Iterator[bytes]:
            for place in places:
                block = _lines_at(stream, max(int(place) - block_bytes // 2, 0), block_bytes, one.how.kind == "text")
                one.line_bytes += len(block)
                if block:
                    yield block

        reading = Reading(one.file, stream, bad, LONGEST_RECORD_BYTES, Span(0, one.stored_bytes), with_ids=False)
        reader = read_text if one.how.kind == "text" else read_json
        for batch in reader(reading, lines()):
            one.text_bytes += _text_bytes(batch)
            one.fraction, one.reached = min(one.line_bytes / one.stored_bytes, 1.0), 1.0
            yield batch


def _lines_at(stream: InputStream, start: int, size: int, fragments: bool) -> bytes:
    """Read the lines that begin in the `size` bytes from `start` on; at least the first line that begins behind it.

    If a line is too long to be read whole: `size` bytes of it if `fragments` is true, else nothing.
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
    """Yield every `every`-th block from the start on, until the blocks hold `text_bytes` of text; None: to the end."""
    with open_input(one.file) as stream:
        passage = _Passage(one, ShortReads(one.file.path, stream), bad, block_bytes, every)
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
    """Reader of a file from its start on, which tracks how much was read and how much of that was sampled."""

    def __init__(self, one: FileSample, stream: "ShortReads", bad: BadRecords, block_bytes: int, every: int) -> None:
        self._stored, self._stream, self._every = max(one.stored_bytes, 1), stream, every
        self._seen = self._taken = self._blocks = 0
        self._rows: int | None = None
        self._block_bytes = block_bytes
        self._reading = Reading(one.file, stream, bad, block_bytes, with_ids=False)
        self._of_rows = one.how.kind in ("parquet", "arrow", "csv", "tsv")
        if one.how.kind in ("csv", "tsv"):
            found = whole_lines(text_chunks(self._reading, one.how), block_bytes)
            self.batches = self._of_columns(read_csv(self._reading, found, one.how.kind))
        elif self._of_rows:
            stream.most_bytes = 1 << 62
            self._rows = _rows(stream) if one.how.kind == "parquet" else None
            self.batches = self._of_columns((read_parquet if self._rows else read_arrow)(self._reading))
        else:
            lines = self._lines(whole_lines(self._counted(text_chunks(self._reading, one.how)), block_bytes))
            self.batches = (read_text if one.how.kind == "text" else read_json)(self._reading, lines)

    @property
    def reached(self) -> float:
        """Position in the file, 0 to 1."""
        if self._rows:
            return min(self._reading.record / self._rows, 1.0)
        return min(self._stream.tell() / self._stored, 1.0)

    @property
    def line_bytes(self) -> int:
        """Bytes of the sampled lines; 0 for formats without lines."""
        return 0 if self._of_rows else self._taken

    @property
    def fraction(self) -> float:
        """Fraction of the file that was sampled, 0 to 1."""
        return self.reached * min(self._taken / max(self._seen, 1), 1.0)

    def _is_taken(self) -> bool:
        self._blocks += 1
        return (self._blocks - 1) % self._every == self._every // 2

    def _counted(self, content: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in content:
            self._seen += len(chunk)
            for start in range(0, len(chunk), self._block_bytes):  # a block is at least one chunk
                yield chunk[start : start + self._block_bytes]

    def _lines(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        for block in blocks:
            if self._is_taken():
                self._taken += len(block)
                yield block

    def _of_columns(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self._seen += batch.num_rows
            if self._is_taken():
                self._taken += batch.num_rows
                yield batch


def _rows(stream: InputStream) -> int:
    """Return the number of rows of a Parquet file; 1 if its metadata is damaged, which reading it then reports."""
    try:
        rows = int(pq.ParquetFile(stream).metadata.num_rows)
    except (pa.ArrowException, OSError):
        rows = 1
    stream.seek(0)
    return rows


class ShortReads(InputStream):
    """A stream that returns few bytes at once, so that its position is that of its reader."""

    def __init__(self, path: str, stream: InputStream) -> None:
        super().__init__(path, lambda: stream)
        self.most_bytes = READ_BYTES

    def read(self, size: int) -> bytes:
        """Read up to `size` bytes, at most `most_bytes`."""
        return super().read(min(size, self.most_bytes))


def _text_bytes(batch: pa.RecordBatch) -> int:
    return int(pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0)
