"""Linear model of the tokens of a language: least squares on its properties (Arnett et al. 2025, section 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64

TAILS: Final = (2.5, 97.5)


@dataclass(frozen=True)
class Explained:
    """One model: R2 with its interval, and a row a predictor with its standardised coefficient and interval.

    Coefficients say by how many standard deviations the tokens change with one of the predictor; NaN where a predictor
    is a category (it has a coefficient for each) or there are too few languages.
    """

    predictors: tuple[str, ...]
    languages: int
    r2: float
    r2_low: float
    r2_high: float
    coefficients: F64
    """float64[predictors, 3]: value, low, high."""


def explain(
    tokens: F64, predictors: Mapping[str, F64 | Sequence[str]], resamples: int, seed: int = 0
) -> Explained | None:
    """Fit a linear model of `tokens` (float64[languages]) on predictors: numbers, or names of categories.

    Intervals: bootstrap over languages, percentiles; resamples in which the model has no degree of freedom are drawn
    again. None where languages are too few (two more than columns are needed), or nothing varies.
    """
    columns, numeric = _columns(predictors)
    if len(tokens) < columns.shape[1] + 3 or not np.ptp(tokens):
        return None
    value, weights = _fit(tokens, columns)
    draws, slopes = [], []
    random = np.random.default_rng(seed)
    for _ in range(resamples):
        rows = random.integers(0, len(tokens), len(tokens))
        if len(np.unique(rows)) < columns.shape[1] + 3 or not np.ptp(tokens[rows]):
            continue
        r2, own = _fit(tokens[rows], columns[rows])
        draws.append(r2)
        slopes.append(own)
    low, high = np.percentile(draws, TAILS) if draws else (np.nan, np.nan)
    bounds = np.percentile(slopes, TAILS, axis=0) if slopes else np.full((2, len(weights)), np.nan)
    coefficients = np.full((len(predictors), 3), np.nan)
    for i, at in enumerate(numeric):
        if at is not None:
            coefficients[i] = weights[at], bounds[0][at], bounds[1][at]
    return Explained(tuple(predictors), len(tokens), value, float(low), float(high), coefficients)


def _columns(predictors: Mapping[str, F64 | Sequence[str]]) -> tuple[F64, list[int | None]]:
    """Standardised numbers, and a column for each category but the first; where each number's column is."""
    columns: list[F64] = []
    numeric: list[int | None] = []
    for values in predictors.values():
        if isinstance(values, np.ndarray):
            spread = float(values.std())
            numeric.append(len(columns) if spread else None)
            columns += [(values - values.mean()) / spread] if spread else []
        else:
            numeric.append(None)
            names = sorted(set(values))
            columns += [np.array([float(one == name) for one in values]) for name in names[1:]]
    size = len(next(iter(predictors.values())))
    return np.stack(columns, axis=1) if columns else np.empty((size, 0)), numeric


def _fit(tokens: F64, columns: F64) -> tuple[float, F64]:
    """Return R2 and the coefficients for standardised tokens."""
    standard = (tokens - tokens.mean()) / tokens.std()
    terms = np.column_stack([np.ones(len(tokens)), columns])
    weights = np.linalg.lstsq(terms, standard, rcond=None)[0]
    residual = standard - terms @ weights
    return float(1 - (residual @ residual) / (standard @ standard)), weights[1:]
