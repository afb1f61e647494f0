"""What the samples of the categories say about a merge list: how often each merge's pair occurs when it is its turn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64, read_only
from operators.encoding.word_encoder import merge_table, spelling
from operators.kernels.emissions import emit_words
from operators.shard import word_buffers
from operators.tokenizer import Merges, Tokenizer


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

    @property
    def merges(self) -> int:
        """T: how many merges of the list were counted."""
        return int(self.counts.shape[1])

    def taken(self, ranks: slice | NDArray[np.int64]) -> "Evidence":
        """The same for some of the merges."""
        return Evidence(self.categories, self.counts[:, ranks], self.text_bytes, self.characters, self.pairs)

    def reordered(self, places: Sequence[int]) -> "Evidence":
        """The same for some of the categories."""
        chosen = list(places)
        return Evidence(
            [self.categories[i] for i in chosen],
            self.counts[:, :, chosen],
            self.text_bytes[:, chosen],
            self.characters[:, chosen],
            self.pairs[:, chosen],
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
    emit_words(offsets, data, rows, labels[order], read_only(counts[order]), spelled, merge_table(merges), found, pairs)
    return found, pairs
