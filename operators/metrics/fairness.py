"""Inequality between languages: figures over one cost a language, such as its tokens for the same text."""

import numpy as np

from operators.arrays import F64
from operators.errors import DataError


class TooFewLanguages(DataError):
    """Inequality of fewer than two languages, which is not defined."""

    languages: int
    message = "inequality over {languages} languages; it takes two at least"


def gini(costs: F64) -> float:
    """Compute Gini's coefficient: the mean difference of all pairs over twice the mean. 0: all pay the same.

    The sum of |c_i - c_j| over all i and j, divided by 2 n^2 times the mean. It cannot reach 1: n languages of which
    one pays everything have 1 - 1/n. `costs`: float64[languages], above zero. Raises TooFewLanguages.
    """
    if len(costs) < 2:
        raise TooFewLanguages(len(costs))
    ordered, n = np.sort(costs), len(costs)
    ranks = 2 * np.arange(1, n + 1) - n - 1  # a cost is subtracted from those above it, added against those below
    return float((ranks * ordered).sum() / (n * ordered.sum()))


def worst_to_best(costs: F64) -> float:
    """Return the highest cost over the lowest. Raises TooFewLanguages."""
    if len(costs) < 2:
        raise TooFewLanguages(len(costs))
    return float(costs.max() / costs.min())
