"""The mixture behind a merge list, from the ranks alone: a merge's count in the mixture falls with its rank.

docs/explanation/mixture.md derives the estimator. In short: take the pair that is merged at rank t,
just before its merge. With the right shares a, its count in the mixture, a.x, equals its count in the training text, y,
but for noise; and y falls with t. So a.x is regressed on t by an isotonic curve. Two kinds of noise are taken out: that
of the samples, which would bias the shares towards the categories with the most text, and that of the training text,
whose luck decided the ranks.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from operators.arrays import F64, I64
from operators.kernels.isotonic import pool_rising
from operators.mixture.evidence import RemainingPairs
from operators.mixture.simplex import least_on_simplex

FIRST_MERGES = 1000
"""Number of merges in the first, rough fit."""
LARGEST_VARIANCE = 0.08
"""Relative variance of a.x up to which merges are used: beyond that rank counts are a handful."""
WINDOW = 501
"""Number of merges over which that variance is averaged."""
ITERATIONS, CLOSE = 80, 1e-11
FIRST_SWEEP, LAST_SWEEP = 15, 27
"""Iterations behind which merges that miss the curve are left out: not before every category has found its place."""
OUTLYING, GREATEST_RATIO = 5.0, 6.0
"""Standard deviations by which a merge that is left out misses the curve (and by half); largest square that counts."""
LEAST_NOISE = 1e-9
"""Part of the expected noise below which noise counts as none."""
EXCESS = 2.0
"""Greatest ratio of a remaining pair's count to that of the merge chosen instead: samples have words of their own."""
LOOSE = 1.5
"""Least sum of the bounds: while the curve is still far too low they would exclude every mixture."""
HELD = 100.0
"""Weight, relative to the heaviest other share, that holds a share at its bound in the intervals."""
LEAST_SHARE = 1e-5
"""Share of an absent category in weights, so that merges of its own have a weight."""


@dataclass(frozen=True)
class Noise:
    """Variances of a merge's a.x around the curve y, in parts; all 0 when the samples are the training text itself.

    The samples' own variance is `sample` * sum of a_i^2 k_i x_i, where k_i, the variance of one occurrence, is known
    from the blocks. The residuals show more variance, which belongs to the training text. It has three terms:
    `list_scaled` * the same sum, as if the text held about as much of every category as the samples; `list_flat` * y,
    as if it were drawn at random from the mixture; `relative` * y^2, as if it were text of another kind.
    """

    sample: float
    list_scaled: float
    list_flat: float
    relative: float


@dataclass(frozen=True)
class Fit:
    """Shares per byte, the curve, and what the estimating equations were made of, for m merges used."""

    share: F64
    """float64[n], sums to 1."""
    most: F64
    """float64[n]: the largest that each may be, given the pairs that were passed over."""
    ranks: I64
    """int64[m]: the merges used: those that occur and do not miss the curve."""
    curve: F64
    """float64[T]: y at every rank, occurrences a byte of mixture."""
    noise: Noise
    weight: F64
    """float64[m]: of a merge's residual, one over its variance."""
    deviation: F64
    """float64[m, n]: rates less their mean over the merge's pool: what a share's change does to the residual."""
    jacobian: F64
    """float64[n, n]: the derivative of the estimating equations."""
    score: F64
    """float64[T]: (a.x - y) in standard deviations."""
    converged: bool


def fit_shares(rates: F64, unit: F64, start: F64, remaining: Sequence[RemainingPairs] = ()) -> Fit:
    """Shares from `rates` (float64[T, n], occurrences a byte); one occurrence has the variance `unit` (float64[n]).

    The variance of rates[t, i] is unit[i] * its expectation. `remaining`: pairs that the trainer passed over
    bound the shares of categories that are rich in them.
    """
    occurs = rates.sum(axis=1) > 0.0
    used, share = occurs.copy(), start
    noise = Noise(1.0, 1.0, 0.0, 0.0)
    level = _curve_of(rates, used, rates @ start, np.ones(len(rates)))
    change, step = np.inf, 0
    while True:
        parts = _Parts(rates, unit, share, noise, level)
        corrected = rates * (1.0 + np.minimum(parts.list / level, 0.5))[:, None]
        x, weight = corrected[used], parts.weight[used]
        first = pool_rising(x @ share, weight)
        sizes = np.diff(np.append(first, len(x)))
        mass = np.add.reduceat(weight, first)
        mean = np.add.reduceat(weight[:, None] * x, first, axis=0) / mass[:, None]
        deviation = x - np.repeat(mean, sizes, axis=0)
        loose = 1.0 - weight / np.repeat(mass, sizes)  # a merge's part of its own residual
        weighted = deviation * weight[:, None]
        square = weighted.T @ deviation
        keeping = 1e-13 * float(np.einsum("t,ti,ti->", weight, x, x))
        raw = rates[used] * (weight * loose)[:, None]
        bias = noise.sample * unit * share * raw.sum(axis=0) + parts.list[used] @ raw
        most = _bounds(remaining, level) if remaining else np.ones(len(share))
        if (change < CLOSE and step > LAST_SWEEP) or step == ITERATIONS:
            break
        new = least_on_simplex(square + keeping * np.eye(len(share)), bias + keeping * share, most)
        residual = (deviation @ new) ** 2 / np.maximum(loose, 0.05)
        level = _spread(used, np.repeat(mean @ new, sizes))
        noise = _noise(parts, used, level, residual, loose, unit, share)
        change, share, step = float(np.abs(new - share).max()), new, step + 1
        if FIRST_SWEEP <= step <= LAST_SWEEP:
            score = _scores(rates, unit, share, replace(noise, sample=1.0), level)  # by chance none misses by more
            height = rates @ share
            missing = (score < -OUTLYING) & (height < 0.5 * level) | (score > OUTLYING) & (height > 2.0 * level)
            used = occurs & ~missing
    held = np.where(share >= most * (1.0 - 1e-9), HELD * float(np.diag(square).max()), 0.0)
    jacobian = square + np.diag(held - noise.sample * unit * raw.sum(axis=0))
    jacobian -= noise.list_scaled * raw.T @ (parts.composition[used] * unit)
    score = _scores(rates, unit, share, noise, level)
    return Fit(share, most, np.flatnonzero(used), level, noise, weight, deviation, jacobian, score, change < CLOSE)


