"""Sources of words: the documents' origins (packages, sites, files) in which each word of a corpus occurs.

A source is known by a 64-bit hash of its name. A set of sources keeps its SKETCH (65) smallest hashes: with fewer it is
the set itself, so its size is exact; from SKETCH on the size is estimated from the largest that is kept (K minimum
values: Bar-Yossef et al., RANDOM 2002), with a relative standard error of 1 / sqrt(SKETCH - 2), 12.6 %. The union of
two such sets is again one. Two words with one 64-bit hash would share their sources: one pair of words in 2^64.
"""

from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa

from operators.arrays import I64, U8, U32, U64, padded, read_only, word_buffers
from operators.errors import UsageError
from operators.kernels.word_sources import (
    ROOM,
    SKETCH,
    Sets,
    add_listed,
    add_sourced,
    hash_words,
    put_slots,
    write_sets,
)
from operators.kernels.word_table import SLOT, Words
from operators.text.pretokenize import PreTokens
from operators.word_table import WORDS_SCHEMA, SortedWords, WordCounter, WordTable, runs_of

SETS: Final = pa.field("sources", pa.large_list(pa.dictionary(pa.uint32(), pa.uint64())), nullable=False)
"""Column of sets of sources: their hashes, each of them written once."""
_LARGEST_ARENA: Final = 1 << 32
_BYTES_A_NAME: Final = 200  # of a source's name in a dictionary of Python, about


class TooManySources(UsageError):
    """More sources of words than one table can hold."""

    message = "the words of one worker have more than 4,294,967,296 sources together; lower --memory-limit"


