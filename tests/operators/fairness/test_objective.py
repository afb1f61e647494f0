"""Objectives and their prices, against differences."""

import numpy as np
import pytest

from operators.fairness.objective import objective_of
from operators.metrics.fairness import gini

TOKENS = np.array([90.0, 100.0, 125.0, 160.0])
NAMES = ("a", "b", "c", "d")


@pytest.mark.parametrize(("name", "value"), [("gini", gini(TOKENS)), ("worst", 1.6), ("mean", TOKENS.mean())])
def test_values(name: str, value: float) -> None:
    assert objective_of(name, NAMES, 1).value(TOKENS) == pytest.approx(value)
    assert objective_of("file", NAMES, 1, {"a": 1, "d": 3}).value(TOKENS) == pytest.approx((90 + 3 * 160) / 4)


@pytest.mark.parametrize("name", ["gini", "worst", "mean"])
def test_prices_are_slopes_at_equal_sums(name: str) -> None:
    """Moving tokens from one language to another changes the objective by the difference of their prices."""
    objective = objective_of(name, NAMES, 1)
    prices, step = objective.price(TOKENS, 1e-4), 1e-3
    slopes = np.array(
        [(objective.value(TOKENS + step * np.eye(4)[i]) - objective.value(TOKENS)) / step for i in range(4)]
    )
    apart, wanted = np.subtract.outer(prices, prices), np.subtract.outer(slopes, slopes)
    scale = (apart * wanted).sum() / max((wanted**2).sum(), 1e-30)
    tolerance = 0.2 if name == "worst" else 1e-3  # the slope of the baseline is larger by the premium itself
    assert np.abs(apart - scale * wanted).max() <= tolerance * max(np.abs(apart).max(), 1)
