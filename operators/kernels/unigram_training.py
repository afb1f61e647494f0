"""Sums over the words of a corpus that training a vocabulary of pieces needs: expected counts, best paths, losses.

A word is a lattice: an edge for each place and each piece that stands there. Every byte is a piece, so a path leads to
every place. Words are taken in parts of MOST_BYTES at most. Sums are integers, so their order changes nothing.
"""

from typing import Any, Final, NamedTuple

import numpy as np

from operators.arrays import F64, I32, I64, U8
from operators.kernels.kernel import kernel
from operators.kernels.pieces import child

MOST_BYTES: Final = 1024
"""Bytes of the longest part of a word that is one lattice."""
TINY: Final = 1e-250
"""Probability of a word under which sums of probabilities are made of their logarithms, so that none vanishes."""


class Texts(NamedTuple):
    """Words with their counts, or pieces."""

    data: U8
    offsets: I64
    """int64[n + 1]: text i is data[offsets[i]:offsets[i + 1]]."""
    counts: I64
    """int64[n]."""


class Vocabulary(NamedTuple):
    """Pieces of a vocabulary, and how probable each is."""

    links: I64
    """Double array of the pieces (operators.kernels.pieces)."""
    ids: I32
    """int32[slots]: the piece that ends at a slot, -1 where none does."""
    scores: F64
    """float64[pieces]: logarithms of probabilities, or what else a path adds up."""
    weights: F64
    """float64[pieces]: exp(scores)."""
    longest: int
    """Bytes of the longest piece."""


class Edges(NamedTuple):
    """Scratch: the edges of a lattice, by where they begin, then by where they end; and values of places."""

    begins: I32
    ends: I32
    pieces: I32
    forward: F64
    backward: F64
    last: I32
    """int32[places]: the last edge of the best path to a place, -1 where no path leads."""


@kernel
def _scratch(longest: Any) -> Any:
    room, places = MOST_BYTES * longest, MOST_BYTES + 1
    return Edges(
        np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, np.int32),
        np.empty(places, np.float64), np.empty(places, np.float64), np.empty(places, np.int32),
    )  # fmt: skip


@kernel
def _put_edges(data: Any, start: Any, n: Any, vocabulary: Any, edges: Any) -> Any:
    """Find the edges of data[start:start + n]; return how many."""
    links, ids = vocabulary.links, vocabulary.ids
    found: Any = 0
    for at in range(n):
        slot = np.int64(0)
        for place in range(at, n):
            slot = child(links, slot, data[start + place])
            if slot < 0:
                break
            if ids[slot] >= 0:
                edges.begins[found], edges.ends[found], edges.pieces[found] = at, place + 1, ids[slot]
                found += 1
    return found


@kernel
def _sum_weights(n: Any, found: Any, weights: Any, edges: Any) -> Any:
    """Sum the probabilities of all paths to each place, and from each place on; return that of all paths."""
    begins, ends, pieces, forward, backward = edges.begins, edges.ends, edges.pieces, edges.forward, edges.backward
    forward[: n + 1] = 0.0
    backward[: n + 1] = 0.0
    forward[0] = 1.0
    backward[n] = 1.0
    for e in range(found):
        forward[ends[e]] += forward[begins[e]] * weights[pieces[e]]
    for e in range(found - 1, -1, -1):
        backward[begins[e]] += backward[ends[e]] * weights[pieces[e]]
    return forward[n]


@kernel
def _log_sum(x: Any, y: Any) -> Any:
    """Return log(exp(x) + exp(y)); x may be -inf."""
    return y if x == -np.inf else max(x, y) + np.log1p(np.exp(-abs(x - y)))


@kernel
def _sum_scores(n: Any, found: Any, scores: Any, edges: Any) -> Any:
    """Return what `_sum_weights` returns, all of it in logarithms."""
    begins, ends, pieces, forward, backward = edges.begins, edges.ends, edges.pieces, edges.forward, edges.backward
    forward[: n + 1] = -np.inf
    backward[: n + 1] = -np.inf
    forward[0] = 0.0
    backward[n] = 0.0
    for e in range(found):
        forward[ends[e]] = _log_sum(forward[ends[e]], forward[begins[e]] + scores[pieces[e]])
    for e in range(found - 1, -1, -1):
        backward[begins[e]] = _log_sum(backward[begins[e]], backward[ends[e]] + scores[pieces[e]])
    return forward[n]


