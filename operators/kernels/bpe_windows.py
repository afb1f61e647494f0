"""Byte-pair encoding of a word in time linear in its length: short words at once, long ones window by window.

The work for one merge has no branch: a pair is looked up in two places of a table (cuckoo hashing), of which one is
chosen by arithmetic; the best pair is the minimum of 16 numbers at once; symbols are not moved but linked.

Long words. Tokens t1 ... tn are what a text is merged into if and only if each two neighbours are what their own text
is merged into: up to the first merge across a border between neighbours, both sides go on as they would alone, in the
same order, so this merge would also happen to these two alone. So every run of tokens from the result of a text is the
result for that run's text, and where the results for two windows that overlap hold the same token at the same place,
the first up to it and the second from it on are together the result for both. The next window begins where a token
began near the end of the one before; nearly always the first token is the same. Where no token is, windows grow.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I32, I64, U32, U64
from operators.kernels.bpe import merge_by_heap, merge_linked
from operators.kernels.intrinsics import folded, lowest_lanes
from operators.kernels.kernel import kernel

WINDOW = 176
"""Number of symbols merged at once; positions are 8 bits wide."""
OVERLAP = 24
"""Number of symbols, about, that a window shares with the next; where they are too few, which is rare, it grows."""
GROWTH, STAY = 8, 4
"""GROWTH: factor by which a window grows where two have no token in common. STAY: number of large windows that are
merged before windows are small again; those that only repeat the one before do not count."""

_EMPTY = np.uint64(0xFFFFFFFFFFFFFFFF)
_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_ID, _RANK, _HALF, _RANKS = np.uint64(21), np.uint64(22), np.uint64(32), np.uint64((1 << 22) - 1)
LARGEST_ID = (1 << 21) - 2
MOST_MERGES = (1 << 22) - 1
_NO_SYMBOL = (1 << 21) - 1
_NONE = np.uint32(0xFFFFFFFF)
_KICKS = 500


class Ranks(NamedTuple):
    """The ranks of pairs and the tokens they make."""

    slots: U64
    """uint64: `left << 43 | right << 22 | rank`; each pair is in one of two places that its hash gives."""
    tokens: I32
    """int32: by rank."""


@kernel
def put_ranks(left: Any, right: Any, slots: Any) -> bool:
    """Fill `slots`, all ones where empty; return False if they are too few.

    A pair that comes twice gets its last rank. Ids are 0 to LARGEST_ID, ranks at most MOST_MERGES: the caller checks.
    """
    mask = np.uint64(len(slots) - 1)
    for rank in range(len(left)):
        key = np.uint64(left[rank]) << _ID | np.uint64(right[rank])
        hashed = folded(key ^ _A, _B)
        first, second = np.int64(hashed & mask), np.int64(hashed >> _HALF & mask)
        carried = key << _RANK | np.uint64(rank)
        if slots[first] >> _RANK == key:
            slots[first] = carried
            continue
        if slots[second] >> _RANK == key:
            slots[second] = carried
            continue
        at = first if slots[first] == _EMPTY else second
        for _ in range(_KICKS):
            carried, slots[at] = slots[at], carried
            if carried == _EMPTY:
                break
            hashed = folded(carried >> _RANK ^ _A, _B)
            first, second = np.int64(hashed & mask), np.int64(hashed >> _HALF & mask)
            at = second if at == first else first
        if carried != _EMPTY:
            return False
    return True


@kernel
def window_value(slots: Any, mask: Any, left: Any, right: Any, at: Any) -> Any:
    """Return `rank << 8 | at` of a pair as uint32, all ones without a merge. No branch: both places are read."""
    key = np.uint64(left) << _ID | np.uint64(right)
    hashed = folded(key ^ _A, _B)
    one, two = slots[np.int64(hashed & mask)], slots[np.int64(hashed >> _HALF & mask)]
    is_one, is_two = np.int64(one >> _RANK == key), np.int64(two >> _RANK == key)
    rank = np.int64(one & _RANKS) & -is_one | np.int64(two & _RANKS) & -is_two
    return np.uint32((rank << 8 | at | (is_one | is_two) - 1) & 0xFFFFFFFF)


class Scratch(NamedTuple):
    """Memory for one word's work."""

    symbols: I64
    """int64[WINDOW]."""
    made: I32
    """int32[WINDOW + 2]."""
    values: U32
    """uint32[WINDOW + 32]."""
    links: I32
    """int32[2 * (WINDOW + 2)]."""


