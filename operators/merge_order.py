"""Choosing the next merges. A total order, so any split of the corpus gives the same list.

The order: highest count; then smallest left id; then smallest right id. Taking, in one round, the longest prefix of the
sorted pairs in which no pair's right token is another's left token gives what one merge at a time would give: such
merges cannot lower each other's counts, and the pairs that they create sort behind all of them (docs/design.md).
"""

from collections.abc import Sequence

import numpy as np

from operators.pair_totals import PairTotals
from operators.shard import PairChanges
from operators.tokenizer import Merges, initial_tokens, known_tokens


class Reducer:
    """Assembles the merge list: takes each round's pair changes from all shards, says what to merge next."""

    def __init__(self, special_tokens: Sequence[str], vocabulary_size: int, min_pair_count: int = 1) -> None:
        """Stops at `vocabulary_size` tokens (special and byte tokens included) or under `min_pair_count` (>= 1)."""
        self._tokens = initial_tokens(special_tokens)
        self._known = known_tokens(special_tokens)
        self._spelled = {token: text for text, token in self._known.items()}
        self._vocabulary_size = vocabulary_size
        self._minimum = max(1, min_pair_count)
        self._totals = PairTotals()
        self._rounds: list[Merges] = []

    @property
    def rounds(self) -> Sequence[Merges]:
        """The batches so far, in order: what brings a new shard to the same state."""
        return self._rounds

    @property
    def merges(self) -> Merges:
        """The merge list so far."""
        if not self._rounds:
            return Merges.from_rows([])
        names = ("left", "right", "token", "count")
        return Merges(*(np.concatenate([getattr(one, name) for one in self._rounds]) for name in names))

    @property
    def vocabulary(self) -> int:
        """Number of tokens so far."""
        return len(self._tokens)

    def next_batch(self, changes: Sequence[PairChanges]) -> Merges:
        """The order-exact batch to merge next, given every shard's changes of the last one; empty at the end."""
        self._totals.add(changes)
        room = self._vocabulary_size - len(self._tokens)
        if room <= 0:
            return Merges.from_rows([])
        pairs, counts = self._totals.take(room, self._minimum, len(self._tokens))
        rows: list[tuple[int, int, int, int]] = []
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            left, right = pair >> 32, pair & 0xFFFFFFFF
            text = self._spelled[left] + self._spelled[right]
            known = self._known.get(text)
            if known is not None and rows:
                break  # a concatenation that is a token already goes alone
            rows.append((left, right, len(self._tokens) if known is None else known, count))
            if known is not None:
                break
            self._known[text] = self._spelled_as(text)
        self._totals.give_back(pairs[len(rows) :])
        batch = Merges.from_rows(rows)
        if rows:
            self._rounds.append(batch)
        return batch

    def _spelled_as(self, text: bytes) -> int:
        token = len(self._tokens)
        self._tokens.append(text)
        self._spelled[token] = text
        return token
