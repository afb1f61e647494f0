"""Sources of words: the documents' origins (packages, sites, files) in which each word of a corpus occurs.

A source is known by a 64-bit hash of its name. A set of sources keeps its SKETCH (65) smallest hashes: with fewer it is
the set itself, so its size is exact; from SKETCH on the size is estimated from the largest that is kept (K minimum
values: Bar-Yossef et al., RANDOM 2002), with a relative standard error of 1 / sqrt(SKETCH - 2), 12.6 %. The union of
two such sets is again one. Two words with one 64-bit hash would share their sources: one pair of words in 2^64.
"""

from collections.abc import Callable, Iterable
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I64, U8, U64, padded, read_only, word_buffers
from operators.kernels.word_sources import (
    BATCH,
    RECENT,
    SKETCH,
    SLOT,
    SourceTable,
    hash_words,
    list_slots,
    note_pairs,
    note_sources,
    put_slots,
    write_sources,
)
from operators.text.pretokenize import PreTokens
from operators.word_table import partition_of, runs_of

SOURCES_SCHEMA: Final = pa.schema(
    [pa.field("language", pa.string(), nullable=False)]
    + [pa.field(name, pa.uint64(), nullable=False) for name in ("word", "source")]
)
"""Schema of the sources of words: hash of a word, hash of one of its sources."""


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


class SourceCounter:
    """Sources of the words of one language. Memory: 32 bytes a slot, at most three quarters filled, and the blocks."""

    def __init__(self, language: str = "", recent: U64 | None = None) -> None:
        """recent: pairs that were added last, which the counters of several languages may share."""
        self._slots, self._arena = np.zeros(SLOT << 10, np.uint64), np.empty(2 * SKETCH * BATCH, np.uint64)
        self._recent = np.zeros(2 * RECENT, np.uint64) if recent is None else recent
        self._used, self._salt = np.zeros(2, np.int64), np.uint64(source_hash(language))
        self._waiting = np.empty(2 * BATCH, np.uint64)

    @property
    def memory_bytes(self) -> int:
        """Bytes held."""
        return self._slots.nbytes + self._arena.nbytes

    @property
    def _table(self) -> SourceTable:
        return SourceTable(self._slots, self._arena, self._recent, self._used, self._waiting)

    def add(self, data: U8, begin: int, ends: I64, documents: I64, sources: U64) -> None:
        """Add words that follow each other in `data` (padded) from `begin` on, and the sources of their documents.

        documents: int64[n + 1], where the words of each document begin and end.
        """
        ends, documents, done = read_only(ends), read_only(documents), 0
        while True:
            done = note_sources(data, begin, ends, documents, sources, done, self._salt, self._table)
            if done == len(ends):
                return
            begin = int(ends[done - 1]) if done else begin
            self._grow()

    def add_pairs(self, words: U64, sources: U64) -> None:
        """Add pairs of words' and sources' hashes."""
        done = 0
        while (done := note_pairs(words, sources, done, self._table)) < len(words):
            self._grow()

    def _grow(self) -> None:
        """Enlarge what is nearly full."""
        if 4 * (self._used[0] + BATCH) > 3 * len(self._slots) // SLOT:
            larger = np.zeros(2 * len(self._slots), np.uint64)
            put_slots(self._slots, larger)
            self._slots = larger
        if self._used[1] + SKETCH * BATCH > len(self._arena):
            arena = np.empty(2 * len(self._arena), np.uint64)
            arena[: self._used[1]] = self._arena[: self._used[1]]
            self._arena = arena

    def pairs(self, order_of: Callable[[U64], I64] = np.argsort) -> tuple[U64, U64]:
        """Return the pairs as `capped` orders them; words in another order, if `order_of` says so."""
        words, places = np.empty(self._used[0], np.uint64), np.empty(self._used[0], np.int64)
        sources = np.empty(list_slots(self._slots, words, places), np.uint64)
        order, lengths = order_of(words), np.empty(len(words), np.int64)
        write_sources(self._slots, self._arena, places[order], lengths, sources)
        return np.repeat(words[order], lengths), sources


class SourceCounters:
    """Sets of (word, source) pairs, by language."""

    def __init__(self) -> None:
        self._counters: dict[str, SourceCounter] = {}
        self._recent = np.zeros(2 * RECENT, np.uint64)

    def _counter(self, language: str) -> SourceCounter:
        if language not in self._counters:
            self._counters[language] = SourceCounter(language, self._recent)
        return self._counters[language]

    @property
    def memory_bytes(self) -> int:
        """Bytes held by all sets."""
        return self._recent.nbytes + sum(one.memory_bytes for one in self._counters.values())

    def add(self, pretokens: PreTokens, languages: pa.StringArray, sources: pa.StringArray) -> None:
        """Add the pre-tokens of a batch; languages, sources: one a document, no nulls."""
        named = sources.dictionary_encode()
        hashes = np.array([source_hash(name) for name in named.dictionary.to_pylist()], np.uint64)
        of_documents = hashes[named.indices.to_numpy()]
        for language, first, last in runs_of(languages):
            words = pretokens.documents[first : last + 1]
            ends, begin = pretokens.ends[words[0] : words[-1]], int(pretokens.starts[first])
            self._counter(language).add(pretokens.data, begin, ends, words - words[0], of_documents[first:last])

    def add_pairs(self, language: str, words: U64, sources: U64) -> None:
        """Add pairs of words' and sources' hashes."""
        self._counter(language).add_pairs(words, sources)

    def table(self) -> pa.Table:
        """Return all pairs, ordered by language, word and source (SOURCES_SCHEMA)."""
        rows = ((language, *counter.pairs()) for language, counter in sorted(self._counters.items()))
        return pa.concat_tables([SOURCES_SCHEMA.empty_table(), *(_table(*row) for row in rows)]).combine_chunks()

    def tables(self, partitions: int) -> list[pa.Table]:
        """Return the pairs of each partition, ordered by language (SOURCES_SCHEMA)."""
        parts = [[SOURCES_SCHEMA.empty_table()] for _ in range(partitions)]
        for language, counter in sorted(self._counters.items()):
            words, sources = counter.pairs(partial(_by_partition, partitions))
            own = partition_of(words, partitions)
            for partition, (first, last) in enumerate(pairwise(np.searchsorted(own, np.arange(partitions + 1)))):
                if last > first:
                    parts[partition].append(_table(language, words[first:last], sources[first:last]))
        return [pa.concat_tables(tables).combine_chunks() for tables in parts]


def _by_partition(partitions: int, words: U64) -> I64:
    """Return an order of words by their partitions."""
    order: I64 = np.argsort(partition_of(words, partitions).astype(np.uint16), kind="stable")
    return order


def _table(language: str, words: U64, sources: U64) -> pa.Table:
    names = pa.repeat(pa.scalar(language, pa.string()), len(words))
    return pa.Table.from_arrays([names, pa.array(words), pa.array(sources)], schema=SOURCES_SCHEMA)


def all_sources(tables: Iterable[U64]) -> int:
    """Return the number of distinct sources; tables: the smallest SKETCH hashes of each part, ascending."""
    return estimated(np.unique(np.concatenate([np.empty(0, np.uint64), *tables]))[:SKETCH])
