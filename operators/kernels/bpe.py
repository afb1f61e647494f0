"""Byte-pair encoding of a word by merge rank: spell it in symbols, then apply one merge after the other.

A pair's value is `rank << 32 | token`, so the smallest value is the merge to do next. Short words are merged by
scanning, long ones with a heap (O(n log n)), as tiktoken does.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I32
from operators.kernels.kernel import kernel

NO_MERGE = np.int64(0x7FFFFFFFFFFFFFFF)
"""Value of a pair that no merge joins; above every other."""
SCANNED_SYMBOLS = 96
"""Limit of symbols for scanning; longer words are merged with a heap."""

_LEFT_FACTOR = np.int64(0x2545F491)
_RIGHT_FACTOR = np.int64(0x369DEA0F)


@kernel
def pair_slot(table: Any, left: Any, right: Any) -> Any:
    """Return the slot of (left, right) in `table`, int64[2 * capacity] of (key, value): its own or an empty one.

    Keys are `left << 32 | right`, -1 where empty; capacity is a power of two and never full.
    """
    mask = len(table) // 2 - 1
    key = left << 32 | right
    mixed = left * _LEFT_FACTOR ^ right * _RIGHT_FACTOR
    slot = (mixed ^ mixed >> 27) & mask
    while table[2 * slot] != key and table[2 * slot] != -1:
        slot = (slot + 1) & mask
    return slot


@kernel
def pair_value(table: Any, left: Any, right: Any) -> Any:
    """Return `rank << 32 | token` of the merge of (left, right), NO_MERGE without one."""
    slot = pair_slot(table, left, right)
    return table[2 * slot + 1] if table[2 * slot] != -1 else NO_MERGE


@kernel
def put_pair(table: Any, left: Any, right: Any, value: Any) -> None:
    """Set the value of (left, right); a pair that is there already gets the new value, as in Hugging Face's loader."""
    slot = pair_slot(table, left, right)
    table[2 * slot] = left << 32 | right
    table[2 * slot + 1] = value


@kernel
def put_merges(table: Any, left: Any, right: Any, token: Any) -> None:
    """Put a merge list (int32 arrays, no negative id) into the table; ranks are positions."""
    for rank in range(len(left)):
        put_pair(table, np.int64(left[rank]), np.int64(right[rank]), np.int64(rank) << 32 | np.int64(token[rank]))


@kernel
def merge_by_scanning(symbols: Any, values: Any, n: Any, stop: Any, table: Any, ranks: Any) -> Any:
    """Merge symbols[:n] in place until no pair joins or `stop` symbols remain; return how many remain.

    symbols, values: int64 scratch. ranks: int64[n], gets the rank of each merge that is applied, in order; int64[0]
    where nobody asks. Quadratic in n.
    """
    steps: Any = 0
    for i in range(n - 1):
        values[i] = pair_value(table, symbols[i], symbols[i + 1])
    while n > stop:
        best, at = NO_MERGE, -1
        for i in range(n - 1):
            if values[i] < best:
                best, at = values[i], i
        if at < 0:
            break
        if len(ranks) > 0:
            ranks[steps] = best >> 32
            steps += 1
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


