"""Selection with the order of BoundlessBPE's published code: of equal counts the pair of smallest texts comes first.

Two things differ from `PairTotals`, which is as Hugging Face's trainer. Equal counts: by the bytes of the left token,
then of the right one. A token that follows itself: as often as it can be merged, so `aaa` holds one pair of `a`; and a
pair that was merged is gone. After Tanner, Schmidt and Pinter 2026, Faster Superword Tokenization (arXiv 2604.05192).

Pairs of one count, the level, wait in a heap by their texts. A round walks them, then lower levels, up to the first
pair that a merge of the round may change: one with a right token that is another's left, or one that sorts behind a
pair that the round may create. Merging (a, b) can create (ab, y) only where (b, y) waits, with a count as high at most;
(x, ab) sorts behind (x, a), where the walk ends. So rounds depend on the counts alone, and a run can be resumed.
"""

import heapq
from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from operators.arrays import I64
from operators.kernels.word_sources import read_totals
from operators.shard import PairChanges
from operators.tokenizer import Merges, Tokenizer
from operators.training.pair_totals import PairTotals

AskDoubled: TypeAlias = Callable[[I64], Sequence[I64]]
"""Question to all shards: how often tokens (int64) follow themselves, pairs apart from each other (int64)."""
_ALL = 1 << 40


