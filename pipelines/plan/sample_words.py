"""Distinct words of a sample, block by block; how fast this machine reads and counts."""

import time
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.arrays import I64
from operators.statistics.heaps_law import Incidences
from operators.text.pretokenize import Pretokenizer, PreTokens
from operators.word_table import WordCounter
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.formats import Format
from pipelines.corpus.records import read_batches
from pipelines.plan.sample_files import FileSample
from pipelines.plan.sampling import Sample

BATCH_BYTES: Final = 2 << 20
"""Text that is split and counted at once, as counting does."""
READ_BYTES: Final = 16 << 20
"""Text that is read to learn how fast a kind of file is read."""


class SampleWords:
    """Takes the blocks of a sample."""

    def __init__(self, pretokenizer: str) -> None:
        """Raises BadPattern."""
        self._pretokenizer, self._counter = Pretokenizer(pretokenizer), WordCounter()
        self._held: list[pa.RecordBatch] = []
        self._held_bytes = 0
        self._codes: dict[str, int] = {}
        self._found: list[pa.LargeBinaryArray] = []
        """Distinct words, an array for each block and language."""
        self._of: list[tuple[int, int]] = []
        """(language, block) of each of these."""
        self._seconds = 0.0
        self.blocks = self.text_bytes = self.words_read = 0

    @property
    def languages(self) -> int:
        """Languages met."""
        return len(self._codes)

    def add(self, block: pa.RecordBatch) -> int:
        """Take a block (CORPUS_SCHEMA); returns its bytes of text."""
        size = int(pc.sum(pc.binary_length(block.column("text"))).as_py() or 0)
        if size:
            self._held.append(block)
            self._held_bytes += size
            if self._held_bytes >= BATCH_BYTES:
                self.finish()
        return size

    def finish(self) -> None:
        """Count what is held."""
        if not self._held:
            return
        batch = pa.concat_batches(self._held)
        if not self.text_bytes:  # kernels may have to be loaded, or compiled
            WordCounter().add(self._pretokenizer.split(batch.column("text")), batch.column("language"))
        began = time.perf_counter()
        pieces = self._pretokenizer.split(batch.column("text"))
        self._counter.add(pieces, batch.column("language"))
        self._seconds += time.perf_counter() - began
        self.text_bytes += len(pieces.data)
        self.words_read += len(pieces.ends)
        self._find(pieces, batch.column("language"), np.cumsum([0, *(block.num_rows for block in self._held)]))
        self._held, self._held_bytes = [], 0

    def _find(self, pieces: PreTokens, languages: pa.StringArray, rows: I64) -> None:
        """The distinct words of every block; block i holds the documents `rows[i]` to `rows[i + 1]`."""
        offsets = np.concatenate([np.zeros(1, np.int64), pieces.ends])
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(pieces.data)]
        words = pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(pieces.ends), buffers)
        names = languages.dictionary_encode()
        own = np.array([self._codes.setdefault(name, len(self._codes)) for name in names.dictionary.to_pylist()])
        codes = own[names.indices.to_numpy()]
        for first, last in zip(rows[:-1].tolist(), rows[1:].tolist(), strict=True):
            begin, end = int(pieces.documents[first]), int(pieces.documents[last])
            block = words.slice(begin, end - begin)
            of_words = np.repeat(codes[first:last], np.diff(pieces.documents[first : last + 1]))
            for code in np.unique(of_words).tolist():
                self._found.append(block.filter(pa.array(of_words == code)).unique())
                self._of.append((code, self.blocks))
            self.blocks += 1

    def incidences(self) -> tuple[tuple[Incidences, Incidences], tuple[Incidences, Incidences]]:
        """Of (language, word) pairs and of words over all languages: by number, and by bytes."""
        sizes = [len(words) for words in self._found]
        encoded = pa.concat_arrays(self._found).dictionary_encode()
        lengths = pc.binary_length(encoded.dictionary).to_numpy().astype(np.float64)
        word = encoded.indices.to_numpy().astype(np.int64)
        language, block = (np.repeat(np.array(column, np.int64), sizes) for column in zip(*self._of, strict=True))
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
        """Of splitting and counting, on one core."""
        return self._seconds / max(self.text_bytes, 1)


@dataclass(frozen=True)
class Speed:
    """Seconds for a byte of text, on one core of this machine."""

    reading_seconds_per_byte: float
    counting_seconds_per_byte: float

    @property
    def seconds_per_byte(self) -> float:
        """Of both."""
        return self.reading_seconds_per_byte + self.counting_seconds_per_byte


def measure_speed(sample: Sample, counted: SampleWords) -> Speed:
    """Reading is timed as counting reads: on the beginning of the largest file of each format."""
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
