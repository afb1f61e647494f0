"""Search for weights on a prediction: a damped fixed point of the objective's prices, under a bound on all tokens."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64, I64
from operators.fairness.limits import Limits
from operators.fairness.merge_pool import MergePool
from operators.fairness.objective import Objective

STEPS: Final = 60
"""Steps of one fixed point."""
DAMPING: Final = 0.12
"""Part of the way, in logarithms, that a step goes towards the prices that it finds."""
FIRST_NOISE: Final = 0.1
"""Smoothing of the first step; it falls to the noise of the text."""
LEAST_PRICE: Final = 0.003
"""Lowest price of a language's tokens, relative to the mean."""
HALVINGS: Final = 9


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


def fixed_point(prediction: Prediction, strength: float, prices: F64) -> F64:
    """Return prices that agree with the slopes at the tokens which they give.

    strength: from 0, where only the sum of tokens counts, to 1, where only the objective does.
    """
    market = prediction.market
    for step in range(STEPS):
        noise = max(market.noise, FIRST_NOISE * 0.93**step)
        slopes = market.objective.price(prediction.tokens(prices), noise)
        wanted = np.maximum((1 - strength) + strength * slopes, LEAST_PRICE)
        prices = prices ** (1 - DAMPING) * (wanted / wanted.mean()) ** DAMPING
    settled: F64 = prices / prices.mean()
    return settled


def solve(prediction: Prediction, most_tokens: float, prices: F64) -> F64:
    """Return the prices of the best objective at no more than `most_tokens` in total, by halving on the strength.

    Where no strength keeps the bound, the prices of the fewest tokens.
    """
    objective = prediction.market.objective
    low, high = 0.0, 1.0
    found = fixed_point(prediction, 0.0, prices)
    best = objective.value(prediction.tokens(found))
    for _ in range(HALVINGS):
        strength = (low + high) / 2
        prices = fixed_point(prediction, strength, prices)
        tokens = prediction.tokens(prices)
        if tokens.sum() > most_tokens:
            high = strength
            continue
        low = strength
        if (value := objective.value(tokens)) < best:
            best, found = value, prices
    return found
