"""Entropies of token sequences: unigram and bigram code lengths and Renyi efficiency, by unit of documents.

A pair is a token and the one before it in its document; the first token of a document follows START. All figures are
plug-in figures: the code is the distribution of the counts themselves, so they grow with the text and compare texts
only where these are the same. A unit is a set of documents; sums by unit are what a bootstrap over documents needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64, I32, I64

UNITS: Final = 256
"""Greatest number of units."""
FEWEST_FOLLOWERS: Final = 3
"""Fewest pairs that a token begins for its followers to count in `follower_efficiency` (TokEval's choice)."""
_UNIT_BITS: Final = 8
_TOKEN_BITS: Final = 22
_TOKENS: Final = np.int64((1 << _TOKEN_BITS) - 1)
START: Final = int(_TOKENS)
"""Id, in place of a token before it, for the first token of a document; above every id that can be encoded."""


def pair_keys(ids: I32, offsets: I64, units: I64) -> I64:
    """Pack each token with the one before it and its document's unit into one number, int64[tokens].

    `ids`, `offsets`: as `operators.encoding.encode.Encoder.encode` returns them; ids from 0 to START - 1. `units`:
    int64[documents], 0 to UNITS - 1.
    """
    if len(ids) and not 0 <= int(ids.min()) <= int(ids.max()) < START:
        raise ValueError(f"ids from {ids.min()} to {ids.max()}; pairs take 0 to {START - 1}")
    keys = np.empty(len(ids), np.int64)
    keys[1:] = ids[:-1]
    lengths = np.diff(offsets)
    keys[offsets[:-1][lengths > 0]] = START
    keys <<= _TOKEN_BITS
    keys |= ids
    keys <<= _UNIT_BITS
    keys |= np.repeat(units, lengths)
    return keys


@dataclass(frozen=True)
class TokenPairs:
    """Counts of pairs, and of pairs by unit; rows are sorted by left, then right, then unit."""

    left: I64
    """int64[pairs]: the token before, or START."""
    right: I64
    """int64[pairs]"""
    count: I64
    """int64[pairs]"""
    pair: I64
    """int64[rows]: index of the pair of a (pair, unit)."""
    unit: I64
    """int64[rows]"""
    occurrences: I64
    """int64[rows]: count of the pair in the unit."""
    units: int

    @property
    def uses(self) -> tuple[I64, I64]:
        """Distinct tokens (int64, ascending) and how often each occurs."""
        tokens, place = np.unique(self.right, return_inverse=True)
        return tokens, np.bincount(place, weights=self.count, minlength=len(tokens)).astype(np.int64)

    def by_unit(self, of_pair: F64) -> F64:
        """Sum a value of each pair (float64[pairs]) over the occurrences in each unit, float64[units]."""
        weights = self.occurrences * of_pair[self.pair]
        return np.bincount(self.unit, weights=weights, minlength=self.units).astype(np.float64)


def token_pairs(keys: Sequence[I64], units: int) -> TokenPairs:
    """Count the pairs of `pair_keys`, of several batches; units: number of units, 1 to UNITS."""
    if not 1 <= units <= UNITS:
        raise ValueError(f"{units} units; 1 to {UNITS} are possible")
    ordered = np.concatenate(keys) if keys else np.empty(0, np.int64)
    ordered.sort()
    rows = _run_starts(ordered)
    distinct = ordered[rows]
    occurrences = np.diff(np.append(rows, len(ordered)))
    both = distinct >> _UNIT_BITS
    firsts = _run_starts(both)
    pair = np.repeat(np.arange(len(firsts)), np.diff(np.append(firsts, len(both))))
    count = np.add.reduceat(occurrences, firsts) if len(firsts) else np.empty(0, np.int64)
    both = both[firsts]
    return TokenPairs(
        both >> _TOKEN_BITS, both & _TOKENS, count, pair, distinct & np.int64((1 << _UNIT_BITS) - 1), occurrences, units
    )


def _run_starts(ordered: I64) -> I64:
    starts: I64 = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]) if len(ordered) else ordered)
    return starts


def unigram_bits(pairs: TokenPairs, uses: I64) -> F64:
    """Return each unit's code length under the shares of `uses` (int64[vocabulary]): bits, float64[units].

    A token costs -log2 of its share. The sum over all units is N times Shannon's entropy where `uses` are the counts of
    the pairs' own tokens. Its derivative by a document's weight is the document's own code length, so the
    sums of units are also what a bootstrap over documents needs.
    """
    with np.errstate(divide="ignore"):
        cost = np.log2(uses.sum()) - np.log2(uses)
    return pairs.by_unit(cost[pairs.right])


def bigram_bits(pairs: TokenPairs) -> F64:
    """Return the code length of each unit's tokens under the shares of pairs, bits, float64[units].

    A token costs -log2 of its share among the tokens that follow the one before it; documents are apart.
    """
    _, place = np.unique(pairs.left, return_inverse=True)
    begun = np.bincount(place, weights=pairs.count)
    return pairs.by_unit(np.log2(begun[place]) - np.log2(pairs.count))


def follower_efficiency(pairs: TokenPairs) -> float | None:
    """Compute how evenly tokens are followed: Shannon efficiency of followers, weighted by frequency, 0 to 1.

    For each token that begins at least FEWEST_FOLLOWERS pairs: the entropy of its followers over log2 of the number of
    distinct ones; 0 where there is one (Poelman et al. 2025; "bigram entropy" of TokEval, Meister 2026). START begins
    none. None without such a token.
    """
    inner = pairs.left != START
    count = pairs.count[inner].astype(np.float64)
    _, place = np.unique(pairs.left[inner], return_inverse=True)
    begun, kinds = np.bincount(place, weights=count), np.bincount(place)
    shares = count / begun[place]
    entropy = np.bincount(place, weights=-shares * np.log2(shares))
    counted = begun >= FEWEST_FOLLOWERS
    if not counted.any():
        return None
    evenness = np.where(kinds > 1, entropy / np.log2(np.maximum(kinds, 2)), 0.0)
    return float((begun * evenness)[counted].sum() / begun[counted].sum())


def renyi_parts(pairs: TokenPairs, uses: I64, alpha: float) -> tuple[F64, F64]:
    """Return two sums by unit whose ratio varies, to first order, as `renyi_efficiency` does when documents are drawn.

    uses: int64[vocabulary], at least two types; alpha: the order, not 1. The efficiency is
    log2(sum of p^alpha) / (1 - alpha) / log2(types); a document's weight changes the sum of n^alpha by its own
    alpha * n^(alpha - 1), and N by its own tokens. Types are taken as given.
    """
    seen = uses[uses > 0].astype(np.float64)
    power, total = float((seen**alpha).sum()), float(seen.sum())
    scale = (1 - alpha) * np.log2(len(seen))
    efficiency = (np.log2(power) - alpha * np.log2(total)) / scale
    share = pairs.by_unit(np.full(len(pairs.count), 1 / total))
    weight = uses.astype(np.float64) ** (alpha - 1) / power
    own = pairs.by_unit(weight[pairs.right])
    return efficiency * share + alpha / np.log(2) / scale * (own - share), share
