"""Estimate by ranks: number of merges to use, shares with intervals, goodness of fit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from operators.arrays import F64
from operators.mixture.check import Check, Unknown, check_fit, groups, unknown_share
from operators.mixture.evidence import Evidence, RemainingPairs
from operators.mixture.interval import covariance, effective_blocks, occurrence_variance
from operators.mixture.program import CannotInfer
from operators.mixture.rank import FIRST_MERGES, LARGEST_VARIANCE, WINDOW, Fit, counting_variance, fit_shares

T_QUANTILE: Final = 2.09
"""Student's t for 19 degrees of freedom, 97.5 %: intervals rest on 20 bootstrap blocks."""
WIDENING: Final = 1.1
"""Factor on standard errors, which take the fitted curve as given; measured (docs/explanation/mixture.md)."""
SENSITIVITY: Final = (300, 1000, 3000, 10000, 30000)
"""Further numbers of merges for which the shares are reported."""
LEAST_MERGES: Final = 300
"""Merges that must occur in the categories: with fewer, the fit may end at shares far from the right ones."""
MOST_UNEXPLAINED: Final = 0.4
"""Greatest part of tested merges that may be unexplained: with more the tokenizer was trained on other text."""
LEAST_BLOCKS: Final = 8.0
"""Fewest bootstrap blocks of a category for which there are intervals: with fewer its variation is unknown."""
STRONGEST: Final = 5
"""Number of merges that are named as the evidence for a category."""


@dataclass(frozen=True)
class RankMixture:
    """Shares per byte with 95 % intervals, shares in other units, and the evidence for them."""

    categories: list[str]
    share: F64
    low: F64
    high: F64
    """float64[n] each, of bytes; bounds are NaN where a category's text is too little to see how it varies."""
    share_pairs: F64
    share_characters: F64
    merges_used: int
    fit: Fit
    check: Check
    unknown: Unknown | None
    groups: list[list[int]]
    """Groups of categories that are nearly the same, by index."""
    by_merges: dict[int, F64]
    """Shares by number of merges used."""
    evidence: list[list[int]]
    """Ranks of the merges that say most about a category's share, a list for each category."""


def estimate(evidence: Evidence, *, unknown: bool = False) -> RankMixture:
    """Infer the mixture. With `unknown`, shares are of all bytes, those of none of the categories included.

    Raises CannotInfer where the evidence can give no answer.
    """
    _check(evidence)
    size = evidence.text_bytes.sum(axis=0).astype(np.float64)
    rates = evidence.counts.sum(axis=0).astype(np.float64) / size
    unit = occurrence_variance(evidence)
    start = np.full(len(size), 1.0 / len(size))
    used = choose_merges(rates, unit, start, evidence.remaining)
    fit = fit_shares(rates[:used], unit, start, evidence.remaining)
    moved = covariance(evidence.taken(slice(used)), fit, unit)
    error = np.sqrt(np.maximum(np.diag(moved), 0.0)) * T_QUANTILE * WIDENING
    if effective_blocks(evidence).min() < LEAST_BLOCKS:
        error[:] = np.nan
    check = check_fit(rates[:used], fit, unit)
    if check.tested >= LEAST_MERGES and len(check.unexplained) > MOST_UNEXPLAINED * check.tested:
        raise CannotInfer(
            f"{len(check.unexplained):,} of {check.tested:,} merges are far too rare in the categories, "
            f"{check.absent:,} occur in none",
            "give categories that the tokenizer may have been trained on",
        )
    rest = unknown_share(rates[:used], fit, check) if unknown else None
    known = 1.0 - (rest.share if rest is not None else 0.0)
    pairs = evidence.pairs.sum(axis=0).astype(np.float64)
    characters = evidence.characters.sum(axis=0).astype(np.float64)
    return RankMixture(
        categories=evidence.categories,
        share=fit.share * known,
        low=np.clip(fit.share - error, 0.0, 1.0) * known,
        high=np.clip(fit.share + error, 0.0, np.clip(fit.most, fit.share, 1.0)) * known,
        share_pairs=_in_units(fit.share, pairs / size) * known,
        share_characters=_in_units(fit.share, characters / size) * known,
        merges_used=used,
        fit=fit,
        check=check,
        unknown=rest,
        groups=groups(_likeness(rates[:used]), evidence.categories),
        by_merges=_by_merges(rates, unit, start, evidence.remaining),
        evidence=_strongest(rates[:used], fit),
    )


