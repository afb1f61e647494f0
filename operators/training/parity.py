"""Parity-aware selection: each merge serves the language whose text costs most (Foroutan, Meister et al. 2025).

Source: arXiv 2508.04796. At each step the language with the most tokens of judged text is served: its most frequent
pair is merged, in all languages. Among equals the first language and the pair of the largest strings win, as in
`ParityBpeTrainer` of tokenizers 0.23.3, whose merge lists these are. Why many merges can be taken at once:
docs/explanation/parity.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from operators.arrays import I16, I32, I64, word_buffers
from operators.byte_level import BYTES_IN_RANK_ORDER, to_bytes
from operators.kernels.parity import (
    AFTER,
    SLOT,
    WINDOW,
    Heaps,
    Parity,
    Rows,
    Texts,
    Waiting,
    add_changes,
    add_texts,
    count_pairs,
    push_pairs,
    record_choices,
    rehash,
    replay_choices,
    take_batch,
)
from operators.shard import PairChanges, Shard
from operators.tokenizer import Merges, Tokenizer

ALL: int = -1
"""Language served by a merge that is chosen for all languages together."""
_BATCH = 4096
_SMALLEST_TABLE = 1 << 12
_RANK = np.empty(256, np.uint8)
_RANK[list(BYTES_IN_RANK_ORDER)] = np.arange(256)


@dataclass(frozen=True)
class Choices(Merges):
    """Merges, and the language that each serves: int32, an index, or ALL. `count` is the pair's in that language."""

    language: I32 = field(default_factory=lambda: np.empty(0, np.int32))


@dataclass(frozen=True)
class LanguageWords:
    """Words of several languages: large_binary[n], counts int64[n] and languages int16[n], by index from 0."""

    words: pa.LargeBinaryArray
    counts: I64
    languages: I16

    @classmethod
    def joined(cls, tables: Sequence[tuple[pa.LargeBinaryArray, I64]]) -> "LanguageWords":
        """Join a table of words and counts for each language, in the order of the languages."""
        languages = np.repeat(np.arange(len(tables), dtype=np.int16), [len(words) for words, _ in tables])
        words = pa.concat_arrays([words for words, _ in tables])
        return cls(words, np.concatenate([counts for _, counts in tables]), languages)

    def lengths(self, languages: int) -> I64:
        """Return the bytes of each language's text, int64[languages]."""
        offsets, _ = word_buffers(self.words)
        sizes = np.zeros(languages, np.int64)
        np.add.at(sizes, self.languages, np.diff(offsets) * self.counts)
        return sizes


@dataclass(frozen=True)
class ParityRule:
    """Rule by which languages are served."""

    lengths: I64
    """int64, by language: tokens of the judged text before any merge."""
    parallel: LanguageWords | None
    """Judged text: translations of each other. None: the training text is judged, by ratios."""
    ratios: tuple[float, ...] = ()
    """Ratios of the languages: the one with the lowest compression rate / ratio is served; without them, tokens decide.

    A rate is the tokens before any merge / tokens now."""
    after: int = 0
    """Number of first merges that are chosen by the counts of all languages together."""
    window: int = 0
    """Number of recent choices of which a language may hold at most `alpha` / languages; 0: no such limit."""
    alpha: float = 2.0


