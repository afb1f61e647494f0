"""Token premiums: the tokens of a language's text over those of the same text in another language.

The premium of language A against B is the number of tokens of A's text divided by that of B's, for texts that are
translations of each other (Petrov et al. 2023, section 2); 1 is parity. Sums over separately encoded documents are
corpus token counts (Schmidt et al. 2024).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from operators.arrays import F64
from operators.errors import DataError
from operators.redaction import shown
from operators.statistics.bootstrap import Estimate, median_ranks, product_intervals

Mask = np.ndarray[tuple[int, int], np.dtype[np.bool_]]


class NoCommonDocuments(DataError):
    """A language that has no document in common with the baseline, or with all other languages."""

    language: str
    baseline: str
    documents: str
    """The setting `documents`: common or pairwise."""

    def __str__(self) -> str:
        language, baseline = shown(self.language), shown(self.baseline)
        if self.documents == "common":
            return (
                f"premiums: no document is there in all compared languages; {language} shares the fewest with "
                f"{baseline}: leave it out with --languages, or compare with --documents pairwise"
            )
        return f"premiums: {language} has no document whose id {baseline} has too; are the ids the same?"


@dataclass(frozen=True)
class Spread:
    """Ratios of single documents, float64[languages] each: quartiles, and the bounds of the median's 95 % interval."""

    lower_quartile: F64
    median: F64
    upper_quartile: F64
    low: F64
    high: F64


def ratios(amounts: Sequence[F64], present: Mask, baseline: int, resamples: int) -> list[Estimate]:
    """Divide each language's sum by the baseline's, over the documents that both have, with bootstrap intervals.

    Each of `amounts` (one a tokenizer; float64[documents, languages]) is 0 where `present` (bool, same shape) is false;
    `baseline` is a column. NaN for a ratio without documents, or with nothing on the baseline's side.

    The baseline's ratio to itself is 1 whatever the documents. Of another language whose documents all have one ratio
    nothing says how others would vary, so it has no interval.
    """
    found = _estimates([(one,) for one in amounts], (1,), present, baseline, resamples)
    itself = np.arange(present.shape[1]) == baseline
    alike = [(one.differing == 0) & ~itself for one in found]
    return [
        replace(one, low=np.where(same, np.nan, one.low), high=np.where(same, np.nan, one.high))
        for one, same in zip(found, alike, strict=True)
    ]


def changes(new: F64, old: F64, present: Mask, baseline: int, resamples: int) -> Estimate:
    """Divide each language's premium by one count by that of another count of the same documents; under 1: it fell.

    Arrays as in `ratios`. Resamples draw documents for both counts at once, so variation that both share cancels.
    """
    return _estimates([(new, old)], (1, -1), present, baseline, resamples)[0]


def _estimates(
    counts: Sequence[tuple[F64, ...]], signs: tuple[int, ...], present: Mask, baseline: int, resamples: int
) -> list[Estimate]:
    """Estimate for each of `counts` the product over its matrices of (language's sum / baseline's sum) ** sign."""
    both = present & present[:, [baseline]]
    made = np.full((4, len(counts), both.shape[1]), np.nan)
    patterns, which = np.unique(both, axis=1, return_inverse=True)
    exponents = [exponent for sign in signs for exponent in (sign, -sign)]
    for p in range(patterns.shape[1]):  # documents in common: one pattern for all languages
        rows, columns = np.flatnonzero(patterns[:, p]), np.flatnonzero(which.ravel() == p)
        sums = list[F64]()
        for k in range(len(signs)):
            sums.append(np.concatenate([one[k][np.ix_(rows, columns)] for one in counts], axis=1))
            own = [one[k][rows][:, [baseline]] for one in counts]
            sums.append(np.concatenate([np.repeat(column, len(columns), 1) for column in own], axis=1))
        found = product_intervals(sums, exponents, resamples)
        for i, one in enumerate((found.value, found.low, found.high, found.differing)):
            made[i][:, columns] = one.reshape(len(counts), len(columns))
    made[~np.isfinite(made)] = np.nan
    return [Estimate(*made[:, i]) for i in range(len(counts))]


def document_ratios(amounts: F64, present: Mask, baseline: int) -> Spread:
    """Compute the quartiles of single documents' ratios, and an interval of their median; NaN where there is none.

    Arrays as in `ratios`. A document in which the baseline has nothing has no ratio and is left out. The median of an
    even number of ratios is the mean of the two in the middle, quartiles are interpolated linearly.
    """
    measured = present & present[:, [baseline]] & (amounts[:, [baseline]] > 0)
    made = np.full((5, amounts.shape[1]), np.nan)
    for j in range(amounts.shape[1]):
        rows = measured[:, j]
        found = np.sort(amounts[rows, j] / amounts[rows, baseline])
        if len(found):
            made[:3, j] = np.percentile(found, (25, 50, 75))
        if (ranks := median_ranks(len(found))) is not None:
            made[3:, j] = found[list(ranks)]
    return Spread(*made)
