"""Isotonic regression: the non-increasing sequence nearest to given values."""

import numpy as np

from operators.arrays import F64, I64
from operators.kernels.kernel import kernel


@kernel
def pool_rising(value: F64, weight: F64) -> I64:
    """Return the pools of the weighted isotonic regression of `value` (float64[T]), non-increasing: where each begins.

    The fit is the weighted mean of each pool's values; `weight` (float64[T]) must be above 0. Neighbours that rise are
    pooled until none does (Ayer et al. 1955). Returns int64[pools], the first always 0; values that are equal stay in
    pools of their own.
    """
    steps = len(value)
    first = np.empty(steps, np.int64)
    mean, mass = np.empty(steps, np.float64), np.empty(steps, np.float64)
    pools = 0
    for t in range(steps):
        first[pools], mean[pools], mass[pools] = t, value[t], weight[t]
        pools += 1
        while pools > 1 and mean[pools - 2] < mean[pools - 1]:
            both = mass[pools - 2] + mass[pools - 1]
            mean[pools - 2] = (mean[pools - 2] * mass[pools - 2] + mean[pools - 1] * mass[pools - 1]) / both
            mass[pools - 2] = both
            pools -= 1
    return first[:pools].copy()
