"""Selections that know how many sources support a pair: the distinct sources of the words in which it stands now.

The support of a pair can only fall while its tokens are not made anew, so a pair with too little of it is passed over
for good; it waits again when its count rises. Words and sources are those of `operators.word_sources`.
"""

import heapq
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64, U64
from operators.kernels.word_sources import SKETCH, LaidSets, read_totals
from operators.shard import Shard
from operators.tokenizer import Merges
from operators.training.pair_totals import PairTotals
from operators.word_sources import capped, estimated, hashes_of

Kind: TypeAlias = Literal["sources", "languages"]
Answer: TypeAlias = tuple[I64, U64]
"""Number of hashes of each pair (at most SKETCH, the smallest), int64, and the hashes, pair after pair, uint64."""
Ask: TypeAlias = Callable[[Kind, I64], Sequence[Answer]]
"""Question to all shards about pairs (int64, `left << 32 | right`)."""
PULLED = 256
"""Pairs that are evaluated at a time."""


@dataclass(frozen=True)
class SourcedMerges(Merges):
    """Merges, and the number of sources that supported each when it was chosen: int32."""

    sources: I32 = field(default_factory=lambda: np.empty(0, np.int32))


class PairSources:
    """Sets of a shard's words (sources, or languages), and their unions over the words of a pair."""

    def __init__(self, shard: Shard, words: pa.LargeBinaryArray, counts: I64, pairs: tuple[U64, U64]) -> None:
        """Arguments of the shard, to which no merge is applied yet; pairs: word hashes and members, as `capped`."""
        starts, rows = shard.laid_words(words, counts)
        of_words, members = pairs
        self._members = np.unique(members)
        ranks = np.searchsorted(self._members, members).astype(np.uint32)
        hashes = hashes_of(words)[rows]
        first, last = (np.searchsorted(of_words, hashes, side=side) for side in ("left", "right"))
        lengths = last - first
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
        places = np.repeat(first - offsets[:-1], lengths) + np.arange(offsets[-1])
        self._sets = LaidSets(starts, offsets, ranks[places], np.zeros(len(self._members) + 1, np.int64))
        self._shard = shard

    def of(self, pairs: I64) -> Answer:
        """Return the members of each pair."""
        counts, ranks = self._shard.unions(pairs, self._sets, SKETCH)
        return counts, self._members[ranks]


def numbers(answers: Sequence[Answer]) -> I64:
    """Return the number of members of each pair over all shards, int64; from SKETCH on it is estimated."""
    if len(answers) == 1:
        counts, hashes = answers[0]
    else:
        places = [np.repeat(np.arange(len(own)), own) for own, _ in answers]
        pairs, hashes = capped(np.concatenate(places).astype(np.uint64), np.concatenate([own for _, own in answers]))
        counts = np.bincount(pairs.astype(np.int64), minlength=len(answers[0][0]))
    found, ends = counts.astype(np.int64), np.cumsum(counts)
    for i in np.flatnonzero(found >= SKETCH).tolist():
        found[i] = estimated(hashes[ends[i] - counts[i] : ends[i]])
    return found


class SourceSelection(PairTotals):
    """Selection by frequency among the pairs that `least` sources support. `ask` must be set before `take`."""

    ask: Ask

    def __init__(self, least: int) -> None:
        super().__init__()
        self._least = least
        self._support: dict[int, int] = {}

    def take(self, missing: int, minimum: int) -> tuple[I64, I64]:
        """See Selection. No merge of a round changes where another of its pairs stands, so they are asked together."""
        while True:
            pairs, counts = super().take(missing, minimum)
            if not len(pairs):
                return pairs, counts
            found = numbers(self.ask("sources", pairs))
            self._support = dict(zip(pairs.tolist(), found.tolist(), strict=True))
            enough = found >= self._least
            if enough.any():
                return pairs[enough], counts[enough]

    def chosen(self, merges: Merges) -> SourcedMerges:
        """Return the merges with their support."""
        pairs = merges.left.astype(np.int64) << 32 | merges.right
        support = np.array([self._support[pair] for pair in pairs.tolist()], np.int32)
        return SourcedMerges(merges.left, merges.right, merges.token, merges.count, support)


class PrioritySelection(SourceSelection):
    """Selection by count * log(sources) * languages (Chizhov et al. 2026, arXiv 2604.14053), one merge at a time.

    A pair's priority can only fall, as its support can, so one that was computed before is an upper bound. Of equal
    priorities the smallest pair comes first; pairs of one source have none and are not merged.
    """

    def __init__(self, least: int, sources: int, languages: int) -> None:
        """sources, languages: their numbers in the corpus."""
        super().__init__(max(least, 2))
        self._largest = math.log(max(sources, SKETCH)) * languages
        self._waiting: list[tuple[float, int]] = []
        self._bounds: dict[int, tuple[float, float, int]] = {}

    def take(self, missing: int, minimum: int) -> tuple[I64, I64]:
        """See Selection. Returns one pair."""
        while True:
            self._pull(minimum)
            if not self._waiting:
                return np.empty(0, np.int64), np.empty(0, np.int64)
            negative, pair = heapq.heappop(self._waiting)
            bound, factor, _ = self._bounds.get(pair, (0.0, 0.0, 0))
            if bound != -negative:  # an older entry
                continue
            asked, count = np.array([pair]), self._counts(np.array([pair]))
            if count[0] >= minimum and count[0] * factor == bound:
                before = bound
                self._evaluate(asked, count)
                if self._bounds.get(pair, (0.0,))[0] == before:
                    self._support = {pair: self._bounds.pop(pair)[2]}
                    return asked, count
            elif count[0] >= minimum:
                self._wait(pair, float(count[0] * factor), factor, self._bounds[pair][2])
            else:
                del self._bounds[pair]

    def _pull(self, minimum: int) -> None:
        """Evaluate every pair that may have a higher priority than the first one that waits."""
        while True:
            pairs, counts = PairTotals.take(self, PULLED, minimum)
            if not len(pairs):
                return
            if self._waiting and counts[0] * self._largest < -self._waiting[0][0]:
                self.requeue(pairs)
                return
            self._evaluate(pairs, counts)

    def _evaluate(self, pairs: I64, counts: I64) -> None:
        """Compute priorities; pairs with too few sources wait no longer."""
        sources, languages = (numbers(self.ask(kind, pairs)) for kind in ("sources", "languages"))
        for pair, count, own, spoken in zip(
            pairs.tolist(), counts.tolist(), sources.tolist(), languages.tolist(), strict=True
        ):
            self._bounds.pop(pair, None)
            if own >= self._least:
                factor = math.log(own) * spoken
                self._wait(pair, count * factor, factor, own)

    def _wait(self, pair: int, priority: float, factor: float, sources: int) -> None:
        self._bounds[pair] = priority, factor, sources
        heapq.heappush(self._waiting, (-priority, pair))

    def _counts(self, pairs: I64) -> I64:
        totals = np.empty(len(pairs), np.int64)
        read_totals(pairs, self._table, totals)
        return totals
