"""Pieces of membership inference against plain loops: tokens in words, and rates of detection with ties."""

import math
import random
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from operators.membership import naive_bayes_evidence, token_counts, tokens_in_words
from operators.metrics.detection import area_under_curve, true_positive_rate


@pytest.mark.parametrize("seed", range(4))
def test_tokens_and_counts_equal_a_search_in_every_word(seed: int) -> None:
    draw = random.Random(seed)

    def some(longest: int) -> bytes:
        return bytes(draw.choices(b"ab\x00\xff", k=draw.randint(0, longest)))

    words = [some(9) for _ in range(80)]
    tokens = [*{some(4) or b"a" for _ in range(40 * (seed > 0))}]
    rows = pa.array([b"ab", *words], pa.large_binary()).slice(1)
    offsets, places = found = tokens_in_words(rows, tokens)
    expected = [[i for i, token in enumerate(tokens) if token in word] for word in words]
    assert [places[a:b].tolist() for a, b in pairwise(offsets)] == expected
    chosen, counts = np.array(draw.choices(range(80), k=50)), np.array(draw.choices(range(1, 9), k=50))
    sums = [sum(n for w, n in zip(chosen, counts, strict=True) if token in words[w]) for token in tokens]
    assert token_counts(found, chosen, counts, len(tokens)).tolist() == sums


@pytest.mark.parametrize("seed", range(6))
def test_rates_equal_counts_of_pairs_and_of_thresholds(seed: int) -> None:
    draw = np.random.default_rng(seed)
    scores = draw.integers(0, 6, 240).astype(float)
    scores[scores == 5] = math.inf
    members = draw.random(240) < 0.2
    own, others = scores[members], scores[~members]
    pairs = [(a > b) + (a == b) / 2 for a in own for b in others]
    assert area_under_curve(scores, members) == pytest.approx(sum(pairs) / len(pairs))
    for allowed in (0.01, 0.2, 0.5, 1.0):
        rates = [(own >= t).mean() for t in [math.inf, *scores] if (others >= t).mean() <= allowed]
        assert true_positive_rate(scores, members, allowed) == pytest.approx(max(rates, default=0.0))
    for one in (members, ~members):
        assert area_under_curve(scores[one], members[one]) is None
        assert true_positive_rate(scores[one], members[one]) is None


def test_a_token_of_one_source_alone_is_certain() -> None:
    own, known = np.array([3, 1]), np.array([3, 9])
    assert naive_bayes_evidence(own, known, True) == math.inf
    assert -math.expm1(-naive_bayes_evidence(own, known, False)) == pytest.approx(1 - 0.5 * 0.9)
