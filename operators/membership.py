"""Membership inference on tokenizers: scores of sources by their trace in a vocabulary.

The attacks are those of Tong et al. 2025 (arXiv 2510.05699). A token's count in a source is the number of the source's
words, repeated ones included, in which the token's bytes stand. Scores are those of the authors' program
(github.com/mengtong0110/Tokenizer-MIA), a higher one for a likelier member; only the exponent of ranks is fitted in
another way (`rank_exponent`).
"""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import F64, I32, I64, word_buffers

Bools: TypeAlias = NDArray[np.bool_]
Found: TypeAlias = tuple[I64, I32]
"""Tokens of each word: offsets int64[words + 1], and the tokens' places, int32, each once a word."""
_STEPS = 64
_LARGEST_EXPONENT = 16.0


def tokens_in_words(words: pa.LargeBinaryArray, tokens: Sequence[bytes]) -> Found:
    """Find the tokens (distinct, by their place) whose bytes stand in each word (large_binary, no nulls).

    >>> tokens_in_words(pa.array([b"aab", b"b"], pa.large_binary()), [b"ab", b"b", b"bb"])
    (array([0, 2, 3]), array([0, 1, 1], dtype=int32))
    """
    edges, children, token_of = _trie(tokens)
    offsets, data = word_buffers(words)
    ends = offsets[1:]
    word = np.repeat(np.arange(len(words)), np.diff(offsets))
    place = np.arange(offsets[0], offsets[-1])
    node, found = np.zeros(len(place), np.int64), [np.empty(0, np.int64)]
    while len(place) and len(edges):
        keys = node << 8 | data[place]
        at = np.minimum(np.searchsorted(edges, keys), len(edges) - 1)
        hit = edges[at] == keys
        word, place, node = word[hit], place[hit] + 1, children[at[hit]]
        token = token_of[node]
        found.append((word << 32 | token)[token >= 0])
        goes_on = place < ends[word]
        word, place, node = word[goes_on], place[goes_on], node[goes_on]
    pairs = np.unique(np.concatenate(found))
    return np.searchsorted(pairs >> 32, np.arange(len(words) + 1)), (pairs & 0xFFFFFFFF).astype(np.int32)


def _trie(tokens: Sequence[bytes]) -> tuple[I64, I64, I64]:
    """Return the edges of a trie (node << 8 | byte, ascending), their children, and the token of each node, or -1."""
    nodes, ends = dict[int, int](), dict[int, int]()
    for place, token in enumerate(tokens):
        node = 0
        for byte in token:
            node = nodes.setdefault(node << 8 | byte, len(nodes) + 1)
        ends[node] = place
    edges = np.fromiter(nodes, np.int64, len(nodes))
    order = np.argsort(edges)
    token_of = np.full(len(nodes) + 1, -1, np.int64)
    token_of[list(ends)] = list(ends.values())
    return edges[order], order + 1, token_of


def token_counts(found: Found, words: I64, counts: I64, tokens: int) -> I64:
    """Add up the counts (int64) of a source's words (their places, int64) by token: int64[tokens], exact under 2^53."""
    offsets, places = found
    lengths = np.diff(offsets)[words]
    ends = np.cumsum(lengths)
    at = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(offsets[words] - ends + lengths, lengths)
    return np.bincount(places[at], np.repeat(counts, lengths), tokens).astype(np.int64)


def overlap_scores(shadows: Bools, members: Bools, target: Bools) -> F64:
    """Score sources by the overlap of the target's vocabulary with those of shadow tokenizers, from 0 to 1.

    shadows: bool[shadows, tokens], their vocabularies; members: bool[shadows, sources], the sources that each was
    trained on; target: bool[tokens]. A source's distinctive tokens are those that only shadows with it have, only
    shadows without it, or none. The score is (mean Jaccard index of shadows with it, less the mean of the others, + 1)
    / 2 over distinctive tokens; a mean of no shadows is 0.
    """
    scores = np.empty(members.shape[1])
    for source, inside in enumerate(members.T):
        distinctive = ~(shadows[inside].any(0) & shadows[~inside].any(0))
        own, wanted = shadows[:, distinctive], target[distinctive]
        shared = (own & wanted).sum(1)
        either = own.sum(1) + wanted.sum() - shared
        index = shared / np.maximum(either, 1)
        means = [index[among].mean() if among.any() else 0.0 for among in (inside, ~inside)]
        scores[source] = (means[0] - means[1] + 1) / 2
    return scores


def rank_exponent(ranks: I64, weights: F64, last: int) -> float:
    """Fit the exponent of weight ~ rank ** -exponent over the ranks from the least of `ranks` to `last`, from 0 to 16.

    It is the likeliest one (the mean logarithm of rank is then the model's). The authors' program fits an exponent to
    ranks without end by the package powerlaw; tokenizers end.
    """
    logs = np.log(np.arange(int(ranks.min()), last + 1))
    wanted = float((weights * np.log(ranks)).sum() / weights.sum())
    low, high = 0.0, _LARGEST_EXPONENT
    for _ in range(_STEPS):
        middle = (low + high) / 2
        mass = np.exp(-middle * (logs - logs[0]))
        low, high = (middle, high) if float((mass * logs).sum() / mass.sum()) > wanted else (low, middle)
    return (low + high) / 2


def self_information(ranks: I64, exponent: float, least: int, last: int) -> F64:
    """Return log(rank ** exponent * sum of j ** -exponent for j from `least` + 1 to `last`) of each rank."""
    total = float((np.arange(least + 1, last + 1, dtype=np.float64) ** -exponent).sum())
    information: F64 = exponent * np.log(ranks) + np.log(total)
    return information


def _shares(own: I64, known: I64, is_known: bool) -> F64:
    """Return a source's share of each token's count; known: counts of known sources, with it if `is_known`."""
    total = known if is_known else known + own
    shares: F64 = own / np.maximum(total, 1)
    return shares


def frequency_score(own: I64, known: I64, is_known: bool, information: F64) -> float:
    """Score a source by the largest product of its share of a token's count and the token's self-information.

    own: int64[tokens], the source's counts; known: those of known sources, among which it is if `is_known`. Tokens that
    no known source has are passed over.
    """
    scores = (_shares(own, known, is_known) * information)[known > 0]
    return float(scores.max()) if len(scores) else 0.0


def naive_bayes_evidence(own: I64, known: I64, is_known: bool) -> float:
    """Return -log of the product of (1 - share) over tokens; the score is 1 - exp(-evidence).

    It is infinite for a share of 1. Arguments as for `frequency_score`.
    """
    shares = _shares(own, known, is_known)
    with np.errstate(divide="ignore"):
        return float(-np.log1p(-shares).sum())
