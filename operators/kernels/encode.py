"""Byte-pair encoding by merge rank: pairs in a hash table, words remembered in a cache of one line a look.

A pair's value is `rank << 32 | token`, so the smallest value is the merge to do next. Short words are merged by
scanning, long ones with a heap (O(n log n)), as tiktoken does. Everything is exact: a word is compared byte by byte
with what the cache holds, a pair with both its ids.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit

from operators.arrays import I32

NO_MERGE = np.int64(0x7FFFFFFFFFFFFFFF)
"""The value of a pair that no merge joins; above every other."""
SCANNED_SYMBOLS = 96
"""Words of more symbols are merged with a heap."""
SHORT_BYTES = 15
"""Words up to this length stand in their cache slot, whole."""
REMEMBERED_BYTES = 255
"""Longer words are not remembered."""
SLOT_WORDS = 4
"""uint64 words in a cache slot (32 bytes; a set of two slots is one 64-byte line)."""

_LOW = np.uint64(0xFFFFFFFF)
_ONES = np.uint64(0xFFFFFFFFFFFFFFFF)
_HIGH_SHIFT = np.uint64(32)
_MIX_A = np.uint64(0x9E3779B1)
_MIX_B = np.uint64(0x85EBCA77)
_LONG_MARK = np.uint64(0xFF00000000000000)
_LEFT_FACTOR = np.int64(0x2545F491)
_RIGHT_FACTOR = np.int64(0x369DEA0F)


@njit(cache=True, nogil=True)
def pair_slot(table: Any, left: Any, right: Any) -> Any:
    """The slot of (left, right) in `table`, int64[2 * capacity] of (key, value): its own or an empty one.

    Keys are `left << 32 | right`, -1 where empty; capacity is a power of two and never full.
    """
    mask = len(table) // 2 - 1
    key = left << 32 | right
    mixed = left * _LEFT_FACTOR ^ right * _RIGHT_FACTOR
    slot = (mixed ^ mixed >> 27) & mask
    while table[2 * slot] != key and table[2 * slot] != -1:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def pair_value(table: Any, left: Any, right: Any) -> Any:
    """`rank << 32 | token` of the merge of (left, right), NO_MERGE without one."""
    slot = pair_slot(table, left, right)
    return table[2 * slot + 1] if table[2 * slot] != -1 else NO_MERGE


@njit(cache=True, nogil=True)
def put_pair(table: Any, left: Any, right: Any, value: Any) -> None:
    """Set the value of (left, right); a pair that stands already takes the new value, as in Hugging Face's loader."""
    slot = pair_slot(table, left, right)
    table[2 * slot] = left << 32 | right
    table[2 * slot + 1] = value


@njit(cache=True, nogil=True)
def put_merges(table: Any, left: Any, right: Any, token: Any) -> None:
    """Put a whole merge list (int32 arrays) into the table; ranks are positions."""
    for rank in range(len(left)):
        put_pair(table, np.int64(left[rank]), np.int64(right[rank]), np.int64(rank) << 32 | np.int64(token[rank]))


@njit(cache=True, nogil=True)
def merge_by_scanning(symbols: Any, values: Any, n: Any, stop: Any, table: Any) -> Any:
    """Merge symbols[:n] in place until no pair joins or `stop` symbols are left; returns how many are left.

    `symbols` and `values` are int64 scratch; quadratic in n.
    """
    for i in range(n - 1):
        values[i] = pair_value(table, symbols[i], symbols[i + 1])
    while n > stop:
        best, at = NO_MERGE, -1
        for i in range(n - 1):
            if values[i] < best:
                best, at = values[i], i
        if at < 0:
            break
        n -= 1
        symbols[at] = best & 0xFFFFFFFF
        for i in range(at + 1, n):
            symbols[i] = symbols[i + 1]
            values[i] = values[i + 1]
        if at > 0:
            values[at - 1] = pair_value(table, symbols[at - 1], symbols[at])
        if at < n - 1:
            values[at] = pair_value(table, symbols[at], symbols[at + 1])
    return n


