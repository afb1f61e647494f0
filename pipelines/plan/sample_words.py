"""Distinct words of a sample by block, and the speed at which this machine reads and counts."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.arrays import I64
from operators.statistics.heaps_law import Incidences
from operators.text.pretokenize import Pretokenizer, PreTokens
from operators.word_table import WordCounter, mark_figures, text_sizes
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.formats import Format
from pipelines.corpus.records import read_batches
from pipelines.plan.sample_files import FileSample
from pipelines.plan.sampling import Sample

BATCH_BYTES: Final = 2 << 20
"""Bytes of text to split and count at once, as in counting."""
READ_BYTES: Final = 16 << 20
"""Bytes of text to read for measuring the reading speed of a format."""


class SampleWords:
    """Collector of the distinct words of a sample's blocks."""

    def __init__(self, pretokenizer: str) -> None:
        """Start empty. Raises BadPattern."""
        self._pretokenizer, self._counter = Pretokenizer(pretokenizer), WordCounter()
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0
        self._codes: dict[str, int] = {}
        self._distinct: list[pa.LargeBinaryArray] = []  # distinct words, an array for each block and language
        self._owners: list[tuple[int, int]] = []  # (language, block) of each of these arrays
        self._seconds = 0.0
        self.blocks = self.text_bytes = self.words_read = 0

    @property
    def languages(self) -> int:
        """Number of languages so far."""
        return len(self._codes)

    def add(self, block: pa.RecordBatch) -> int:
        """Add a block (CORPUS_SCHEMA); return its bytes of text."""
        size = int(pc.sum(pc.binary_length(block.column("text"))).as_py() or 0)
        if size:
            self._held.append(block)
            self._held_bytes += size
            if self._held_bytes >= BATCH_BYTES:
                self.finish()
        return size

    def finish(self) -> None:
        """Count the blocks that are added but not counted."""
        if not self._held:
            return
        batch = pa.concat_batches(self._held)
        if not self.text_bytes:  # kernels may have to be loaded, or compiled
            WordCounter().add(self._pretokenizer.split(batch.column("text")), batch.column("language"))
        began = time.perf_counter()
        pretokens = self._pretokenizer.split(batch.column("text"))
        self._counter.add(pretokens, batch.column("language"))
        self._seconds += time.perf_counter() - began
        self.text_bytes += len(pretokens.data)
        self.words_read += len(pretokens.ends)
        self._find(pretokens, batch.column("language"), np.cumsum([0, *(block.num_rows for block in self._held)]))
        self._held, self._held_bytes = [], 0

    def _find(self, pretokens: PreTokens, languages: pa.StringArray, rows: I64) -> None:
        """Collect the distinct words of each block; block i holds the documents `rows[i]` to `rows[i + 1]`."""
        offsets = np.concatenate([np.zeros(1, np.int64), pretokens.ends])
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(pretokens.data)]
        words = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(pretokens.ends), buffers)
        names = languages.dictionary_encode()
        own = np.array([self._codes.setdefault(name, len(self._codes)) for name in names.dictionary.to_pylist()])
        codes = own[names.indices.to_numpy()]
        for first, last in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True):
            begin, end = int(pretokens.documents[first]), int(pretokens.documents[last])
            block = words.slice(begin, end - begin)
            of_words = np.repeat(codes[first:last], np.diff(pretokens.documents[first : last + 1]))
            for code in np.unique(of_words).tolist():
                self._distinct.append(block.filter(pa.array(of_words == code)).unique())
                self._owners.append((code, self.blocks))
            self.blocks += 1

    def figures(self) -> dict[str, dict[str, int]]:
        """Return each language's marks and words, as `pipelines.words.marks` takes them."""
        found = {}
        for name in self._codes:
            words, counts, _ = self._counter.table(name).sorted()
            marks, cut, lettered = mark_figures(words, counts)
            figures = {"characters": text_sizes(words, counts)[1], "marks": marks}
            found[name] = figures | {"begin_with_mark": cut, "with_letters": lettered}
        return found

    def incidences(self) -> tuple[tuple[Incidences, Incidences], tuple[Incidences, Incidences]]:
        """Return incidences of (language, word) pairs and of words over all languages, each by number and by bytes."""
        sizes = [len(words) for words in self._distinct]
        encoded = pa.concat_arrays(self._distinct).dictionary_encode()
        lengths = pc.binary_length(encoded.dictionary).to_numpy().astype(np.float64)
        word = encoded.indices.to_numpy().astype(np.int64)
        language, block = (np.repeat(np.array(column, np.int64), sizes) for column in zip(*self._owners, strict=True))
        distinct, pair = np.unique(language * len(lengths) + word, return_inverse=True)
        once = np.unique(word * self.blocks + block)

        def by(kind: I64, blocks: I64, weights: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> Incidences:
            return Incidences(kind, blocks, self.blocks, weights)

        pair_lengths = lengths[distinct % len(lengths)]
        pairs = by(pair, block, np.ones(len(distinct))), by(pair, block, pair_lengths)
        words, of = once // self.blocks, once % self.blocks
        return pairs, (by(words, of, np.ones(len(lengths))), by(words, of, lengths))

    @property
    def seconds_per_byte(self) -> float:
        """Time to split and count a byte of text, on one core."""
        return self._seconds / max(self.text_bytes, 1)


@dataclass(frozen=True)
class Speed:
    """Seconds for a byte of text, on one core of this machine."""

    reading_seconds_per_byte: float
    counting_seconds_per_byte: float

    @property
    def seconds_per_byte(self) -> float:
        """Time to read, split and count a byte."""
        return self.reading_seconds_per_byte + self.counting_seconds_per_byte


def measure_speed(sample: Sample, counted: SampleWords) -> Speed:
    """Measure the reading speed on the start of the largest file of each format, as counting reads it."""
    text: dict[Format, float] = {}
    largest: dict[Format, FileSample] = {}
    for one in sample.files:
        text[one.how] = text.get(one.how, 0.0) + one.text_bytes
        largest[one.how] = max(largest.get(one.how, one), one, key=lambda file: file.stored_bytes)
    seconds = sum(text[how] * _reading_seconds_per_byte(largest[how]) for how in text if text[how])
    return Speed(seconds / counted.text_bytes, counted.seconds_per_byte)


def _reading_seconds_per_byte(one: FileSample) -> float:
    read, began = 0, time.perf_counter()
    batches = read_batches(one.file, BadRecords("skip"), BATCH_BYTES, with_ids=False)
    for batch in batches:
        read += batch.nbytes
        if read >= READ_BYTES:
            break
    return (time.perf_counter() - began) / max(read, 1)
