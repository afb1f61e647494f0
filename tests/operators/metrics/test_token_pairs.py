"""Code lengths, follower efficiency and the first-order parts of Renyi efficiency, against slow loops."""

from collections import Counter, defaultdict
from itertools import pairwise
from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.metrics.efficiency import renyi_efficiency
from operators.metrics.token_pairs import (
    START,
    TokenPairs,
    bigram_bits,
    follower_efficiency,
    pair_keys,
    renyi_parts,
    token_pairs,
    unigram_bits,
)
from tests.conftest import examples

Documents = list[list[int]]
DOCUMENTS = st.lists(st.lists(st.integers(0, 6), max_size=12), min_size=1, max_size=9).filter(any)
UNITS = 4


def counted(documents: Documents) -> TokenPairs:
    """Pairs of documents in two batches, dealt to UNITS units."""
    units = np.arange(len(documents)) % UNITS
    keys, half = [], len(documents) // 2
    for own, of in ((documents[:half], units[:half]), (documents[half:], units[half:])):
        ids = np.array([token for one in own for token in one], np.int32)
        keys.append(pair_keys(ids, np.append(0, np.cumsum([len(one) for one in own], dtype=np.int64)), of))
    return token_pairs(keys, UNITS)


def uses_of(documents: Documents) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.bincount([token for one in documents for token in one], minlength=7).astype(np.int64)


@examples(100)
@given(DOCUMENTS)
def test_code_lengths_of_units_equal_a_sum_over_their_documents(documents: Documents) -> None:
    pairs = counted(documents)
    unigrams = Counter(token for one in documents for token in one)
    bigrams = Counter(both for one in documents for both in pairwise([START, *one]))
    begun = Counter[int]()
    for (left, _), count in bigrams.items():
        begun[left] += count
    one_by_one, by_pairs = [0.0] * UNITS, [0.0] * UNITS
    for place, one in enumerate(documents):
        for left, token in pairwise([START, *one]):
            one_by_one[place % UNITS] -= log2(unigrams[token] / unigrams.total())
            by_pairs[place % UNITS] -= log2(bigrams[left, token] / begun[left])
    assert unigram_bits(pairs, uses_of(documents)).tolist() == pytest.approx(one_by_one, abs=1e-9)
    assert bigram_bits(pairs).tolist() == pytest.approx(by_pairs, abs=1e-9)


@examples(100)
@given(DOCUMENTS)
def test_follower_efficiency_equals_the_definition(documents: Documents) -> None:
    followers = defaultdict[int, Counter[int]](Counter)
    for one in documents:
        for left, right in pairwise(one):
            followers[left][right] += 1
    often = [own for own in followers.values() if own.total() >= 3]
    if not often:
        assert follower_efficiency(counted(documents)) is None
        return
    evenness = [
        -sum(n / own.total() * log2(n / own.total()) for n in own.values()) / log2(max(2, len(own))) for own in often
    ]
    expected = sum(own.total() * one for own, one in zip(often, evenness, strict=True)) / sum(o.total() for o in often)
    assert follower_efficiency(counted(documents)) == pytest.approx(expected, abs=1e-12)


@examples(50)
@given(DOCUMENTS, st.sampled_from([2.0, 2.5]))
def test_renyi_parts_give_the_efficiency_and_its_derivative_by_a_unit(documents: Documents, alpha: float) -> None:
    uses = uses_of(documents)
    if (uses > 0).sum() < 2:
        return
    above, below = renyi_parts(counted(documents), uses, alpha)
    assert above.sum() / below.sum() == pytest.approx(renyi_efficiency(uses, alpha=alpha), abs=1e-12)
    types, step = int((uses > 0).sum()), 1e-4
    for unit in range(UNITS):
        own = uses_of(documents[unit::UNITS]) if documents[unit::UNITS] else 0 * uses
        weights, sides = np.zeros(UNITS), []
        for sign in (1, -1):
            shares = uses + sign * step * own
            shares = shares[shares > 0] / shares.sum()
            entropy = log2(float((shares**alpha).sum())) / (1 - alpha) / log2(types)
            weights[unit] = sign * step
            sides.append((entropy, ((1 + weights) * above).sum() / ((1 + weights) * below).sum()))
        assert sides[0][1] - sides[1][1] == pytest.approx(sides[0][0] - sides[1][0], abs=1e-7)


def test_an_id_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="ids from 0"):
        pair_keys(np.array([0, START], np.int32), np.array([0, 2]), np.zeros(1, np.int64))
    with pytest.raises(ValueError, match="300 units"):
        token_pairs([], 300)
