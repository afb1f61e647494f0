"""Efficiency of a vocabulary: how evenly its tokens are used, and how much text one token holds."""

import numpy as np

from operators.arrays import I64

ALPHA = 2.5
"""Order at which efficiency correlated best with translation quality (Zouhar et al. 2023)."""


def renyi_efficiency(counts: I64, types: int | None = None, alpha: float = ALPHA) -> float | None:
    """Compute the Renyi entropy of the tokens' distribution over its greatest value, log2 of the number of types.

    `counts`: int64[vocabulary], how often each token occurs; tokens that do not occur are no types, unless `types` says
    how many there are (Zouhar et al. 2023, "Tokenization and the Noiseless Channel", section 4; their program counts
    occurring types too). `alpha` 1 is Shannon's entropy. None for fewer than two types.
    """
    seen = counts[counts > 0].astype(np.float64)
    among = len(seen) if types is None else types
    if among < 2 or not len(seen):
        return None
    shares = seen / seen.sum()
    if alpha == 1:
        entropy = -float((shares * np.log2(shares)).sum())
    else:
        entropy = float(np.log2((shares**alpha).sum())) / (1 - alpha)
    return entropy / float(np.log2(among))


def ratio(amount: float, unit: float) -> float | None:
    """Return `amount / unit`; None where `unit` is 0."""
    return float(amount / unit) if unit else None
