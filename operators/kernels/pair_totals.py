"""Pair totals over all shards: a hash table, and a heap whose entries are corrected when they come up.

A slot is four int64, half a cache line: a pair (`left << 32 | right`, -1 when empty), its total, the total with which
it waits in the heap (0 when it does not), and nothing. The heap orders entries by (highest total, smallest pair) as
they were when pushed. A total that fell is corrected when its entry comes up; one that grew is pushed again, and the
older entry no longer counts.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I64, U8
from operators.kernels.intrinsics import folded, prefetch
from operators.kernels.kernel import kernel

SLOT = 4
AHEAD = 16  # distance, in rows, at which slots are prefetched
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@kernel
def home(table: Any, pair: int) -> Any:
    """Return the place at which the search for a pair begins; the number of slots is a power of two."""
    hashed = folded(np.uint64(pair), _FACTOR)
    return SLOT * np.int64(hashed & np.uint64(len(table) // SLOT - 1))


@kernel
def slot_of(table: Any, pair: int) -> Any:
    """Return the place of the slot that holds `pair`, or of the empty slot where it belongs."""
    at = home(table, pair)
    while table[at] != -1 and table[at] != pair:
        at = (at + SLOT) & (len(table) - 1)
    return at


@kernel
def rehash(table: Any, larger: Any) -> None:
    """Put the same pairs into a larger table, which is zero; heap entries name pairs, so they stay as they are."""
    larger[::SLOT] = -1
    for old in range(0, len(table), SLOT):
        if table[old] != -1:
            at = slot_of(larger, table[old])
            larger[at : at + 3] = table[old : old + 3]


@kernel
def add_changes(left: Any, right: Any, change: Any, table: Any, raised: Any) -> tuple[int, int]:
    """Add changes to the table, which has space for them; return the number of new pairs and of rows that are raises.

    `raised` (int64[n]) gets the pair of each row that raised a count: these (re)enter the heap.
    """
    added, raises = 0, 0
    for i in range(len(left)):
        if i + AHEAD < len(left):
            prefetch(table, home(table, (np.int64(left[i + AHEAD]) << 32) | right[i + AHEAD]))
        pair = (np.int64(left[i]) << 32) | right[i]
        at = slot_of(table, pair)
        if table[at] == -1:
            table[at] = pair
            added += 1
        table[at + 1] += change[i]
        if change[i] > 0:
            raised[raises] = pair
            raises += 1
    return added, raises


@kernel
def sift_up(heap_total: Any, heap_pair: Any, at: int) -> None:
    """Restore the heap after its last entry was set."""
    total, pair = heap_total[at], heap_pair[at]
    while at > 0:
        parent = (at - 1) >> 1
        if heap_total[parent] > total or (heap_total[parent] == total and heap_pair[parent] <= pair):
            break
        heap_total[at], heap_pair[at] = heap_total[parent], heap_pair[parent]
        at = parent
    heap_total[at], heap_pair[at] = total, pair


@kernel
def remove_top(heap_total: Any, heap_pair: Any, size: int) -> int:
    """Remove the first entry; return the new size."""
    size -= 1
    total, pair = heap_total[size], heap_pair[size]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        other = child + 1
        if other < size and (
            heap_total[other] > heap_total[child]
            or (heap_total[other] == heap_total[child] and heap_pair[other] < heap_pair[child])
        ):
            child = other
        if total > heap_total[child] or (total == heap_total[child] and pair <= heap_pair[child]):
            break
        heap_total[at], heap_pair[at] = heap_total[child], heap_pair[child]
        at = child
    heap_total[at], heap_pair[at] = total, pair
    return size


@kernel
def push_pairs(wanted: Any, table: Any, heap_total: Any, heap_pair: Any, size: int) -> int:
    """Put pairs in the heap, which has space for them, unless they wait there with this total or a higher one."""
    for i in range(len(wanted)):
        if i + AHEAD < len(wanted):
            prefetch(table, home(table, wanted[i + AHEAD]))
        at = slot_of(table, wanted[i])
        if table[at + 1] > table[at + 2]:
            table[at + 2] = table[at + 1]
            heap_total[size], heap_pair[size] = table[at + 1], wanted[i]
            sift_up(heap_total, heap_pair, size)
            size += 1
    return size


class Waiting(NamedTuple):
    """Table and heap of the pairs that wait to be merged."""

    table: I64
    """int64: slots of SLOT entries each."""
    heap_total: I64
    heap_pair: I64
    side: U8
    """uint8, by token, with every id that the table's pairs have; all zero between calls."""


@kernel
def take_prefix(
    limit: int, minimum: int, waiting: Waiting, size: int, out_pair: Any, out_total: Any
) -> tuple[int, int]:
    """Take the longest prefix of pairs in which no right token is another's left token; at most `limit`.

    size: entries of the heap. `side` marks what the prefix uses: 1 as a left, 2 as a right token. Returns the prefix's
    length and the heap's new size.
    """
    table, heap_total, heap_pair, side = waiting
    taken = 0
    while taken < limit and size > 0:
        total, pair = heap_total[0], heap_pair[0]
        at = slot_of(table, pair)
        if total != table[at + 2] or total != table[at + 1]:
            size = remove_top(heap_total, heap_pair, size)
            if total == table[at + 2]:
                table[at + 2] = max(table[at + 1], 0)
                if table[at + 2] > 0:
                    heap_total[size], heap_pair[size] = table[at + 1], pair
                    sift_up(heap_total, heap_pair, size)
                    size += 1
            continue
        left, right = pair >> 32, pair & 0xFFFFFFFF
        if total < minimum or (side[left] & 2) or (side[right] & 1) or (left == right and taken > 0):
            break
        size = remove_top(heap_total, heap_pair, size)
        table[at + 2] = 0
        out_pair[taken], out_total[taken] = pair, total
        taken += 1
        if left == right:
            break
        side[left] |= 1
        side[right] |= 2
    for i in range(taken):
        side[out_pair[i] >> 32] = 0
        side[out_pair[i] & 0xFFFFFFFF] = 0
    return taken, size


@kernel
def withdraw_pairs(unwanted: Any, table: Any) -> None:
    """Stop pairs of the table from waiting; their heap entries no longer count."""
    for i in range(len(unwanted)):
        at = slot_of(table, unwanted[i])
        if table[at] != -1:
            table[at + 2] = 0
