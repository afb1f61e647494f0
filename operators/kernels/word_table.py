"""Hash table from a word's bytes to its count.

A slot is four uint64, half a cache line. Words of up to 23 bytes stand in it themselves: their bytes, lowest first, in
the first 23 of 24 bytes, their length in the last, their count in the fourth number. Of a longer word it holds the
hash, where its bytes begin in an arena, and `LONG << 56 | length`. A slot whose third number is zero is empty.

Words are looked up in batches: first all hashes are computed while the processor fetches the slots, then the slots
are read.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I64, U8, U64
from operators.kernels.intrinsics import eight_bytes, folded, prefetch
from operators.kernels.kernel import kernel

SLOT = 4
SHORT = 23  # bytes of the longest word that stands in its slot
LONG = 0xFF
BATCH = 256  # words looked up together
_LENGTH, _SHORT_LENGTHS = np.uint64(56), np.uint64((1 << 56) - 1)
_A, _B, _C = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F), np.uint64(0x165667B19E3779F9)

MASKS = np.array(
    [[(1 << 8 * min(max(length - 8 * i, 0), 8)) - 1 for i in range(3)] for length in range(SHORT + 1)], np.uint64
)
"""uint64[24, 3]: masks of the bytes, of 24, that belong to a word of each length."""


@kernel
def short_hash(first: Any, second: Any, third: Any) -> Any:
    """Return the hash of a word that fits its slot; the same on every machine, as it decides a word's partition."""
    return folded(folded(first ^ _A, second ^ _B) ^ third, _C)


@kernel
def long_hash(data: Any, first: int, end: int) -> Any:
    """Return the hash of a word of 24 bytes or more."""
    value = np.uint64(end - first)
    at = first
    while at + 8 <= end:
        value = folded(value ^ eight_bytes(data, at), _A) ^ _B
        at += 8
    if at < end:
        value = folded(value ^ eight_bytes(data, end - 8), _A) ^ _B
    return folded(value, _C)


@kernel
def same_bytes(one: Any, at: int, other: Any, other_at: int, length: int) -> bool:
    """Return True if 8 bytes or more are the same in two places."""
    i = 0
    while i + 8 <= length:
        if eight_bytes(one, at + i) != eight_bytes(other, other_at + i):
            return False
        i += 8
    return bool(eight_bytes(one, at + length - 8) == eight_bytes(other, other_at + length - 8))


@kernel
def slot_hash(table: Any, at: int) -> Any:
    """Return the hash of the word in a slot."""
    if table[at + 2] >> _LENGTH == np.uint64(LONG):
        return table[at]
    return short_hash(table[at], table[at + 1], table[at + 2])