def source_hash(name: str) -> int:
    """Return the hash of a source's name: its BLAKE2b digest of eight bytes, lowest first, never 0."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "little") or 1


def estimated(hashes: U64) -> int:
    """Return the size of a set of which these are the smallest hashes, ascending; exact under SKETCH of them."""
    if len(hashes) < SKETCH:
        return len(hashes)
    return round((SKETCH - 1) * 2.0**64 / (float(hashes[SKETCH - 1]) + 1))


def capped(words: U64, sources: U64) -> tuple[U64, U64]:
    """Return distinct pairs, ordered by word and source, with the SKETCH smallest sources of each word."""
    order = np.lexsort((sources, words))
    words, sources = words[order], sources[order]
    if not len(words):
        return words, sources
    is_new = np.ones(len(words), np.bool_)
    is_new[1:] = (words[1:] != words[:-1]) | (sources[1:] != sources[:-1])
    words, sources = words[is_new], sources[is_new]
    first = np.flatnonzero(np.append(True, words[1:] != words[:-1]))
    place = np.arange(len(words)) - np.repeat(first, np.diff(np.append(first, len(words))))
    kept = place < SKETCH
    return words[kept], sources[kept]


def hashes_of(words: pa.LargeBinaryArray) -> U64:
    """Return the hashes of words, uint64, as their word table has them."""
    offsets, data = word_buffers(words)
    hashes = np.empty(len(words), np.uint64)
    hash_words(padded(data, len(data)), read_only(offsets), hashes)
    return hashes


class SourcedTable(WordTable):
    """Word table with the sources of each word. Memory: 52 bytes a slot, at most 3/4 filled, and blocks of sources."""

    def __init__(self, hashes: Callable[[], U64]) -> None:
        """hashes: returns the hashes of all sources so far."""
        super().__init__()
        self._hashes = hashes
        self._sources, self._sources_used = np.empty(2 * ROOM, np.uint32), np.zeros(1, np.int64)

    @property
    def memory_bytes(self) -> int:
        """Bytes held."""
        return super().memory_bytes + self._marks.nbytes + self._beside.nbytes + self._sources.nbytes

    @property
    def _sets(self) -> Sets:
        return Sets(self._marks, self._beside, self._sources, self._sources_used, self._hashes())

    def add_documents(self, data: U8, begin: int, ends: I64, documents: I64, sources: U32, counts: I64) -> None:
        """Add words as `add` does, and the source of their document.

        documents: int64[n + 1], where the words of each document begin and end; sources: one a document.
        """
        words = Words(data, read_only(ends), read_only(counts))
        self._add(add_sourced, words, begin, read_only(documents), sources)

    def add_lists(self, words: pa.LargeBinaryArray, counts: I64, lists: I64, sources: U32) -> None:
        """Add words with counts and their lists of sources, which begin and end at `lists`, int64[n + 1]; no nulls."""
        if len(words):
            self._reserve(len(words))
            offsets, data = word_buffers(words)
            rows = Words(padded(data, len(data)), read_only(offsets[1:]), read_only(counts))
            self._add(add_listed, rows, int(offsets[0]), read_only(lists), sources)

    def _add(self, kernel: Callable[..., Any], words: Words, begin: int, groups: I64, sources: U32) -> None:
        done = 0
        while (done := kernel(words, begin, groups, sources, done, self._store, self._sets)) < len(words.ends):
            begin = int(words.ends[done - 1]) if done else begin
            self._grow()

    def _grow(self) -> None:
        """Enlarge what is nearly full."""
        if self._sources_used[0] + ROOM > len(self._sources):
            if len(self._sources) >= _LARGEST_ARENA:
                raise TooManySources()
            sources = np.empty(2 * len(self._sources), np.uint32)
            sources[: self._sources_used[0]] = self._sources[: self._sources_used[0]]
            self._sources = sources
        before, sets = self._table, self._sets
        super()._grow()
        if self._table is not before:
            put_slots(before, self._table, sets, self._sets)

    def _clear(self, slots: int) -> None:
        super()._clear(slots)
        self._marks, self._beside = np.zeros(slots, np.uint32), np.zeros(SLOT * slots, np.uint32)

    def lists(self, places: I64) -> tuple[I64, U32]:
        """Return where the sources of the words at `places` begin and end, and the sources, ascending in each."""
        offsets = np.zeros(len(places) + 1, np.int64)
        np.cumsum(self._beside[places], out=offsets[1:])
        sources = np.empty(offsets[-1], np.uint32)
        write_sets(self._sets, places, offsets, sources)
        return offsets, sources


class SourcedCounter(WordCounter):
    """Counts words, per language, and keeps their sources."""

    schema: ClassVar[pa.Schema] = WORDS_SCHEMA.append(SETS)

    def __init__(self, hashes: Iterable[U64] = ()) -> None:
        """hashes: those of the sources of the lists that will be added."""
        super().__init__()
        self._hashes, self._numbers = np.unique(np.concatenate([np.empty(0, np.uint64), *hashes])), dict[str, int]()

    @property
    def memory_bytes(self) -> int:
        """Bytes held by all tables, and by the sources' names."""
        return super().memory_bytes + self._hashes.nbytes + _BYTES_A_NAME * len(self._numbers)

    def table(self, language: str) -> "SourcedTable":
        """Return the table of one language, a new one where there was none."""
        table = super().table(language)
        assert isinstance(table, SourcedTable)
        return table

    def _new_table(self) -> WordTable:
        return SourcedTable(lambda: self._hashes)

    def add_documents(
        self, pretokens: PreTokens, languages: pa.StringArray, sources: pa.StringArray, weight: int = 1
    ) -> None:
        """Count the pre-tokens of a batch, as `add` does; sources: one a document, no nulls."""
        numbers, each = self._numbers_of(sources), np.full(1, weight, np.int64)
        for language, first, last in runs_of(languages):
            words = pretokens.documents[first : last + 1]
            ends, begin = pretokens.ends[words[0] : words[-1]], int(pretokens.starts[first])
            table = self.table(language)
            table.add_documents(pretokens.data, begin, ends, words - words[0], numbers[first:last], each)

    def _numbers_of(self, sources: pa.StringArray) -> U32:
        named = sources.dictionary_encode()
        names, known = named.dictionary.to_pylist(), len(self._numbers)
        numbers = np.array([self._numbers.setdefault(name, len(self._numbers)) for name in names], np.uint32)
        new = [source_hash(name) for name, number in zip(names, numbers.tolist(), strict=True) if number >= known]
        self._hashes = np.concatenate([self._hashes, np.array(new, np.uint64)])
        each: U32 = numbers[named.indices.to_numpy()]
        return each

    def add_rows(self, rows: pa.RecordBatch) -> None:
        """Add rows of `tables`, of this counter's sources."""
        sets = rows.column("sources")
        offsets = sets.offsets.to_numpy()
        numbers = np.searchsorted(self._hashes, sets.values.dictionary.to_numpy()).astype(np.uint32)
        sources = numbers[sets.values.indices.to_numpy()]
        words, counts = rows.column("word"), rows.column("count").to_numpy()
        for language, first, last in runs_of(rows.column("language")):
            own = words.slice(first, last - first), counts[first:last], offsets[first : last + 1]
            self.table(language).add_lists(*own, sources)

    def _columns(self, table: WordTable, rows: SortedWords) -> list[pa.Array]:
        assert isinstance(table, SourcedTable)
        offsets, sources = table.lists(rows.places)
        named = pa.DictionaryArray.from_arrays(sources, self._hashes)
        return [*super()._columns(table, rows), pa.LargeListArray.from_arrays(offsets, named)]


def compacted(sets: pa.LargeListArray) -> pa.LargeListArray:
    """Return the same sets, whose dictionary holds no other hashes."""
    numbers, hashes = sets.values.indices.to_numpy(), sets.values.dictionary.to_numpy()
    used = np.bincount(numbers, minlength=len(hashes)) > 0
    renumbered = (np.cumsum(used, dtype=np.uint32) - np.uint32(1))[numbers]
    return pa.LargeListArray.from_arrays(sets.offsets, pa.DictionaryArray.from_arrays(renumbered, hashes[used]))


def all_sources(tables: Iterable[U64]) -> int:
    """Return the number of distinct sources; tables: the smallest SKETCH hashes of each part, ascending."""
    return estimated(np.unique(np.concatenate([np.empty(0, np.uint64), *tables]))[:SKETCH])
