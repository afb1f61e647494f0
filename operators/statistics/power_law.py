"""Tokens against vocabulary size beyond what was measured: a power law with an asymptote, and its error.

Arnett et al. 2025 (section 5) fit CTC(V) by a power law for each language; the parameters are theirs in spirit only,
for the paper does not print the form. Here CTC(V) = floor + scale * V ** -slope.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64

SLOPES: Final = np.linspace(0.02, 2.0, 100)
"""Slopes that are tried; for each the fit of floor and scale is linear."""
LEAST_POINTS: Final = 8


@dataclass(frozen=True)
class PowerLaw:
    """tokens = floor + scale * vocabulary ** -slope, all at least 0."""

    floor: float
    scale: float
    slope: float
    error: float
    """Root mean square of the relative error, fitted on the lower half of the points' logarithmic range and tried on
    the upper half: an error of going on, not of passing through."""

    def tokens(self, vocabulary: float) -> float:
        """Return the number of tokens that the law predicts."""
        return float(self.floor + self.scale * vocabulary**-self.slope)

    def vocabulary(self, tokens: float) -> float | None:
        """Return the vocabulary size at which the text takes this number of tokens; None where there is none."""
        if tokens <= self.floor or self.scale <= 0:
            return None
        return float(((tokens - self.floor) / self.scale) ** (-1 / self.slope))


def fit_power_law(vocabulary: F64, tokens: F64) -> PowerLaw | None:
    """Least squares of relative errors over points (float64, sizes rising); None for fewer than LEAST_POINTS."""
    if len(vocabulary) < LEAST_POINTS or not (tokens > 0).all():
        return None
    floor, scale, slope = _fitted(vocabulary, tokens)
    middle = np.sqrt(vocabulary[0] * vocabulary[-1])
    lower = vocabulary <= middle
    error = float("nan")
    if lower.sum() >= LEAST_POINTS // 2 and not lower.all():
        a, b, c = _fitted(vocabulary[lower], tokens[lower])
        error = float(np.sqrt(np.mean(((a + b * vocabulary[~lower] ** -c) / tokens[~lower] - 1) ** 2)))
    return PowerLaw(floor, scale, slope, error)


def _fitted(vocabulary: F64, tokens: F64) -> tuple[float, float, float]:
    """Floor, scale, slope."""
    best = (np.inf, 0.0, 0.0, 0.0)
    for slope in SLOPES:
        terms = np.stack([np.ones_like(vocabulary), vocabulary**-slope], axis=1) / tokens[:, None]
        solved = np.linalg.lstsq(terms, np.ones_like(tokens), rcond=None)[0]
        if solved[0] < 0:  # no fewer than no tokens
            column = terms[:, 1]
            solved = np.array([0.0, column.sum() / (column @ column)])
        if solved[1] < 0:
            continue
        miss = float(((terms @ solved - 1) ** 2).sum())
        best = min(best, (miss, float(solved[0]), float(solved[1]), float(slope)))
    return best[1], best[2], best[3]
