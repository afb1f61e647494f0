"""Sources of each word of a corpus, and the sources of the words in which a pair of tokens stands.

A word is known by the hash that its word table has, a source by the hash of its name. A slot is four uint64: the hash
of the word, `place << 32 | n` with the number of its sources (0 in an empty slot), and its first two sources. More of
them lie in an arena, in blocks of 4, 16 and at last SKETCH; the third number is then the largest of SKETCH sources. The
smallest SKETCH are kept. Recent pairs are remembered in a small table, so that frequent words cost no access to the
slots.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I64, U32, U64
from operators.kernels.apply_merges import Runs, ShardArrays
from operators.kernels.intrinsics import eight_bytes, folded, prefetch
from operators.kernels.kernel import kernel
from operators.kernels.pair_totals import slot_of
from operators.kernels.word_table import MASKS, SHORT, long_hash, short_hash

SKETCH = 65
"""Sources that are kept of a word."""
SLOT = 4
RECENT = 1 << 14  # recent pairs
BATCH = 128  # words looked up together
INLINE, SMALL, MEDIUM = 2, 4, 16  # sources in a slot, and in the blocks that are not full
_LENGTH, _FACTOR, _HALF = np.uint64(56), np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


@kernel
def word_hash(data: Any, begin: int, end: int) -> Any:
    """Return the hash of a word, as in `operators.kernels.word_table`; 24 bytes behind it may be read."""
    length = end - begin
    if length > SHORT:
        return long_hash(data, begin, end)
    one = eight_bytes(data, begin) & MASKS[length, 0]
    two = eight_bytes(data, begin + 8) & MASKS[length, 1]
    three = eight_bytes(data, begin + 16) & MASKS[length, 2] | np.uint64(length) << _LENGTH
    return short_hash(one, two, three)


@kernel
def hash_words(data: Any, offsets: Any, hashes: Any) -> None:
    """Write the hash of each word; offsets: int64[words + 1]."""
    for word in range(len(hashes)):
        hashes[word] = word_hash(data, offsets[word], offsets[word + 1])


class SourceTable(NamedTuple):
    """Sources of words."""

    slots: U64
    """uint64: the slots, a power of two of them."""
    arena: U64
    """uint64: blocks of sources."""
    recent: U64
    """uint64[2 * RECENT]: recent pairs of word and source."""
    used: I64
    """int64[2]: words, and numbers of the arena in use."""
    waiting: U64
    """uint64[2 * BATCH]: scratch, pairs to look up."""


@kernel
def home(slots: Any, word: Any) -> Any:
    """Return the place at which the search for a word begins."""
    return SLOT * np.int64(folded(word, _FACTOR) & np.uint64(len(slots) // SLOT - 1))


@kernel
def put_slots(slots: Any, larger: Any) -> None:
    """Put the same words into larger slots, which are zero; their blocks stay where they are."""
    for old in range(0, len(slots), SLOT):
        if slots[old + 1] != 0:
            at = home(larger, slots[old])
            while larger[at + 1] != 0:
                at = (at + SLOT) & (len(larger) - 1)
            for i in range(SLOT):
                larger[at + i] = slots[old + i]


@kernel
def put(table: SourceTable, word: Any, source: Any) -> None:
    """Add a source to a word; the slots are not full, and the arena has space for SKETCH more."""
    slots, arena, used = table.slots, table.arena, table.used
    at = home(slots, word)
    while slots[at + 1] != 0 and slots[at] != word:
        at = (at + SLOT) & (len(slots) - 1)
    n, place = np.int64(slots[at + 1] & np.uint64(0xFFFFFFFF)), np.int64(slots[at + 1] >> _HALF)
    if n == 0:
        used[0] += 1
        slots[at] = word
    if n < INLINE:
        if n == 1 and slots[at + 2] == source:
            return
        slots[at + 2 + n] = source
        slots[at + 1] = np.uint64(n + 1)
        return
    if n == INLINE:
        if slots[at + 2] == source or slots[at + 3] == source:
            return
    elif n == SKETCH and source >= slots[at + 2]:
        return
    else:
        for i in range(place, place + n):
            if arena[i] == source:
                return
    if n in (INLINE, SMALL, MEDIUM):  # a larger block
        larger = used[1]
        used[1] += SMALL if n == INLINE else MEDIUM if n == SMALL else SKETCH
        for i in range(n):
            arena[larger + i] = slots[at + 2 + i] if n == INLINE else arena[place + i]
        place = larger
    if n < SKETCH:
        arena[place + n] = source
        n += 1
        slots[at + 1] = np.uint64(place) << _HALF | np.uint64(n)
    else:
        for i in range(place, place + n):
            if arena[i] == slots[at + 2]:
                arena[i] = source
    if n == SKETCH:
        largest = arena[place]
        for i in range(place, place + n):
            largest = max(largest, arena[i])
        slots[at + 2] = largest


@kernel
def has_room(table: SourceTable, words: int) -> bool:
    """Return True if so many words can be added."""
    used, slots = table.used, len(table.slots) // SLOT
    return bool(4 * (used[0] + words) <= 3 * slots and used[1] + SKETCH * words <= len(table.arena))


@kernel
def note_sources(
    data: Any, begin: Any, ends: Any, documents: Any, sources: Any, first: int, salt: Any, table: SourceTable
) -> int:
    """Add its document's source to each of the words that end at `ends[first:]`; the first begins at `begin`.

    documents: int64[n + 1], where the words of each document begin and end; sources: uint64[n]. salt: uint64, that of
    the language, which tells its recent pairs from those of others. Returns the first word that was not added:
    `len(ends)`, or one for which the table must grow first. Empty words are ignored.
    """
    recent, waiting = table.recent, table.waiting
    document = np.searchsorted(documents, first, side="right") - 1
    while first < len(ends):
        batch = min(BATCH, len(ends) - first)
        if not has_room(table, batch):
            return first
        found = 0
        for i in range(first, first + batch):
            while documents[document + 1] <= i:
                document += 1
            source, end = sources[document], np.int64(ends[i])
            if end > begin:
                word = word_hash(data, begin, end)
                at = 2 * np.int64(word & np.uint64(RECENT - 1))
                if recent[at] != word or recent[at + 1] != source ^ salt:
                    recent[at], recent[at + 1] = word, source ^ salt
                    prefetch(table.slots, home(table.slots, word))
                    waiting[2 * found], waiting[2 * found + 1] = word, source
                    found += 1
            begin = end
        for i in range(found):
            put(table, waiting[2 * i], waiting[2 * i + 1])
        first += batch
    return first


@kernel
def note_pairs(words: Any, sources: Any, first: int, table: SourceTable) -> int:
    """Add pairs of word and source from the pair `first` on; return the first that was not added, as `note_sources`."""
    while first < len(words):
        batch = min(BATCH, len(words) - first)
        if not has_room(table, batch):
            return first
        for i in range(first, first + batch):
            prefetch(table.slots, home(table.slots, words[i]))
        for i in range(first, first + batch):
            put(table, words[i], sources[i])
        first += batch
    return first


@kernel
def list_slots(slots: Any, words: Any, places: Any) -> int:
    """Write the words and the places of their slots, in no order; return the number of their sources."""
    n: Any = 0
    sources: Any = 0
    for at in range(0, len(slots), SLOT):
        if slots[at + 1] != 0:
            words[n], places[n] = slots[at], at
            sources += np.int64(slots[at + 1] & np.uint64(0xFFFFFFFF))
            n += 1
    return int(sources)


@kernel
def write_sources(slots: Any, arena: Any, places: Any, lengths: Any, sources: Any) -> None:
    """Write the number of sources of each slot at `places`, and the sources, ascending in each."""
    to: Any = 0
    for i in range(len(places)):
        at = places[i]
        n, place = np.int64(slots[at + 1] & np.uint64(0xFFFFFFFF)), np.int64(slots[at + 1] >> _HALF)
        lengths[i] = n
        for k in range(n):
            sources[to + k] = slots[at + 2 + k] if n <= INLINE else arena[place + k]
        if n > 1:
            sources[to : to + n] = np.sort(sources[to : to + n])
        to += n


class LaidSets(NamedTuple):
    """A set of ranks for each word of a shard, in the order in which the words are laid out."""

    starts: I64
    """int64[words]: first cell of each word, ascending."""
    offsets: I64
    """int64[words + 1]: where each word's ranks begin and end."""
    ranks: U32
    """uint32: ranks, ascending in each word."""
    stamps: I64
    """int64[ranks + 1], by rank: the last question in which it was found; the last one counts the questions."""