class ParitySelection:
    """Selection by parity; the shards must tell languages apart.

    Memory: 43 to 85 bytes for each pair that a language ever had, 16 for each that waits; the judged text's shard.
    """

    def __init__(self, rule: ParityRule, start: Tokenizer, max_token_length: int | None = None) -> None:
        """`start`: the tokenizer that training begins with; `max_token_length` as for the shards."""
        n = len(rule.lengths)
        self._rule = rule
        self._state = _state_of(rule)
        self._words, self._judged = _Table(), _Table()
        self._shard: Shard | None = None
        if rule.parallel is not None:
            text = rule.parallel
            self._shard = Shard(text.words, text.counts, start.byte_ids, max_token_length, text.languages)
            self._judged.add(self._shard.initial_counts(), np.zeros(n, np.int64))
            self._rule = replace(rule, parallel=None)  # the shard has the words
        self._heaps = Heaps(
            np.empty(0, np.int64), np.empty(0, np.int64), np.zeros(n + 2, np.int64), np.zeros(n + 1, np.int64)
        )
        self._bound, self._together = np.zeros(n + 1, np.int64), n if rule.after else -1
        self._tokens = _TokenTexts(start)
        self._side = np.zeros(len(self._tokens.texts.end), np.uint8)
        self._pairs, self._counts = np.empty(_BATCH, np.int64), np.empty(_BATCH, np.int64)
        self._choices = np.empty((2, _BATCH + n * (rule.window + 2)), np.int64)
        self._planned = 0
        self._judged_changes: list[PairChanges] = []
        self._replayed: Choices | None = None
        self._step = 0  # of the first merge that was noted last
        self._noted = 0

    @property
    def memory_bytes(self) -> int:
        """Bytes in use."""
        judged = 0 if self._shard is None else self._shard.memory_bytes
        return self._words.memory_bytes + self._judged.memory_bytes + judged + 16 * int(self._heaps.size.sum())

    def add(self, changes: Sequence[PairChanges]) -> None:
        """See Selection."""
        judged = changes if self._shard is None else self._judged_changes
        lengths = self._state.lengths
        if self._replayed is not None:
            lengths = np.zeros_like(lengths)  # the replay moves the real ones on, merge by merge
            self._recount(self._replayed, judged)
        nowhere = np.zeros_like(lengths)
        for one in self._judged_changes:
            self._judged.add(one, lengths)
        raised = [self._words.add(one, lengths if self._shard is None else nowhere, self._together) for one in changes]
        for pairs, heaps in raised:
            self._push(pairs, heaps)
        self._judged_changes, self._replayed = [], None

    def _recount(self, merges: Choices, judged: Sequence[PairChanges]) -> None:
        """Find the choices that led to replayed merges; with choices of other words, no more merges are chosen."""
        n = len(self._state.lengths)
        saved = saved_by_step(judged, self._step, len(merges), n)
        languages = np.where(merges.language == ALL, n, merges.language).astype(np.int64)
        if not replay_choices(self._state, languages, saved):
            self._state.exhausted[:] = 1

    def take(self, missing: int, minimum: int) -> tuple[I64, I64]:
        """See Selection."""
        if self._together >= 0 and self._state.numbers[0] >= self._rule.after:
            self._together = -1
        judged = self._words.slots if self._shard is None else self._judged.slots
        waiting = Waiting(self._words.slots, judged, self._heaps, self._tokens.texts, self._side, self._bound)
        trial = Parity._make([column.copy() for column in self._state])
        limit = min(missing, _BATCH)
        taken, chosen = take_batch(limit, minimum, waiting, trial, self._pairs, self._counts, self._choices)
        self._planned = chosen
        return self._pairs[:taken].copy(), self._counts[:taken].copy()

    def requeue(self, pairs: I64) -> None:
        """See Selection."""
        heaps = len(self._heaps.size)
        if len(pairs):
            self._push(np.repeat(pairs, heaps), np.tile(np.arange(heaps), len(pairs)))

    def chosen(self, merges: Merges) -> Choices:
        """Return the merges with the languages that they serve."""
        choices = self._choices[:, : self._planned]
        used = record_choices(self._state, choices, len(merges))
        languages = choices[0, :used][choices[1, :used] == 1].astype(np.int32)
        languages[languages == len(self._state.lengths)] = ALL
        self._note(merges)
        return Choices(merges.left, merges.right, merges.token, merges.count, languages)

    def replay(self, merges: Merges) -> None:
        """See Selection. Merges of a tokenizer that is extended are no choices."""
        self._replayed = merges if isinstance(merges, Choices) else None
        self._note(merges)

    def mark_merged(self, pairs: I64) -> None:
        """Do nothing: shards that tell languages apart report that a merged pair's count falls to 0."""

    def _note(self, merges: Merges) -> None:
        """Apply merges to the judged text, and keep the strings of their tokens."""
        if self._shard is not None:
            self._judged_changes = [self._shard.apply(merges)]
        self._tokens.add(merges)
        if len(self._tokens.texts.end) > len(self._side):
            self._side = np.zeros(len(self._tokens.texts.end), np.uint8)
        self._step, self._noted = self._noted, self._noted + len(merges)

    def _push(self, pairs: I64, heaps: I64) -> None:
        needed = self._heaps.size + np.bincount(heaps, minlength=len(self._heaps.size))
        if (needed > np.diff(self._heaps.first)).any():
            self._heaps = _with_space(self._heaps, needed)
        push_pairs(pairs, heaps, self._words.slots, self._heaps, self._tokens.texts)


def saved_by_step(changes: Sequence[PairChanges], first: int, merges: int, languages: int) -> I64:
    """Return the change of each language's tokens by each merge, int64[merges, languages]; `first`: the first's step.

    All are 0 or less.
    """
    saved = np.zeros((merges, languages), np.int64)
    for one in changes:
        replaced = one.language < 0
        np.add.at(saved, (one.step[replaced] - first, ~one.language[replaced]), one.change[replaced])
    return saved


