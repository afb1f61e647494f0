"""Search for weights on a prediction: a damped fixed point of the objective's prices, under a bound on all tokens.

The bound is kept by a multiplier: each step mixes the slopes of the objective with those of the sum of tokens. The
mixture moves towards the sum while the bound is exceeded, and away from it while there is room. Prices stay within a
distance of those that the prediction is made from, because it errs far away from them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64, I64
from operators.fairness.limits import Limits
from operators.fairness.merge_pool import MergePool
from operators.fairness.objective import Objective

STEPS: Final = 200
SETTLING: Final = 20
"""First steps, of which no prices are taken."""
DAMPING: Final = 0.12
"""Part of the way, in logarithms, that the first step goes towards the prices that it finds."""
CALMING: Final = 0.99
"""Factor of that part from step to step: with equal steps prices swing around the solution."""
FIRST_NOISE: Final = 0.1
"""Smoothing of the first step; it falls to the noise of the text."""
COOLING: Final = 0.95
LEAST_PRICE: Final = 0.003
"""Lowest price of a language's tokens, relative to the mean."""
FARTHEST: Final = 1.0
"""Greatest change of a price, in natural logarithms, from the prices that the prediction is made from."""
GAIN: Final = 6.0
"""Change of the mixture in a step, for each unit of loss above or below the bound."""


@dataclass(frozen=True)
class Market:
    """Objective of a search, and what turns prices of tokens into weights of training counts.

    Languages of the training text are N, those that are measured n of them.
    """

    objective: Objective
    measured: I64
    """int64[n]: places of the measured languages among all."""
    exchange: F64
    """float64[n]: weight of a language's counts at the price 1: bytes of the text that is searched on over bytes of
    training text."""
    limits: Limits
    languages: int
    """N."""
    noise: float
    """Relative standard error of a language's tokens."""

    def weights(self, prices: F64) -> F64:
        """Return the weights (float64[N]) at these prices (float64[n]), within the limits; 1 for other languages."""
        some = self.limits.applied(prices * self.exchange)
        weights = np.ones(self.languages)
        weights[self.measured] = some / some.mean()
        return weights


@dataclass(frozen=True)
class Prediction:
    """Prediction of the measured languages' tokens around one trial."""

    market: Market
    pool: MergePool
    correction: F64
    """float64[n]: measured tokens over predicted ones at the trial's own weights."""

    def tokens(self, prices: F64) -> F64:
        """Predict each measured language's tokens at these prices."""
        return self.pool.predict(self.market.weights(prices))[self.market.measured] * self.correction


def solve(prediction: Prediction, most_tokens: float, start: F64) -> F64:
    """Return the prices (float64[n]) of the best objective at no more than `most_tokens` in total.

    start: prices of the trial that the prediction is made from. Where no step keeps the bound, the prices of the fewest
    tokens are returned.
    """
    market, objective = prediction.market, prediction.market.objective
    prices = fewest = start
    strength, best, least, found = 0.5, np.inf, np.inf, None
    for step in range(STEPS):
        tokens = prediction.tokens(prices)
        total = float(tokens.sum())
        if step >= SETTLING and total <= most_tokens and (value := objective.value(tokens)) < best:
            best, found = value, prices
        if total < least:
            least, fewest = total, prices
        strength = min(1.0, max(0.0, strength - GAIN * (total / most_tokens - 1)))
        slopes = objective.price(tokens, max(market.noise, FIRST_NOISE * COOLING**step))
        wanted = np.maximum((1 - strength) + strength * slopes, LEAST_PRICE)
        part = DAMPING * CALMING**step
        moved = (1 - part) * np.log(prices) + part * np.log(wanted / wanted.mean())
        prices = _near(moved, np.log(start))
    return fewest if found is None else found


def _near(logs: F64, start: F64) -> F64:
    """Return prices from their logarithms, with each no farther than FARTHEST from where it started."""
    change = logs - start
    prices: F64 = np.exp(start + np.clip(change - np.median(change), -FARTHEST, FARTHEST))
    prices /= prices.mean()
    return prices
