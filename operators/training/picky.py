"""Picky BPE (Chizhov et al. 2024, 2409.04599): tokens that serve only to make other tokens are removed again.

After a merge of x and y into t, x is removed where its occurrences are mostly in t now: where its "intersection over
self", f(t) / (f(x) + f(t)), is over a threshold; f are the frequencies after the merge. Then the same for y. A removed
token becomes its parts again wherever it stands: those that it was first made of, or of a part that is removed, that
part's. A later merge that gives its text restores it, with its id. Bytes and special tokens stay.

The list of a reducer holds all events in their order: a row with a count of UNDONE or less undoes a merge. The removal
of a token is one such row, and one for each removed part that it becomes for a moment.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numpy as np

from operators.shard import PairChanges
from operators.tokenizer import UNDONE, Merges, Tokenizer
from operators.training.reducer import Judge, Reducer
from operators.training.selection import Selection

Row = tuple[int, int, int, int]
"""Left, right, token and count, as in Merges."""
OWN: Final = -1
"""Language of the row of changes that says how often a merge replaced its pair."""


class PickyReducer(Reducer):
    """Builder of a list of merges and removals; it receives the changes of EventShards.

    The size is the number of tokens that are not removed.
    """

    def __init__(
        self, start: Tokenizer, vocabulary_size: int, min_pair_count: int = 1, threshold: float = 1.0,
        selection: Selection | None = None, judge: Judge | None = None,
    ) -> None:  # fmt: skip
        """Remove tokens whose intersection over self is over `threshold`; the rest as a Reducer's, without merges."""
        super().__init__(start, vocabulary_size, min_pair_count, selection, judge)
        self._threshold = threshold
        self._frequency = defaultdict[int, int](int)  # of learned tokens it is true
        self._parts: dict[int, tuple[int, int]] = {}
        self._removed = set[int]()
        # The token that the last merge doubled, and the one it made: shards count how often.
        self._twins: tuple[int, int] | None = None

    @property
    def vocabulary(self) -> int:
        """Number of tokens so far that are not removed."""
        return self._size - len(self._removed)

    @property
    def missing(self) -> int:
        """Number of tokens still to make; at least 1 while it is open whether the last merge removes a token."""
        return max(0 if self._twins is None else 1, self._target_size - self.vocabulary)

    def next_batch(self, changes: Sequence[PairChanges]) -> Merges:
        """Choose the next events, given every shard's changes of the last ones; empty at the end."""
        self._add(changes)
        rows: list[Row] = []
        if self._twins is not None:
            (doubled, made), self._twins = self._twins, None
            rows = self._removals((doubled,), made)
        if not rows and self.missing:
            rows = self._choose()
        batch = Merges.from_rows(rows)
        if rows:
            self._rounds.append(batch)
        return batch

    def replay(self, merges: Merges, changes: Sequence[PairChanges]) -> None:
        """Continue with events of restored rounds; `changes` as for `next_batch`."""
        self._add(changes)
        self._replayed = merges

    def restore_round(self, batch: Merges) -> bool:
        """Append a round that an earlier run chose. Return False, and change nothing, where that is impossible."""
        undone = batch.count <= UNDONE
        rows = zip(batch.left.tolist(), batch.right.tolist(), batch.token.tolist(), undone.tolist(), strict=True)
        before, removed = self._size, set(self._removed)
        for left, right, token, is_undone in rows:
            if is_undone:
                possible = self._parts.get(token) == (left, right)
                self._removed.add(token)
            else:
                possible = self._restorable(left, right) and self._token_of(left, right) == token
                self._removed.discard(token)
            if not possible:
                self._forget(before)
                self._removed = removed
                return False
        self._rounds.append(batch)
        return True

    def record_round(self, batch: Merges) -> None:
        """Append a round that another reducer of the same target chose, unchecked. Only records may follow."""
        super().record_round(batch)
        for token, count in zip(batch.token.tolist(), batch.count.tolist(), strict=True):
            (self._removed.add if count <= UNDONE else self._removed.discard)(token)

    def _choose(self) -> list[Row]:
        """Take pairs up to the first one whose merge removes a token."""
        pairs, counts = self._take()
        lefts, rights = (pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist()
        rows, taken = list[Row](), 0
        for left, right, count in zip(lefts, rights, counts.tolist(), strict=True):
            is_known = self._texts[left] + self._texts[right] in self._ids
            if is_known and taken:
                break  # a token that is there already, or was, is made in a round of its own
            token = self._token_of(left, right)
            self._removed.discard(token)
            rows.append((left, right, token, count))
            taken += 1
            if left == right:
                self._twins = left, token
                break
            self._count_merge(left, right, token, count)
            removals = self._removals((left, right), token)
            rows += removals
            if removals or is_known:
                break
        self._selection.requeue(pairs[taken:])
        return rows

    def _token_of(self, left: int, right: int) -> int:
        token = super()._token_of(left, right)
        if token == self._size - 1:
            self._parts.setdefault(token, (left, right))
        return token

    def _forget(self, size: int) -> None:
        for token in range(size, self._size):
            self._parts.pop(token, None)
        super()._forget(size)

    def _count_merge(self, left: int, right: int, token: int, count: int) -> None:
        self._frequency[token] += count
        self._frequency[left] -= count
        self._frequency[right] -= count

    def _count_undone(self, left: int, right: int, token: int) -> int:
        """Hand a token's occurrences to its parts; return how many."""
        rest = self._frequency.pop(token, 0)
        self._frequency[left] += rest
        self._frequency[right] += rest
        return rest

    def _removals(self, parents: tuple[int, ...], made: int) -> list[Row]:
        """Remove the parents that a merge left mostly inside the token made, in their order; return the rows."""
        rows = list[Row]()
        for parent in parents:
            count = self._frequency[made]
            stays = parent not in self._parts or parent in self._removed
            if stays or not count / (self._frequency[parent] + count) > self._threshold:
                continue
            waiting = {parent}
            while waiting:  # the longest first: its parts are shorter
                token = max(waiting, key=lambda one: (len(self._texts[one]), one))
                waiting.remove(token)
                left, right = self._parts[token]
                rest = self._count_undone(left, right, token)
                if rest or token == parent:
                    rows.append((left, right, token, UNDONE - rest))
                waiting |= self._removed & {left, right}
            self._removed.add(parent)
        return rows

    def _add(self, changes: Sequence[PairChanges]) -> None:
        """Add the changes of the last events to the counts; the merge of a pair of equal tokens is counted now."""
        self._selection.add(changes)
        replayed, self._replayed = self._replayed, None
        if replayed is not None:
            self._count_replayed(replayed, changes)
        elif self._twins is not None:
            left, token = self._twins
            self._count_merge(left, left, token, _replaced(changes)[left])

    def _count_replayed(self, merges: Merges, changes: Sequence[PairChanges]) -> None:
        replaced = _replaced(changes, by_step=True)
        columns = (merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), merges.count.tolist())
        for step, (left, right, token, count) in enumerate(zip(*columns, strict=True), self._applied):
            if count <= UNDONE:
                self._count_undone(left, right, token)
            else:
                self._count_merge(left, right, token, replaced[step] if left == right else count)
        self._applied += len(merges)
        if len(merges) and merges.count[-1] > UNDONE and merges.left[-1] == merges.right[-1]:
            self._twins = int(merges.left[-1]), int(merges.token[-1])


def _replaced(changes: Sequence[PairChanges], *, by_step: bool = False) -> dict[int, int]:
    """Return how often merges of equal tokens replaced their pairs, by the token or by the step."""
    found = defaultdict[int, int](int)
    for one in changes:
        own = np.flatnonzero((one.language == OWN) & (one.left == one.right))
        keys = one.step if by_step else one.left
        for key, change in zip(keys[own].tolist(), one.change[own].tolist(), strict=True):
            found[key] -= change
    return found
