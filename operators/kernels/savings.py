"""Encoding words while writing down at which merge of the list each step of it becomes possible.

Encoding takes the pair of the lowest rank again and again. With only the first T merges it goes the same way until it
would take a rank of T or more, and ends there. So a step is taken with T merges when no rank up to it, itself included,
is T or more: the step belongs to the highest rank so far. That holds for any list, also one whose ranks do not rise.
"""

from typing import Any

import numpy as np
from numba import njit

from operators.kernels.bpe import NO_MERGE, SCANNED_SYMBOLS, pair_value, pop, push, sink, spell


@njit(cache=True, nogil=True)
def save_by_scanning(symbols: Any, values: Any, n: Any, table: Any, whole: Any, count: Any, saved: Any) -> None:
    """Encode symbols[:n]; each step adds `count` to saved[highest rank so far]. From rank `whole` on it is one token.

    `symbols` and `values` are int64 scratch; quadratic in n.
    """
    for i in range(n - 1):
        values[i] = pair_value(table, symbols[i], symbols[i + 1])
    highest = np.int64(-1)
    while n > 1:
        best, at = NO_MERGE, -1
        for i in range(n - 1):
            if values[i] < best:
                best, at = values[i], i
        if at < 0 or max(highest, best >> 32) >= whole:
            break
        highest = max(highest, best >> 32)
        saved[highest] += count
        n -= 1
        symbols[at] = best & 0xFFFFFFFF
        for i in range(at + 1, n):
            symbols[i] = symbols[i + 1]
            values[i] = values[i + 1]
        if at > 0:
            values[at - 1] = pair_value(table, symbols[at - 1], symbols[at])
        if at < n - 1:
            values[at] = pair_value(table, symbols[at], symbols[at + 1])
    if whole < len(saved):
        saved[whole] += count * (n - 1)


@njit(cache=True, nogil=True)
def save_by_heap(symbols: Any, n: Any, table: Any, whole: Any, count: Any, saved: Any) -> None:
    """As `save_by_scanning`, in O(n log n): a heap of (rank, position) over a linked list of symbols."""
    following = np.arange(1, n + 1)
    before = np.arange(-1, n - 1)
    heap = np.empty(2 * n, np.int64)
    size = 0
    for i in range(n - 1):
        value = pair_value(table, symbols[i], symbols[i + 1])
        if value != NO_MERGE:
            heap[size] = value >> 32 << 32 | np.int64(i)
            size += 1
    for i in range(size // 2 - 1, -1, -1):
        sink(heap, size, i, heap[i])
    highest, left = np.int64(-1), n
    while size > 0:
        key = pop(heap, size)
        size -= 1
        at = key & 0xFFFFFFFF
        if symbols[at] < 0 or following[at] >= n:
            continue  # swallowed by an earlier merge, or nothing stands behind it any more
        behind = following[at]
        value = pair_value(table, symbols[at], symbols[behind])
        if value == NO_MERGE or value >> 32 != key >> 32:
            continue  # another pair stands here now, with an entry of its own
        if max(highest, value >> 32) >= whole:
            break
        highest = max(highest, value >> 32)
        saved[highest] += count
        left -= 1
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
    if whole < len(saved):
        saved[whole] += count * (left - 1)


@njit(cache=True, nogil=True)
def save_words(offsets: Any, data: Any, counts: Any, wholes: Any, spelling: Any, table: Any, saved: Any) -> Any:
    """Tokens that each merge saves over all words, added to `saved` (int64[merges + 1]); returns the symbols at first.

    Words are data[offsets[i]:offsets[i + 1]] with their counts. wholes: int64[words], the rank from which on a word is
    one token against the merges (`ignore_merges`), len(saved) for never.
    """
    symbols, values = np.empty(SCANNED_SYMBOLS, np.int64), np.empty(SCANNED_SYMBOLS, np.int64)
    first: Any = 0
    for word in range(len(counts)):
        start, end = offsets[word], offsets[word + 1]
        if end - start <= SCANNED_SYMBOLS:
            n = spell(data, start, end, spelling, symbols)
            first += counts[word] * n
            save_by_scanning(symbols, values, n, table, wholes[word], counts[word], saved)
        elif end > start:
            many = np.empty(end - start, np.int64)
            n = spell(data, start, end, spelling, many)
            first += counts[word] * n
            save_by_heap(many, n, table, wholes[word], counts[word], saved)
    return first