@kernel
def push(heap: Any, size: Any, rank: Any, position: Any) -> None:
    """Add to a binary min-heap, (rank << 32 | position) in heap[:size]; the caller counts."""
    key = rank << 32 | position
    at = size
    while at > 0 and heap[(at - 1) // 2] > key:
        heap[at] = heap[(at - 1) // 2]
        at = (at - 1) // 2
    heap[at] = key


@kernel
def sink(heap: Any, size: Any, at: Any, key: Any) -> None:
    """Put `key` into the subtree at `at`, whose own key was removed."""
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key


@kernel
def pop(heap: Any, size: Any) -> Any:
    """Remove and return the smallest key of heap[:size]; the caller counts."""
    smallest = heap[0]
    sink(heap, size - 1, 0, heap[size - 1])
    return smallest


@kernel
def fill_heap(symbols: Any, n: Any, heap: Any, table: Any) -> Any:
    """Put every pair that a merge joins into the heap; return how many."""
    size: Any = 0
    for i in range(n - 1):
        value = pair_value(table, symbols[i], symbols[i + 1])
        if value != NO_MERGE:
            heap[size] = value >> 32 << 32 | np.int64(i)
            size += 1
    for i in range(size // 2 - 1, -1, -1):
        sink(heap, size, i, heap[i])
    return size


@kernel
def pair_at(symbols: Any, following: Any, key: Any, table: Any) -> Any:
    """Return the value of the pair that a heap entry is about; NO_MERGE if another pair has taken its place.

    Symbols are a linked list: `following` (int32) leads from each to the next, and to its own length from the last.
    """
    at = key & 0xFFFFFFFF
    if symbols[at] < 0 or following[at] >= len(following):
        return NO_MERGE
    value = pair_value(table, symbols[at], symbols[following[at]])
    return value if value != NO_MERGE and value >> 32 == key >> 32 else NO_MERGE


@kernel
def join_pair(symbols: Any, following: Any, before: Any, heap: Any, size: Any, key: Any, value: Any, table: Any) -> Any:
    """Merge the pair that a heap entry is about; push the two pairs that this makes. Return the heap's new size."""
    n, at = len(following), key & 0xFFFFFFFF
    behind = following[at]
    symbols[at] = value & 0xFFFFFFFF
    symbols[behind] = -1
    following[at] = following[behind]
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
    return size


@kernel
def merge_linked(symbols: Any, n: Any, stop: Any, table: Any, ranks: Any) -> Any:
    """Merge symbols[:n] with a heap of (rank, position), in O(n log n); -1 where a symbol was merged away.

    Arguments and result as of `merge_by_scanning`.
    """
    following = np.arange(1, n + 1).astype(np.int32)
    before = np.arange(-1, n - 1).astype(np.int32)
    heap = np.empty(2 * n, np.int64)  # n - 1 pairs at first; each merge takes one off and adds two at most
    size = fill_heap(symbols, n, heap, table)
    remaining, steps = n, 0
    while size > 0 and remaining > stop:
        key = pop(heap, size)
        size -= 1
        value = pair_at(symbols, following, key, table)
        if value == NO_MERGE:
            continue
        size = join_pair(symbols, following, before, heap, size, key, value, table)
        remaining -= 1
        if len(ranks) > 0:
            ranks[steps] = value >> 32
            steps += 1
    return remaining


@kernel
def merge_by_heap(symbols: Any, n: Any, stop: Any, table: Any) -> int:
    """Merge as `merge_by_scanning` does, in O(n log n)."""
    merge_linked(symbols, n, stop, table, np.empty(0, np.int64))
    kept = 0
    for i in range(n):
        if symbols[i] >= 0:
            symbols[kept] = symbols[i]
            kept += 1
    return kept


class Spelling(NamedTuple):
    """The rules that turn a word into symbols before any merge."""

    byte_ids: I32
    """int32[256]: ids by byte value, -1 where there is none."""
    characters: I32
    """int32[0x110000]: ids by code point, -1 where a character is spelled in bytes, as all are behind its end."""
    unknown: int
    """Id of a character that has neither; -1: there is no such character."""
    fuse: bool
    """True if unknown characters side by side become one id; False: one id each."""


@kernel
def code_point(data: Any, at: Any, end: Any) -> tuple[int, int]:
    """Return the code point at data[at] and its number of bytes. UTF-8 that ends early is not read past `end`."""
    lead = np.int64(data[at])
    length = 1 if lead < 0xC0 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4
    length = min(length, end - at)
    if length == 1:
        return int(lead), 1
    code = lead & (0x7F >> length)
    for i in range(at + 1, at + length):
        code = code << 6 | np.int64(data[i] & 0x3F)
    return code, length


@kernel
def spell(data: Any, start: Any, end: Any, spelling: Any, symbols: Any) -> int:
    """Write the symbols of data[start:end] before any merge; return how many, at most one a byte."""
    if len(spelling.characters) == 0:
        for i in range(end - start):
            symbols[i] = spelling.byte_ids[data[start + i]]
        return end - start
    n = 0
    unknown_before: Any = False
    at = start
    while at < end:
        code, length = code_point(data, at, end)
        known = np.int64(spelling.characters[code]) if code < len(spelling.characters) else np.int64(-1)
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


@kernel
def spell_all(data: Any, ends: Any, ids: Any, spelling: Any, symbols: Any, symbol_ends: Any) -> int:
    """Write the symbols of all tokens, one after the other; token i is data[ends[i - 1]:ends[i]], its id is ids[i].

    The token of a byte or of a character has itself as its only symbol. Returns the number of symbols.
    """
    own = np.zeros(ids.max() + 1 if len(ids) > 0 else 0, np.uint8)
    for token in spelling.byte_ids:
        if 0 <= token < len(own):
            own[token] = 1
    for token in spelling.characters:
        if 0 <= token < len(own):
            own[token] = 1
    n: Any = 0
    for i in range(len(ends)):
        if own[ids[i]]:
            symbols[n] = ids[i]
            n += 1
        else:
            n += spell(data, ends[i - 1] if i > 0 else 0, ends[i], spelling, symbols[n:])
        symbol_ends[i] = n
    return int(n)


@kernel
def merge_word(
    data: Any, start: Any, end: Any, stop: Any, spelling: Any, table: Any, symbols: Any, values: Any,
) -> tuple[Any, int]:  # fmt: skip
    """Encode data[start:end] until at most `stop` symbols remain; return (symbols, how many).

    The ids are in `symbols` (int64[SCANNED_SYMBOLS]), or in a new array where the word is longer than that.
    """
    if end - start <= SCANNED_SYMBOLS:
        n = spell(data, start, end, spelling, symbols)
        return symbols, merge_by_scanning(symbols, values, n, stop, table, np.empty(0, np.int64))
    many = np.empty(end - start, np.int64)
    n = spell(data, start, end, spelling, many)
    return many, merge_by_heap(many, n, stop, table)


@kernel
def last_pairs(data: Any, ends: Any, order: Any, spelling: Any, table: Any, ids: Any, learn: Any) -> Any:
    """Return the two symbols that each token is finally made of, int64[n tokens, 2]; -1 where there are not two.

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