@kernel
def add_expected(words: Any, vocabulary: Any, unit: Any, expected: Any) -> Any:
    """Add how often each piece is expected in the words, in units of 1 / `unit`; return the words' log-likelihood.

    The expectation is over all paths of a word, each as probable as its pieces together. expected: int64[pieces]; what
    one edge of one word adds is rounded.
    """
    edges = _scratch(vocabulary.longest)
    likelihood = 0.0
    for w in range(len(words.counts)):
        count = np.float64(words.counts[w])
        start: Any = words.offsets[w]
        while start < words.offsets[w + 1]:
            n: Any = min(words.offsets[w + 1] - start, MOST_BYTES)
            found: Any = _put_edges(words.data, start, n, vocabulary, edges)
            total = _sum_weights(n, found, vocabulary.weights, edges)
            if total > TINY:
                likelihood += count * np.log(total)
                factor = count * unit / total
                for e in range(found):
                    both = edges.forward[edges.begins[e]] * edges.backward[edges.ends[e]]
                    share = both * vocabulary.weights[edges.pieces[e]]
                    expected[edges.pieces[e]] += np.int64(np.rint(share * factor))
            else:
                total = _sum_scores(n, found, vocabulary.scores, edges)
                likelihood += count * total
                for e in range(found):
                    both = edges.forward[edges.begins[e]] + edges.backward[edges.ends[e]]
                    share = np.exp(both + vocabulary.scores[edges.pieces[e]] - total)
                    expected[edges.pieces[e]] += np.int64(np.rint(share * count * unit))
            start += n
    return likelihood


@kernel
def _best_path(n: Any, found: Any, scores: Any, without: Any, slack: Any, edges: Any) -> Any:
    """Find the best path to each place, but for the piece `without`; return the score of the whole one.

    Of two paths to a place whose scores differ by `slack` at most, the one with the longer last piece.
    """
    best, last = edges.forward, edges.last
    last[: n + 1] = -1
    best[0] = 0.0
    for e in range(found):
        piece, end = edges.pieces[e], edges.ends[e]
        if piece == without:
            continue
        score = best[edges.begins[e]] + scores[piece]
        if last[end] < 0 or score > best[end] + slack:
            best[end], last[end] = score, e
    return best[n]


@kernel
def add_best_paths(words: Any, vocabulary: Any, slack: Any, used: Any) -> None:
    """Add how often each piece stands on the words' best paths (`_best_path`); used: int64[pieces]."""
    edges = _scratch(vocabulary.longest)
    for w in range(len(words.counts)):
        start: Any = words.offsets[w]
        while start < words.offsets[w + 1]:
            n: Any = min(words.offsets[w + 1] - start, MOST_BYTES)
            found: Any = _put_edges(words.data, start, n, vocabulary, edges)
            _best_path(n, found, vocabulary.scores, -1, slack, edges)
            at: Any = n
            while at > 0:
                e = edges.last[at]
                used[edges.pieces[e]] += words.counts[w]
                at = np.int64(edges.begins[e])
            start += n


@kernel
def put_losses(texts: Any, vocabulary: Any, used: Any, losses: Any) -> None:
    """Write what the log-likelihood of the words loses, for each use of any piece, if a piece is left out.

    Its uses then go to the pieces of the best path through its text without it (Kudo 2018, section 3.2; the estimate is
    sentencepiece's). -inf: the piece is of no use. inf: it cannot go, being a byte.

    texts: the pieces by id, without counts. used: int64[pieces], as `add_best_paths` counts them.
    """
    edges = _scratch(vocabulary.longest)
    total = np.float64(used.sum())
    for piece in range(len(losses)):
        start, n = texts.offsets[piece], texts.offsets[piece + 1] - texts.offsets[piece]
        losses[piece] = np.inf if n == 1 else -np.inf
        if n == 1 or used[piece] == 0:
            continue
        found: Any = _put_edges(texts.data, start, n, vocabulary, edges)
        _best_path(n, found, vocabulary.scores, piece, 0.0, edges)
        own = np.float64(used[piece])
        others = 0.0
        number: Any = 0
        at: Any = n
        while at > 0:
            e = edges.last[at]
            others += np.log(np.float64(used[edges.pieces[e]]) + own)
            number += 1
            at = np.int64(edges.begins[e])
        others -= number * np.log(total + own * (number - 1))
        losses[piece] = own / total * (np.log(own) - np.log(total) - others)
