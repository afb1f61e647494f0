"""A sample of a corpus: blocks from all over its text, and an estimate of how much text there is.

All files are laid end to end by the text that they hold, and blocks are drawn from that line. In files of plain lines
that is a seek for each. A compressed or columnar file cannot be skipped into: it is read from its beginning, and every
k-th block kept, but no more than REACH times what is kept is read, so of a large one it is the head. The generator has
a fixed seed: the same files give the same sample.

Blocks are drawn, not spaced evenly: text nearby is alike, and evenly spaced blocks never meet such text, so they seem
to hold more new words than the text between them does (docs/explanation/planning.md has figures).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from operators.errors import DataError
from operators.redaction import shown
from operators.statistics.heaps_law import Interval
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.formats import Format, format_of
from pipelines.corpus.records import can_be_cut
from pipelines.corpus.sources import InputFile
from pipelines.plan.sample_files import FAR, FileSample, around, passing

SEED: Final = 0
BLOCKS: Final = 2048
"""Blocks of a sample, about: more and smaller ones tell more, and cost a seek each."""
BLOCK_BYTES: Final = (4 << 10, 64 << 10)
"""Smallest and largest block."""
PROBED_FILES: Final = 8
"""Files of a kind whose heads are read to learn how much text a stored byte holds."""
PROBED_BYTES: Final = 256 << 10
REACH: Final = 32
"""Blocks read for each that is taken, at most, where there is no skipping."""
HEAD_ERROR, SPREAD_ERROR = 0.1, 0.03
"""Relative errors of how much text a file holds, told by its head, and by blocks from all of it."""


class UnknownSize(DataError):
    """A file whose storage does not say how large it is."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path

    def __str__(self) -> str:
        return f"{shown(self.path)}: its storage does not say how large it is, so no plan can be made; copy it first"


class Sample:
    """Blocks of a corpus; once they are read, what they say of its size."""

    def __init__(self, files: Sequence[InputFile], sample_bytes: int) -> None:
        """Reads the heads of a few files. Raises UnknownSize, and what opening a file raises."""
        self.bad = BadRecords("skip")
        """Records that could not be read: they are left out here, whatever counting does with them."""
        self.files = [_file_sample(file) for file in files]
        probed = _probe(self.files, self.bad)
        ratios, self._line_shares = _ratios([*probed, *self.files]), _line_shares([*probed, *self.files])
        self._expected = np.array([ratios[one.how] * one.stored_bytes for one in self.files])
        total = float(self._expected.sum())
        wanted = min(float(sample_bytes), total)
        self.block_bytes = int(min(max(wanted // BLOCKS, BLOCK_BYTES[0]), BLOCK_BYTES[1]))
        self.complete = total <= sample_bytes
        """Whether all of the corpus is read."""
        slots = max(int(total // self.block_bytes), 1)
        drawn = np.random.default_rng(SEED).choice(slots, min(int(wanted // self.block_bytes), slots), replace=False)
        self._places = (np.sort(drawn) + 0.5) / slots

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Batches of documents (CORPUS_SCHEMA), a block each."""
        ends = np.cumsum(self._expected) / max(float(self._expected.sum()), 1.0)
        borders = np.searchsorted(self._places, np.concatenate([[0.0], ends[:-1], [2.0]]))
        starts = np.concatenate([[0.0], ends])
        for i, (one, (first, last)) in enumerate(zip(self.files, pairwise(borders.tolist()), strict=True)):
            block_bytes = int(self.block_bytes * self._line_shares[one.how])
            if self.complete:
                yield from passing(one, self.bad, block_bytes, None)
            elif first < last and one.can_be_skipped_into:
                width = max(float(ends[i] - starts[i]), 1e-300)
                inside = (self._places[first:last] - starts[i]) / width
                yield from around(one, self.bad, block_bytes, inside * one.stored_bytes)
            elif first < last:
                wanted = (last - first) * self.block_bytes
                every = min(max(int(self._expected[i] // wanted), 1), REACH)
                # A file that can be passed through is read to its end, unless it holds far more than its head told.
                yield from passing(one, self.bad, block_bytes, wanted if every == REACH else 4 * wanted, every)

    @property
    def heads(self) -> int:
        """Files of which only the head was read."""
        return sum(one.by_head for one in self.files)

    def text_bytes(self) -> Interval:
        """How much text the whole corpus holds; exact for plain text and for files that were read whole."""
        ratios = _ratios(self.files)
        value = low = high = 0.0
        for one in self.files:
            size = _text_of(one, ratios)
            exact = one.whole or one.how == Format("text", "")
            error = 0.0 if exact else SPREAD_ERROR if one.reached >= FAR else HEAD_ERROR
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


def _probe(files: Sequence[FileSample], bad: BadRecords) -> list[FileSample]:
    """The heads of some files of each format but plain text."""
    kinds: dict[Format, list[FileSample]] = defaultdict(list)
    for one in files:
        kinds[one.how].append(FileSample(one.file, one.how, one.stored_bytes))
    probed: list[FileSample] = []
    for how, own in kinds.items():
        if how != Format("text", ""):
            some = own[:: -(-len(own) // PROBED_FILES)]
            for one in some:
                for _ in passing(one, BadRecords(bad.on_bad), PROBED_BYTES // 8, PROBED_BYTES):
                    pass
            probed += some
    return probed


def _ratios(files: Sequence[FileSample]) -> dict[Format, float]:
    """Bytes of text to a stored byte, by format, of what was read; 1 where nothing was."""
    text: dict[Format, float] = defaultdict(float)
    stored: dict[Format, float] = defaultdict(float)
    for one in files:
        text[one.how] += one.text_bytes
        stored[one.how] += one.fraction * one.stored_bytes
    return {how: text[how] / stored[how] if stored[how] > 0 and how != Format("text", "") else 1.0 for how in text}


def _line_shares(files: Sequence[FileSample]) -> dict[Format, float]:
    """Bytes of lines to a byte of text, by format, of what was read; 1 where nothing was."""
    text: dict[Format, int] = defaultdict(int)
    lines: dict[Format, int] = defaultdict(int)
    for one in files:
        text[one.how] += one.text_bytes
        lines[one.how] += one.line_bytes
    return {how: min(max(lines[how] / max(text[how], 1), 1.0), 100.0) for how in text}


def _text_of(one: FileSample, ratios: Mapping[Format, float]) -> float:
    """Bytes of text of a file, as far as is known."""
    if one.whole:
        return float(one.text_bytes)
    if one.fraction > 0 and one.how != Format("text", ""):
        return one.text_bytes / one.fraction
    return ratios[one.how] * one.stored_bytes
