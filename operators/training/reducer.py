"""The merge list under construction: tokens, rounds of merges, and the order in which pairs are merged.

The order is total, so any split of the corpus gives the same list: highest count, then smallest left id, then smallest
right id. A round takes the longest prefix of the sorted pairs in which no pair's right token is another's left token.
That gives what one merge at a time would give: such merges cannot lower each other's counts, and the pairs that they
create sort behind all of them (docs/explanation/exactness.md).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

import numpy as np

from operators.arrays import I64
from operators.byte_level import to_bytes
from operators.shard import PairChanges
from operators.tokenizer import Merges, Tokenizer, UnusableIds
from operators.training.pair_totals import PairTotals
from operators.training.selection import Selection
from operators.training.whole_characters import FORBIDDEN, LAST

Judge: TypeAlias = Callable[[bytes, bytes], int]
"""Verdict on the texts of two tokens, one of `operators.training.whole_characters`."""
REPLAYED_MERGES: Final = 512
"""Merges replayed at a time: few enough for their reports to be small, many enough for round trips not to count."""
_MAX_RESTORED_BYTES: Final = 1 << 30
"""Limit for the bytes of all tokens in restored rounds. A token may be twice as long as the one before, so a small file
could ask for any amount of memory; rounds that were learned come nowhere near the limit."""


class Reducer:
    """Builder of a merge list: receives each round's pair changes from all shards, returns the next batch of merges."""

    def __init__(
        self,
        start: Tokenizer | Sequence[str],
        vocabulary_size: int,
        min_pair_count: int = 1,
        selection: Selection | None = None,
        judge: Judge | None = None,
    ) -> None:
        """Stop at `vocabulary_size` tokens (special and byte tokens included) or under `min_pair_count` (>= 1).

        `start` holds the special tokens, to which bytes are added; or it is a tokenizer to extend. New ids follow its
        largest one; its merges must be replayed before the first batch is asked for. `selection` must be empty; None
        selects by frequency. Pairs that `judge` forbids are passed over.
        """
        if not isinstance(start, Tokenizer):
            start = Tokenizer("none", tuple(start), Merges.from_rows([]))
        self._ids = _ids_by_text(start)
        self._texts = {token: text for text, token in self._ids.items()} | start.text_tokens
        self._size = len(start.tokens)
        self._target_size = vocabulary_size
        self._minimum = max(1, min_pair_count)
        self._selection: Selection = PairTotals() if selection is None else selection
        self._judge = judge
        self._rounds: list[Merges] = []
        self._applied = 0
        self._replayed: Merges | None = None
        self._restored_bytes = 0

    @property
    def rounds(self) -> Sequence[Merges]:
        """The batches chosen so far, in order; without the merges of a tokenizer that is extended."""
        return self._rounds

    @property
    def selection(self) -> Selection:
        """The selection of pairs."""
        return self._selection

    @property
    def merges(self) -> Merges:
        """The merges chosen so far."""
        return Merges.joined(self._rounds)

    @property
    def vocabulary(self) -> int:
        """Number of tokens so far."""
        return self._size

    @property
    def missing(self) -> int:
        """Number of tokens still to make."""
        return max(0, self._target_size - self._size)

    def next_batch(self, changes: Sequence[PairChanges]) -> Merges:
        """Choose the merges of the next round, given every shard's changes of the last one; empty at the end."""
        self._add(changes)
        if not self.missing:
            return Merges.from_rows([])
        pairs, counts = self._take()
        lefts, rights = (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)
        tokens: list[int] = []
        ids, texts, size = self._ids, self._texts, self._size
        for left, right in zip(lefts.tolist(), rights.tolist(), strict=True):
            text = texts[left] + texts[right]
            if text in ids:
                if not tokens:  # a concatenation that is a token already is a round of its own
                    tokens.append(ids[text])
                break
            ids[text], texts[size] = size, text
            tokens.append(size)
            size += 1
        self._size = size
        taken = len(tokens)
        self._selection.requeue(pairs[taken:])
        batch = Merges(lefts[:taken], rights[:taken], np.array(tokens, np.int32), counts[:taken])
        if taken:
            batch = self._selection.chosen(batch)
            self._rounds.append(batch)
            self._applied += taken
        return batch

    def replay(self, merges: Merges, changes: Sequence[PairChanges]) -> None:
        """Continue with given merges, of any number of rounds; `changes` as for `next_batch`.

        Raises UnusableIds for an id that no token has.
        """
        smallest, largest = merges.id_range
        if smallest < 0 or largest >= self._size:
            raise UnusableIds(f"its merges have ids from {smallest} to {largest}, it has {self._size} tokens")
        self._add(changes)
        self._selection.replay(merges)
        self._replayed = merges

    def restore_round(self, batch: Merges) -> bool:
        """Append a round that an earlier run chose. Return False, and change nothing, where that is impossible.

        A restored round must be replayed too.
        """
        before, rows = self._size, zip(*(ids.tolist() for ids in (batch.left, batch.right, batch.token)), strict=True)
        for left, right, token in rows:
            if not self._restorable(left, right) or self._token_of(left, right) != token:
                self._forget(before)
                return False
        self._rounds.append(batch)
        return True

    def record_round(self, batch: Merges) -> None:
        """Append a round that another reducer of the same target chose, unchecked. Only records may follow."""
        self._rounds.append(batch)
        self._size = max(self._size, int(batch.token.max()) + 1)

    def _restorable(self, left: int, right: int) -> bool:
        """True if there are these tokens, and room for the one that they make."""
        if left not in self._texts or right not in self._texts or not self.missing:
            return False
        self._restored_bytes += len(self._texts[left]) + len(self._texts[right])
        return self._restored_bytes <= _MAX_RESTORED_BYTES

    def _take(self) -> tuple[I64, I64]:
        """Take the next pairs that may be merged; one merge at a time would pass over the same ones."""
        while True:
            pairs, counts = self._selection.take(self.missing, self._minimum)
            if self._judge is None or not len(pairs):
                return pairs, counts
            both = zip((pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist(), strict=True)
            verdicts = np.array([self._judge(self._texts[left], self._texts[right]) for left, right in both])
            if len(last := np.flatnonzero(verdicts == LAST)):
                self._selection.requeue(pairs[last[0] + 1 :])
                verdicts[last[0] + 1 :] = FORBIDDEN
            if (allowed := verdicts != FORBIDDEN).any():
                return pairs[allowed], counts[allowed]

    def _add(self, changes: Sequence[PairChanges]) -> None:
        self._selection.add(changes)
        if self._replayed is not None:
            self._selection.mark_merged(_still_merged(self._replayed, self._applied, changes))
            self._applied += len(self._replayed)
            self._replayed = None

    def _token_of(self, left: int, right: int) -> int:
        """Return the id of a concatenation: that of the token with these bytes, or the next free one."""
        text = self._texts[left] + self._texts[right]
        token = self._ids.setdefault(text, self._size)
        if token == self._size:
            self._texts[token] = text
            self._size += 1
        return token

    def _forget(self, size: int) -> None:
        """Remove the tokens with the ids `size` and up."""
        for token in range(size, self._size):
            del self._ids[self._texts.pop(token)]
        self._size = size


def learn_rounds(
    reducer: Reducer, changes: list[PairChanges], apply: Callable[[Merges], list[PairChanges]], *replayed: Merges
) -> Iterator[Merges]:
    """Yield round after round, each chosen from the changes that `apply` returned for the round before.

    `changes` are the counts before any merge. `replayed` comes first and is not yielded: the merges of a tokenizer that
    is extended, and the restored rounds. The round that reaches the vocabulary size is not applied, because
    nothing is chosen after it.
    """
    for merges in replayed:
        for first in range(0, len(merges), REPLAYED_MERGES):
            some = merges[first : first + REPLAYED_MERGES]
            reducer.replay(some, changes)
            changes = apply(some)
    while len(batch := reducer.next_batch(changes)):
        yield batch
        if not reducer.missing:
            return
        changes = apply(batch)


def _ids_by_text(tokenizer: Tokenizer) -> dict[bytes, int]:
    """Map bytes to ids: all tokens that text can become, then special tokens, where the alphabet can spell them."""
    special = dict(zip(tokenizer.vocabulary.special_ids, tokenizer.special_tokens, strict=True))
    ids: dict[bytes, int] = {}
    for token, text in tokenizer.text_tokens.items():
        if token not in special:
            ids.setdefault(text, token)
    for token, name in special.items():
        spelled = to_bytes(name)
        if spelled:
            ids.setdefault(spelled, token)
    return ids


def _still_merged(merges: Merges, first_step: int, changes: Sequence[PairChanges]) -> I64:
    """Return the pairs of merges (the first is step `first_step`) that no later change raised: they do not wait."""
    pairs = merges.left.astype(np.int64) << 32 | merges.right
    ordered, position = np.unique(pairs[::-1], return_index=True)
    merged_at = first_step + len(pairs) - 1 - position  # a pair that was merged twice: the last time counts
    again = np.zeros(len(ordered), np.bool_)
    for one in changes:
        raised = one.change > 0
        rows = one.left[raised].astype(np.int64) << 32 | one.right[raised]
        at = np.minimum(np.searchsorted(ordered, rows), len(ordered) - 1)
        later = (ordered[at] == rows) & (one.step[raised] > merged_at[at])
        again[at[later]] = True
    still: I64 = ordered[~again]
    return still