@kernel
def merge_window(symbols: Any, first: Any, n: Any, ranks: Any, scratch: Any) -> Any:
    """Merge symbols[first:first + n], WINDOW at most, into tokens scratch.made[1:]; return how many.

    Afterwards scratch.links[0] is where the first token begins, and links[at] where the token behind the one at `at`
    begins, from 1 to n + 1.
    """
    made, values, links = scratch.made, scratch.values, scratch.links
    slots, tokens = ranks.slots, ranks.tokens
    mask = np.uint64(len(slots) - 1)
    before = WINDOW + 2
    made[0] = made[n + 1] = _NO_SYMBOL
    links[0] = 1
    for i in range(1, n + 1):
        made[i] = symbols[first + i - 1]
        links[i], links[before + i] = i + 1, i - 1
    lanes = (n + 16) >> 4 << 4
    for i in range(n, lanes):
        values[i] = _NONE
    for i in range(1, n):
        values[i] = window_value(slots, mask, made[i], made[i + 1], i)
    values[0] = _NONE
    left = n
    while True:
        best = lowest_lanes(values, 0)
        for i in range(16, lanes, 16):
            best = min(best, lowest_lanes(values, i))
        if best == _NONE:
            break
        at = np.int64(best) & 0xFF
        merged = np.int64(tokens[np.int64(best) >> 8])
        gone = np.int64(links[at])
        behind, earlier = np.int64(links[gone]), np.int64(links[before + at])
        made[at] = merged
        links[at] = behind
        links[before + behind] = at
        values[gone] = _NONE
        left -= 1
        values[at] = window_value(slots, mask, merged, made[behind], at)
        values[earlier] = window_value(slots, mask, made[earlier], merged, earlier)
    return left


@kernel
def tokens_of_window(
    symbols: Any, first: Any, n: Any, ranks: Any, table: Any, scratch: Any, tokens: Any, starts: Any
) -> Any:
    """Write the tokens of symbols[first:first + n], and where each begins; return how many there are."""
    kept: Any = 0
    if n <= WINDOW:
        merge_window(symbols, first, n, ranks, scratch)
        made, links = scratch.made, scratch.links
        at = np.int64(links[0])
        while at <= n:
            tokens[kept], starts[kept] = made[at], first + at - 1
            kept += 1
            at = np.int64(links[at])
        return kept
    copied = symbols[first : first + n].astype(np.int64)
    merge_linked(copied, n, 1, table, np.empty(0, np.int64))
    for i in range(n):
        if copied[i] >= 0:
            tokens[kept], starts[kept] = copied[i], first + i
            kept += 1
    return kept


@kernel
def is_repeated(symbols: Any, first: Any, second: Any, n: Any) -> bool:
    """Return True if the n symbols from `first` on equal those from `second` on."""
    for i in range(n):  # noqa: SIM110 - a loop is what numba compiles
        if symbols[first + i] != symbols[second + i]:
            return False
    return True


@kernel
def merge_long(symbols: Any, n: Any, window: Any, overlap: Any, ranks: Any, table: Any, scratch: Any, out: Any) -> Any:
    """Merge symbols[:n] into `out` (int32[n]), window by window; return how many tokens there are.

    window: symbols at first, WINDOW at most; overlap: fewer.
    """
    size, wide = window, 0
    tokens, starts = np.empty(size, np.int32), np.empty(size, np.int64)
    more, more_starts = np.empty(size, np.int32), np.empty(size, np.int64)
    first: Any = 0  # where this window begins; its tokens before `done` are written
    count = tokens_of_window(symbols, 0, min(size, n), ranks, table, scratch, tokens, starts)
    done: Any = 0
    kept: Any = 0
    while first + size < n:
        after = count - 1
        while after > done and starts[after] > first + size - overlap * (size // window):
            after -= 1
        i, j = after, 0
        found = False
        if after >= done and starts[after] > first:
            second = starts[after]
            ahead = size
            if second + size <= n and is_repeated(symbols, first, second, size):
                others = count
                for k in range(count):
                    more[k], more_starts[k] = tokens[k], starts[k] + second - first
            else:
                if wide > 0:
                    wide -= 1
                    ahead = size if wide > 0 else window
                others = tokens_of_window(
                    symbols, second, min(ahead, n - second), ranks, table, scratch, more, more_starts
                )
            while i < count and j < others and not found:
                if starts[i] == more_starts[j]:
                    found = tokens[i] == more[j]
                    if not found:
                        i, j = i + 1, j + 1
                elif starts[i] < more_starts[j]:
                    i += 1
                else:
                    j += 1
        if found:
            for k in range(done, i + 1):
                out[kept] = tokens[k]
                kept += 1
            tokens, more, starts, more_starts = more, tokens, more_starts, starts
            first, count, done, size = second, others, j + 1, ahead
            continue
        # A larger window from the same place on, which must hold the token that was written last.
        size, wide = size * GROWTH, STAY
        wider, wider_starts = np.empty(size, np.int32), np.empty(size, np.int64)
        others = tokens_of_window(symbols, first, min(size, n - first), ranks, table, scratch, wider, wider_starts)
        j = 0
        if done > 0:
            while j < others and wider_starts[j] < starts[done - 1]:
                j += 1
            if j == others or wider_starts[j] != starts[done - 1] or wider[j] != tokens[done - 1]:
                whole = symbols[:n].astype(np.int64)
                kept = merge_by_heap(whole, n, 1, table)
                for k in range(kept):
                    out[k] = whole[k]
                return kept
            j += 1
        tokens, starts, count, done = wider, wider_starts, others, j
        more, more_starts = np.empty(size, np.int32), np.empty(size, np.int64)
    for k in range(done, count):
        out[kept] = tokens[k]
        kept += 1
    return kept
