"""Choosing the next merges. A total order, so any split of the corpus gives the same list.

The order: highest count; then smallest left id; then smallest right id. Taking, in one round, the longest prefix of the
sorted pairs in which no pair's right token is another's left token gives what one merge at a time would give: such
merges cannot lower each other's counts, and the pairs that they create sort behind all of them (docs/design.md).
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from operators.arrays import I64
from operators.byte_level import to_bytes
from operators.shard import PairChanges
from operators.tokenizer import Merges, Tokenizer
from operators.training.pair_totals import PairTotals

_MOST_ADOPTED: Final = 1 << 30
"""Bytes of all parts of rounds that are taken from elsewhere. Each may double the one before; what was learned comes
nowhere near."""


class Reducer:
    """Assembles the merge list: takes each round's pair changes from all shards, says what to merge next."""

    def __init__(self, start: Tokenizer | Sequence[str], vocabulary_size: int, min_pair_count: int = 1) -> None:
        """Stops at `vocabulary_size` tokens (special and byte tokens included) or under `min_pair_count` (>= 1).

        `start` is what is there: special tokens, to which bytes are added, or a tokenizer to extend. New ids go behind
        its largest; its merges must be replayed before the first batch is asked for.
        """
        if not isinstance(start, Tokenizer):
            start = Tokenizer("none", tuple(start), Merges.from_rows([]))
        self._known = _known_texts(start)
        self._spelled = {token: text for text, token in self._known.items()} | start.text_tokens
        self._size = len(start.tokens)
        self._goal = vocabulary_size
        self._minimum = max(1, min_pair_count)
        self._totals = PairTotals()
        self._rounds: list[Merges] = []
        self._applied = 0
        self._replayed: Merges | None = None
        self._adopted = 0

    @property
    def rounds(self) -> Sequence[Merges]:
        """The batches chosen so far, in order; without the merges of a tokenizer that is extended."""
        return self._rounds

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
        return max(0, self._goal - self._size)

    def next_batch(self, changes: Sequence[PairChanges]) -> Merges:
        """The order-exact batch to merge next, given every shard's changes of the last one; empty at the end."""
        self._add(changes)
        if not self.missing:
            return Merges.from_rows([])
        pairs, counts = self._totals.take(self.missing, self._minimum, self._size)
        lefts, rights = (pairs >> 32).astype(np.int32), (pairs & 0xFFFFFFFF).astype(np.int32)
        tokens: list[int] = []
        known, spelled, size = self._known, self._spelled, self._size
        for left, right in zip(lefts.tolist(), rights.tolist(), strict=True):
            text = spelled[left] + spelled[right]
            if text in known:
                if not tokens:  # a concatenation that is a token already goes alone
                    tokens.append(known[text])
                break
            known[text], spelled[size] = size, text
            tokens.append(size)
            size += 1
        self._size = size
        taken = len(tokens)
        self._totals.give_back(pairs[taken:])
        batch = Merges(lefts[:taken], rights[:taken], np.array(tokens, np.int32), counts[:taken])
        if taken:
            self._rounds.append(batch)
            self._applied += taken
        return batch

    def replay(self, merges: Merges, changes: Sequence[PairChanges]) -> None:
        """As `next_batch`, but what is merged next is given; any number of merges, of any number of rounds."""
        self._add(changes)
        self._replayed = merges

    def adopt(self, batch: Merges) -> bool:
        """Take a batch that an earlier run chose as the next round; False, and nothing is taken, where that cannot be.

        It must be replayed too.
        """
        before, rows = self._size, zip(*(ids.tolist() for ids in (batch.left, batch.right, batch.token)), strict=True)
        for left, right, token in rows:
            possible = left in self._spelled and right in self._spelled and self.missing
            if possible:
                self._adopted += len(self._spelled[left]) + len(self._spelled[right])
                possible = self._adopted <= _MOST_ADOPTED
            if not possible or self._token_of(left, right) != token:
                self._forget(before)
                return False
        self._rounds.append(batch)
        return True

    def _add(self, changes: Sequence[PairChanges]) -> None:
        self._totals.add(changes)
        if self._replayed is not None:
            self._totals.withdraw(_still_merged(self._replayed, self._applied, changes))
            self._applied += len(self._replayed)
            self._replayed = None

    def _token_of(self, left: int, right: int) -> int:
        """The id of a concatenation: that of the token with these bytes, or the next free one."""
        text = self._spelled[left] + self._spelled[right]
        token = self._known.setdefault(text, self._size)
        if token == self._size:
            self._spelled[token] = text
            self._size += 1
        return token

    def _forget(self, size: int) -> None:
        """Take back the tokens from the id `size` on."""
        for token in range(size, self._size):
            del self._known[self._spelled.pop(token)]
        self._size = size


def _known_texts(tokenizer: Tokenizer) -> dict[bytes, int]:
    """Bytes to id: all tokens that text can become, then special tokens, where the alphabet can spell them."""
    special = dict(zip(tokenizer.vocabulary.special_ids, tokenizer.special_tokens, strict=True))
    known: dict[bytes, int] = {}
    for token, text in tokenizer.text_tokens.items():
        if token not in special:
            known.setdefault(text, token)
    for token, name in special.items():
        spelled = to_bytes(name)
        if spelled:
            known.setdefault(spelled, token)
    return known


def _still_merged(merges: Merges, first_step: int, changes: Sequence[PairChanges]) -> I64:
    """The pairs of merges (the first is step `first_step`) that no later change raised: they do not wait."""
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
    waits_no_more: I64 = ordered[~again]
    return waits_no_more