def choose_merges(rates: F64, unit: F64, start: F64, remaining: Sequence[RemainingPairs]) -> int:
    """Choose the number of merges to use: those before counts become too small to locate the curve."""
    if len(rates) <= FIRST_MERGES:
        return len(rates)
    noise = counting_variance(rates, fit_shares(rates[:FIRST_MERGES], unit, start, remaining).share, unit)
    width = min(WINDOW, len(noise))
    sums = np.cumsum(np.concatenate([[0.0], noise]))
    mean = (sums[width:] - sums[:-width]) / width
    large = np.flatnonzero(mean > LARGEST_VARIANCE)
    return max(FIRST_MERGES, int(large[0]) + width // 2 if len(large) else len(rates))


def _check(evidence: Evidence) -> None:
    names = evidence.categories
    if len(names) < 2:
        found = f"only one category ({names[0]})" if names else "no categories"
        raise CannotInfer(found, "shares need at least two categories to be shared between")
    sizes, pairs = evidence.text_bytes.sum(axis=0), evidence.pairs.sum(axis=0)
    for name, size, some in zip(names, sizes.tolist(), pairs.tolist(), strict=True):
        if not size or some <= 0:
            raise CannotInfer(
                f"category {name} has no text that holds a pair of symbols", "give it text, or leave it out"
            )
    counts = evidence.counts.sum(axis=0)
    occur = int((counts > 0).any(axis=1).sum())
    if occur < max(LEAST_MERGES, len(names)):
        raise CannotInfer(
            f"{occur} of {evidence.merges} merges occur in the categories, at least {max(LEAST_MERGES, len(names))} are"
            " needed",
            "use more merges, categories the tokenizer may have been trained on, or --method lp",
        )
    if occur < 0.1 * evidence.merges:
        raise CannotInfer(
            f"only {occur} of {evidence.merges} merges occur in the categories",
            "add the categories that are missing, and check that the tokenizer's own pre-tokenizer cut the samples",
        )
    for i in range(len(names)):
        for j in range(i):
            if np.array_equal(counts[:, i] * sizes[j], counts[:, j] * sizes[i]):
                raise CannotInfer(
                    f"categories {names[j]} and {names[i]} have the same counts and cannot be told apart",
                    "leave one out, or put their texts together",
                )


def _in_units(share: F64, units: F64) -> F64:
    moved = share * units
    return np.asarray(moved / moved.sum())


def _likeness(rates: F64) -> F64:
    """float64[n, n]: cosine between the categories' rates over the merges, each rank weighed alike."""
    weighed = rates / np.maximum(rates.mean(axis=1, keepdims=True), 1e-300)
    length = np.maximum(np.sqrt((weighed**2).sum(axis=0)), 1e-300)
    return np.asarray((weighed / length).T @ (weighed / length))


def _by_merges(rates: F64, unit: F64, start: F64, remaining: Sequence[RemainingPairs]) -> dict[int, F64]:
    found = {}
    for merges in SENSITIVITY:
        if merges <= len(rates) and int((rates[:merges].sum(axis=1) > 0).sum()) >= max(LEAST_MERGES, len(start)):
            found[merges] = fit_shares(rates[:merges], unit, start, remaining).share
    return found


def _strongest(rates: F64, fit: Fit) -> list[list[int]]:
    """Return for each category the ranks of the merges whose residuals its share moves most: weighed |deviation|."""
    pull = np.abs(fit.deviation) * np.sqrt(fit.weight)[:, None]
    mine = rates[fit.ranks] / np.maximum(rates[fit.ranks].sum(axis=1, keepdims=True), 1e-300)
    order = np.argsort(-(pull * mine), axis=0, kind="stable")[:STRONGEST]
    return [fit.ranks[order[:, i]].tolist() for i in range(rates.shape[1])]