def _bounds(remaining: Sequence[RemainingPairs], level: F64) -> F64:
    """float64[n]: the largest share of each category with which its pairs would have been passed over."""
    bounds = np.ones(len(remaining[0].rate))
    for one in remaining:
        reached = level[min(one.step, len(level)) - 1]  # the curve goes on falling behind the last merge used
        bounds = np.minimum(bounds, EXCESS * reached / np.maximum(one.rate, 1e-300))
    return np.asarray(bounds * max(1.0, LOOSE / float(bounds.sum())))


def counting_variance(rates: F64, share: F64, unit: F64) -> F64:
    """float64[T]: the variance of a.x over its square at every rank, by counting alone, with a training text as small
    as the samples.

    Text of another kind than the samples misses the curve alike at every rank: that is no reason to stop looking.
    """
    occurs = rates.sum(axis=1) > 0.0
    level = _curve_of(rates, occurs, rates @ share, np.ones(len(rates)))
    parts = _Parts(rates, unit, share, Noise(1.0, 1.0, 0.0, 0.0), level)
    return np.where(occurs, (parts.counting + parts.list) / level, 0.0)


class _Parts:
    """Composition of every merge under the current shares and noise, and the variances of a.x over y."""

    def __init__(self, rates: F64, unit: F64, share: F64, noise: Noise, level: F64) -> None:
        kept = np.maximum(share, LEAST_SHARE)
        heights = rates * kept
        total = np.maximum(heights.sum(axis=1), 1e-300)
        # float64[T, n]: the fraction of each category in a.x; rows sum to 1
        self.composition = heights / total[:, None]
        self.concentration = (self.composition**2).sum(axis=1)
        # float64[T]: the samples' variance of a.x over y, estimated from the bootstrap blocks
        self.counting = self.composition @ (kept * unit)
        # float64[T]: the training text's variance of a.x over y
        self.list = noise.list_scaled * self.counting + noise.list_flat + noise.relative * level * self.concentration
        self.weight = 1.0 / np.maximum((noise.sample * self.counting + self.list) * level, 1e-290)


def _noise(parts: _Parts, used: np.ndarray, level: F64, square: F64, loose: F64, unit: F64, share: F64) -> Noise:
    """The three variances that explain the squared residuals of the merges used."""
    y, counting = level[used], parts.counting[used]
    expected = 1.0 / (parts.weight[used] * y)
    seen = np.minimum(square / (expected * y), GREATEST_RATIO) * expected
    basis = np.stack([counting, np.ones(len(y)), y * parts.concentration[used]], axis=1)
    weight = np.where(loose > 0.3, 1.0 / expected**2, 0.0)
    typical = np.maximum(np.abs(basis).mean(axis=0), 1e-300)
    scaled = basis / typical
    part = _least_positive((scaled * weight[:, None]).T @ scaled, (scaled * weight[:, None]).T @ seen) / typical
    known = max(float(part[0]), LEAST_NOISE)
    return Noise(min(known, 1.0), max(known - 1.0, 0.0), float(part[1]), float(part[2]))


def _least_positive(gram: F64, moment: F64) -> F64:
    """The x >= 0 that minimises x'Gx / 2 - m'x, for a few variables, coordinate by coordinate."""
    x = np.zeros(len(moment))
    for _ in range(500):
        before = x.copy()
        for i in range(len(x)):
            if gram[i, i] > 0.0:
                x[i] = max(0.0, x[i] + (moment[i] - float(gram[i] @ x)) / gram[i, i])
        if float(np.abs(x - before).max()) <= 1e-12 * float(x.max()):
            break
    return x


def _scores(rates: F64, unit: F64, share: F64, noise: Noise, level: F64) -> F64:
    parts = _Parts(rates, unit, share, noise, level)
    return np.asarray(((rates @ share) + parts.list - level) * np.sqrt(parts.weight))


def _curve_of(rates: F64, used: np.ndarray, height: F64, weight: F64) -> F64:
    first = pool_rising(height[used], weight[used])
    sizes = np.diff(np.append(first, int(used.sum())))
    mean = np.add.reduceat(height[used] * weight[used], first) / np.add.reduceat(weight[used], first)
    return _spread(used, np.repeat(mean, sizes))


def _spread(used: np.ndarray, curve: F64) -> F64:
    """The curve at every rank: that of the nearest used merge before it (the first one's for those before all)."""
    place = np.maximum(np.cumsum(used) - 1, 0)
    above = curve[curve > 0.0]
    return np.asarray(np.maximum(curve, above.min() if len(above) else 1e-300)[place])
