"""Bootstrap intervals for products of sums over documents: ratios, and ratios of ratios.

Documents are drawn with replacement, and the logarithm is studentised: each resample's distance from the estimate is
counted in its own standard errors (Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section 12.5).
Percentiles of the ratio itself, and BCa, cover too rarely with few documents (figures: docs/explanation/premiums.md).
Where most documents have one ratio, as texts that are nearly the same in two languages do, all depends on the others:
with fewer than DIFFERING of them no interval covers, and none is given.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64, I64

TAIL: Final = 0.025
"""Probability on each side of an interval: intervals are of 95 %."""
MOST_UNITS: Final = 4096
"""Largest number of units drawn: more documents are summed into 4,096 groups, each of every 4,096th document."""
FEWEST: Final = 4
"""Fewest documents with an interval: of three, every ninth resample repeats one, and has no standard error."""
DIFFERING: Final = 16
"""Fewest documents that must differ, where more than half have the same ratio: with fewer, intervals cover too rarely
(figures: docs/explanation/premiums.md)."""
BLOCK_CELLS: Final = 1 << 23
"""Weights of resamples held at a time: 64 MB."""
BLOCK_COLUMNS: Final = 256
"""Columns processed at a time."""
_NOTHING: Final = 1e-18
"""A squared standard error of a logarithm under which there is only rounding."""


@dataclass(frozen=True)
class Estimate:
    """float64[columns] each: a value and the bounds of its 95 % interval, NaN where there is none."""

    value: F64
    low: F64
    high: F64
    differing: F64
    """float64[columns]: number of documents whose own value is not the one that more than half of them share; all
    documents where more than half share no value."""


def product_intervals(sums: Sequence[F64], exponents: Sequence[int], resamples: int) -> Estimate:
    """Compute the product of `sums[k].sum(0) ** exponents[k]`, by column, with bootstrap intervals over the rows.

    Each of `sums` is float64[documents, columns]; exponents (1, -1) make a ratio of sums, (1, -1, -1, 1) a ratio of
    ratios. All columns see the same draws, which come from a fixed seed. Where all documents agree, the bounds are the
    value. NaN bounds: there are fewer than FEWEST documents, or some but fewer than DIFFERING that differ, or a sum is
    zero.
    """
    documents, columns = sums[0].shape
    if not documents:
        nothing = np.full(columns, np.nan)
        return Estimate(nothing, nothing, nothing, np.zeros(columns))
    with np.errstate(divide="ignore", invalid="ignore"):
        value = _product([one.sum(0) for one in sums], exponents)
        scaled = [_grouped(one / one.mean(0)) for one in sums]
    units = len(scaled[0])
    distances = np.empty((resamples, columns))
    error = np.empty(columns)
    random, block = np.random.default_rng(0), max(1, BLOCK_CELLS // units)
    for first in range(0, resamples, block):
        weights = draw(random, units, min(block, resamples - first))
        for left in range(0, columns, BLOCK_COLUMNS):
            some = slice(left, left + BLOCK_COLUMNS)
            part = [np.ascontiguousarray(one[:, some]) for one in scaled]
            log, squared = _log_and_error(weights, part, exponents)
            distances[first : first + len(weights), some] = _in_errors(log, squared)
            error[some] = np.sqrt(_log_and_error(np.ones((1, units)), part, exponents)[1][0])
    below, above = _tails(distances)
    with np.errstate(invalid="ignore", over="ignore"):
        low, high = value * np.exp(-above * error), value * np.exp(-below * error)
    different = differing(sums, exponents)
    agreed = (error == 0) | (different == 0)
    sparse = (different < DIFFERING) & (different < documents / 2)
    unknown = ~agreed & (sparse | ~(np.isfinite(above) & np.isfinite(below))) | ~np.isfinite(value)
    if documents < FEWEST:
        unknown[:] = True
    low, high = np.where(agreed, value, low), np.where(agreed, value, high)
    return Estimate(value, np.where(unknown, np.nan, low), np.where(unknown, np.nan, high), different)


def differing(sums: Sequence[F64], exponents: Sequence[int]) -> F64:
    """Count the rows whose own product is not the one that more than half of the rows share, float64[columns].

    If more than half share a value, it is the median. Arrays as in `product_intervals`; products of whole numbers below
    2**26 are exact, so equal fractions are equal.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        own = _product(sums, exponents)
    middle = np.partition(own, len(own) // 2, axis=0)[len(own) // 2]
    shared = (own == middle).sum(axis=0)
    return np.where(2 * shared > len(own), len(own) - shared, len(own)).astype(np.float64)


def _product(factors: Sequence[F64], exponents: Sequence[int]) -> F64:
    """Return the product of factors ** exponents (1 or -1 each), with one division: of equal numbers exactly 1."""
    above, below = (
        np.prod([one for one, e in zip(factors, exponents, strict=True) if e == sign], axis=0) for sign in (1, -1)
    )
    return np.asarray(above / below)


def draw(random: "np.random.Generator", units: int, resamples: int) -> F64:
    """Draw resamples: how often each unit is in each one, float64[resamples, units]; rows sum to `units`."""
    drawn = random.integers(0, units, (resamples, units))
    drawn += np.arange(resamples)[:, None] * units
    counts: I64 = np.bincount(drawn.ravel(), minlength=resamples * units)
    return counts.reshape(resamples, units).astype(np.float64)


def median_ranks(documents: int) -> tuple[int, int] | None:
    """Return the indices of the sorted values that bound a 95 % interval of their median; None for fewer than six.

    The order statistics that hold the median with a chance of at least 95 %, by the binomial distribution (Conover
    1999, section 3.2). The bootstrap's percentiles, whose distribution is known for a median (Efron 1982, section
    10.3), are these or their neighbours; so nothing needs to be drawn.
    """
    below, k = 0.0, 0
    log_half = documents * np.log(2.0)
    term = np.exp(-log_half) if documents < 1000 else 0.0
    if documents >= 1000:  # the first terms are less than a float can hold
        k = int(documents / 2 - 8 * np.sqrt(documents / 4))
        term = float(np.exp(_log_choose(documents, k) - log_half))
    while below + term <= TAIL:
        below += term
        term *= (documents - k) / (k + 1)
        k += 1
    return (k - 1, documents - k) if k > 0 else None


def _log_choose(n: int, k: int) -> float:
    """Return the logarithm of n over k, which is n! / (k! (n - k)!)."""
    return float(np.log(np.arange(n - k + 1, n + 1, dtype=np.float64) / np.arange(1, k + 1, dtype=np.float64)).sum())


def _grouped(rows: F64) -> F64:
    """Sum rows over groups, where there are more rows than MOST_UNITS."""
    if len(rows) <= MOST_UNITS:
        return rows
    grouped = np.zeros((MOST_UNITS, rows.shape[1]))
    for first in range(0, len(rows), MOST_UNITS):
        some = rows[first : first + MOST_UNITS]
        grouped[: len(some)] += some
    return grouped


def _weighed(weights: F64, rows: F64) -> F64:
    """`weights @ rows`, for whole weights: the same on every processor and for any number of BLAS's threads.

    They add up in orders of their own, which only matters where something is rounded on the way. So rows are rounded
    first, by a power of two for each column, to whole numbers whose sums are below 2**53: 40 bits of the largest where
    there are 4,096 rows.
    """
    most = np.abs(rows).max(axis=0, initial=0.0) * np.abs(weights).sum(axis=1).max(initial=0.0)
    bits = 52 - np.frexp(most)[1]
    return np.asarray(np.ldexp(weights @ np.rint(np.ldexp(rows, bits)), -bits))


def _log_and_error(weights: F64, parts: Sequence[F64], exponents: Sequence[int]) -> tuple[F64, F64]:
    """Return the product's logarithm in each resample, less a constant, and its squared standard error; [resamples, n].

    The error is that of the linearised logarithm: the sum over documents of (sum over k of exponent * x_k / X_k) ** 2.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        totals = [_weighed(weights, part) for part in parts]
        units = parts[0].shape[0]
        log, squared = np.zeros_like(totals[0]), np.zeros_like(totals[0])
        for k, (part, total, exponent) in enumerate(zip(parts, totals, exponents, strict=True)):
            log += exponent * np.log(total / (weights.sum(1, keepdims=True) / units * part.sum(0)))
            for j in range(k + 1):
                twice = (1 if j == k else 2) * exponent * exponents[j]
                squared += twice * _weighed(weights, part * parts[j]) / (total * totals[j])
    squared[squared < _NOTHING] = 0.0
    return log, squared


def _in_errors(log: F64, squared: F64) -> F64:
    """Return distances in standard errors; infinite where there is a distance and no error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        distance: F64 = log / np.sqrt(squared)
    return np.where((squared == 0) & (np.abs(log) < 1e-9), 0.0, distance)


def _tails(distances: F64) -> tuple[F64, F64]:
    """Return the distances that leave TAIL below and above them; NaN counts on both sides, as the worst."""
    resamples = len(distances)
    at = max(int(TAIL * (resamples + 1)) - 1, 0)
    unknown = np.isnan(distances)
    below = np.partition(np.where(unknown, -np.inf, distances), at, axis=0)[at]
    above = np.partition(np.where(unknown, np.inf, distances), resamples - 1 - at, axis=0)[resamples - 1 - at]
    return below, above
