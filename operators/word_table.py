"""Word tables: the distinct pre-tokens of a corpus, as rows (language, word, count)."""

from collections.abc import Iterator
from itertools import pairwise
from typing import ClassVar, Final, NamedTuple

import numpy as np
import pyarrow as pa

from operators.arrays import I64, U8, U64, padded, read_only, word_buffers
from operators.kernels.mark_counts import count_marks
from operators.kernels.word_table import (
    BATCH,
    SLOT,
    Store,
    Words,
    add_words,
    list_words,
    rehash,
    weigh_words,
    write_words,
)
from operators.text.pretokenize import PreTokens
from operators.unicode.classes import BLOCKS, CLASSES

WORDS_SCHEMA: Final = pa.schema(
    [
        pa.field("language", pa.string(), nullable=False),
        pa.field("word", pa.large_binary(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)


_SLOTS: Final = 1 << 10  # of a new table


class SortedWords(NamedTuple):
    """Words of a table, in order."""

    words: pa.LargeBinaryArray
    counts: I64
    hashes: U64
    places: I64
    """int64: the words' slots in the table."""


class WordTable:
    """Words and their counts. Memory: 32 bytes a slot, at most 3/4 filled, and the bytes of words of more than 23."""

    def __init__(self) -> None:
        self._clear(_SLOTS)
        self._arena = np.empty(1 << 12, np.uint8)
        self._used = np.zeros(3, np.int64)
        self._keys = np.empty(4 * BATCH, np.uint64)

    def __len__(self) -> int:
        return int(self._used[0])

    @property
    def memory_bytes(self) -> int:
        """Bytes held."""
        return self._table.nbytes + self._arena.nbytes

    @property
    def _store(self) -> Store:
        return Store(self._table, self._arena, self._used, self._keys)

    def add(self, data: U8, begin: int, ends: I64, counts: I64) -> None:
        """Add words that follow each other in `data` (padded) from `begin` on; counts: one each, or one for all.

        Counts must add up to less than 2^63 a word.
        """
        ends = read_only(ends)
        words, done = Words(data, ends, read_only(counts)), 0
        while True:
            done = add_words(words, begin, done, len(ends), self._store)
            if done == len(ends):
                return
            begin = int(ends[done - 1]) if done else begin
            self._grow()

    def _grow(self) -> None:
        """Enlarge the arrays. Not done in kernels: numpy asks for huge pages, which random access needs."""
        if self._used[2] > len(self._arena):
            arena = np.empty(2 * int(self._used[2]), np.uint8)
            arena[: self._used[1]] = self._arena[: self._used[1]]
            self._arena = arena
        if 4 * (len(self) + BATCH) > 3 * len(self._table) // SLOT:
            before = self._table
            self._clear(2 * len(before) // SLOT)
            rehash(before, self._table)

    def _clear(self, slots: int) -> None:
        """Take a new table of so many empty slots."""
        self._table = np.zeros(SLOT * slots, np.uint64)

    def _reserve(self, words: int) -> None:
        """Make an empty table large enough for so many words."""
        slots = _SLOTS
        while 4 * (words + BATCH) > 3 * slots:
            slots *= 2
        if not len(self) and slots > len(self._table) // SLOT:
            self._clear(slots)

    def add_rows(self, words: pa.LargeBinaryArray, counts: I64) -> None:
        """Add words with their counts; no nulls."""
        if len(words):
            self._reserve(len(words))
            offsets, data = word_buffers(words)
            self.add(padded(data, len(data)), int(offsets[0]), offsets[1:], counts)

    def sorted(self) -> tuple[pa.LargeBinaryArray, I64, U64]:
        """Return words, counts and hashes, in the order of `rows`."""
        return self.rows()[:3]

    def rows(self) -> SortedWords:
        """Return all words, sorted by hash, then by bytes: an order that depends on the words alone."""
        n = len(self)
        places, hashes = np.empty(n, np.int64), np.empty(n, np.uint64)
        size = list_words(self._table, places, hashes)
        order = np.argsort(hashes)
        places, hashes = places[order], hashes[order]
        offsets, data, counts = np.empty(n + 1, np.int64), np.empty(size, np.uint8), np.empty(n, np.int64)
        write_words(self._table, self._arena, places, offsets, data, counts)
        words = pa.LargeBinaryArray.from_buffers(
            pa.large_binary(), n, [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        )
        if n and bool((hashes[1:] == hashes[:-1]).any()):  # two words in 2^64 / n^2
            from pyarrow.compute import rank  # takes long to import

            order = np.lexsort((rank(words).to_numpy(), hashes))
            words, counts, hashes, places = words.take(pa.array(order)), counts[order], hashes[order], places[order]
        return SortedWords(words, counts, hashes, places)


class WordCounter:
    """Counts words, per language."""

    schema: ClassVar[pa.Schema] = WORDS_SCHEMA
    """Schema of `tables`."""

    def __init__(self) -> None:
        self._tables: dict[str, WordTable] = {}

    @property
    def memory_bytes(self) -> int:
        """Bytes held by all tables."""
        return sum(table.memory_bytes for table in self._tables.values())

    def add(self, pretokens: PreTokens, languages: pa.StringArray, weight: int = 1) -> None:
        """Count the pre-tokens of a batch; `languages`: one a document, no nulls; `weight` multiplies counts."""
        for language, first, last in runs_of(languages):
            ends = pretokens.ends[pretokens.documents[first] : pretokens.documents[last]]
            self.table(language).add(pretokens.data, int(pretokens.starts[first]), ends, np.full(1, weight, np.int64))

    def add_rows(self, rows: pa.RecordBatch) -> None:
        """Add rows of `tables`."""
        for language, words, counts in by_language(rows):
            self.table(language).add_rows(words, counts)

    def table(self, language: str) -> WordTable:
        """Return the table of one language, a new one where there was none."""
        if language not in self._tables:
            self._tables[language] = self._new_table()
        return self._tables[language]

    def _new_table(self) -> WordTable:
        return WordTable()

    def tables(self, partitions: int) -> Iterator[tuple[int, pa.Table]]:
        """Yield (partition, its rows sorted by language and hash) without empty partitions: see `partition_of`."""
        parts: dict[int, list[pa.Table]] = {}
        for language in sorted(self._tables):
            rows = self._tables[language].rows()
            columns = self._columns(self._tables[language], rows)
            ends = np.searchsorted(partition_of(rows.hashes, partitions), np.arange(partitions), side="right").tolist()
            for partition, (first, last) in enumerate(pairwise([0, *ends])):
                if first < last:
                    names = pa.repeat(pa.scalar(language, pa.string()), last - first)
                    own = [names, *(column.slice(first, last - first) for column in columns)]
                    parts.setdefault(partition, []).append(pa.Table.from_arrays(own, schema=self.schema))
        for partition in sorted(parts):
            yield partition, pa.concat_tables(parts[partition])

    def _columns(self, _: WordTable, rows: SortedWords) -> list[pa.Array]:
        """Return the columns of a table behind the language."""
        return [rows.words, pa.array(rows.counts)]


def by_language(rows: pa.RecordBatch) -> Iterator[tuple[str, pa.LargeBinaryArray, I64]]:
    """Yield language, words and counts of the runs of rows (WORDS_SCHEMA) that have one language; views."""
    words, counts = rows.column("word"), rows.column("count").to_numpy()
    for language, first, last in runs_of(rows.column("language")):
        yield language, words.slice(first, last - first), counts[first:last]


def runs_of(names: pa.StringArray) -> Iterator[tuple[str, int, int]]:
    """Yield name, first and last place (exclusive) of every run of equal names; no nulls."""
    if not len(names):
        return
    if _are_equal(names):
        yield names[0].as_py(), 0, len(names)
        return
    from pyarrow.compute import run_end_encode  # takes long to import, and most batches have one language

    first, runs = 0, run_end_encode(names)
    for name, last in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
        yield name, first, last
        first = last


def _are_equal(names: pa.StringArray) -> bool:
    """Return True if all names are the same."""
    offsets = np.frombuffer(names.buffers()[1], np.int32)[names.offset : names.offset + len(names) + 1]
    length = int(offsets[1] - offsets[0])
    if int(offsets[-1] - offsets[0]) != length * len(names) or (np.diff(offsets) != length).any():
        return False
    data = np.frombuffer(names.buffers()[2] or b"", np.uint8)[offsets[0] : offsets[-1]]
    return bool((data.reshape(len(names), length) == data[:length]).all())


def partition_of(hashes: U64, partitions: int) -> I64:
    """Return the partition of each word by its hash, int64: equal ranges of the hash's upper half, in order."""
    upper: I64 = (((hashes >> np.uint64(32)) * np.uint64(partitions)) >> np.uint64(32)).astype(np.int64)
    return upper


def word_bytes(words: pa.LargeBinaryArray) -> int:
    """Return the bytes of the words together, each counted once."""
    offsets, _ = word_buffers(words)
    return int(offsets[-1] - offsets[0])


def mark_figures(words: pa.LargeBinaryArray, counts: I64) -> tuple[int, int, int]:
    """Return how many marks, words that begin with a mark, and other words with a letter, the text has."""
    marks, cut, lettered = count_marks(*word_buffers(words), read_only(counts), BLOCKS, CLASSES)
    return int(marks), int(cut), int(lettered)


def text_sizes(words: pa.LargeBinaryArray, counts: I64) -> tuple[int, int]:
    """Return (bytes, characters) of the text that words with counts came from."""
    size, characters = weigh_words(*word_buffers(words), read_only(counts))
    return int(size), int(characters)
