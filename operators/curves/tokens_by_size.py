"""Tokens at every vocabulary size, from one pass over the distinct words.

A tokenizer with only the first T merges encodes like the whole one, up to the point where that would use a later merge
(operators.kernels.savings). So one encoding of each word gives its tokens for every T.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from operators.arrays import I64, read_only, word_buffers
from operators.encoding.word_encoder import final_pairs, merge_table, spelling
from operators.kernels.savings import save_words
from operators.tokenizer import Tokenizer


@dataclass(frozen=True)
class Curve:
    """Tokens of a text as a step function: with the first `merges[i]` merges and up to `merges[i + 1]`, `tokens[i]`.

    Both int64 of one length; `merges` rises from 0, `tokens` falls.
    """

    merges: I64
    tokens: I64

    def at(self, merges: int) -> int:
        """Return the number of tokens with the first `merges` merges."""
        return int(self.tokens[np.searchsorted(self.merges, merges, side="right") - 1])


def measure_curve(words: pa.LargeBinaryArray, counts: I64, tokenizer: Tokenizer) -> Curve:
    """Measure the curve of words (no nulls, as the tokenizer's own pre-tokenizer cuts them) with int64 `counts`.

    A list in which a pair stands twice is taken with the pair's last place, as in encoding.
    """
    saved, first = savings(words, counts, tokenizer)
    steps = np.flatnonzero(saved)
    return Curve(np.concatenate([[0], steps + 1]), first - np.concatenate([[0], np.cumsum(saved[steps])]))


def savings(words: pa.LargeBinaryArray, counts: I64, tokenizer: Tokenizer) -> tuple[I64, int]:
    """Count the tokens that each merge saves, int64[merges + 1], and the symbols before any merge.

    The last entry is for tokens that only the whole vocabulary holds and no merge leads to (`ignore_merges`).
    """
    known, merges = tokenizer.vocabulary, tokenizer.merges
    saved = np.zeros(len(merges) + 1, np.int64)
    spelled = spelling(known.byte_ids, known.characters, known.unknown, known.fuse_unknown)
    offsets, data = word_buffers(words)
    first = save_words(offsets, data, read_only(counts), _wholes(words, tokenizer), spelled, merge_table(merges), saved)
    return saved, int(first)


def _wholes(words: pa.LargeBinaryArray, tokenizer: Tokenizer) -> I64:
    """The merge from which on each word is one token though its merges lead elsewhere: the first with a higher id."""
    merges = tokenizer.merges
    wholes = np.full(len(words), len(merges) + 1, np.int64)
    if not tokenizer.ignore_merges:
        return wholes
    texts = tokenizer.text_tokens
    pairs = final_pairs(texts, tokenizer.byte_ids, merge_table(merges), characters=tokenizer.vocabulary.characters)
    made = dict(zip(zip(merges.left.tolist(), merges.right.tolist(), strict=True), merges.token.tolist(), strict=True))
    unmade = {
        text: i
        for (i, text), (left, right) in zip(texts.items(), pairs.tolist(), strict=True)
        if len(text) > 1 and made.get((left, right)) != i
    }
    if unmade:
        highest = np.maximum.accumulate(merges.token)
        for word, text in enumerate(words.to_pylist()):
            if text in unmade:
                wholes[word] = np.searchsorted(highest, unmade[text], side="right")
    return wholes


def vocabulary_sizes(tokenizer: Tokenizer) -> I64:
    """Return the vocabulary size after each number of merges, int64[merges + 1]; the first is before any merge."""
    merges = tokenizer.merges
    before = len(tokenizer.tokens) - len(np.unique(merges.token[~np.isin(merges.token, tokenizer.byte_ids)]))
    fresh = np.zeros(len(merges), np.int64)
    seen: set[int] = set(tokenizer.byte_ids.tolist())
    for i, token in enumerate(merges.token.tolist()):
        fresh[i] = token not in seen
        seen.add(token)
    return before + np.concatenate([[0], np.cumsum(fresh)])
