"""Evidence of category samples about a merge list: how often each merge's pair occurs when it is its turn."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import F64, I32, I64, padded, read_only, word_buffers
from operators.encoding.word_encoder import WordEncoder, merge_table, spelling
from operators.kernels.merge_counts import WordRows, count_merges
from operators.text.pretokenize import PreTokens
from operators.tokenizer import Merges, Tokenizer

MEDIAN: Final = 0.5
"""Part of all occurrences of the remaining pairs that stands in the pairs at `median_pair_count` and above."""


@dataclass(frozen=True)
class RemainingPairs:
    """Frequency of the pairs still unmerged after `step` merges: the trainer had passed over them so far."""

    step: int
    """Number of merges applied."""
    rate: F64
    """float64[n]: for each category the occurrence-weighted median of pair counts, in occurrences a byte."""


@dataclass(frozen=True)
class Evidence:
    """Counts of the merges' pairs in every category, by bootstrap blocks of documents, so that noise is measurable."""

    categories: list[str]
    """n names."""
    counts: NDArray[np.int64]
    """int64[B, T, n]: how often, in block b of category i, the pair of merge t occurs once merges 0 to t - 1 are
    applied. Blocks are disjoint sets of documents, about equally large."""
    text_bytes: I64
    """int64[B, n]: bytes of the blocks' text."""
    characters: I64
    """int64[B, n]: code points of the blocks' text."""
    pairs: I64
    """int64[B, n]: pairs in the blocks before any merge."""
    remaining: tuple[RemainingPairs, ...] = ()
    """The unmerged pairs after some numbers of merges, rising."""

    @property
    def merges(self) -> int:
        """T: how many merges of the list were counted."""
        return int(self.counts.shape[1])

    def taken(self, ranks: slice | NDArray[np.int64]) -> "Evidence":
        """Return the same for some of the merges."""
        return replace(self, counts=self.counts[:, ranks])

    def reordered(self, places: Sequence[int]) -> "Evidence":
        """Return the same for some of the categories."""
        chosen = list(places)
        return Evidence(
            [self.categories[i] for i in chosen],
            self.counts[:, :, chosen],
            self.text_bytes[:, chosen],
            self.characters[:, chosen],
            self.pairs[:, chosen],
            tuple(RemainingPairs(one.step, one.rate[chosen]) for one in self.remaining),
        )


def count_emissions(
    words: pa.LargeBinaryArray, labels: I64, counts: I64, number: int, tokenizer: Tokenizer, merges: Merges
) -> tuple[NDArray[np.int64], I64]:
    """Count the merges' pairs at their turn, int64[T, labels], and pairs before any merge, int64[labels].

    words: distinct words of each label; no nulls. labels: int64, from 0 to number - 1. counts: int64. merges: the first
    T of the tokenizer's; a pair that stands twice counts at its last place.
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
    labelled = WordRows(rows, labels[order], read_only(counts[order]))
    count_merges(offsets, data, labelled, spelled, merge_table(merges), found, pairs)
    return found, pairs


def median_pair_count(words: pa.LargeBinaryArray, counts: I64, tokenizer: Tokenizer, step: int) -> int:
    """Return the occurrence-weighted median of pair counts once `step` merges are applied; 0 where no pair remains.

    Half of all occurrences of pairs are of pairs that occur so often or more often. `words` are distinct, with int64
    `counts`.
    """
    _, totals = count_pairs(*symbols_after(words, tokenizer, step), counts)
    occurs = np.sort(totals)[::-1]
    if not len(occurs):
        return 0
    return int(occurs[np.searchsorted(np.cumsum(occurs), MEDIAN * occurs.sum())])


def symbols_after(words: pa.LargeBinaryArray, tokenizer: Tokenizer, step: int) -> tuple[I32, I64]:
    """Return the symbols of all words (n, no nulls) once `step` merges are applied.

    The ids are int32; those of word i are ids[starts[i]:starts[i + 1]], `starts` being int64[n + 1].
    """
    cut = replace(tokenizer, merges=tokenizer.merges[:step], ignore_merges=False)
    offsets, data = word_buffers(words)
    text = data[offsets[0] : offsets[-1]]
    ends = offsets[1:] - offsets[0]
    pretokens = PreTokens(padded(text, len(text)), ends, np.arange(len(words) + 1), np.append(0, ends))
    return WordEncoder(cut).encode(pretokens)


def count_pairs(ids: I32, starts: I64, counts: I64) -> tuple[I64, I64]:
    """Count the pairs of symbols inside words: distinct pairs (`left << 32 | right`), rising, and totals; both int64.

    `ids` and `starts` are as `symbols_after` returns them, `counts` is int64, one a word.
    """
    place = np.repeat(np.arange(len(counts)), np.diff(starts))
    within = np.flatnonzero(place[1:] == place[:-1])
    pairs, which = np.unique(ids[within].astype(np.int64) << 32 | ids[within + 1], return_inverse=True)
    totals = np.zeros(len(pairs), np.int64)
    np.add.at(totals, which, counts[place[within]])
    return pairs, totals
