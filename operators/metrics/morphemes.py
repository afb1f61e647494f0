"""Morphemes of words under a tokenizer: borders that tokens share with them, and MorphScore in both versions."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from operators.arrays import F64, I64
from operators.metrics.token_borders import Borders, split_characters


@dataclass(frozen=True)
class Cuts:
    """Borders inside words, of morphemes and of tokens, by byte. Arrays of one length: a row for each word."""

    gold: I64
    """int64[words]: borders of morphemes."""
    found: I64
    """int64[words]: borders of tokens."""
    shared: I64
    """int64[words]: borders of both."""
    tokens: I64
    """int64[words]: tokens that encode the word, those of white space before it included."""
    splits_character: NDArray[np.bool_]
    """bool[words]: True where a token begins inside a character."""
    spelled: NDArray[np.bool_]
    """bool[words]: True where the tokens spell the word; elsewhere there are no borders of tokens."""

    @property
    def f1(self) -> F64:
        """float64[words]: F1 of the borders of each word; 1 where there are none of either kind."""
        every = self.gold + self.found
        return np.where(every > 0, 2 * self.shared / np.maximum(every, 1), 1.0)

    def take(self, rows: I64) -> "Cuts":
        """Return the cuts of these rows."""
        return Cuts(
            self.gold[rows], self.found[rows], self.shared[rows], self.tokens[rows], self.splits_character[rows],
            self.spelled[rows],
        )  # fmt: skip


def cuts(borders: Borders, tokens: I64, before: int, morphemes: Sequence[Sequence[str]]) -> Cuts:
    """Count the borders inside each word. `borders`: of one document a word, with `before` bytes of context before it.

    tokens: int64[words], of each document. morphemes: those of each word, none empty, which spell it.
    """
    starts = borders.starts
    inside, gold = np.ones(len(borders.at), np.bool_), np.zeros(len(borders.at), np.bool_)
    for k in range(before + 1):
        inside[starts[:-1] + k] = False
    inside[starts[-1]] = False
    ends = [
        start + before + end
        for start, parts in zip(starts.tolist(), morphemes, strict=False)
        for end in accumulate(len(part.encode()) for part in parts[:-1])
    ]
    gold[ends] = True

    def number(flags: NDArray[np.bool_]) -> I64:
        total: I64 = np.append(0, np.cumsum(flags & inside))
        return np.subtract(total[starts[1:]], total[starts[:-1]])

    split, _ = split_characters(borders)
    at = borders.at
    return Cuts(number(gold), number(at), number(gold & at), tokens, split > 0, borders.spelled)


def best_analyses(one: Cuts, words: I64) -> Cuts:
    """Return one row for each word: of several analyses the one with the highest F1, the first of equal ones.

    words: int64[rows], the number of the word that a row is an analysis of.
    """
    order = np.lexsort((np.arange(len(words)), -one.f1, words))
    first = np.append(True, np.diff(words[order]) > 0) if len(words) else np.empty(0, np.bool_)
    return one.take(order[first])


Sums = tuple[F64, F64]
"""float64[words] each: the sum of the first over that of the second is the figure."""


def morphscore_1(one: Cuts) -> Sums:
    """Return MorphScore as published first (Arnett and Bergen 2025, arXiv 2411.14198).

    The share of words with a token border at their morpheme border, of words of two morphemes and several tokens. As in
    the authors' program, which compares decoded tokens, a word with a character that is split between tokens has none.
    """
    counts = one.spelled & (one.gold == 1) & (one.tokens > 1)
    return (counts & (one.shared == 1) & ~one.splits_character).astype(np.float64), counts.astype(np.float64)


def morphscore_2(one: Cuts, weights: F64, single: bool) -> tuple[Sums, Sums]:
    """Return recall and precision of MorphScore's second version (Arnett et al. 2025, arXiv 2507.06378).

    Means over words of several morphemes, by weight: of morpheme borders, the share that tokens have; of tokens, the
    share that end at one, where the word's end is none. Words of one token: 1 if `single`, else left out.
    """
    counts = one.spelled & (one.gold > 0) & (single | (one.tokens > 1))
    own, whole = np.where(counts, weights, 0.0), one.tokens == 1
    recall, precision = (
        np.where(whole, 1.0, one.shared / np.maximum(every, 1)) * own for every in (one.gold, one.tokens)
    )
    return (recall, own), (precision, own)


def border_scores(one: Cuts) -> tuple[Sums, Sums, Sums]:
    """Return precision, recall and F1 of token borders inside words against those of morphemes, over all words."""
    gold, found, shared = ((own * one.spelled).astype(np.float64) for own in (one.gold, one.found, one.shared))
    return (shared, found), (shared, gold), (2 * shared, gold + found)
