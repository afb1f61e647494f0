"""Fragmentation: the tokens of a text at every size of a vocabulary that is pruned, from one pass over its words."""

from collections.abc import Iterator, Sequence
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
SPAN_RUNS: Final = 16
"""Largest number of runs of words that are laid out at once; each has a count for every removal."""


def count_tokens(words: pa.LargeBinaryArray, counts: I64, tokenizer: Tokenizer, structure: Structure) -> I64:
    """Count each token in the encoding of words (no nulls) with int64 `counts`, by merges alone; int64[tokens]."""
    offsets, data = word_buffers(words)
    none = np.empty(0, np.int64)
    emitted = np.zeros(len(tokenizer.tokens), np.int64)
    text = WordText(data, offsets, read_only(counts), none, none, none)
    count_emitted(text, spelling(tokenizer.vocabulary.byte_ids), structure.table, emitted)
    return emitted


Run = tuple[str, pa.LargeBinaryArray, I64]
"""Words (no nulls) of one language, with int64 counts."""


def tokens_by_step(runs: Sequence[Run], tokenizer: Tokenizer, structure: Structure, removed: I64) -> dict[str, I64]:
    """Count the tokens of words after each removal, int64[removed + 1] by language; the first is before any.

    A language may have several runs. `removed` holds token ids in the order of their removal, each a leaf of what
    remains.
    """
    ends, made = merges_of(tokenizer.merges, removed)
    removals = Removals(removed.astype(np.int32), ends, made.left, made.right)
    known = np.zeros(1 << max(4, len(tokenizer.merges).bit_length()), np.uint8)
    put_pairs(tokenizer.merges.left, tokenizer.merges.right, known)
    spelled, wholes = spelling(tokenizer.vocabulary.byte_ids), _whole_words(tokenizer, structure, removed)
    tokens = {language: np.zeros(len(removed) + 1, np.int64) for language, _, _ in runs}
    for span in _spans(runs):
        names = list(dict.fromkeys(language for language, _, _ in span))
        text = _text(span, names, wholes)
        model = Model(spelled, structure.table.copy(), structure.derivations, known)
        laid = _room(len(text.data), len(text.counts), len(tokenizer.tokens))
        first, added = np.zeros(len(names), np.int64), np.zeros((len(names), len(removed)), np.int64)
        lay_out(text, model, laid, first)
        remove_tokens(text, model, removals, laid, added)
        for group, language in enumerate(names):
            tokens[language][0] += first[group]
            tokens[language][1:] += added[group]
    return {language: np.cumsum(steps) for language, steps in tokens.items()}


def _spans(runs: Sequence[Run]) -> Iterator[list[Run]]:
    """Cut runs into spans of at most SPAN_BYTES, if no word is longer, and of SPAN_RUNS runs."""
    span: list[Run] = []
    size = 0
    for language, words, counts in runs:
        offsets, _ = word_buffers(words)
        begin = 0
        while begin < len(words):
            end = int(np.searchsorted(offsets, offsets[begin] + SPAN_BYTES - size, side="right")) - 1
            end = min(max(end, begin + (not span)), len(words))
            if end > begin:
                span.append((language, words[begin:end], counts[begin:end]))
                size += int(offsets[end] - offsets[begin])
            if end < len(words) or len(span) == SPAN_RUNS:
                yield span
                span, size = [], 0
            begin = end
    if span:
        yield span


def _text(span: Sequence[Run], names: list[str], wholes: dict[bytes, int]) -> WordText:
    words = pa.concat_arrays([own for _, own, _ in span])
    offsets, data = word_buffers(words)
    places = read_only(offsets - offsets[0])
    counts = np.concatenate([own for _, _, own in span])
    group = np.concatenate([np.full(len(own), names.index(language), np.int64) for language, own, _ in span])
    steps = np.full(len(words), -1, np.int64)
    if wholes:
        steps[:] = [wholes.get(text, -1) for text in words.to_pylist()]
    due = np.flatnonzero(steps >= 0)
    by_step = due[np.argsort(steps[due], kind="stable")].astype(np.int64)
    return WordText(data[offsets[0] : offsets[-1]], places, read_only(counts), group, steps, by_step)


def _room(size: int, words: int, vocabulary: int) -> Tokens:
    def places() -> I32:
        return np.empty(size, np.int32)

    first, number = np.full(vocabulary, -1, np.int32), np.zeros(words, np.int64)
    return Tokens(places(), places(), places(), first, places(), places(), number, places())


def _whole_words(tokenizer: Tokenizer, structure: Structure, removed: I64) -> dict[bytes, int]:
    """Return the words that are tokens against the merges (`ignore_merges`), with the step that removes the token.

    len(removed): the token is never removed.
    """
    if not tokenizer.ignore_merges:
        return {}
    unmade = (structure.derivations.left < 0) & ~structure.atoms
    step_of = dict(zip(removed.tolist(), range(len(removed)), strict=True))
    return {tokenizer.text_tokens[i]: step_of.get(i, len(removed)) for i in np.flatnonzero(unmade).tolist()}
