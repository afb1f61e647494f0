"""Token premiums: what each language pays for the same text.

The premium of language A against B is the number of tokens of A's text divided by that of B's, for texts that are
translations of each other (Petrov et al. 2023, section 2); 1 is parity. Counts are sums over separately encoded
documents: corpus token counts (Schmidt et al. 2024).
"""

from dataclasses import dataclass

import numpy as np

from operators.arrays import F64
from operators.errors import DataError

INTERVAL = (2.5, 97.5)
"""Percentiles of the resampled ratios: a 95 % interval."""
BLOCK_CELLS = 1 << 24
"""Resampling weights held at a time: 128 MB of float64."""


class NoCommonDocuments(DataError):
    """Nothing to compare over."""

    def __init__(self, language: str, baseline: str, documents: str) -> None:
        super().__init__(language, baseline, documents)
        self.language, self.baseline, self.documents = language, baseline, documents

    def __str__(self) -> str:
        if self.documents == "common":
            return (
                f"premiums: no document is there in all compared languages; {self.language} shares the fewest with "
                f"{self.baseline}: leave it out with --languages, or compare with --documents pairwise"
            )
        return f"premiums: {self.language} has no document whose id {self.baseline} has too; are the ids the same?"


@dataclass(frozen=True)
class Ratio:
    """Sums over documents and their ratio to the baseline's; float64[languages] each.

    `low` and `high` bound the 95 % interval; NaN where there are fewer than two documents.
    """

    ratio: F64
    low: F64
    high: F64


def ratios(
    amounts: F64, present: np.ndarray[tuple[int, int], np.dtype[np.bool_]], baseline: int, resamples: int
) -> Ratio:
    """Each language's sum over the baseline's, over the documents that both have, with bootstrap intervals.

    `amounts` (float64[documents, languages]) is 0 where `present` (bool, same shape) is false; `baseline` is a column.
    Documents are drawn with replacement `resamples` times, the same draws for every language, from a fixed seed.
    """
    both = present & present[:, [baseline]]
    own = np.where(both, amounts, 0.0)
    against = np.where(both, amounts[:, [baseline]], 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = own.sum(0) / against.sum(0)
        documents = len(amounts)
        drawn = np.empty((resamples, amounts.shape[1]))
        random, block = np.random.default_rng(0), max(1, BLOCK_CELLS // max(1, documents))
        for first in range(0, resamples, block):
            size = min(block, resamples - first)
            weights = random.multinomial(documents, np.full(documents, 1 / documents), size).astype(np.float64)
            drawn[first : first + size] = (weights @ own) / (weights @ against)
    low, high = np.nanpercentile(drawn, INTERVAL, axis=0) if documents else (ratio, ratio)
    few = both.sum(0) < 2
    return Ratio(ratio, np.where(few, np.nan, low), np.where(few, np.nan, high))
