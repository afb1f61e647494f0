"""Figures of curves: the vocabulary size that reaches a target, a power law, the merges that each language owns."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import polars as pl

from operators.arrays import I64
from operators.curves.tokens_by_size import Curve
from operators.redaction import shown
from operators.statistics.power_law import PowerLaw, fit_power_law
from operators.unicode.language_names import named

FIT_POINTS: Final = 64
"""Number of sizes that a power law is fitted to, evenly spaced in their logarithm."""
FIT_FROM: Final = 4
"""Divisor of the measured range of logarithms: the fit leaves out the first FIT_FROM-th, which follows another law."""

SHOWN: Final = 3
"""Languages that the command prints of each kind."""
REACH: Final = 10
"""Multiple of the largest measured size up to which a law is extrapolated."""
MOST_ERROR: Final = 0.10
"""Greatest `PowerLaw.error` of a law that is extrapolated."""
ERRORS, LEAST_ERROR = 4, 0.01
"""Half width of an extrapolated size's interval, in errors of the law, and the least error that counts. Measured: the
interval held 90 to 100 % of the true sizes (docs/explanation/curves.md)."""
UNREACHABLE: Final = "not reachable by vocabulary alone"
"""Beginning of the reason why a target has no size."""


def reached(curve: Curve, sizes: I64, target: int) -> int | None:
    """Return the smallest vocabulary with at most `target` tokens; None if the measured curve never reaches it."""
    at = np.flatnonzero(curve.tokens <= target)
    return int(sizes[min(int(curve.merges[at[0]]), len(sizes) - 1)]) if len(at) else None


def fitted(curve: Curve, sizes: I64) -> PowerLaw | None:
    """Fit a power law to a curve, without the first FIT_FROM-th of its range of logarithms; None if it has no fit."""
    first, last = float(sizes[0]), float(sizes[-1])
    if last <= first:
        return None
    points = np.unique(np.geomspace(first * (last / first) ** (1 / FIT_FROM), last, FIT_POINTS).astype(np.int64))
    merges = np.searchsorted(sizes, points, side="right") - 1
    tokens = curve.tokens[np.searchsorted(curve.merges, merges, side="right") - 1]
    return fit_power_law(points.astype(np.float64), tokens.astype(np.float64))


def target_row(curve: Curve, sizes: I64, target: int | None) -> dict[str, Any]:
    """Return the columns on the target: the vocabulary that reaches it, measured or extrapolated, or why none does.

    An extrapolated size has an interval: the sizes at which the law, ERRORS of its errors above and below, reaches the
    target. `high` is None where that lies beyond REACH times the measured range. Sizes beyond it are not given.
    """
    law = fitted(curve, sizes)
    row: dict[str, Any] = {"target": target, "vocabulary": None, "low": None, "high": None, "extrapolated": None}
    row |= dict.fromkeys(("reason", "fit_floor", "fit_scale", "fit_slope", "fit_error"))
    if law is not None:
        row |= {"fit_floor": law.floor, "fit_scale": law.scale, "fit_slope": law.slope}
        row |= {"fit_error": None if np.isnan(law.error) else law.error}
    if target is None:
        return row | {"reason": "no target was asked for"}
    if (measured := reached(curve, sizes, target)) is not None:
        return row | {"vocabulary": float(measured), "extrapolated": False}
    largest, here = float(sizes[-1]), int(curve.tokens[-1]) / target
    if law is None:
        return row | {"reason": "not reached, and too few sizes were measured to fit a law"}
    if not law.error <= MOST_ERROR:
        error = "an unknown amount" if np.isnan(law.error) else f"{100 * law.error:.0f} %"
        why = f"the fit errs by {error}, and with all {largest:,.0f} tokens the text has {here:.2f} times the target"
        return row | {"reason": f"{UNREACHABLE}, as far as is known: {why}"}
    beyond, margin = law.vocabulary(target), ERRORS * max(law.error, LEAST_ERROR)
    if beyond is None or not beyond <= REACH * largest:
        still = law.tokens(REACH * largest) / target
        why = f"with {REACH} times the vocabulary measured the text would have {still:.2f} times the target"
        return row | {"reason": f"{UNREACHABLE}: {why}"}
    low, high = law.vocabulary(target * (1 + margin)), law.vocabulary(target * (1 - margin))
    row |= {"vocabulary": max(beyond, largest), "low": max(low or 0.0, largest), "extrapolated": True}
    return row | {"high": high if high is not None and high <= REACH * largest else None}


def size_lines(sizes: pl.DataFrame) -> list[str]:
    """Return the languages that need the largest vocabularies, with the interval of an extrapolated size; the nearest
    of those that are not reachable. `sizes`: sizes.parquet.
    """
    lines = list[str]()
    known = sizes.filter(pl.col("vocabulary").is_not_null()).sort("vocabulary", "language", descending=[True, False])
    for row in known.head(SHOWN).iter_rows(named=True):
        line = f"  {row['vocabulary']:>11,.0f}  {shown(named(row['language']))}"
        if row["extrapolated"]:
            upper = "more than can be said" if row["high"] is None else f"{row['high']:,.0f}"
            line += f" (extrapolated, {row['low']:,.0f} to {upper})"
        lines.append(line)
    without = sizes.filter(pl.col("vocabulary").is_null() & pl.col("target").is_not_null()).sort("tokens", "language")
    for row in without.head(SHOWN).iter_rows(named=True):
        lines.append(f"  {'none':>11}  {shown(named(row['language']))}: {row['reason']}")
    return lines


def owners(curves: Mapping[str, Curve], weights: Mapping[str, int]) -> dict[str, int]:
    """Count the merges that each language owns: those that save it the most tokens for each byte of its text.

    weights: bytes of text, by language. Ties go to the first language in the alphabet. A merge that saves no token in
    any language has no owner.
    """
    merges = max(int(curve.merges[-1]) for curve in curves.values())
    best, owner = np.zeros(merges + 1), np.full(merges + 1, -1, np.int64)
    names = sorted(curves)
    for i, language in enumerate(names):
        curve = curves[language]
        saved = np.zeros(merges + 1)
        saved[curve.merges[1:]] = -np.diff(curve.tokens) / max(weights[language], 1)
        better = saved > best
        best[better], owner[better] = saved[better], i
    counts = np.bincount(owner[owner >= 0], minlength=len(names))
    return dict(zip(names, counts.tolist(), strict=True))