@kernel
def rehash(table: Any, larger: Any) -> None:
    """Put the same words into a larger table, which is empty."""
    last = len(larger) - 1
    for old in range(0, len(table), SLOT):
        if table[old + 2] != 0:
            at = SLOT * np.int64(slot_hash(table, old) & np.uint64(len(larger) // SLOT - 1))
            while larger[at + 2] != 0:
                at = (at + SLOT) & last
            for i in range(SLOT):
                larger[at + i] = table[old + i]


class Words(NamedTuple):
    """Words that follow each other in a text."""

    data: U8
    """uint8: the text; 24 bytes behind any word may be read."""
    ends: I64
    """int64: where each word ends and the next begins."""
    counts: I64
    """int64: one for each word, or one for all."""


class Store(NamedTuple):
    """Hash table of words, and the memory that it needs."""

    table: U64
    """uint64: the slots, a power of two of them."""
    arena: U8
    """uint8: bytes of the words that are too long for a slot."""
    used: I64
    """int64[3]: words, bytes of the arena in use, bytes that the arena must have for the next batch."""
    keys: U64
    """uint64[4 * BATCH]: scratch; of the last batch that was added: a slot's first three numbers, and its place."""


@kernel
def add_words(words: Words, begin: Any, first: int, last: int, store: Store) -> int:
    """Add the words that end at `ends[first:last]`, each where the next begins; the first begins at `begin`.

    Empty words are ignored. Returns the first word that was not added: `last`, or one for which the table or the arena
    must grow first.
    """
    data, ends, counts = words
    table, arena, used, keys = store
    each = len(counts) > 1
    slots = len(table) // SLOT
    while first < last:
        batch = min(BATCH, last - first)
        if 4 * (used[0] + batch) > 3 * slots:
            return first
        long_bytes: Any = 0
        for i in range(batch):
            end = np.int64(ends[first + i])
            length = end - begin
            if length <= SHORT:
                one = eight_bytes(data, begin) & MASKS[length, 0]
                two = eight_bytes(data, begin + 8) & MASKS[length, 1]
                three = eight_bytes(data, begin + 16) & MASKS[length, 2] | np.uint64(length) << _LENGTH
                hashed = short_hash(one, two, three)
            else:
                hashed = long_hash(data, begin, end)
                long_bytes += length
                one, two, three = hashed, np.uint64(begin), np.uint64(LONG) << _LENGTH | np.uint64(length)
            at = SLOT * np.int64(hashed & np.uint64(slots - 1))
            prefetch(table, at)
            keys[4 * i], keys[4 * i + 1], keys[4 * i + 2], keys[4 * i + 3] = one, two, three, np.uint64(at)
            begin = end
        used[2] = used[1] + long_bytes
        if used[2] > len(arena):
            return first
        for i in range(batch):
            one, two, three, at = keys[4 * i], keys[4 * i + 1], keys[4 * i + 2], np.int64(keys[4 * i + 3])
            count = np.uint64(counts[first + i] if each else counts[0])
            if three >> _LENGTH != np.uint64(LONG):
                if three == 0:
                    continue
                while table[at] != one or table[at + 1] != two or table[at + 2] != three:
                    if table[at + 2] == 0:
                        table[at], table[at + 1], table[at + 2] = one, two, three
                        used[0] += 1
                        break
                    at = (at + SLOT) & (SLOT * slots - 1)
            else:
                length = np.int64(three & _SHORT_LENGTHS)
                while (
                    table[at] != one
                    or table[at + 2] != three
                    or not same_bytes(arena, np.int64(table[at + 1]), data, np.int64(two), length)
                ):
                    if table[at + 2] == 0:
                        source = np.int64(two)
                        arena[used[1] : used[1] + length] = data[source : source + length]
                        table[at], table[at + 1], table[at + 2] = one, np.uint64(used[1]), three
                        used[0] += 1
                        used[1] += length
                        break
                    at = (at + SLOT) & (SLOT * slots - 1)
            table[at + 3] += count
            keys[4 * i + 3] = np.uint64(at)
        first += batch
    return first


@kernel
def weigh_words(offsets: Any, data: Any, counts: Any) -> tuple[int, int]:
    """Return (bytes, characters) of all words, each as often as its count. Bytes 0b10... begin no character."""
    size: Any = 0
    characters: Any = 0
    for word in range(len(counts)):
        begun = 0
        for at in range(offsets[word], offsets[word + 1]):
            begun += (data[at] & 0xC0) != 0x80
        size += (offsets[word + 1] - offsets[word]) * counts[word]
        characters += begun * counts[word]
    return size, characters


@kernel
def list_words(table: Any, places: Any, hashes: Any) -> int:
    """Write the places (int64) and hashes (uint64) of all words, in no order; return their bytes altogether."""
    words: Any = 0
    size: Any = 0
    for at in range(0, len(table), SLOT):
        third = table[at + 2]
        if third != 0:
            places[words], hashes[words] = at, slot_hash(table, at)
            length = third >> _LENGTH
            size += np.int64(third & _SHORT_LENGTHS if length == np.uint64(LONG) else length)
            words += 1
    return size


@kernel
def write_words(table: Any, arena: Any, places: Any, offsets: Any, data: Any, counts: Any) -> None:
    """Write the words at `places`, in that order: offsets (int64[n + 1]), bytes (uint8), counts (int64)."""
    to: Any = 0
    offsets[0] = 0
    for word in range(len(places)):
        if word + 16 < len(places):
            prefetch(table, places[word + 16])
        at = places[word]
        third = table[at + 2]
        counts[word] = np.int64(table[at + 3])
        if third >> _LENGTH == np.uint64(LONG):
            length, begin = np.int64(third & _SHORT_LENGTHS), np.int64(table[at + 1])
            data[to : to + length] = arena[begin : begin + length]
        else:
            length = np.int64(third >> _LENGTH)
            for i in range(length):
                data[to + i] = np.uint8(table[at + (i >> 3)] >> np.uint64(8 * (i & 7)) & np.uint64(0xFF))
        to += length
        offsets[word + 1] = to
