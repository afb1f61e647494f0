"""Distinct words with their counts by language: the word table that every trial of a search trains from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from operators.arrays import F64, I32, I64, padded, read_only, word_buffers
from operators.encoding.word_encoder import WordEncoder
from operators.text.pretokenize import PreTokens
from operators.tokenizer import Tokenizer
from operators.training.parity import LanguageWords


@dataclass(frozen=True)
class SharedWords:
    """Distinct words (n), each with a row for every language that has it."""

    languages: tuple[str, ...]
    words: pa.LargeBinaryArray
    ends: I64
    """int64[n + 1]: word w has the rows ends[w]:ends[w + 1]."""
    labels: I64
    """int64[rows]: places of languages."""
    counts: I64
    """int64[rows]: occurrences of the word in the language."""

    @classmethod
    def joined(cls, parts: Mapping[str, Sequence[tuple[pa.LargeBinaryArray, I64]]]) -> "SharedWords":
        """Join the words and counts of each language; no word stands twice under one language."""
        languages = tuple(sorted(parts))
        rows = [(i, words, counts) for i, name in enumerate(languages) for words, counts in parts[name]]
        words = pa.concat_arrays([pa.array([], pa.large_binary()), *(one for _, one, _ in rows)])
        encoded = words.dictionary_encode()
        places = encoded.indices.to_numpy()
        order = np.argsort(places, kind="stable")
        labels = np.concatenate([np.full(len(one), i, np.int64) for i, one, _ in rows])
        counts = np.concatenate([one for _, _, one in rows])
        ends = np.searchsorted(places[order], np.arange(len(encoded.dictionary) + 1)).astype(np.int64)
        return cls(languages, encoded.dictionary, ends, labels[order], np.ascontiguousarray(counts[order]))

    @property
    def bytes(self) -> I64:
        """Bytes of text by language, int64."""
        lengths = np.diff(word_buffers(self.words)[0])
        return self._summed(np.repeat(lengths, np.diff(self.ends)) * self.counts)

    def weighted(self, multipliers: I64) -> I64:
        """Return each word's count (int64[n]) with languages' counts multiplied (int64, one a language)."""
        if not len(self.words):
            return np.empty(0, np.int64)
        counts: I64 = np.add.reduceat(self.counts * multipliers[self.labels], self.ends[:-1])
        return counts

    def apart(self, multipliers: I64) -> LanguageWords:
        """Return a row for each word and language, with the counts of languages multiplied (int64, one a language)."""
        words = self.words.take(pa.array(np.repeat(np.arange(len(self.words)), np.diff(self.ends))))
        return LanguageWords(words, self.counts * multipliers[self.labels], self.labels.astype(np.int16))

    def encode(self, tokenizer: Tokenizer) -> tuple[I32, I64]:
        """Return the ids of all words, and where each word's begin and end, int64[n + 1]."""
        offsets, data = word_buffers(self.words)
        text = data[offsets[0] : offsets[-1]]
        ends = offsets[1:] - offsets[0]
        return WordEncoder(tokenizer).encode(
            PreTokens(padded(text, len(text)), read_only(ends), np.arange(len(ends) + 1), np.append(0, ends))
        )

    def tokens(self, tokenizer: Tokenizer) -> F64:
        """Return the tokens of each language's text, float64[languages]."""
        _, starts = self.encode(tokenizer)
        return self._summed(np.repeat(np.diff(starts), np.diff(self.ends)) * self.counts).astype(np.float64)

    def most_frequent(self, most: int) -> "SharedWords":
        """Return the same without the rarest words, where there are more than `most`."""
        if len(self.words) <= most:
            return self
        totals = self.weighted(np.ones(len(self.languages), np.int64))
        kept = np.sort(np.argsort(-totals, kind="stable")[:most])
        sizes = np.diff(self.ends)
        rows = np.repeat(np.isin(np.arange(len(sizes)), kept), sizes)
        ends = np.append(0, np.cumsum(sizes[kept]))
        words = self.words.take(pa.array(kept))
        return SharedWords(self.languages, words, ends, self.labels[rows], self.counts[rows])

    def _summed(self, rows: I64) -> I64:
        sums = np.zeros(len(self.languages), np.int64)
        np.add.at(sums, self.labels, rows)
        return sums
