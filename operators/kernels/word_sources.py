"""Sets of sources beside a word table, and the sources of the words in which a pair of tokens stands.

A source is a number, which has a 64-bit hash. Each slot of the word table has a mark: the source that was added last,
which answers for most words. Beside it lie four uint32: the number of sources, and the first three of them. More of
them lie in an arena, in blocks of 8, 24 and at last SKETCH; the second number is then where the block begins, the third
a filter of 32 bits. The SKETCH sources with the smallest hashes are kept: a full block is a heap with the largest hash
first, and the third number is that hash's upper half.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I64, U32, U64
from operators.kernels.apply_merges import Runs, ShardArrays
from operators.kernels.intrinsics import eight_bytes, prefetch
from operators.kernels.kernel import kernel
from operators.kernels.pair_totals import slot_of
from operators.kernels.word_table import (
    BATCH,
    MASKS,
    SHORT,
    SLOT,
    Store,
    Words,
    add_words,
    long_hash,
    short_hash,
    slot_hash,
)

SKETCH = 65
"""Sources that are kept of a word."""
INLINE, SMALL, MEDIUM = 3, 8, 24  # sources beside a slot, and in the blocks that are not full
ROOM = 2 * SKETCH * BATCH
"""Numbers that a batch may take of the arena: a list may take a block of each size."""
_LENGTH, _HALF = np.uint64(56), np.uint64(32)


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


class Sets(NamedTuple):
    """Sources of the words of a table."""

    marks: U32
    """uint32[slots]: the source that was added last, plus 1."""
    beside: U32
    """uint32[4 * slots]: what lies beside the slots."""
    arena: U32
    """uint32: blocks of sources."""
    used: I64
    """int64[1]: numbers of the arena in use."""
    hashes: U64
    """uint64: the sources' hashes."""


@kernel
def filter_bit(source: Any) -> Any:
    """Return the bit of a source in the filter of a block."""
    return np.int64(1) << (np.int64(source) * 0x9E37 >> 8 & 31)


@kernel
def move(sets: Sets, at: Any, old: Any, first: Any, n: int, size: int) -> None:
    """Copy n sources, `old[first : first + n]`, into a new block of a slot."""
    place = sets.used[0]
    sets.used[0] += size
    bits: Any = 0
    for i in range(n):
        sets.arena[place + i] = old[first + i]
        bits |= filter_bit(old[first + i])
    sets.beside[at + 1], sets.beside[at + 2] = place, bits


@kernel
def put(sets: Sets, at: Any, source: Any) -> None:
    """Add a source to the word of the slot `at`; the arena has space for another block."""
    beside, arena = sets.beside, sets.arena
    n = np.int64(beside[at])
    if n <= INLINE:
        for i in range(at + 1, at + 1 + n):
            if beside[i] == source:
                return
        if n < INLINE:
            beside[at + 1 + n], beside[at] = source, n + 1
            return
        move(sets, at, beside, at + 1, n, SMALL)
    elif n == SKETCH and np.int64(sets.hashes[source] >> _HALF) > beside[at + 2]:
        return
    elif n == SKETCH or np.int64(beside[at + 2]) & filter_bit(source):
        place, same = np.int64(beside[at + 1]), np.uint32(source)
        is_there = False
        for i in range(place, place + n):
            is_there |= arena[i] == same
        if is_there:
            return
    if n in (SMALL, MEDIUM):
        move(sets, at, arena, np.int64(beside[at + 1]), n, MEDIUM if n == SMALL else SKETCH)
    place = np.int64(beside[at + 1])
    if n < SKETCH:
        arena[place + n], beside[at] = source, n + 1
        beside[at + 2] = np.int64(beside[at + 2]) | filter_bit(source)
    else:
        replace_largest(sets, at, source)
    if n == SKETCH - 1:
        order_block(sets, at)


@kernel
def put_list(sets: Sets, at: Any, sources: Any, first: Any, last: Any) -> None:
    """Add distinct sources, SKETCH at most, to the word of a slot; the arena has space for each size of block."""
    beside, n = sets.beside, last - first
    if beside[at] != 0 or n <= INLINE:
        for i in range(first, last):
            put(sets, at, np.int64(sources[i]))
        return
    move(sets, at, sources, first, n, SMALL if n <= SMALL else MEDIUM if n <= MEDIUM else SKETCH)
    beside[at] = n
    if n == SKETCH:
        order_block(sets, at)


@kernel
def order_block(sets: Sets, at: Any) -> None:
    """Order a full block of a slot by hash, descending, which makes it a heap, and note the largest."""
    arena, hashes, place = sets.arena, sets.hashes, np.int64(sets.beside[at + 1])
    for i in range(place + 1, place + SKETCH):
        source, to = arena[i], i
        while to > place and hashes[arena[to - 1]] < hashes[source]:
            arena[to] = arena[to - 1]
            to -= 1
        arena[to] = source
    sets.beside[at + 2] = np.int64(hashes[arena[place]] >> _HALF)


