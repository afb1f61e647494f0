"""Random segmentation of words: merges left out (BPE-dropout), tokens taken apart again (StochasTok).

The draws for a word depend on the seed, its document's key and its place in the document, on nothing else: a draw is
a hash of these and of the number of draws before it. So batches and workers change nothing.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I32, I64, U64
from operators.kernels.bpe import NO_MERGE, fill_heap, join_pair, pair_at, pair_value, pop, push, spell
from operators.kernels.intrinsics import folded
from operators.kernels.kernel import kernel
from operators.kernels.segmentation import segment_word
from operators.kernels.word_cache import whole_word

_A, _B = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_C, _D = np.uint64(0x165667B19E3779F9), np.uint64(0xD6E8FEB86659FD93)
_SPARE = np.uint64(11)
CERTAIN = 1 << 53
"""Denominator of chances: a draw has 53 bits."""
_PARTS = 22
"""Number of bits to drop, so that a count of tokens times a chance fits an int64."""
GROUP = 256
"""Number of tokens of a word that are taken apart together; StochasTok treats a longer word as several."""


class Splits(NamedTuple):
    """The ways to take each token apart into two."""

    ends: I64
    """int64[ids]: where the ways of each id end; every id that encoding gives has an entry."""
    left: I32
    right: I32


@kernel
def hashed(state: Any, number: Any) -> Any:
    """Return a pseudo-random uint64, a hash of two numbers."""
    return folded(folded(state ^ _A, np.uint64(number) ^ _B) ^ _C, _D)


@kernel
def draw(state: Any, number: Any) -> Any:
    """Return draw `number`, int64 from 0 on and less than CERTAIN."""
    return np.int64(hashed(state, number) >> _SPARE)


@kernel
def draw_below(state: Any, number: Any, limit: Any) -> Any:
    """Return draw `number`, from 0 on and less than `limit`, which is less than 2^31."""
    return (draw(state, number) >> _PARTS) * limit >> 31


@kernel
def merge_with_dropout(symbols: Any, n: Any, table: Any, chance: Any, state: Any) -> Any:
    """Merge symbols[:n] in place, always by the first merge in order that no draw leaves out; return how many remain.

    A merge is left out with `chance` (of CERTAIN) each time it comes up, and comes up again after the next merge; the
    word is done when all are left out at once (Provilkov et al. 2020, algorithm 1). O(n log n) for any chance.
    """
    following = np.arange(1, n + 1).astype(np.int32)
    before = np.arange(-1, n - 1).astype(np.int32)
    heap, left_out = np.empty(2 * n, np.int64), np.empty(2 * n, np.int64)
    size = fill_heap(symbols, n, heap, table)
    draws: Any = 0
    waiting: Any = 0
    while size > 0:
        key = pop(heap, size)
        size -= 1
        value = pair_at(symbols, following, key, table)
        if value == NO_MERGE:
            continue
        draws += 1
        if draw(state, draws) < chance:
            left_out[waiting] = key
            waiting += 1
            continue
        for i in range(waiting):
            push(heap, size, left_out[i] >> 32, left_out[i] & 0xFFFFFFFF)
            size += 1
        waiting = 0
        size = join_pair(symbols, following, before, heap, size, key, value, table)
    kept: Any = 0
    for i in range(n):
        if symbols[i] >= 0:
            symbols[kept] = symbols[i]
            kept += 1
    return kept


@kernel
def count_splits(symbols: Any, ends: Any, ids: Any, edges: Any, counts: Any, left: Any, right: Any) -> None:
    """Write the ways to take each token apart: `counts[id]`, and from the id's place on into `left` and `right`.

    Tokens as in `operators.kernels.segmentation.put_tokens`. With empty `left` they are only counted; else `counts`
    holds where each id's ways begin, and is moved on to where they end.
    """
    for i in range(len(ends)):
        begin = ends[i - 1] if i > 0 else 0
        for cut in range(begin + 1, ends[i]):
            one, other = exact_token(symbols, begin, cut, edges), exact_token(symbols, cut, ends[i], edges)
            if one >= 0 and other >= 0:
                if len(left) > 0:
                    left[counts[ids[i]]], right[counts[ids[i]]] = one, other
                counts[ids[i]] += 1


@kernel
def exact_token(symbols: Any, begin: Any, end: Any, edges: Any) -> Any:
    """Return the token of symbols[begin:end], -1 without one; a symbol alone is a token."""
    if end - begin == 1:
        return np.int64(symbols[begin])
    node = np.int64(0)
    value: Any = np.int64(-1)
    for i in range(begin, end):
        value = pair_value(edges, node, np.int64(symbols[i]))
        if value == NO_MERGE:
            return np.int64(-1)
        node = value >> 32
    token = value & 0xFFFFFFFF
    return token if token != 0xFFFFFFFF else np.int64(-1)


@kernel
def take_apart(group: Any, n: Any, splits: Any, chance: Any, state: Any, number: Any) -> Any:
    """Take the tokens group[:n] apart in place, into twice as many at most; return how many there are then.

    `chance * n` times, rounded up or down by chance, one token is drawn uniformly, and one of its ways, if it has any
    (Sims et al. 2025, with the word in the place of their text). Draws begin with the one of this `number`.
    """
    ends, left, right = splits.ends, splits.left, splits.right
    wanted = n * (chance >> _PARTS)
    attempts = wanted >> 31
    if draw(state, number) >> _PARTS < wanted & ((1 << 31) - 1):
        attempts += 1
    for attempt in range(attempts):
        at = draw_below(state, number + 2 * attempt + 1, n)
        token = group[at]
        begin = ends[token - 1] if token > 0 else 0
        if ends[token] > begin:
            way = begin + draw_below(state, number + 2 * attempt + 2, ends[token] - begin)
            for i in range(n, at, -1):
                group[i] = group[i - 1]
            group[at], group[at + 1] = left[way], right[way]
            n += 1
    return n


class Draws(NamedTuple):
    """The parameters of the draws."""

    keys: U64
    """uint64, one a document."""
    seed: np.uint64
    chance: int
    """Probability, in units of 1 / CERTAIN, that a merge is left out or a token taken apart."""
    dropout: bool
    """True for BPE-dropout, False for StochasTok."""


@kernel
def encode_at_random(
    pretokens: Any, model: Any, exceptions: Any, splits: Any, scratch: Any, draws: Any, ids: Any, offsets: Any
) -> int:
    """Encode as `operators.kernels.word_cache.encode_words`, without a cache."""
    data, ends, documents, starts = pretokens.data, pretokens.ends, pretokens.documents, pretokens.starts
    keys, seed, chance, dropout = draws.keys, draws.seed, draws.chance, draws.dropout
    group = np.empty(2 * GROUP, np.int64)
    out: Any = 0
    offsets[0] = 0
    for document in range(len(documents) - 1):
        begin: Any = np.int64(starts[document])
        of_document = hashed(hashed(seed, 0), keys[document])
        for word in range(documents[document], documents[document + 1]):
            end = np.int64(ends[word])
            state = hashed(of_document, word - documents[document])
            if dropout:
                made = np.empty(end - begin, np.int64)
                n = merge_with_dropout(made, spell(data, begin, end, model.spelling, made), model.table, chance, state)
                for i in range(n):
                    ids[out + i] = made[i]
            else:
                whole = whole_word(data, begin, end, exceptions)
                merged = np.empty(max(end - begin, 1), np.int32)
                if whole >= 0:
                    merged[0], total = whole, np.int64(1)
                else:
                    total = segment_word(data, begin, end, model, scratch, merged, 0)
                n = np.int64(0)
                for first in range(0, total, GROUP):
                    many: Any = min(GROUP, total - first)
                    for i in range(many):
                        group[i] = merged[first + i]
                    many = take_apart(group, many, splits, chance, state, 3 * first)
                    for i in range(many):
                        ids[out + n + i] = group[i]
                    n += many
            out += n
            begin = end
        offsets[document + 1] = out
    return int(out)
