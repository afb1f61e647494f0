"""Figures of fairness on judged documents, with paired bootstrap intervals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from operators.arrays import F64
from operators.metrics.fairness import gini
from operators.statistics.bootstrap import FEWEST, TAIL, draw


@dataclass(frozen=True)
class Figure:
    """A value and the bounds of its 95 % interval, NaN where there are too few documents."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Judged:
    """Figures of one tokenizer. All see the same resamples, so differences are paired."""

    tokens: int
    loss: Figure
    """Tokens of all languages over those of the reference, less 1."""
    gini: Figure
    gini_change: Figure
    """Gini's coefficient less that of the reference."""
    worst: Figure
    """The most tokens of any language over those of the baseline."""
    worst_language: int


def judge(counts: Sequence[F64], baseline: int, resamples: int) -> list[Judged]:
    """Compare tokenizers by their tokens (float64[documents, languages] each); the first one is the reference.

    Bounds are percentiles over resamples of documents, which come from a fixed seed.
    """
    documents = len(counts[0])
    drawn = draw(np.random.default_rng(0), documents, resamples)
    totals = [np.concatenate([one.sum(0)[None], drawn @ one]) for one in counts]
    sums = [one.sum(1) for one in totals]
    ginis = [_ginis(one) for one in totals]
    few = documents < FEWEST
    return [
        Judged(
            int(total[0].sum()),
            _figure(own / sums[0] - 1, few),
            _figure(inequality, few),
            _figure(inequality - ginis[0], few),
            _figure(total.max(1) / total[:, baseline], few),
            int(total[0].argmax()),
        )
        for total, own, inequality in zip(totals, sums, ginis, strict=True)
    ]


def _ginis(rows: F64) -> F64:
    """Return Gini's coefficient of each row."""
    return np.array([gini(row) for row in rows])


def _figure(values: F64, few: bool) -> Figure:
    """Return the first value, with percentiles of the others."""
    low, high = (np.nan, np.nan) if few else np.quantile(values[1:], (TAIL, 1 - TAIL))
    return Figure(float(values[0]), float(low), float(high))
