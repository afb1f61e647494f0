"""A sample of a corpus: blocks spread evenly over its text, and an estimate of how much text there is.

All files are laid end to end by the text that they hold, and every k-th block of that line is read. In files of plain
lines that is a block every so many bytes; a compressed or columnar file, which cannot be skipped into, gives as many
blocks from its head. No chance is involved: the same files give the same sample.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from operators.arrays import F64
from operators.errors import DataError
from operators.growth import Interval
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.columns import read_arrow, read_parquet
from pipelines.corpus.compression import pieces
from pipelines.corpus.errors import DamagedFile, shown
from pipelines.corpus.formats import Format, format_of
from pipelines.corpus.json_lines import read_json
from pipelines.corpus.lines import blocks
from pipelines.corpus.reading import InputStream, Reading, Span, open_input
from pipelines.corpus.records import can_be_cut
from pipelines.corpus.sources import InputFile
from pipelines.corpus.text_lines import read_text

BLOCKS: Final = 2048
"""Blocks of a sample, about: more and smaller ones tell more, and cost a seek each."""
BLOCK_BYTES: Final = (4 << 10, 64 << 10)
"""Smallest and largest block."""
PROBED_FILES: Final = 8
"""Files of a kind whose heads are read to learn how much text a stored byte holds."""
PROBED_BYTES: Final = 256 << 10
LONGEST_LINE_BYTES: Final = 16 << 20
"""Of a longer one a part is taken, where lines are text; where they are records, none."""
SIP_BYTES: Final = 8 << 10
"""Stored bytes of a compressed file read at once, so that where reading stopped says how much was used."""
HEAD_ERROR: Final = 0.1
"""Relative error of a file's text, told by its head: docs/planning.md has the heads that this was seen in."""


class UnknownSize(DataError):
    """A file whose storage does not say how large it is."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{shown(self.path)}: its storage does not say how large it is, so no plan can be made; copy it first"


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
    whole: bool = False

    @property
    def can_be_skipped_into(self) -> bool:
        """Whether it consists of plain lines."""
        return self.how.kind in ("text", "json") and not self.how.compression


class Sample:
    """Blocks of a corpus; once they are read, what they say of its size."""

    def __init__(self, files: Sequence[InputFile], sample_bytes: int) -> None:
        """Reads the heads of a few files. Raises UnknownSize, and what opening a file raises."""
        self.bad = BadRecords("skip")
        """Records that could not be read: they are left out here, whatever counting does with them."""
        self.files = [_file_sample(file) for file in files]
        ratios = _probe(self.files, self.bad)
        self._expected = np.array([ratios[one.how] * one.stored_bytes for one in self.files])
        total = float(self._expected.sum())
        wanted = min(float(sample_bytes), total)
        self.block_bytes = int(min(max(wanted // BLOCKS, BLOCK_BYTES[0]), BLOCK_BYTES[1]))
        self.complete = total <= sample_bytes
        """Whether all of the corpus is read."""
        places = int(wanted // self.block_bytes)
        self._places = (np.arange(places) + 0.5) / max(places, 1)

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Batches of documents (CORPUS_SCHEMA), a block each."""
        ends = np.cumsum(self._expected) / max(float(self._expected.sum()), 1.0)
        borders = np.searchsorted(self._places, np.concatenate([[0.0], ends[:-1], [2.0]]))
        starts = np.concatenate([[0.0], ends])
        for i, (one, (first, last)) in enumerate(zip(self.files, pairwise(borders.tolist()), strict=True)):
            if self.complete:
                yield from _head(one, self.bad, self.block_bytes, None)
            elif first < last and one.can_be_skipped_into:
                width = max(float(ends[i] - starts[i]), 1e-300)
                inside = (self._places[first:last] - starts[i]) / width
                yield from _spread(one, self.bad, self.block_bytes, inside * one.stored_bytes)
            elif first < last:
                yield from _head(one, self.bad, self.block_bytes, (last - first) * self.block_bytes)

    @property
    def heads(self) -> int:
        """Files of which only the head was read."""
        return sum(one.fraction > 0 and not one.whole and not one.can_be_skipped_into for one in self.files)

    def text_bytes(self) -> Interval:
        """How much text the whole corpus holds; exact for plain text and for files that were read whole."""
        ratios = _ratios(self.files)
        value = low = high = 0.0
        for one in self.files:
            size = _text_of(one, ratios)
            error = 0.0 if one.whole or one.how == Format("text", "") else HEAD_ERROR
            value, low, high = value + size, low + size * (1 - error), high + size * (1 + error)
        return Interval(low, value, high)

    def largest_uncut_bytes(self) -> float:
        """Text of the largest file that counting cannot cut into parts."""
        ratios = _ratios(self.files)
        return max((_text_of(one, ratios) for one in self.files if not can_be_cut(one.file)), default=0.0)


def _file_sample(file: InputFile) -> FileSample:
    how = format_of(file.path)
    if file.size is None or how is None:  # find_files lets no unknown format through
        raise UnknownSize(file.path)
    return FileSample(file, how, file.size)


