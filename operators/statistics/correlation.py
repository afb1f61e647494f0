"""Linear correlation."""

import numpy as np

from operators.arrays import F64


def pearson(one: F64, other: F64) -> float | None:
    """Compute Pearson's correlation of two arrays of one length; None where one of them has a single value.

    >>> pearson(np.array([1.0, 2.0, 3.0]), np.array([6.0, 4.0, 2.0]))
    -1.0
    """
    if len(one) < 2 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    left, right = ((own - own.mean()) / np.ptp(own) for own in (one, other))
    return float(np.clip((left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum()), -1, 1))
