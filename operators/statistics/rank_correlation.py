"""Rank correlation."""

import numpy as np

from operators.arrays import F64


def spearman(one: F64, other: F64) -> float | None:
    """Compute Spearman's correlation of two arrays of one length; None where one of them has a single value.

    >>> spearman(np.array([1.0, 2.0, 3.0]), np.array([9.0, 7.0, 5.0]))
    -1.0
    """
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    ranks = [_ranks(values) - (len(values) - 1) / 2 for values in (one, other)]
    return float((ranks[0] * ranks[1]).sum() / np.sqrt((ranks[0] ** 2).sum() * (ranks[1] ** 2).sum()))


def _ranks(values: F64) -> F64:
    """Return ranks from 0; equal values have the mean of theirs."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranks: F64 = (np.cumsum(count) - (count + 1) / 2)[place]
    return ranks