def _probe(files: Sequence[FileSample], bad: BadRecords) -> dict[Format, float]:
    """Bytes of text to a stored byte, by format, from the heads of some files; 1 for plain text."""
    kinds: dict[Format, list[FileSample]] = defaultdict(list)
    for one in files:
        kinds[one.how].append(FileSample(one.file, one.how, one.stored_bytes))
    probed: list[FileSample] = []
    for how, own in kinds.items():
        if how != Format("text", ""):
            some = own[:: -(-len(own) // PROBED_FILES)]
            for one in some:
                for _ in _head(one, BadRecords(bad.on_bad), PROBED_BYTES, PROBED_BYTES):
                    pass
            probed += some
    return _ratios([*probed, *files])


def _ratios(files: Sequence[FileSample]) -> dict[Format, float]:
    """Bytes of text to a stored byte, by format, of what was read; 1 where nothing was."""
    text: dict[Format, float] = defaultdict(float)
    stored: dict[Format, float] = defaultdict(float)
    for one in files:
        text[one.how] += one.text_bytes
        stored[one.how] += one.fraction * one.stored_bytes
    return {how: text[how] / stored[how] if stored[how] > 0 and how != Format("text", "") else 1.0 for how in text}


def _text_of(one: FileSample, ratios: Mapping[Format, float]) -> float:
    """Bytes of text of a file, as far as is known."""
    if one.whole:
        return float(one.text_bytes)
    if one.fraction > 0 and one.how != Format("text", ""):
        return one.text_bytes / one.fraction
    return ratios[one.how] * one.stored_bytes


def _spread(one: FileSample, bad: BadRecords, block_bytes: int, places: F64) -> Iterator[pa.RecordBatch]:
    """Blocks of whole lines around places (bytes) of a file of plain lines."""
    used = 0
    with open_input(one.file) as stream:

        def lines() -> Iterator[bytes]:
            nonlocal used
            for place in places:
                found = _lines_at(stream, max(int(place) - block_bytes // 2, 0), block_bytes, one.how.kind == "text")
                used += len(found)
                if found:
                    yield found

        reading = Reading(one.file, stream, bad, LONGEST_LINE_BYTES, Span(0, one.stored_bytes), with_ids=False)
        reader = read_text if one.how.kind == "text" else read_json
        for batch in reader(reading, lines()):
            one.text_bytes += _text_bytes(batch)
            one.fraction = used / one.stored_bytes
            yield batch


def _lines_at(stream: InputStream, start: int, size: int, fragments: bool) -> bytes:
    """Whole lines: those that begin in `size` bytes from `start` on, at least the first that begins behind it.

    Where lines are longer than LONGEST_LINE_BYTES, a part of one if `fragments` may be, else nothing.
    """
    stream.seek(max(start - 1, 0))
    held, begin = stream.read(size + 1), 0 if start == 0 else -1
    while len(held) < LONGEST_LINE_BYTES:
        if begin < 0:
            begin = held.find(b"\n") + 1 or -1  # behind the line that `start` falls in
        stop = held.find(b"\n", max(size - 1, begin)) if begin >= 0 else -1
        if stop >= 0:
            return held[begin : stop + 1]
        more = stream.read(len(held))
        if not more:
            return held[begin:] if begin >= 0 else b""
        held += more
    return held[:size].decode("utf-8", "ignore").encode() if fragments else b""


def _head(one: FileSample, bad: BadRecords, block_bytes: int, text_bytes: int | None) -> Iterator[pa.RecordBatch]:
    """Blocks from a file's beginning, until they hold so much text; None: all of it."""
    with open_input(one.file) as stream:
        fraction, batches = _from_head(one, Sips(one.file.path, stream), bad, block_bytes)
        try:
            for batch in batches:
                one.text_bytes += _text_bytes(batch)
                one.fraction = min(fraction(), 1.0)
                yield batch
                if text_bytes is not None and one.text_bytes >= text_bytes:
                    return
            one.fraction, one.whole = 1.0, True
        except DamagedFile as damage:
            bad.add(one.file.path, 0, damage.reason)


def _from_head(
    one: FileSample, stream: "Sips", bad: BadRecords, block_bytes: int
) -> tuple[Callable[[], float], Iterator[pa.RecordBatch]]:
    """How much of the file was used so far, and its batches."""
    columns = one.how.kind in ("parquet", "arrow")
    reading = Reading(one.file, stream, bad, block_bytes, with_ids=False)
    if one.how.kind == "parquet":
        stream.sip_bytes = 1 << 62
        rows = max(_rows(stream), 1)
        return lambda: reading.record / rows, read_parquet(reading)
    if columns:
        stream.sip_bytes = 1 << 62
        return lambda: stream.tell() / max(one.stored_bytes, 1), read_arrow(reading)
    read, used = 0, 0

    def counted() -> Iterator[bytes]:
        nonlocal read
        for piece in pieces(reading, one.how.compression):
            read += len(piece)
            yield piece

    def lines() -> Iterator[bytes]:
        nonlocal used
        for block in blocks(counted(), block_bytes):
            used += len(block)
            yield block

    batches = (read_text if one.how.kind == "text" else read_json)(reading, lines())
    return lambda: stream.tell() / max(one.stored_bytes, 1) * used / max(read, 1), batches


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
        super().__init__(path, stream)
        self.sip_bytes = SIP_BYTES

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, never more than a sip."""
        return super().read(min(size, self.sip_bytes))


def _text_bytes(batch: pa.RecordBatch) -> int:
    return int(pc.sum(pc.binary_length(batch.column("text"))).as_py() or 0)