class TextOrderSelection(PairTotals):
    """Selection by frequency, then by texts. `ask` must be set before `take`."""

    ask: AskDoubled

    def __init__(self, start: Tokenizer) -> None:
        """start: tokenizer that training starts from."""
        super().__init__()
        self._texts = dict(start.text_tokens)
        self._level = 0
        self._group: list[tuple[bytes, bytes, int]] = []
        self._behind: dict[int, list[tuple[bytes, int]]] = {}
        self._members: set[int] = set()
        self._doubled: list[tuple[int, int]] = []
        self._merged, self._step = Merges.from_rows([]), 0

    def chosen(self, merges: Merges) -> Merges:
        """See Selection."""
        self.replay(merges)
        return merges

    def replay(self, merges: Merges) -> None:
        """See Selection."""
        self._merged = merges
        rows = (merges.left.tolist(), merges.right.tolist(), merges.token.tolist())
        for left, right, token in zip(*rows, strict=True):
            self._texts[token] = self._texts[left] + self._texts[right]

    def add(self, changes: Sequence[PairChanges]) -> None:
        """See Selection. What was merged counts no longer, but for what came later."""
        super().add(changes)
        if not len(self._merged):
            return
        merged = self._merged.left.astype(np.int64) << 32 | self._merged.right
        pairs, last = np.unique(merged[::-1], return_index=True)
        merged_at, later = self._step + len(merged) - 1 - last, np.zeros(len(pairs), np.int64)
        self._step, self._merged = self._step + len(merged), self._merged[:0]
        for one in changes:
            rows = one.left.astype(np.int64) << 32 | one.right
            at = np.minimum(np.searchsorted(pairs, rows), len(pairs) - 1)
            counts = (pairs[at] == rows) & (one.step > merged_at[at])
            np.add.at(later, at[counts], one.change[counts])
        totals = np.empty(len(pairs), np.int64)
        read_totals(pairs, self._table, totals)
        wrong = totals != later
        left, right = (pairs[wrong] >> 32).astype(np.int32), (pairs[wrong] & 0xFFFFFFFF).astype(np.int32)
        self._add_one(PairChanges(np.zeros(len(left), np.int32), left, right, (later - totals)[wrong]))

    def take(self, missing: int, minimum: int) -> tuple[I64, I64]:
        """See Selection."""
        taken, counts = list[int](), list[int]()
        lefts, rights = set[int](), set[int]()
        while len(taken) < missing and self._open(minimum):
            fence = min(filter(None, map(self._created, taken)), default=None)
            while self._group and len(taken) < missing:
                left_text, right_text, pair = self._group[0]
                left, right = _ids(pair)
                if not self._stands(pair):
                    continue
                is_behind = fence is not None and (left_text, right_text) > fence
                if is_behind or left in rights or right in lefts or (left == right and taken):
                    return np.array(taken, np.int64), np.array(counts, np.int64)
                self._remove_first()
                taken.append(pair)
                counts.append(self._level)
                if left == right:
                    return np.array(taken, np.int64), np.array(counts, np.int64)
                lefts.add(left)
                rights.add(right)
                if (created := self._created(pair)) is not None:
                    fence = created if fence is None else min(fence, created)
        return np.array(taken, np.int64), np.array(counts, np.int64)

    def _stands(self, pair: int) -> bool:
        """Return True if the group's first pair has the level's count still; else let it wait elsewhere."""
        if (count := self._count(pair)) == self._level:
            return True
        self._remove_first()
        self._wait(pair, count)
        return False

    def _created(self, pair: int) -> tuple[bytes, bytes] | None:
        """Return the smallest pair of texts that merging a pair may create with the level's count."""
        left, right = _ids(pair)
        behind = self._behind.get(right, [])
        while behind:
            text, other = behind[0]
            if other in self._members and self._count(other) == self._level:
                return self._texts[left] + self._texts[right], text
            heapq.heappop(behind)
        return None

    def _open(self, minimum: int) -> bool:
        """Let the group hold all pairs of the highest count; return False if no pair of `minimum` waits."""
        while True:
            if not self._group:
                self._members.clear()
                self._behind.clear()
                self._level = self._highest(minimum)
                if not self._level:
                    return False
            if self._gather() and self._group:
                return True

    def _highest(self, minimum: int) -> int:
        """Return the highest count of a pair that waits, at most; 0 if it is under the minimum."""
        while True:
            pairs, counts = super().take(1, minimum)
            if not len(pairs) or not _is_doubled(int(pairs[0])):
                break
            self._wait(int(pairs[0]), self._count(int(pairs[0])))
        self.requeue(pairs)
        found = max(int(counts[0]) if len(pairs) else 0, -self._doubled[0][0] if self._doubled else 0)
        return found if found >= minimum else 0

    def _gather(self) -> bool:
        """Move the pairs of the level to the group. Empty it, and return False, where a higher count waits."""
        while len((found := super().take(_ALL, self._level))[0]):
            pairs, counts = found
            if _is_doubled(int(pairs[0])):
                self._wait(int(pairs[0]), self._count(int(pairs[0])))
            elif counts[0] == self._level:
                self._join(pairs.tolist())
            else:
                self.requeue(pairs)
                return self._close()
        while self._doubled and -self._doubled[0][0] >= self._level:
            pair = heapq.heappop(self._doubled)[1]
            if (count := self._count(pair)) == self._level:
                self._join([pair])
                continue
            self._wait(pair, count)
            if count > self._level:
                return self._close()
        return True

    def _join(self, pairs: list[int]) -> None:
        for pair in pairs:
            if pair not in self._members:
                left, right = _ids(pair)
                self._members.add(pair)
                heapq.heappush(self._group, (self._texts[left], self._texts[right], pair))
                heapq.heappush(self._behind.setdefault(left, []), (self._texts[right], pair))

    def _remove_first(self) -> None:
        self._members.discard(heapq.heappop(self._group)[2])

    def _close(self) -> bool:
        """Let all pairs of the group wait elsewhere."""
        while self._group:
            pair = self._group[0][2]
            self._remove_first()
            self._wait(pair, self._level)
        return False

    def _wait(self, pair: int, count: int) -> None:
        """Let a pair wait: with its total, or, if it is a doubled token, with this count."""
        if not _is_doubled(pair):
            self.requeue(np.array([pair]))
        elif count:
            heapq.heappush(self._doubled, (-count, pair))

    def _count(self, pair: int) -> int:
        left, right = _ids(pair)
        if left == right:
            return int(sum(one[0] for one in self.ask(np.array([left]))))
        totals = np.empty(1, np.int64)
        read_totals(np.array([pair]), self._table, totals)
        return int(totals[0])


def _ids(pair: int) -> tuple[int, int]:
    return pair >> 32, pair & 0xFFFFFFFF


def _is_doubled(pair: int) -> bool:
    left, right = _ids(pair)
    return left == right