@kernel
def unions(pairs: Any, shard: ShardArrays, runs: Runs, sets: LaidSets, limit: int, counts: Any) -> Any:
    """Return, for each pair of tokens, the smallest `limit` ranks of the words in which it stands now.

    pairs: int64, `left << 32 | right`, of tokens that the shard knows. counts (int64[pairs]) gets the number of ranks
    that are returned of each. Result: uint32, one pair after the other.
    """
    cells, occurrences, births = shard.cells, shard.occurrences, len(shard.last_birth)
    starts, offsets, ranks, stamps = sets
    out = np.empty(1024, np.uint32)
    n: Any = 0
    for i in range(len(pairs)):
        left, right = np.int64(pairs[i] >> 32), np.int64(pairs[i] & 0xFFFFFFFF)
        stamps[-1] += 1
        question, begin = stamps[-1], n
        for side in range(2):
            owner, neighbour = (right, left) if side == 0 else (left, right)
            birth = shard.last_birth[owner] if owner < births else -1
            while birth >= 0:
                for run in range(runs.birth_runs[2 * birth + side], runs.birth_runs[2 * birth + side + 1]):
                    if runs.neighbour[run] != neighbour:
                        continue
                    last = np.int64(-1)
                    for place in range(runs.first[run], np.int64(runs.first[run]) + runs.length[run]):
                        at = np.int64(occurrences[place])
                        if cells[at] != right or cells[at - 1] != left:
                            continue
                        word = np.searchsorted(starts, at, side="right") - 1
                        if word == last:
                            continue
                        last = word
                        for k in range(offsets[word], offsets[word + 1]):
                            if stamps[ranks[k]] != question:
                                stamps[ranks[k]] = question
                                if n == len(out):
                                    larger = np.empty(2 * n, np.uint32)
                                    larger[:n] = out
                                    out = larger
                                out[n] = ranks[k]
                                n += 1
                birth = runs.birth_previous[birth]
        if n - begin > limit:
            out[begin : begin + limit] = np.sort(out[begin:n])[:limit]
            n = begin + limit
        counts[i] = n - begin
    return out[:n]


@kernel
def read_totals(pairs: Any, table: Any, totals: Any) -> None:
    """Write the total of each pair, 0 where a table of `operators.kernels.pair_totals` does not have it."""
    for i in range(len(pairs)):
        at = slot_of(table, pairs[i])
        totals[i] = table[at + 1] if table[at] != -1 else 0
