"""The linear model, against the normal equations."""

import numpy as np
import pytest

from operators.statistics.linear_model import explain


def test_a_linear_model_is_that_of_the_normal_equations() -> None:
    draw = np.random.default_rng(2)
    one, two = draw.normal(size=60), draw.normal(size=60)
    tokens = 1_000 + 300 * one - 50 * two + draw.normal(size=60) * 100
    found = explain(tokens, {"one": one, "two": two}, 200)
    assert found is not None
    terms = np.column_stack([np.ones(60), one, two])
    left = tokens - terms @ np.linalg.solve(terms.T @ terms, terms.T @ tokens)
    assert found.r2 == pytest.approx(1 - (left @ left) / ((tokens - tokens.mean()) ** 2).sum())
    assert found.r2_low < found.r2 < found.r2_high
    assert (found.coefficients[:, 1] < found.coefficients[:, 0]).all()
    alone = explain(tokens, {"one": one}, 200)
    assert alone is not None and alone.r2 == pytest.approx(np.corrcoef(one, tokens)[0, 1] ** 2)
    assert explain(tokens[:4], {"one": one[:4], "two": two[:4]}, 100) is None
    assert explain(np.ones(60), {"one": one}, 100) is None
    groups = explain(tokens, {"half": ["x" if i % 2 else "y" for i in range(60)]}, 100)
    assert groups is not None and np.isnan(groups.coefficients).all()