@kernel
def replace_largest(sets: Sets, at: Any, source: Any) -> None:
    """Put a source in the place of the first one in the heap of a slot, if its hash is smaller."""
    arena, hashes, place = sets.arena, sets.hashes, np.int64(sets.beside[at + 1])
    if hashes[source] >= hashes[arena[place]]:
        return
    hole = 0
    while 2 * hole + 1 < SKETCH:
        child = 2 * hole + 1
        if child + 1 < SKETCH and hashes[arena[place + child + 1]] > hashes[arena[place + child]]:
            child += 1
        if hashes[arena[place + child]] <= hashes[source]:
            break
        arena[place + hole] = arena[place + child]
        hole = child
    arena[place + hole] = source
    sets.beside[at + 2] = np.int64(hashes[arena[place]] >> _HALF)


@kernel
def put_slots(table: Any, larger: Any, sets: Sets, larger_sets: Sets) -> None:
    """Move what lies beside the slots of a word table to a larger one, to which `rehash` moved the words."""
    last = len(larger) - 1
    for old in range(0, len(table), SLOT):
        if table[old + 2] != 0:
            at = SLOT * np.int64(slot_hash(table, old) & np.uint64(len(larger) // SLOT - 1))
            while larger[at] != table[old] or larger[at + 1] != table[old + 1] or larger[at + 2] != table[old + 2]:
                at = (at + SLOT) & last
            larger_sets.marks[at // SLOT] = sets.marks[old // SLOT]
            for i in range(SLOT):
                larger_sets.beside[at + i] = sets.beside[old + i]


@kernel
def add_sourced(words: Words, begin: Any, groups: Any, sources: Any, first: int, store: Store, sets: Sets) -> int:
    """Add words and their document's source, from the word `first` on, which begins at `begin`; see `add_words`.

    groups: int64[n + 1], where the words of each document begin and end; sources: uint32[n]. Returns the first word
    that was not added: `len(words.ends)`, or one for which a table or an arena must grow first.
    """
    ends, keys, marks, beside = words.ends, store.keys, sets.marks, sets.beside
    document = np.searchsorted(groups, first, side="right") - 1
    while first < len(ends):
        last = min(first + BATCH, len(ends))
        if sets.used[0] + ROOM > len(sets.arena) or add_words(words, begin, first, last, store) != last:
            return first
        new = 0
        for i in range(last - first):
            while groups[document + 1] <= first + i:
                document += 1
            at, source = np.int64(keys[4 * i + 3]), np.int64(sources[document])
            if keys[4 * i + 2] != 0 and marks[at // SLOT] != source + 1:
                marks[at // SLOT] = source + 1
                prefetch(beside, at)
                keys[2 * new], keys[2 * new + 1] = np.uint64(at), np.uint64(source)
                new += 1
        for i in range(new):
            at = np.int64(keys[2 * i])
            if beside[at] > INLINE:
                prefetch(sets.arena, np.int64(beside[at + 1]))
        for i in range(new):
            put(sets, np.int64(keys[2 * i]), np.int64(keys[2 * i + 1]))
        begin = np.int64(ends[last - 1])
        first = last
    return first


@kernel
def add_listed(words: Words, begin: Any, lists: Any, sources: Any, first: int, store: Store, sets: Sets) -> int:
    """Add words and their lists of distinct sources, SKETCH at most, as `add_sourced`.

    lists: int64[words + 1], where each word's begin and end.
    """
    ends, keys = words.ends, store.keys
    while first < len(ends):
        last = min(first + BATCH, len(ends))
        if sets.used[0] + ROOM > len(sets.arena) or add_words(words, begin, first, last, store) != last:
            return first
        for i in range(last - first):
            prefetch(sets.beside, np.int64(keys[4 * i + 3]))
        for i in range(last - first):
            if keys[4 * i + 2] != 0:
                put_list(sets, np.int64(keys[4 * i + 3]), sources, lists[first + i], lists[first + i + 1])
        begin = np.int64(ends[last - 1])
        first = last
    return first


@kernel
def write_sets(sets: Sets, places: Any, offsets: Any, sources: Any) -> None:
    """Write the sources of the slots at `places`, ascending in each, to where `offsets` says (int64[n + 1])."""
    beside, arena = sets.beside, sets.arena
    for word in range(len(places)):
        if word + 16 < len(places):
            prefetch(beside, places[word + 16])
        at, begin = places[word], offsets[word]
        n = offsets[word + 1] - begin
        place = np.int64(beside[at + 1])
        for i in range(n):
            source, to = beside[at + 1 + i] if n <= INLINE else arena[place + i], begin + i
            while to > begin and sources[to - 1] > source:
                sources[to] = sources[to - 1]
                to -= 1
            sources[to] = source


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
