"""Fragmentation: the tokens of a text at every size of a vocabulary that is pruned, from one pass over its words."""

from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I32, I64, read_only, word_buffers
from operators.encoding.word_encoder import spelling
from operators.kernels.pruning import (
    Model,
    Removals,
    Tokens,
    WordText,
    count_emitted,
    lay_out,
    put_pairs,
    remove_tokens,
)
from operators.pruning.derivations import Structure, merges_of
from operators.tokenizer import Tokenizer

SPAN_BYTES: Final = 1 << 20
"""Bytes of words that are laid out at once; a word that is longer is laid out by itself."""


def count_tokens(words: pa.LargeBinaryArray, counts: I64, tokenizer: Tokenizer, structure: Structure) -> I64:
    """Count each token in the encoding of words (no nulls) with int64 `counts`, by merges alone; int64[tokens]."""
    offsets, data = word_buffers(words)
    none = np.empty(0, np.int64)
    emitted = np.zeros(len(tokenizer.tokens), np.int64)
    text = WordText(data, offsets, read_only(counts), none, none)
    count_emitted(text, spelling(tokenizer.vocabulary.byte_ids), structure.table, emitted)
    return emitted


def tokens_by_step(
    words: pa.LargeBinaryArray, counts: I64, tokenizer: Tokenizer, structure: Structure, removed: I64
) -> I64:
    """Count the tokens of words after each removal, int64[removed + 1]; the first is before any.

    `removed` holds token ids in the order of their removal, each a leaf of what remains.
    """
    ends, made = merges_of(tokenizer.merges, removed)
    removals = Removals(removed.astype(np.int32), ends, made.left, made.right)
    wholes = _whole_words(words, tokenizer, structure, removed)
    spelled = spelling(tokenizer.vocabulary.byte_ids)
    known = np.zeros(1 << max(4, len(tokenizer.merges).bit_length()), np.uint8)
    put_pairs(tokenizer.merges.left, tokenizer.merges.right, known)
    offsets, data = word_buffers(words)
    added, first = np.zeros(len(removed), np.int64), 0
    begin = 0
    while begin < len(words):
        end = int(np.searchsorted(offsets, offsets[begin] + SPAN_BYTES, side="right")) - 1
        end = min(max(end, begin + 1), len(words))
        text = _span(data, offsets, counts, wholes, begin, end)
        model = Model(spelled, structure.table.copy(), structure.derivations, known)
        tokens = _room(len(text.data), end - begin, len(tokenizer.tokens))
        first += lay_out(text, model, tokens)
        remove_tokens(text, model, removals, tokens, added)
        begin = end
    return np.concatenate([[first], first + np.cumsum(added)])


def _span(data: "np.ndarray[tuple[int], np.dtype[np.uint8]]", offsets: I64, counts: I64, wholes: I64, begin: int,
          end: int) -> WordText:  # fmt: skip
    own = wholes[begin:end]
    due = np.flatnonzero(own >= 0)
    by_step = due[np.argsort(own[due], kind="stable")].astype(np.int64)
    places = read_only(offsets[begin : end + 1] - offsets[begin])
    return WordText(data[offsets[begin] : offsets[end]], places, read_only(counts[begin:end]), own, by_step)


def _room(size: int, words: int, vocabulary: int) -> Tokens:
    def places() -> I32:
        return np.empty(size, np.int32)

    first, number = np.full(vocabulary, -1, np.int32), np.zeros(words, np.int64)
    return Tokens(places(), places(), places(), first, places(), places(), number, places())


def _whole_words(words: pa.LargeBinaryArray, tokenizer: Tokenizer, structure: Structure, removed: I64) -> I64:
    """Return the step that removes the token that a word is against the merges (`ignore_merges`); -1: none is.

    len(removed): the token is never removed.
    """
    steps = np.full(len(words), -1, np.int64)
    if not tokenizer.ignore_merges:
        return steps
    unmade = (structure.derivations.left < 0) & ~structure.atoms
    step_of = dict(zip(removed.tolist(), range(len(removed)), strict=True))
    texts = {tokenizer.text_tokens[i]: step_of.get(i, len(removed)) for i in np.flatnonzero(unmade).tolist()}
    if texts:
        for word, text in enumerate(words.to_pylist()):
            steps[word] = texts.get(text, -1)
    return steps