class _Table:
    """Totals of pairs by language, as `operators.kernels.parity` describes."""

    def __init__(self) -> None:
        self.slots = np.zeros(SLOT * _SMALLEST_TABLE, np.int64)
        self.slots[::SLOT] = -1
        self._used = 0

    @property
    def memory_bytes(self) -> int:
        return self.slots.nbytes

    def add(self, changes: PairChanges, lengths: I64, together: int = -1) -> tuple[I64, I64]:
        """Add changes; return the pairs that were raised, and their heaps. `lengths` fall by what was replaced."""
        rows_added = len(changes) * (2 if together >= 0 else 1)
        if 4 * SLOT * (self._used + rows_added) > 3 * len(self.slots):
            self._used = count_pairs(self.slots)
            space = max(_SMALLEST_TABLE, 7 * (self._used + rows_added) // 4)
            larger = np.zeros(SLOT * space, np.int64)  # by numpy, which asks for huge pages
            rehash(self.slots, larger)
            self.slots = larger
        rows = Rows(changes.language, changes.left, changes.right, changes.change)
        raised = np.empty((2, 2 * len(changes)), np.int64)
        added, raises = add_changes(rows, self.slots, lengths, together, raised)
        self._used += added
        return raised[0, :raises], raised[1, :raises]


def _state_of(rule: ParityRule) -> Parity:
    n = len(rule.lengths)
    numbers = np.zeros(4, np.int64)
    numbers[[AFTER, WINDOW]] = rule.after, rule.window
    return Parity(
        rule.lengths.astype(np.int64), rule.lengths.astype(np.int64), np.array(rule.ratios, np.float64),
        np.zeros(n, np.uint8), np.zeros(n, np.int64), np.full(rule.window, -1, np.int64), numbers,
        np.full(1, rule.alpha / n),
    )  # fmt: skip


class _TokenTexts:
    """Strings of all tokens that merges may take, as kernels compare them."""

    def __init__(self, start: Tokenizer) -> None:
        special = dict(zip(start.vocabulary.special_ids, start.special_tokens, strict=True))
        texts = {token: text for token, name in special.items() if (text := to_bytes(name))} | start.text_tokens
        self._lengths = {token: len(text) for token, text in texts.items()}
        size = max(texts) + 1
        begin, end, prefix = np.zeros(size, np.int64), np.zeros(size, np.int64), np.zeros(size, np.uint64)
        data = _RANK[np.frombuffer(b"".join(texts.values()), np.uint8)]
        self._used = 0
        for token, text in texts.items():
            begin[token], end[token] = self._used, self._used + len(text)
            self._used += len(text)
            prefix[token] = int.from_bytes(data[begin[token] : end[token]][:8].tobytes().ljust(8, b"\0"), "big")
        self.texts = Texts(prefix, begin, end, data)

    def add(self, merges: Merges) -> None:
        """Add the strings of the tokens that merges make."""
        needed, lengths = self._used, self._lengths
        for left, right, token in zip(merges.left.tolist(), merges.right.tolist(), merges.token.tolist(), strict=True):
            lengths[token] = lengths[left] + lengths[right]
            needed += lengths[token]
        missing = merges.id_range[1] + 1 - len(self.texts.end)
        if missing > 0:
            zeros = np.zeros(missing + len(self.texts.end) // 2, np.int64)
            prefix, begin, end = (np.concatenate([own, zeros.astype(own.dtype)]) for own in self.texts[:3])
            self.texts = Texts(prefix, begin, end, self.texts.data)
        if needed > len(self.texts.data):
            data = np.empty(2 * needed, np.uint8)
            data[: self._used] = self.texts.data[: self._used]
            self.texts = self.texts._replace(data=data)
        self._used = add_texts(merges.left, merges.right, merges.token, self.texts, self._used)


def _with_space(heaps: Heaps, needed: I64) -> Heaps:
    """Return the heaps with space for `needed` entries each and a quarter more, so that this is seldom done."""
    space = needed + needed // 4 + _BATCH
    first = np.concatenate([np.zeros(1, np.int64), np.cumsum(space)])
    total, pair = np.empty(int(first[-1]), np.int64), np.empty(int(first[-1]), np.int64)
    for heap, size in enumerate(heaps.size.tolist()):
        old, new = int(heaps.first[heap]), int(first[heap])
        total[new : new + size] = heaps.total[old : old + size]
        pair[new : new + size] = heaps.pair[old : old + size]
    return Heaps(total, pair, first, heaps.size)
