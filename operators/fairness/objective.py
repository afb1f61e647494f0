"""Objectives of a fair tokenizer, and the price that each puts on a language's tokens.

Training by merges of the highest count makes the weighted sum of tokens small, weights being those of the languages'
counts. A tokenizer is best for an objective f of the languages' tokens where its weights are the slopes of f: then no
exchange of merges between languages gains anything. So a search has a fixed point to go to: train with weights,
measure tokens, take the slopes there as the next weights.

`price` returns slopes, scaled so that a plain sum of tokens has the slope 1. For Gini's coefficient the slope is the
share of languages that have fewer tokens less the share that have more. It jumps where two languages are equal; as
another text would give somewhat other tokens, the expected slope is taken, which is smooth.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from operators.arrays import F64
from operators.metrics.fairness import gini


class Objective(Protocol):
    """Objective over the tokens of languages for the same text; lower is better."""

    def value(self, tokens: F64) -> float:
        """Return the objective's value for tokens (float64[languages])."""

    def price(self, tokens: F64, noise: float) -> F64:
        """Return the slope for each language's tokens; noise: relative standard error of a language's tokens."""


@dataclass(frozen=True)
class GiniObjective:
    """Gini's coefficient of the languages' tokens."""

    def value(self, tokens: F64) -> float:
        """Return the coefficient."""
        return gini(tokens)

    def price(self, tokens: F64, noise: float) -> F64:
        """Return the expected share of languages below less that above, in [-1, 1]."""
        apart = np.subtract.outer(tokens, tokens) / (max(noise, 1e-6) * tokens.mean())
        slopes: F64 = np.tanh(apart).mean(1)
        return slopes


@dataclass(frozen=True)
class WorstObjective:
    """Highest premium: the most tokens of any language over those of the baseline."""

    baseline: int
    """Place of the baseline."""

    def value(self, tokens: F64) -> float:
        """Return the highest premium."""
        return float(tokens.max() / tokens[self.baseline])

    def price(self, tokens: F64, noise: float) -> F64:
        """Return n times the chance that a language is the worst, less as much for the baseline."""
        power = np.exp((tokens / tokens.max() - 1) / max(noise, 1e-6))
        slopes: F64 = power / power.sum()
        slopes[self.baseline] -= 1.0
        slopes *= len(tokens)
        return slopes


@dataclass(frozen=True)
class WeightedObjective:
    """Sum of tokens, each language's times its importance, over the sum of all importance."""

    importance: tuple[float, ...]

    def value(self, tokens: F64) -> float:
        """Return the weighted mean of tokens."""
        return float(np.average(tokens, weights=self.importance))

    def price(self, tokens: F64, noise: float) -> F64:
        """Return each language's importance over the mean importance."""
        importance: F64 = np.array(self.importance, np.float64)
        importance /= importance.mean()
        return importance


def objective_of(
    name: str, languages: tuple[str, ...], baseline: int, importance: Mapping[str, float] | None = None
) -> Objective:
    """Return the objective: `gini`, `worst`, `mean`, or any other name with the importance of each language."""
    if name == "gini":
        return GiniObjective()
    if name == "worst":
        return WorstObjective(baseline)
    given = importance or {}
    return WeightedObjective(tuple(float(given.get(language, 0.0 if given else 1.0)) for language in languages))
