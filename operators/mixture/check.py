"""Do the categories explain the merge list? Merges that they hold too rarely, and what share that may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64, I64
from operators.mixture.rank import OUTLYING, Fit

TESTED_OCCURRENCES: Final = 20.0
"""A merge is tested when the curve would have its pair occur so often in the sample of its noisiest category."""
WARNED_MERGES, WARNED_SHARE = 5, 0.005
"""A warning needs so many unexplained merges, and so large a part of those tested."""
OWN: Final = 0.5
"""A pair is a category's own when so much of its count is."""


@dataclass(frozen=True)
class Check:
    """How far the curve explains the list."""

    tested: int
    unexplained: I64
    """int64[k]: ranks of merges far more rare in the categories than their neighbours in the list, worst first."""
    absent: int
    """Of these, merges that occur in no category at all."""
    warns: bool
    """So many are unexplained that something is missing."""


@dataclass(frozen=True)
class Unknown:
    """The share of the training text's bytes that none of the categories explains, and how sure that is."""

    share: float
    low: float
    high: float


def check_fit(rates: F64, fit: Fit, unit: F64) -> Check:
    """Hold the merges against the curve. `rates` is float64[T, n], `unit` float64[n] as in `fit_shares`."""
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
    """What the unexplained merges would weigh as a category of their own.

    They are only the pairs that the missing text does not share with the categories. What part of a text's pairs that
    is, is told by the categories themselves: the part of each one's count that stands in pairs which are mostly its
    own. The middle of these parts gives the share, their quartiles its bounds; it is of the right order, no more.
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
    """Categories whose rates are nearly in proportion: connected by a correlation of `least` or more, two at least."""
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
