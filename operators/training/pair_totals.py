"""The count of every pair over all shards, and the pairs that wait to be merged, best first."""

from collections.abc import Sequence

import numpy as np

from operators.arrays import I64
from operators.kernels.pair_totals import (
    SLOT,
    add_changes,
    push_pairs,
    rehash,
    take_prefix,
    withdraw_pairs,
)
from operators.shard import PairChanges

SMALLEST_TABLE = 1 << 16


class PairTotals:
    """The count of every pair over all shards. 32 bytes a slot, filled to three quarters at most, 16 a waiting pair."""

    def __init__(self) -> None:
        self._table = np.zeros(SLOT * SMALLEST_TABLE, np.int64)
        self._table[::SLOT] = -1
        self._heap_total, self._heap_pair = np.empty(1024, np.int64), np.empty(1024, np.int64)
        self._used, self._heap_size = 0, 0

    @property
    def memory_bytes(self) -> int:
        """Bytes in use."""
        return self._table.nbytes + 16 * self._heap_size

    def add(self, changes: Sequence[PairChanges]) -> None:
        """Add what all shards report of one round; pairs that a row raised may be chosen from now on."""
        raised = [self._add_one(one) for one in changes]
        for pairs in raised:
            self._push(pairs)

    def _add_one(self, changes: PairChanges) -> I64:
        room = self._used + len(changes)
        if 4 * SLOT * room > 3 * len(self._table):
            table = np.zeros(SLOT << (4 * room // 3).bit_length(), np.int64)  # by numpy, which asks for huge pages
            rehash(self._table, table)
            self._table = table
        raised = np.empty(len(changes), np.int64)
        added, raises = add_changes(changes.left, changes.right, changes.change, self._table, raised)
        self._used += added
        return raised[:raises]

    def _push(self, pairs: I64) -> None:
        needed = self._heap_size + len(pairs)
        if needed > len(self._heap_total):
            for name in ("_heap_total", "_heap_pair"):
                larger = np.empty(2 * needed, np.int64)  # what is never written takes no memory
                larger[: self._heap_size] = getattr(self, name)[: self._heap_size]
                setattr(self, name, larger)
        self._heap_size = push_pairs(pairs, self._table, self._heap_total, self._heap_pair, self._heap_size)

    def take(self, limit: int, minimum: int, tokens: int) -> tuple[I64, I64]:
        """The prefix to merge next: pairs (`left << 32 | right`) and their counts, int64, both empty at the end.

        `limit` pairs at most, none with a count under `minimum`; `tokens` is the number of tokens so far.
        """
        limit = min(limit, self._heap_size)
        pairs, counts = np.empty(limit, np.int64), np.empty(limit, np.int64)
        taken, self._heap_size = take_prefix(
            limit, minimum, self._table, self._heap_total, self._heap_pair, self._heap_size,
            np.zeros(tokens, np.uint8), pairs, counts,
        )  # fmt: skip
        return pairs[:taken].copy(), counts[:taken].copy()  # and not all that was reserved for them

    def give_back(self, pairs: I64) -> None:
        """Let pairs that were taken, but not merged, wait again."""
        self._push(np.ascontiguousarray(pairs))

    def withdraw(self, pairs: I64) -> None:
        """Treat pairs as merged, as a list that is being replayed says: they wait again once a count of theirs rises.

        `left << 32 | right`; pairs that never occurred are passed over.
        """
        withdraw_pairs(np.ascontiguousarray(pairs), self._table)
