"""Choosing the next merges. A total order, so any split of the corpus gives the same list.

The order: highest count; then smallest left id; then smallest right id. Taking, in one round, the longest prefix of the
sorted pairs in which no pair's right token is another's left token gives what one merge at a time would give: such
merges cannot lower each other's counts, and the pairs that they create sort behind all of them (docs/design.md).
"""

from collections.abc import Sequence

import numpy as np

from operators.arrays import I64
from operators.kernels.totals import add_changes, push_pairs, rehash, take_prefix
from operators.shard import PairChanges
from operators.tokenizer import Merges, initial_tokens, known_tokens

SMALLEST_TABLE = 1 << 16


class PairTotals:
    """The count of every pair over all shards. 24 bytes a slot, filled to a half at most, and 16 a waiting pair."""

    def __init__(self) -> None:
        self._pairs = np.full(SMALLEST_TABLE, -1, np.int64)
        self._totals = np.zeros(SMALLEST_TABLE, np.int64)
        self._waiting = np.zeros(SMALLEST_TABLE, np.int64)
        self._heap_total, self._heap_pair = np.empty(1024, np.int64), np.empty(1024, np.int64)
        self._used, self._heap_size = 0, 0

    def add(self, changes: Sequence[PairChanges]) -> None:
        """Add what all shards report of one round; pairs that a row raised may be chosen from now on."""
        raised = [self._add_one(one) for one in changes]
        for pairs in raised:
            self._push(pairs)

    def _add_one(self, changes: PairChanges) -> I64:
        room = self._used + len(changes)
        if 2 * room > len(self._pairs):
            size = 1 << (2 * room).bit_length()
            self._pairs, self._totals, self._waiting = rehash(self._pairs, self._totals, self._waiting, size)
        raised = np.empty(len(changes), np.int64)
        added, raises = add_changes(changes.left, changes.right, changes.change, self._pairs, self._totals, raised)
        self._used += added
        return raised[:raises]

    def _push(self, pairs: I64) -> None:
        needed = self._heap_size + len(pairs)
        if needed > len(self._heap_total):
            spare = np.empty(needed + needed // 2 - len(self._heap_total), np.int64)
            self._heap_total = np.concatenate([self._heap_total, spare])
            self._heap_pair = np.concatenate([self._heap_pair, spare])
        self._heap_size = push_pairs(
            pairs, self._pairs, self._totals, self._waiting, self._heap_total, self._heap_pair, self._heap_size
        )

    def take(self, limit: int, minimum: int, tokens: int) -> tuple[I64, I64]:
        """The prefix to merge next: pairs (`left << 32 | right`) and their counts, int64, both empty at the end.

        `limit` pairs at most, none with a count under `minimum`; `tokens` is the number of tokens so far.
        """
        limit = min(limit, self._heap_size)
        pairs, counts = np.empty(limit, np.int64), np.empty(limit, np.int64)
        taken, self._heap_size = take_prefix(
            limit, minimum, self._pairs, self._totals, self._waiting, self._heap_total, self._heap_pair,
            self._heap_size, np.zeros(tokens, np.uint8), pairs, counts,
        )  # fmt: skip
        return pairs[:taken], counts[:taken]

    def give_back(self, pairs: I64) -> None:
        """Let pairs that were taken, but not merged, wait again."""
        self._push(np.ascontiguousarray(pairs))


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
