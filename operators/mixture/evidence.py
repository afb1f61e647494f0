"""What the samples of the categories say about a merge list: how often each merge's pair occurs when it is its turn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import F64, I64, padded, read_only, word_buffers
from operators.encoding.word_encoder import WordEncoder, merge_table, spelling
from operators.kernels.merge_counts import count_merges
from operators.text.pretokenize import PreTokens
from operators.tokenizer import Merges, Tokenizer

UPPER: Final = 0.5
"""Of the occurrences of the pairs that are left, those in the most frequent pairs."""


@dataclass(frozen=True)
class Left:
    """The pairs that are left after some merges, which the trainer had passed over so far."""

    step: int
    """So many merges are applied."""
    rate: F64
    """float64[n]: the occurrences a byte at which, or more often, UPPER of a category's occurrences of pairs stand."""


@dataclass(frozen=True)
class Evidence:
    """Counts of the merges' pairs in every category, by blocks of its documents, so that their noise can be seen."""

    categories: list[str]
    """n names."""
    counts: NDArray[np.int64]
    """int64[B, T, n]: how often, in block b of category i, the pair of merge t occurs once merges 0 to t - 1 are
    applied. Blocks are disjoint sets of documents, about equally large."""
    text_bytes: I64
    """int64[B, n]: bytes of the blocks' text."""
    characters: I64
    """int64[B, n]: their code points."""
    pairs: I64
    """int64[B, n]: their pairs before any merge."""
    left: tuple[Left, ...] = ()
    """What is left at some steps, in their order."""

    @property
    def merges(self) -> int:
        """T: how many merges of the list were counted."""
        return int(self.counts.shape[1])

    def taken(self, ranks: slice | NDArray[np.int64]) -> "Evidence":
        """The same for some of the merges."""
        return Evidence(self.categories, self.counts[:, ranks], self.text_bytes, self.characters, self.pairs, self.left)

    def reordered(self, places: Sequence[int]) -> "Evidence":
        """The same for some of the categories."""
        chosen = list(places)
        return Evidence(
            [self.categories[i] for i in chosen],
            self.counts[:, :, chosen],
            self.text_bytes[:, chosen],
            self.characters[:, chosen],
            self.pairs[:, chosen],
            tuple(Left(left.step, left.rate[chosen]) for left in self.left),
        )


def count_emissions(
    words: pa.LargeBinaryArray, labels: I64, counts: I64, number: int, tokenizer: Tokenizer, merges: Merges
) -> tuple[NDArray[np.int64], I64]:
    """Counts of the merges' pairs at their turn, int64[T, labels], and pairs before any merge, int64[labels].

    `words` (no nulls) may repeat under several labels (int64, 0 to number - 1), with int64 `counts`; `merges` are the
    first T of the tokenizer's, of which a pair that stands twice counts at its last place.
    """
    encoded = words.dictionary_encode()
    places = encoded.indices.to_numpy()
    order = np.argsort(places, kind="stable")
    distinct = encoded.dictionary
    rows = np.searchsorted(places[order], np.arange(len(distinct) + 1))
    known = tokenizer.vocabulary
    spelled = spelling(known.byte_ids, known.characters, known.unknown, known.fuse_unknown)
    found, pairs = np.zeros((len(merges), number), np.int64), np.zeros(number, np.int64)
    offsets, data = word_buffers(distinct)
    count_merges(
        offsets, data, rows, labels[order], read_only(counts[order]), spelled, merge_table(merges), found, pairs
    )
    return found, pairs


def upper_count(words: pa.LargeBinaryArray, counts: I64, tokenizer: Tokenizer, step: int) -> int:
    """How often the pairs occur, at least, that hold UPPER of all occurrences of pairs once `step` merges are applied.

    `words` are distinct, with int64 `counts`. 0 where no pair is left.
    """
    cut = replace(tokenizer, merges=tokenizer.merges[:step], ignore_merges=False)
    data = words.buffers()[2]
    offsets = np.frombuffer(words.buffers()[1], np.int64)[words.offset :][: len(words) + 1]
    text = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]] if data is not None else np.empty(0, np.uint8)
    ends = offsets[1:] - offsets[0]
    pieces = PreTokens(padded(text, len(text)), ends, np.arange(len(words) + 1), np.append(0, ends))
    ids, starts = WordEncoder(cut).encode(pieces)
    place = np.repeat(np.arange(len(words)), np.diff(starts))
    within = np.flatnonzero(place[1:] == place[:-1])
    pairs = ids[within].astype(np.int64) << 32 | ids[within + 1]
    _, which = np.unique(pairs, return_inverse=True)
    occurs = np.sort(np.bincount(which, counts[place[within]]).astype(np.int64))[::-1]
    if not len(occurs):
        return 0
    return int(occurs[np.searchsorted(np.cumsum(occurs), UPPER * occurs.sum())])
