"""Segmentation of words without a merge list: greedy from either end, longest token first, or fewest tokens.

A word is its symbols before any merge (operators.kernels.bpe.spell), and a lexicon knows every token by its own.
Each symbol is a token, so every word has a segmentation; length is counted in symbols.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from operators.arrays import I64
from operators.kernels.bpe import NO_MERGE, Spelling, pair_value, put_pair, spell
from operators.kernels.bpe_windows import OVERLAP, WINDOW, Ranks, merge_long, merge_window
from operators.kernels.events import EVENTS, Events, encode_by_events
from operators.kernels.kernel import kernel
from operators.kernels.pieces import UNIGRAM, UNIGRAM_32, WORDPIECE, PieceTable, unigram, wordpiece

MERGES: Final = 0
LONGEST_PREFIX: Final = 1
LONGEST_SUFFIX: Final = 2
LONGEST_TOKEN: Final = 3
FEWEST_TOKENS: Final = 4

_NO_TOKEN = 0xFFFFFFFF
_TOKEN = np.int64(_NO_TOKEN)


class Lexicon(NamedTuple):
    """All tokens by their symbols, in a tree whose node 0 is its root."""

    edges: I64
    """A table of operators.kernels.bpe from (node, symbol) to `node it leads to << 32 | token that ends there`."""
    backwards: bool
    """True if symbols are read from the last to the first."""


class Model(NamedTuple):
    """All that decides the tokens of a word."""

    spelling: Spelling
    table: I64
    """The pair table of the merges (operators.kernels.bpe)."""
    ranks: Ranks
    """The same merges, for `operators.kernels.bpe_windows`."""
    method: int
    """MERGES, one of the constants below it, one of operators.kernels.pieces, or EVENTS."""
    lexicon: Lexicon
    """Empty for MERGES."""
    pieces: PieceTable
    """Empty but for UNIGRAM, UNIGRAM_32 and WORDPIECE."""
    events: Events
    """Empty but for EVENTS."""


@kernel
def put_tokens(symbols: Any, ends: Any, ids: Any, backwards: bool, edges: Any) -> int:
    """Fill the edges of a lexicon; return the number of nodes.

    Of two tokens with equal symbols the first counts. A token of one symbol needs no entry.

    Token i is symbols[ends[i - 1]:ends[i]] and has the id `ids[i]`.
    """
    nodes: Any = 1
    begin: Any = 0
    for i in range(len(ends)):
        node: Any = np.int64(0)
        n = ends[i] - begin
        for k in range(n):
            symbol = np.int64(symbols[ends[i] - 1 - k] if backwards else symbols[begin + k])
            value = pair_value(edges, node, symbol)
            last = 0 < k == n - 1
            if value == NO_MERGE:
                value = np.int64(nodes) << 32 | (np.int64(ids[i]) if last else _TOKEN)
                put_pair(edges, node, symbol, value)
                nodes += 1
            elif last and value & _TOKEN == _TOKEN:
                put_pair(edges, node, symbol, value >> 32 << 32 | np.int64(ids[i]))
            node = value >> 32
        begin = ends[i]
    return int(nodes)


@kernel
def longest_at(edges: Any, symbols: Any, at: Any, limit: Any, step: int) -> tuple[Any, Any]:
    """Return the longest token from symbols[at] on, of `limit` symbols at most, and its length. step: 1 or -1."""
    node = np.int64(0)
    token, length = np.int64(symbols[at]), 1
    for k in range(limit):
        value = pair_value(edges, node, np.int64(symbols[at + step * k]))
        if value == NO_MERGE:
            break
        if value & _TOKEN != _TOKEN:
            token, length = value & _TOKEN, k + 1
        node = value >> 32
    return token, length


@kernel
def greedy(edges: Any, symbols: Any, n: Any, backwards: bool) -> Any:
    """Segment greedily by the longest token, from the first symbol on or from the last; in place."""
    kept: Any = 0
    if not backwards:
        at: Any = 0
        while at < n:
            token, length = longest_at(edges, symbols, at, n - at, 1)
            symbols[kept] = token
            kept += 1
            at += length
        return kept
    at = n
    while at > 0:
        token, length = longest_at(edges, symbols, at - 1, at, -1)
        at -= length
        kept += 1
        symbols[n - kept] = token
    for i in range(kept):
        symbols[i] = symbols[n - kept + i]
    return kept


@kernel
def longest_first(edges: Any, symbols: Any, n: Any) -> Any:
    """Take the longest token in the word, the leftmost of several, then the same left and right of it; in place.

    All candidates are gone through by length, from left to right: what is taken before a candidate is at least as long,
    so it is free where its two ends are.
    """
    tokens, lengths = np.empty(n, np.int32), np.empty(n, np.int32)
    taken = np.zeros(n, np.uint8)
    length: Any = 0
    for i in range(n):
        tokens[i], lengths[i] = longest_at(edges, symbols, i, n - i, 1)
        length = max(length, np.int64(lengths[i]))
    while length > 0:
        following: Any = 0
        for i in range(n):
            if lengths[i] > length:  # taken
                continue
            if lengths[i] == length and taken[i] == 0:
                if taken[i + length - 1] == 0:
                    taken[i : i + length] = 1
                    lengths[i] = n + 1
                    continue
                tokens[i], lengths[i] = longest_at(edges, symbols, i, length - 1, 1)
            if taken[i] == 0:
                following = max(following, np.int64(lengths[i]))
        length = following
    kept: Any = 0
    for i in range(n):
        if lengths[i] == n + 1:
            symbols[kept] = tokens[i]
            kept += 1
    return kept


@kernel
def fewest(edges: Any, symbols: Any, n: Any) -> Any:
    """Segment into the fewest tokens, in place; of several ways the one with the longest first token, then second."""
    counts, tokens, lengths = np.empty(n + 1, np.int64), np.empty(n, np.int32), np.empty(n, np.int32)
    counts[n] = 0
    for at in range(n - 1, -1, -1):
        counts[at], tokens[at], lengths[at] = counts[at + 1] + 1, symbols[at], 1
        node = np.int64(0)
        for k in range(at, n):
            value = pair_value(edges, node, np.int64(symbols[k]))
            if value == NO_MERGE:
                break
            if value & _TOKEN != _TOKEN and counts[k + 1] < counts[at]:
                counts[at], tokens[at], lengths[at] = counts[k + 1] + 1, value & _TOKEN, k + 1 - at
            node = value >> 32
    kept: Any = 0
    at = 0
    while at < n:
        symbols[kept] = tokens[at]
        kept += 1
        at += lengths[at]
    return kept


@kernel
def segment_word(data: Any, start: Any, end: Any, model: Any, scratch: Any, ids: Any, out: Any) -> Any:
    """Write the tokens of data[start:end] to ids[out:]; return how many."""
    if model.method == EVENTS:
        own = ids[out : out + end - start]
        return encode_by_events(data, start, end, model.spelling.byte_ids, model.events, scratch, own)
    if model.method == WORDPIECE:
        return wordpiece(data, start, end, model.pieces, ids, out)
    if model.method >= UNIGRAM:
        return unigram(data, start, end, model.method == UNIGRAM_32, model.pieces, ids, out)
    symbols = scratch.symbols
    if end - start > WINDOW:
        symbols = np.empty(end - start, np.int64)
    n: Any = spell(data, start, end, model.spelling, symbols)
    if model.method == MERGES:
        if n > WINDOW:
            return merge_long(symbols, n, WINDOW, OVERLAP, model.ranks, model.table, scratch, ids[out : out + n])
        n = merge_window(symbols, 0, n, model.ranks, scratch)
        made, links = scratch.made, scratch.links
        at = np.int64(links[0])
        for i in range(n):
            ids[out + i] = made[at]
            at = np.int64(links[at])
        return n
    edges = model.lexicon.edges
    if model.method == LONGEST_TOKEN:
        n = longest_first(edges, symbols, n)
    elif model.method == FEWEST_TOKENS:
        n = fewest(edges, symbols, n)
    else:
        n = greedy(edges, symbols, n, model.method == LONGEST_SUFFIX)
    for i in range(n):
        ids[out + i] = symbols[i]
    return n
