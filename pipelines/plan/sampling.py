"""A sample of a corpus: blocks drawn from all over its text, and an estimate of the size of the text.

All files are laid end to end by the text that they hold, and blocks are drawn from that line. In files of uncompressed
lines, each block is one seek. A compressed or columnar file is read from its start, and every k-th block is used; at
most REACH blocks are read for each that is used, so only the head of a large file is sampled. The generator has a fixed
seed: the same files give the same sample.

Blocks are drawn at random, not evenly spaced. Nearby text is similar, and evenly spaced blocks are never near each
other, so they seem to hold more new words than the text between them (docs/explanation/planning.md has figures).
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from operators.errors import DataError
from operators.statistics.heaps_law import Interval
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.cutting import cuttable
from pipelines.corpus.formats import Format, format_of
from pipelines.corpus.sources import InputFile
from pipelines.plan.sample_files import FAR, FileSample, around, passing

SEED: Final = 0
BLOCKS: Final = 2048
"""Approximate number of blocks of a sample: more blocks are more precise, and cost a seek each."""
BLOCK_BYTES: Final = (4 << 10, 64 << 10)
"""Smallest and largest size of a block."""
PROBED_FILES: Final = 8
"""Number of files of each format whose heads are read to estimate the text in a stored byte."""
PROBED_BYTES: Final = 256 << 10
"""Bytes of text to read of each such head."""
REACH: Final = 32
"""Largest number of blocks to read for each that is used, in files that are read from their start."""
HEAD_ERROR, SPREAD_ERROR = 0.1, 0.03
"""Relative errors of the estimated text of a file: from its head, and from blocks of all of it."""


class UnknownSize(DataError):
    """A file whose storage does not report its size."""

    path: str
    message = "{path}: its storage does not report its size, which a plan needs; copy the file first"


class Sample:
    """Blocks of a corpus and, once they are read, an estimate of its size."""

    def __init__(self, files: Sequence[InputFile], sample_bytes: int) -> None:
        """Read the heads of a few files and draw the blocks. Raises UnknownSize, and what opening a file raises."""
        self.bad = BadRecords("skip")  # the sample leaves out records that cannot be read, whatever --on-bad-record is
        self.files = [_file_sample(file) for file in files]
        probed = _probe(self.files, self.bad)
        ratios, self._line_shares = _ratios([*probed, *self.files]), _line_shares([*probed, *self.files])
        self._expected = np.array([ratios[one.how] * one.stored_bytes for one in self.files])
        total = float(self._expected.sum())
        wanted = min(float(sample_bytes), total)
        self.block_bytes = int(min(max(wanted // BLOCKS, BLOCK_BYTES[0]), BLOCK_BYTES[1]))
        self.complete = total <= sample_bytes  # the sample is the whole corpus
        slots = max(int(total // self.block_bytes), 1)
        drawn = np.random.default_rng(SEED).choice(slots, min(int(wanted // self.block_bytes), slots), replace=False)
        self._places = (np.sort(drawn) + 0.5) / slots

    def blocks(self) -> Iterator[pa.RecordBatch]:
        """Yield batches of documents (CORPUS_SCHEMA), each a block."""
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
                # The file is read to its end if REACH allows it, unless it holds far more text than its head suggests.
                yield from passing(one, self.bad, block_bytes, wanted if every == REACH else 4 * wanted, every)

    @property
    def heads(self) -> int:
        """Number of files of which only the head was read."""
        return sum(one.by_head for one in self.files)

    def text_bytes(self) -> Interval:
        """Estimate the bytes of text of the whole corpus; exact for plain text and for files that were read whole."""
        ratios = _ratios(self.files)
        value = low = high = 0.0
        for one in self.files:
            size = _text_of(one, ratios)
            exact = one.whole or one.how == Format("text", "")
            error = 0.0 if exact else SPREAD_ERROR if one.reached >= FAR else HEAD_ERROR
            value, low, high = value + size, low + size * (1 - error), high + size * (1 + error)
        return Interval(low, value, high)

    def largest_uncut_bytes(self) -> float:
        """Estimate the bytes of text of the largest file that counting cannot divide into spans."""
        ratios = _ratios(self.files)
        return max((_text_of(one, ratios) for one in self.files if cuttable(one.file) is None), default=0.0)


def _file_sample(file: InputFile) -> FileSample:
    how = format_of(file.path)
    if file.size is None or how is None:  # find_files refuses unknown formats
        raise UnknownSize(file.path)
    return FileSample(file, how, file.size)


def _probe(files: Sequence[FileSample], bad: BadRecords) -> list[FileSample]:
    """Read the heads of some files of each format except plain text."""
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
    """Return the bytes of text in a stored byte by format, from the samples; 1 if nothing was read."""
    text: dict[Format, float] = defaultdict(float)
    stored: dict[Format, float] = defaultdict(float)
    for one in files:
        text[one.how] += one.text_bytes
        stored[one.how] += one.fraction * one.stored_bytes
    return {how: text[how] / stored[how] if stored[how] > 0 and how != Format("text", "") else 1.0 for how in text}


def _line_shares(files: Sequence[FileSample]) -> dict[Format, float]:
    """Return the bytes of lines for a byte of text by format, from the samples; 1 if nothing was read."""
    text: dict[Format, int] = defaultdict(int)
    lines: dict[Format, int] = defaultdict(int)
    for one in files:
        text[one.how] += one.text_bytes
        lines[one.how] += one.line_bytes
    return {how: min(max(lines[how] / max(text[how], 1), 1.0), 100.0) for how in text}


def _text_of(one: FileSample, ratios: Mapping[Format, float]) -> float:
    """Estimate the bytes of text of a file, from its own sample if it has one."""
    if one.whole:
        return float(one.text_bytes)
    if one.fraction > 0 and one.how != Format("text", ""):
        return one.text_bytes / one.fraction
    return ratios[one.how] * one.stored_bytes
