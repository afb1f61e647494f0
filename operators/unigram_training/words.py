"""Sums over words that training a vocabulary of pieces needs, of a shard or of all words in memory."""

from typing import Protocol

import numpy as np
import pyarrow as pa

from operators.arrays import I64, read_only, word_buffers
from operators.encoding.word_encoder import merge_table, spelling
from operators.kernels.pruning import WordText, count_emitted
from operators.kernels.unigram_training import Texts, Vocabulary, add_best_paths, add_expected
from operators.tokenizer import Tokenizer
from operators.unigram_training.substrings import Children, SubstringCounter, added_up


class WordSums(Protocol):
    """Words of a corpus, as the sums over them."""

    def symbols(self) -> int:
        """Return the bytes of all words, as often as they are counted."""

    def children(self, length: int, kept: I64) -> Children:
        """Return frequent substrings of a length (operators.unigram_training.substrings)."""

    def expected(self, vocabulary: Vocabulary, unit: float) -> I64:
        """Return the expected count of each piece, int64[pieces], times `unit`."""

    def best_paths(self, vocabulary: Vocabulary, slack: float) -> I64:
        """Return how often each piece stands on best paths, int64[pieces]."""

    def merged(self, tokenizer: Tokenizer) -> I64:
        """Return how often merges give each token, int64[tokens]."""


class ShardWords:
    """Words of one shard. Bytes of memory: 4 times those of the words, 32 times while substrings are counted."""

    def __init__(self, words: pa.LargeBinaryArray, counts: I64) -> None:
        """Take distinct words (no nulls) and their counts (int64, >= 0)."""
        offsets, data = word_buffers(words)
        self._texts = Texts(data, offsets, read_only(counts))
        self._counter: SubstringCounter | None = None

    def symbols(self) -> int:
        """See WordSums."""
        return int(np.dot(np.diff(self._texts.offsets), self._texts.counts))

    def children_of_shard(self, length: int, kept: I64) -> Children:
        """Return all substrings of a length that begin with one of `kept`."""
        if self._counter is None:
            self._counter = SubstringCounter(*self._texts)
        return self._counter.children(length, kept)

    def children(self, length: int, kept: I64) -> Children:
        """See WordSums."""
        return added_up([self.children_of_shard(length, kept)])

    def expected(self, vocabulary: Vocabulary, unit: float) -> I64:
        """See WordSums."""
        self._counter = None  # its memory is needed no more
        expected = np.zeros(len(vocabulary.scores), np.int64)
        add_expected(self._texts, vocabulary, unit, expected)
        return expected

    def best_paths(self, vocabulary: Vocabulary, slack: float) -> I64:
        """See WordSums."""
        used = np.zeros(len(vocabulary.scores), np.int64)
        add_best_paths(self._texts, vocabulary, slack, used)
        return used

    def merged(self, tokenizer: Tokenizer) -> I64:
        """See WordSums."""
        none = np.empty(0, np.int64)
        text = WordText(*self._texts, none, none, none)
        counted = np.zeros(len(tokenizer.tokens), np.int64)
        count_emitted(text, spelling(tokenizer.byte_ids), merge_table(tokenizer.merges), counted)
        return counted
