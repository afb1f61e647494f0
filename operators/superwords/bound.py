"""Exact cuts of sequences: pairs of tokens that are too rare for any merge to reach over.

Lemma. Let each cut be between tokens whose pair stands less often than `bound` in the whole corpus, and let every merge
that training on the cut sequences chooses have a count of at least `bound`. Then training on the uncut corpus chooses
the same merges. For before each merge both corpora have the same tokens; a pair (X, Y) that stands over a cut stands
there at most as often as the pairs of first-stage tokens at such places: fewer times than `bound`. So it is never
chosen before the merge that is, and all pairs with a count of `bound` and more have the same count in both.

One thing must be minded: a token whose text two merges make may end with different first-stage tokens, so its pairs
stand over several pairs of them. `Classes` joins first-stage tokens that end, or that begin, the same token; the lemma
holds if the counts are those of pairs of classes. The count that a pair keeps after it was merged, as in Hugging Face's
trainer, is covered too: it was merged with a count of `bound` and more, so no place of its classes is cut.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from operators.arrays import I32, I64
from operators.tokenizer import Merges


class Classes:
    """Classes of first-stage tokens: those that end the same token, and those that begin the same token.

    `last` and `first` (int32, by first-stage id) hold the smallest id of each token's class.
    """

    def __init__(self, tokens: int) -> None:
        self.last, self.first = (np.arange(tokens, dtype=np.int32) for _ in range(2))

    @classmethod
    def of(cls, tokens: int, merges: Merges) -> "Classes":
        """Return the classes that merges of first-stage tokens (ids under `tokens`) make."""
        classes = cls(tokens)
        last = {token: token for token in range(tokens)}
        first = dict(last)
        columns = (merges.left.tolist(), merges.right.tolist(), merges.token.tolist())
        for left, right, token in zip(*columns, strict=True):
            _join(classes.last, last.setdefault(token, last[right]), last[right])
            _join(classes.first, first.setdefault(token, first[left]), first[left])
        return classes

    def join(self, other: "Classes") -> None:
        """Join the classes that another one joins."""
        for own, more in ((self.last, other.last), (self.first, other.first)):
            for token in np.flatnonzero(more != np.arange(len(more))).tolist():
                _join(own, token, int(more[token]))

    def join_repeated(self, pairs: I64, texts: dict[int, bytes]) -> None:
        """Join the classes that merges of these pairs would join, where their text is a token's already."""
        ids = {text: token for token, text in texts.items()}
        for left, right in zip((pairs >> 32).tolist(), (pairs & 0xFFFFFFFF).tolist(), strict=True):
            token = ids.get(texts[left] + texts[right])
            if token is not None:
                _join(self.last, token, right)
                _join(self.first, token, left)

    @property
    def shared(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Mark (bool) the tokens of classes of two and more: by their ends, and by their beginnings."""
        return _shared(self.last), _shared(self.first)

    def totals(self, pairs: I64, counts: I64) -> tuple[I64, I64]:
        """Return pairs of classes and their counts, of the pairs with a token in a class of two and more."""
        ends, begins = self.shared
        some = ends[pairs >> 32] | begins[pairs & 0xFFFFFFFF]
        return summed(self.keys(pairs[some]), counts[some])

    def keys(self, pairs: I64) -> I64:
        """Return the pair of classes of each pair."""
        keys: I64 = self.last[pairs >> 32].astype(np.int64) << 32 | self.first[pairs & 0xFFFFFFFF]
        return keys


def _join(parents: I32, one: int, other: int) -> None:
    """Give the classes of two tokens one smallest id."""
    low, high = sorted((int(parents[one]), int(parents[other])))
    if low != high:
        parents[parents == high] = low


def _shared(parents: I32) -> NDArray[np.bool_]:
    marks: NDArray[np.bool_] = (np.bincount(parents, minlength=len(parents)) > 1)[parents]
    return marks


def summed(keys: I64, counts: I64) -> tuple[I64, I64]:
    """Return distinct keys, ascending, and the sum of the counts of each."""
    distinct, places = np.unique(keys, return_inverse=True)
    sums = np.zeros(len(distinct), np.int64)
    np.add.at(sums, places, counts)
    return distinct, sums


def add_up(parts: Iterable[tuple[I64, I64]]) -> tuple[I64, I64]:
    """Sum keys and counts of several parts."""
    keys, counts = (np.concatenate(one) for one in zip((np.empty(0, np.int64),) * 2, *parts, strict=True))
    return summed(keys, counts)
