"""Substrings of the words of a corpus, counted byte by byte: the seed of a Unigram vocabulary.

Substrings of n + 1 bytes are the children of those of n bytes that are frequent enough. Shards count the children of
what all of them kept, so sums over shards are the counts of all words, whatever the shards are.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from operators.arrays import I32, I64, U8

MOST_OF_A_LENGTH: Final = 1 << 22
"""Largest number of substrings of one length; the rarest are left out beyond it."""
LEAST: Final = 2
"""Fewest occurrences of a substring."""


class Children(NamedTuple):
    """Substrings of one length, sorted by key; int64 arrays of one length."""

    keys: I64
    """Number of the substring without its last byte, times 256, plus that byte."""
    counts: I64
    """Occurrences in all words."""


class SubstringCounter:
    """Counter of the substrings of a shard's words, one length after the other."""

    def __init__(self, data: U8, offsets: I64, counts: I64) -> None:
        """Words as in `operators.kernels.unigram_training.Texts`."""
        lengths = np.diff(offsets)
        self._data, self._counts = data, counts
        self._words: I32 = np.repeat(np.arange(len(counts), dtype=np.int32), lengths)
        self._ends = offsets[1:]
        self._next: I64 = np.arange(offsets[0], offsets[-1])
        self._sizes = np.array([len(self._next)])
        self._length, self._report = 0, Children(np.zeros(1, np.int64), self._sizes)

    def children(self, length: int, kept: I64) -> Children:
        """Return the substrings of `length` bytes (1, 2, ...) that begin with one that was kept.

        kept: keys of the substrings of one byte less, sorted; [0] before the first. The same length again returns the
        same.
        """
        if length == self._length + 1:
            self._extend(kept)
            self._length = length
        elif length != self._length:
            raise RuntimeError(f"length {length} was asked of a counter that is at length {self._length}")
        return self._report

    def _extend(self, kept: I64) -> None:
        """Go on to substrings of one byte more. Places stand in the order of their substrings' keys."""
        known = self._report.keys
        numbers = np.searchsorted(kept, known)
        frequent = np.zeros(len(known), np.bool_)
        if len(kept):
            frequent = kept[np.minimum(numbers, len(kept) - 1)] == known
        alive = np.repeat(frequent, self._sizes) & (self._next < self._ends[self._words])
        self._words, self._next = self._words[alive], self._next[alive]
        keys = np.repeat(numbers, self._sizes)[alive] * 256 + self._data[self._next]
        order = np.argsort(keys)
        keys, self._words, self._next = keys[order], self._words[order], self._next[order] + 1
        first = np.flatnonzero(np.diff(keys, prepend=-1))
        self._sizes = np.diff(first, append=len(keys))
        counts = np.add.reduceat(self._counts[self._words], first) if len(first) else np.empty(0, np.int64)
        self._report = Children(keys[first], counts)


def added_up(parts: Sequence[Children]) -> Children:
    """Return the sum of what shards counted, without substrings that are too rare."""
    keys, inverse = np.unique(np.concatenate([part.keys for part in parts]), return_inverse=True)
    counts = np.zeros(len(keys), np.int64)
    np.add.at(counts, inverse, np.concatenate([part.counts for part in parts]))
    least = LEAST
    if len(keys) > MOST_OF_A_LENGTH:
        least = max(least, int(np.partition(counts, -MOST_OF_A_LENGTH)[-MOST_OF_A_LENGTH]) + 1)
    frequent = counts >= least
    return Children(keys[frequent], counts[frequent])


def branching(children: Children, longer: Children) -> I64:
    """Return the numbers of substrings that more than one byte, or a word's end, follows; `longer`: one byte longer.

    Others always stand inside a longer one, which says as much: they are no nodes of a suffix tree.
    """
    most = np.zeros(len(children.keys), np.int64)
    np.maximum.at(most, longer.keys >> 8, longer.counts)
    chosen: I64 = np.flatnonzero(most < children.counts)
    return chosen


def texts_of(levels: Sequence[Children], numbers: I64) -> list[bytes]:
    """Return the texts of substrings of the last of `levels`, which are of 1, 2, ... bytes."""
    letters = np.empty((len(numbers), len(levels)), np.uint8)
    for place in range(len(levels) - 1, -1, -1):
        keys = levels[place].keys[numbers]
        letters[:, place] = keys & 255
        numbers = keys >> 8
    data, length = letters.tobytes(), len(levels)
    return [data[i : i + length] for i in range(0, len(data), length)]
