"""Goodness of fit: merges that are too rare in all categories, and the share of text that they point to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64, I64
from operators.mixture.rank import OUTLYING, Fit

TESTED_OCCURRENCES: Final = 20.0
"""Occurrences, in the sample of the noisiest category, that the curve must predict for a merge to be tested."""
WARNED_MERGES, WARNED_SHARE = 5, 0.005
"""Number of unexplained merges, and their part of those tested, from which on there is a warning."""
OWN: Final = 0.5
"""Part of a pair's count from which on the pair is a category's own."""


@dataclass(frozen=True)
class Check:
    """Result of comparing the merges with the curve."""

    tested: int
    unexplained: I64
    """int64[k]: ranks of merges far more rare in the categories than their neighbours in the list, worst first."""
    absent: int
    """Number of unexplained merges that occur in no category at all."""
    warns: bool
    """True if a category is probably missing: too many merges are unexplained."""


@dataclass(frozen=True)
class Unknown:
    """Share of the training text's bytes that none of the categories explains, with bounds."""

    share: float
    low: float
    high: float


def check_fit(rates: F64, fit: Fit, unit: F64) -> Check:
    """Compare the merges with the curve. `rates` is float64[T, n], `unit` float64[n] as in `fit_shares`."""
    height = rates @ fit.share
    noisiest = max(float((fit.share * unit).max()), 1e-300)
    tested = fit.curve / noisiest >= TESTED_OCCURRENCES
    low = (fit.score < -OUTLYING) & (height < 0.5 * fit.curve) & tested
    missing = np.flatnonzero(low)
    lost = fit.curve[missing] - height[missing]
    order = np.lexsort((missing, -lost))
    many = len(missing) >= WARNED_MERGES and len(missing) >= WARNED_SHARE * int(tested.sum())
    return Check(int(tested.sum()), missing[order], int((rates[missing].sum(axis=1) == 0).sum()), bool(many))


def unknown_share(rates: F64, fit: Fit, check: Check) -> Unknown:
    """Estimate the share that the unexplained merges would have as a category of their own.

    They are only the pairs that the missing text does not share with the categories. The categories themselves show
    what part of a text's pairs that is: the part of each one's count in pairs that are mostly its own. The median of
    these parts gives the share, their quartiles its bounds; only the order of magnitude is reliable.
    """
    ranks = np.arange(len(rates))
    heights = rates * fit.share
    whole = np.maximum(heights.sum(axis=1), 1e-300)
    own = (heights * (heights > OWN * whole[:, None])).sum(axis=0) / np.maximum(heights.sum(axis=0), 1e-300)
    parts = np.sort(own[(fit.share > 1e-3) & (own > 0)])
    lost = float((fit.curve[check.unexplained] - whole[check.unexplained]).sum())
    mass = lost / max(float(fit.curve[ranks].sum()), 1e-300)
    if not len(parts) or mass <= 0:
        return Unknown(0.0, 0.0, 0.0)
    middle, upper, lower = (float(np.quantile(parts, q)) for q in (0.5, 0.75, 0.25))
    shares = [min(mass / max(part, mass), 1.0) for part in (middle, upper, lower)]
    return Unknown(shares[0], min(mass, shares[1]), shares[2])


def groups(correlation: F64, names: Sequence[str], least: float = 0.995) -> list[list[int]]:
    """Group categories whose rates are nearly in proportion: linked by a correlation of `least` or more."""
    n, group = len(names), list(range(len(names)))

    def root(i: int) -> int:
        while group[i] != i:
            i = group[i]
        return i

    for i in range(n):
        for j in range(i + 1, n):
            if correlation[i, j] >= least:
                group[max(root(i), root(j))] = min(root(i), root(j))
    found: dict[int, list[int]] = {}
    for i in range(n):
        found.setdefault(root(i), []).append(i)
    return [members for members in found.values() if len(members) > 1]
