"""Pair counts over all shards, and the pairs that wait to be merged, most frequent first."""

from collections.abc import Sequence

import numpy as np

from operators.arrays import I64
from operators.kernels.pair_totals import (
    SLOT,
    Waiting,
    add_changes,
    push_pairs,
    rehash,
    take_prefix,
    withdraw_pairs,
)
from operators.shard import PairChanges
from operators.tokenizer import Merges

SMALLEST_TABLE = 1 << 16


class PairTotals:
    """Selection by frequency. Memory: 32 bytes a slot, at most three quarters filled; 16 bytes a waiting pair."""

    def __init__(self) -> None:
        self._table = np.zeros(SLOT * SMALLEST_TABLE, np.int64)
        self._table[::SLOT] = -1
        self._heap_total, self._heap_pair = np.empty(1024, np.int64), np.empty(1024, np.int64)
        self._used, self._heap_size = 0, 0
        self._marks = np.zeros(1024, np.uint8)  # by token; all zero between calls

    @property
    def memory_bytes(self) -> int:
        """Bytes in use."""
        return self._table.nbytes + 16 * self._heap_size

    def add(self, changes: Sequence[PairChanges]) -> None:
        """Add the changes that all shards report of one round. A pair that a row raised waits from now on."""
        raised = [self._add_one(one) for one in changes]
        for pairs in raised:
            self._push(pairs)

    def _add_one(self, changes: PairChanges) -> I64:
        if not len(changes):
            return np.empty(0, np.int64)
        room = self._used + len(changes)
        if 4 * SLOT * room > 3 * len(self._table):
            table = np.zeros(SLOT << (4 * room // 3).bit_length(), np.int64)  # by numpy, which asks for huge pages
            rehash(self._table, table)
            self._table = table
        tokens = max(int(changes.left.max()), int(changes.right.max())) + 1
        if tokens > len(self._marks):
            self._marks = np.zeros(2 * tokens, np.uint8)
        raised = np.empty(len(changes), np.int64)
        added, raises = add_changes(changes.left, changes.right, changes.change, self._table, raised)
        self._used += added
        return raised[:raises]

    def _push(self, pairs: I64) -> None:
        needed = self._heap_size + len(pairs)
        if needed > len(self._heap_total):
            for name in ("_heap_total", "_heap_pair"):
                larger = np.empty(2 * needed, np.int64)  # pages that are never written take no memory
                larger[: self._heap_size] = getattr(self, name)[: self._heap_size]
                setattr(self, name, larger)
        self._heap_size = push_pairs(pairs, self._table, self._heap_total, self._heap_pair, self._heap_size)

    def take(self, missing: int, minimum: int) -> tuple[I64, I64]:
        """Remove and return the prefix to merge next: pairs (`left << 32 | right`) and counts, int64, empty at the end.

        At most `missing` pairs, none with a count under `minimum`.
        """
        limit = min(missing, self._heap_size)
        pairs, counts = np.empty(limit, np.int64), np.empty(limit, np.int64)
        waiting = Waiting(self._table, self._heap_total, self._heap_pair, self._marks)
        taken, self._heap_size = take_prefix(limit, minimum, waiting, self._heap_size, pairs, counts)
        return pairs[:taken].copy(), counts[:taken].copy()  # copies release what was reserved for the longest prefix

    def requeue(self, pairs: I64) -> None:
        """Let pairs wait again that were taken and not merged."""
        self._push(np.ascontiguousarray(pairs))

    def chosen(self, merges: Merges) -> Merges:
        """Return the merges as they are."""
        return merges

    def replay(self, merges: Merges) -> None:
        """Do nothing: `mark_merged` follows."""

    def mark_merged(self, pairs: I64) -> None:
        """Treat pairs (`left << 32 | right`) as taken. Each waits again once its count rises.

        Pairs that never occurred are ignored.
        """
        withdraw_pairs(np.ascontiguousarray(pairs), self._table)
