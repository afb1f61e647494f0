"""Limits on language weights: one weight a group, and bounds on the shares of the training text."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64, I64

_ROUNDS: Final = 60


@dataclass(frozen=True)
class Limits:
    """Limits on the weights of n languages."""

    sizes: F64
    """float64[n]: bytes of training text."""
    groups: I64 | None = None
    """int64[n]: number of each language's group, from 0; None: each language by itself."""
    lowest: F64 | None = None
    """float64[n]: lowest share of the weighted bytes."""
    highest: F64 | None = None
    """float64[n]: highest share of the weighted bytes."""

    def applied(self, weights: F64) -> F64:
        """Return weights within the limits: the geometric mean of a group, then shares moved to their bounds."""
        if self.groups is not None:
            logs = np.log(weights)
            means = np.bincount(self.groups, logs) / np.bincount(self.groups)
            weights = np.ascontiguousarray(np.exp(means)[self.groups], np.float64)
        if self.lowest is None or self.highest is None:
            return weights
        shares = weights * self.sizes
        shares = bounded_shares(shares / shares.sum(), self.lowest, self.highest)
        limited: F64 = shares / self.sizes
        limited /= limited.mean()
        return limited


def bounded_shares(shares: F64, lowest: F64, highest: F64) -> F64:
    """Return shares within bounds that add up to 1: all are scaled by one factor, then cut off at the bounds.

    The sum of `lowest` must be at most 1, that of `highest` at least 1.
    """
    if (shares >= lowest).all() and (shares <= highest).all():
        return shares
    low, high = 1e-9, 1e9
    for _ in range(_ROUNDS):
        factor = np.sqrt(low * high)
        if np.clip(factor * shares, lowest, highest).sum() < 1:
            low = factor
        else:
            high = factor
    clipped: F64 = np.clip(high * shares, lowest, highest)
    return clipped
