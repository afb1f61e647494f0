"""Figures of fairness and their intervals, against sums."""

import numpy as np
import pytest

from operators.fairness.intervals import judge
from operators.metrics.fairness import gini


def test_figures_and_their_intervals() -> None:
    random = np.random.default_rng(1)
    first = random.integers(50, 100, (40, 3)).astype(float)
    one, other = judge([first, first * [1.0, 1.2, 0.9]], 0, 200)
    assert (one.loss.value, one.loss.low, one.loss.high, one.gini_change.high) == (0, 0, 0, 0)
    totals = (first * [1.0, 1.2, 0.9]).sum(0)
    assert other.tokens == int(totals.sum()) and other.loss.value == pytest.approx(totals.sum() / first.sum() - 1)
    assert other.gini.value == pytest.approx(gini(totals)) and other.gini.low < other.gini.value < other.gini.high
    assert other.worst.value == pytest.approx(totals.max() / totals[0]) and other.worst_language == totals.argmax()
    assert np.isnan(judge([first[:3]], 0, 100)[0].gini.low)