@njit(cache=True, nogil=True)
def push(heap: Any, size: Any, rank: Any, position: Any) -> None:
    """Add to a binary min-heap, (rank << 32 | position) in heap[:size]; the caller counts."""
    key = rank << 32 | position
    at = size
    while at > 0 and heap[(at - 1) // 2] > key:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = key


@njit(cache=True, nogil=True)
def sink(heap: Any, size: Any, at: Any, key: Any) -> None:
    """Put `key` into the heap's part below `at`, whose key is gone."""
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key


@njit(cache=True, nogil=True)
def pop(heap: Any, size: Any) -> Any:
    """Take the smallest key off heap[:size]; the caller counts."""
    smallest = heap[0]
    sink(heap, size - 1, 0, heap[size - 1])
    return smallest


@njit(cache=True, nogil=True)
def merge_by_heap(symbols: Any, n: Any, stop: Any, table: Any) -> int:
    """As `merge_by_scanning`, in O(n log n): a heap of (rank, position) over a linked list of symbols."""
    following = np.arange(1, n + 1).astype(np.int32)
    before = np.arange(-1, n - 1).astype(np.int32)
    heap = np.empty(2 * n, np.int64)  # n - 1 pairs at first; each merge takes one off and adds two at most
    size = 0
    for i in range(n - 1):
        value = pair_value(table, symbols[i], symbols[i + 1])
        if value != NO_MERGE:
            heap[size] = value >> 32 << 32 | np.int64(i)
            size += 1
    for i in range(size // 2 - 1, -1, -1):
        sink(heap, size, i, heap[i])
    left = n
    while size > 0 and left > stop:
        key = pop(heap, size)
        size -= 1
        at = key & 0xFFFFFFFF
        if symbols[at] < 0 or following[at] >= n:
            continue  # swallowed by an earlier merge, or nothing stands behind it any more
        behind = following[at]
        value = pair_value(table, symbols[at], symbols[behind])
        if value == NO_MERGE or value >> 32 != key >> 32:
            continue  # another pair stands here now, with an entry of its own
        symbols[at] = value & 0xFFFFFFFF
        symbols[behind] = -1
        following[at] = following[behind]
        left -= 1
        if following[at] < n:
            before[following[at]] = at
            value = pair_value(table, symbols[at], symbols[following[at]])
            if value != NO_MERGE:
                push(heap, size, value >> 32, np.int64(at))
                size += 1
        if before[at] >= 0:
            value = pair_value(table, symbols[before[at]], symbols[at])
            if value != NO_MERGE:
                push(heap, size, value >> 32, np.int64(before[at]))
                size += 1
    kept = 0
    for i in range(n):
        if symbols[i] >= 0:
            symbols[kept] = symbols[i]
            kept += 1
    return kept


class Spelling(NamedTuple):
    """What a word's symbols are before any merge."""

    byte_ids: I32
    """int32[256]: ids by byte value, -1 where there is none."""
    characters: I32
    """int32[0x110000]: ids by code point, -1 where a character is spelled in bytes; int32[0]: all are."""
    unknown: int
    """The id of a character that has neither; -1: there is no such character."""
    fuse: bool
    """Whether neighbouring unknown characters become one id, or one each."""


@njit(cache=True, nogil=True)
def code_point(data: Any, at: Any, end: Any) -> tuple[int, int]:
    """The character at data[at], and how many bytes it has; UTF-8 that ends early is not read past `end`."""
    lead = np.int64(data[at])
    length = 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    length = min(length, end - at)
    if length == 1:
        return int(lead), 1
    code = lead & (0x7F >> length)
    for i in range(at + 1, at + length):
        code = code << 6 | np.int64(data[i] & 0x3F)
    return code, length


@njit(cache=True, nogil=True)
def spell(data: Any, start: Any, end: Any, spelling: Any, symbols: Any) -> int:
    """Write the symbols of data[start:end] before any merge; returns how many, no more than there are bytes."""
    if len(spelling.characters) == 0:
        for i in range(end - start):
            symbols[i] = spelling.byte_ids[data[start + i]]
        return end - start
    n = 0
    unknown_before = False
    at = start
    while at < end:
        code, length = code_point(data, at, end)
        known = spelling.characters[code]
        complete = known < 0
        for i in range(at, at + length):
            complete = complete and spelling.byte_ids[data[i]] >= 0
        if known >= 0:
            symbols[n] = known
            n += 1
        elif complete:
            for i in range(at, at + length):
                symbols[n] = spelling.byte_ids[data[i]]
                n += 1
        elif not (unknown_before and spelling.fuse):
            symbols[n] = spelling.unknown
            n += 1
        unknown_before = known < 0 and not complete
        at += length
    return n


@njit(cache=True, nogil=True)
def merge_word(
    data: Any, start: Any, end: Any, stop: Any, spelling: Any, table: Any, symbols: Any, values: Any,
) -> tuple[Any, int]:  # fmt: skip
    """Encode data[start:end] down to `stop` symbols at least; returns (symbols, how many).

    The ids stand in `symbols`, or in a new array where the word is longer than that scratch (int64[SCANNED_SYMBOLS]).
    """
    if end - start <= SCANNED_SYMBOLS:
        n = spell(data, start, end, spelling, symbols)
        return symbols, merge_by_scanning(symbols, values, n, stop, table)
    many = np.empty(end - start, np.int64)
    n = spell(data, start, end, spelling, many)
    return many, merge_by_heap(many, n, stop, table)


@njit(cache=True, nogil=True)
def last_pairs(data: Any, ends: Any, order: Any, spelling: Any, table: Any, ids: Any, learn: Any) -> Any:
    """The two symbols that each token is made of at last, int64[n tokens, 2], -1 where it does not come down to two.

    Token i is data[ends[i - 1]:ends[i]] with id `ids[i]`; tokens are taken in `order`. With `learn`, each pair found
    joins the table with its token's id as rank and token, so that longer tokens see it.
    """
    pairs = np.full((len(ends), 2), -1, np.int64)
    symbols = np.empty(SCANNED_SYMBOLS, np.int64)
    values = np.empty(SCANNED_SYMBOLS, np.int64)
    for k in range(len(order)):
        i = order[k]
        start = ends[i - 1] if i > 0 else 0
        if ends[i] - start < 2:
            continue
        made, n = merge_word(data, start, ends[i], 2, spelling, table, symbols, values)
        if n == 2:
            pairs[i, 0] = made[0]
            pairs[i, 1] = made[1]
            if learn:
                put_pair(table, made[0], made[1], ids[i] << 32 | ids[i])
    return pairs


@njit(cache=True, nogil=True)
def eight_bytes(data: Any, start: Any) -> Any:
    """data[start:start + 8] as a little-endian number.

    Indices are unsigned, so that nothing asks whether they count from the end, and the compiler makes one load of all.
    """
    at = np.uint64(start)
    return (
        np.uint64(data[at])
        | np.uint64(data[at + np.uint64(1)]) << np.uint64(8)
        | np.uint64(data[at + np.uint64(2)]) << np.uint64(16)
        | np.uint64(data[at + np.uint64(3)]) << np.uint64(24)
        | np.uint64(data[at + np.uint64(4)]) << np.uint64(32)
        | np.uint64(data[at + np.uint64(5)]) << np.uint64(40)
        | np.uint64(data[at + np.uint64(6)]) << np.uint64(48)
        | np.uint64(data[at + np.uint64(7)]) << np.uint64(56)
    )


@njit(cache=True, nogil=True)
def some_bytes(data: Any, start: Any, end: Any) -> Any:
    """data[start:end], eight bytes at most, as a little-endian number with zeros above."""
    if start + 8 <= len(data) and end - start >= 8:
        return eight_bytes(data, start)
    word = np.uint64(0)
    for i in range(start, min(end, start + 8)):
        word |= np.uint64(data[i]) << np.uint64(8 * (i - start))
    return word


@njit(cache=True, nogil=True)
def mix(a: Any, b: Any) -> Any:
    """A hash of two uint64; products of 32-bit halves, so nothing wraps."""
    one = ((a & _LOW) ^ _MIX_A) * ((a >> _HIGH_SHIFT) ^ _MIX_B)
    two = ((b & _LOW) ^ _MIX_B) * ((b >> _HIGH_SHIFT) ^ _MIX_A)
    mixed = one ^ (two << np.uint64(23) | two >> np.uint64(41))
    return mixed ^ mixed >> np.uint64(29)


@njit(cache=True, nogil=True)
def word_key(data: Any, start: Any, end: Any) -> tuple[Any, Any]:
    """The two key words of data[start:end] in a cache slot: the word itself up to SHORT_BYTES, else (hash, length)."""
    n = end - start
    if n <= SHORT_BYTES:
        if start + 16 <= len(data) and n > 0:  # no branch on the length: it cannot be foretold
            first, behind = np.uint64(8 * min(n, 8)), np.uint64(8 * max(n - 8, 0))
            one = eight_bytes(data, start) & _ONES >> (np.uint64(64) - first)
            two = eight_bytes(data, start + 8) & ((np.uint64(1) << behind) - np.uint64(1))
        else:
            one, two = some_bytes(data, start, end), some_bytes(data, start + 8, end)
        return one, two | np.uint64(n) << np.uint64(56)
    hashed = np.uint64(n)
    for i in range(start, end, 8):
        hashed = mix(some_bytes(data, i, end), hashed)
    return hashed, _LONG_MARK | np.uint64(n)


@njit(cache=True, nogil=True)
def same_bytes(data: Any, start: Any, n: Any, others: Any, at: Any) -> bool:
    """Whether data[start:start + n] equals others[at:at + n]."""
    for i in range(n):  # noqa: SIM110 - a loop is what numba compiles
        if data[start + i] != others[at + i]:
            return False
    return True


@njit(cache=True, nogil=True)
def whole_word(
    data: Any, start: Any, end: Any, words: Any, word_ends: Any, word_ids: Any, word_slots: Any,
) -> Any:  # fmt: skip
    """The id of data[start:end] among the words that are tokens against the merges, -1 without one.

    `word_slots` is an open-addressing table of indices (-1 empty) over `words` cut at `word_ends`.
    """
    mask = np.uint64(len(word_slots) - 1)
    one, two = word_key(data, start, end)
    slot = np.int64(mix(one, two) & mask)
    while word_slots[slot] >= 0:
        i = word_slots[slot]
        begin = word_ends[i - 1] if i > 0 else 0
        if word_ends[i] - begin == end - start and same_bytes(data, start, end - start, words, begin):
            return np.int64(word_ids[i])
        slot = (slot + 1) & np.int64(mask)
    return np.int64(-1)


@njit(cache=True, nogil=True)
def put_words(words: Any, word_ends: Any, word_slots: Any) -> None:
    """Fill `word_slots` for `whole_word`."""
    mask = np.uint64(len(word_slots) - 1)
    for i in range(len(word_ends)):
        begin = word_ends[i - 1] if i > 0 else 0
        one, two = word_key(words, begin, word_ends[i])
        slot = np.int64(mix(one, two) & mask)
        while word_slots[slot] >= 0:
            slot = (slot + 1) & np.int64(mask)
        word_slots[slot] = i


@njit(cache=True, nogil=True)
def remember(
    slots: Any, slot: int, one: Any, two: Any, made: Any, n: int, data: Any, start: int, length: int,
    run_ids: Any, run_bytes: Any, used: Any,
) -> bool:  # fmt: skip
    """Put a word and its ids into a cache slot, the slot's earlier word aside; False when the runs are full.

    Up to three ids of a short word stand in the slot; else `run_ids` and `run_bytes` hold them (`used`: how full these
    are).
    """
    inline = n <= 3 and length <= SHORT_BYTES
    if not inline:
        kept = length if length > SHORT_BYTES else 0
        if used[0] + n > len(run_ids) or used[1] + kept > len(run_bytes):
            return False
    for i in range(SLOT_WORDS):  # the set's first slot is the newest
        slots[slot + SLOT_WORDS + i] = slots[slot + i]
    slots[slot] = one
    slots[slot + 1] = two
    if inline:
        second = np.uint64(made[1]) if n > 1 else np.uint64(0)
        third = np.uint64(made[2]) if n > 2 else np.uint64(0)
        slots[slot + 2] = np.uint64(n) | np.uint64(made[0]) << _HIGH_SHIFT
        slots[slot + 3] = second | third << _HIGH_SHIFT
        return True
    slots[slot + 2] = np.uint64(n) | np.uint64(used[0]) << _HIGH_SHIFT
    slots[slot + 3] = np.uint64(used[1])
    for i in range(n):
        run_ids[used[0] + i] = made[i]
    for i in range(kept):
        run_bytes[used[1] + i] = data[start + i]
    used[0] += n
    used[1] += kept
    return True


@njit(cache=True, nogil=True)
def encode_words(
    data: Any, ends: Any, documents: Any, starts: Any, spelling: Any, table: Any,
    words: Any, word_ends: Any, word_ids: Any, word_slots: Any,
    slots: Any, run_ids: Any, run_bytes: Any, used: Any, ids: Any, offsets: Any,
) -> int:  # fmt: skip
    """Ids of all words of all documents, one after the other, into `ids`; document ends into `offsets[1:]`.

    Words are `Pieces` (operators.pretokenize); `ids` is int32 with three entries more than there are bytes of text.
    """
    symbols = np.empty(SCANNED_SYMBOLS, np.int64)
    values = np.empty(SCANNED_SYMBOLS, np.int64)
    mask = np.uint64(len(slots) // (2 * SLOT_WORDS) - 1)
    out = 0
    offsets[0] = 0
    for document in range(len(documents) - 1):
        start = starts[document]
        for word in range(documents[document], documents[document + 1]):
            end = ends[word]
            length = end - start
            if length > REMEMBERED_BYTES:
                whole = whole_word(data, start, end, words, word_ends, word_ids, word_slots)
                if whole >= 0:
                    ids[out] = whole
                    out += 1
                else:
                    made, n = merge_word(data, start, end, 1, spelling, table, symbols, values)
                    for i in range(n):
                        ids[out + i] = made[i]
                    out += n
                start = end
                continue
            one, two = word_key(data, start, end)
            home = np.int64(mix(one, two) & mask) * 2 * SLOT_WORDS
            slot = home
            found = slots[slot] == one and slots[slot + 1] == two
            if not found:
                slot = home + SLOT_WORDS
                found = slots[slot] == one and slots[slot + 1] == two
            if found and length > SHORT_BYTES:
                found = same_bytes(data, start, length, run_bytes, np.int64(slots[slot + 3]))
            if found:
                n = np.int64(slots[slot + 2] & _LOW)
                first = np.int64(slots[slot + 2] >> _HIGH_SHIFT)
                if n <= 3 and length <= SHORT_BYTES:
                    ids[out] = first
                    ids[out + 1] = np.int64(slots[slot + 3] & _LOW)
                    ids[out + 2] = np.int64(slots[slot + 3] >> _HIGH_SHIFT)
                else:
                    for i in range(n):
                        ids[out + i] = run_ids[first + i]
            else:
                whole = whole_word(data, start, end, words, word_ends, word_ids, word_slots)
                made = symbols
                if whole >= 0:
                    made[0] = whole
                    n = 1
                else:
                    made, n = merge_word(data, start, end, 1, spelling, table, symbols, values)
                for i in range(n):
                    ids[out + i] = made[i]
                if not remember(
                    slots, home, one, two, made, n, data, start, length, run_ids, run_bytes, used
                ):  # the runs are full: start over
                    slots[:] = 0
                    used[:] = 0
            out += n
            start = end
        offsets[document + 1] = out
    return out
