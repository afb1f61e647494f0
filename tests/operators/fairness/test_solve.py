"""Solutions on a prediction, against all weights of a grid."""

from itertools import product

import numpy as np
import pytest

from operators.fairness.limits import Limits
from operators.fairness.merge_pool import merge_pool
from operators.fairness.objective import objective_of
from operators.fairness.solve import FARTHEST, Market, Prediction, solve
from tests.operators.fairness.test_merge_pool import trained, words


@pytest.mark.parametrize("objective", ["gini", "worst"])
@pytest.mark.parametrize("loss", [0.01, 0.03])
def test_a_solution_keeps_its_bound_and_is_nearly_the_best_of_a_grid(objective: str, loss: float) -> None:
    table = words(1)
    pool = merge_pool(table, table, trained(table, [1, 1, 1], 420), 60)
    sizes = table.bytes.astype(np.float64)
    asked = objective_of(objective, table.languages, 1)
    market = Market(asked, np.arange(3), np.ones(3), Limits(sizes), 3, 0.005)
    prediction = Prediction(market, pool, np.ones(3))
    most = float(prediction.tokens(np.ones(3)).sum()) * (1 + loss)
    found = solve(prediction, most, np.ones(3))
    assert prediction.tokens(found).sum() <= most
    assert np.abs(np.log(found / np.median(found))).max() <= FARTHEST + 1e-9
    grid = [np.exp(one) for one in product(np.linspace(-0.5, 0.5, 9), repeat=3)]
    within = [asked.value(tokens) for one in grid if (tokens := prediction.tokens(one)).sum() <= most]
    plain = asked.value(prediction.tokens(np.ones(3)))
    assert plain - asked.value(prediction.tokens(found)) >= 0.9 * (plain - min(within))


def test_where_no_prices_keep_the_bound_those_of_the_fewest_tokens_are_returned() -> None:
    table = words(2)
    pool = merge_pool(table, table, trained(table, [1, 1, 1], 420), 60)
    limits = Limits(table.bytes.astype(np.float64))
    market = Market(objective_of("gini", table.languages, 1), np.arange(3), np.ones(3), limits, 3, 0.005)
    prediction = Prediction(market, pool, np.ones(3))
    found = solve(prediction, 1.0, np.ones(3))
    assert prediction.tokens(found).sum() <= prediction.tokens(np.ones(3)).sum()
