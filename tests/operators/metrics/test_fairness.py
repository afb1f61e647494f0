"""Gini coefficient and worst-to-best ratio against their definitions, written out."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.metrics.fairness import TooFewLanguages, gini, worst_to_best


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=40))
def test_gini_is_the_mean_difference_of_all_pairs(costs: list[int]) -> None:
    n = len(costs)
    by_pairs = Fraction(sum(abs(a - b) for a in costs for b in costs), 2 * n * sum(costs))
    assert gini(np.array(costs, np.float64)) == pytest.approx(float(by_pairs), abs=1e-12)
    assert worst_to_best(np.array(costs, np.float64)) == max(costs) / min(costs)


def test_nobody_is_unequal_alone() -> None:
    for costs in (np.ones(0), np.ones(1)):
        for figure in (gini, worst_to_best):
            with pytest.raises(TooFewLanguages, match="takes two"):
                figure(costs)
