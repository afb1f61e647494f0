"""Pair totals over all shards: a hash table, and a heap that is put right where it is read.

A table slot holds a pair (`left << 32 | right`, -1 when empty), its total, and the total with which it waits in the
heap (0 when it does not). The heap orders entries by (highest total, smallest pair) as totals were when pushed. A total
that fell is put right when its entry comes up; one that grew is pushed again, and the older entry no longer counts.
"""

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def slot_of(pairs: Any, pair: int) -> Any:
    """The slot that holds `pair`, or the empty one where it belongs; `len(pairs)` is a power of two.

    Both halves are multiplied by 32-bit factors, so nothing wraps.
    """
    mask = len(pairs) - 1
    left = np.uint64(pair >> 32) * np.uint64(0x9E3779B1)
    right = np.uint64(pair & 0xFFFFFFFF) * np.uint64(0x85EBCA77)
    mixed = left ^ (right << np.uint64(23) | right >> np.uint64(41))
    slot = np.int64((mixed ^ mixed >> np.uint64(29)) & np.uint64(mask))
    while pairs[slot] != -1 and pairs[slot] != pair:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def rehash(pairs: Any, totals: Any, waiting: Any, size: int) -> Any:
    """The same table with `size` slots; heap entries name pairs, so they stay as they are."""
    new_pairs, new_totals = np.full(size, -1, np.int64), np.zeros(size, np.int64)
    new_waiting = np.zeros(size, np.int64)
    for old in range(len(pairs)):
        if pairs[old] != -1:
            slot = slot_of(new_pairs, pairs[old])
            new_pairs[slot], new_totals[slot], new_waiting[slot] = pairs[old], totals[old], waiting[old]
    return new_pairs, new_totals, new_waiting


@njit(cache=True, nogil=True)
def add_changes(left: Any, right: Any, change: Any, pairs: Any, totals: Any, raised: Any) -> tuple[int, int]:
    """Add changes to the table, which must have room; returns how many pairs were new and how many rows were raises.

    `raised` (int64[n]) gets the pair of each row that raised a count: these (re)enter the heap.
    """
    added, raises = 0, 0
    for i in range(len(left)):
        pair = (np.int64(left[i]) << 32) | right[i]
        slot = slot_of(pairs, pair)
        if pairs[slot] == -1:
            pairs[slot] = pair
            added += 1
        totals[slot] += change[i]
        if change[i] > 0:
            raised[raises] = pair
            raises += 1
    return added, raises


@njit(cache=True, nogil=True)
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


@njit(cache=True, nogil=True)
def remove_top(heap_total: Any, heap_pair: Any, size: int) -> int:
    """Drop the first entry; returns the new size."""
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


@njit(cache=True, nogil=True)
def push_pairs(wanted: Any, pairs: Any, totals: Any, waiting: Any, heap_total: Any, heap_pair: Any, size: int) -> int:
    """Put pairs in the heap, which must have room, unless they wait there with this total or a higher one."""
    for i in range(len(wanted)):
        slot = slot_of(pairs, wanted[i])
        if totals[slot] > waiting[slot]:
            waiting[slot] = totals[slot]
            heap_total[size], heap_pair[size] = totals[slot], wanted[i]
            sift_up(heap_total, heap_pair, size)
            size += 1
    return size


@njit(cache=True, nogil=True)
def take_prefix(
    limit: int, minimum: int, pairs: Any, totals: Any, waiting: Any, heap_total: Any, heap_pair: Any, size: int,
    side: Any, out_pair: Any, out_total: Any,
) -> tuple[int, int]:  # fmt: skip
    """Take the longest prefix of pairs in which no right token is another's left token; at most `limit`.

    `side` (uint8 by token, all zero, left all zero) marks what the prefix uses: 1 as a left, 2 as a right token.
    Returns the prefix's length and the heap's new size.
    """
    taken = 0
    while taken < limit and size > 0:
        total, pair = heap_total[0], heap_pair[0]
        slot = slot_of(pairs, pair)
        if total != waiting[slot] or total != totals[slot]:
            size = remove_top(heap_total, heap_pair, size)
            if total == waiting[slot]:
                waiting[slot] = max(totals[slot], 0)
                if waiting[slot] > 0:
                    heap_total[size], heap_pair[size] = totals[slot], pair
                    sift_up(heap_total, heap_pair, size)
                    size += 1
            continue
        left, right = pair >> 32, pair & 0xFFFFFFFF
        if total < minimum or (side[left] & 2) or (side[right] & 1) or (left == right and taken > 0):
            break
        size = remove_top(heap_total, heap_pair, size)
        waiting[slot] = 0
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


@njit(cache=True, nogil=True)
def withdraw_pairs(unwanted: Any, pairs: Any, waiting: Any) -> None:
    """Let pairs of the table wait no longer; their heap entries no longer count."""
    for i in range(len(unwanted)):
        waiting[slot_of(pairs, unwanted[i])] = 0
