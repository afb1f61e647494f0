"""Figures of curves: the vocabulary size that reaches a target, a power law, the merges that each language owns."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from operators.arrays import I64
from operators.curves.tokens_by_size import Curve
from operators.statistics.power_law import PowerLaw, fit_power_law

FIT_POINTS: Final = 64
"""Number of sizes that a power law is fitted to, evenly spaced in their logarithm."""
FIT_FROM: Final = 4
"""Divisor of the measured range of logarithms: the fit leaves out the first FIT_FROM-th, which follows another law."""


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
    """Return the columns on the target: the vocabulary that reaches it, measured or extrapolated, or why none does."""
    law = fitted(curve, sizes)
    row: dict[str, Any] = {"target": target, "vocabulary": None, "extrapolated": None, "reason": None}
    row |= dict.fromkeys(("fit_floor", "fit_scale", "fit_slope", "fit_error"))
    if law is not None:
        error = None if np.isnan(law.error) else law.error
        row |= {"fit_floor": law.floor, "fit_scale": law.scale, "fit_slope": law.slope, "fit_error": error}
    if target is None:
        return row | {"reason": "no target was asked for"}
    if (measured := reached(curve, sizes, target)) is not None:
        return row | {"vocabulary": float(measured), "extrapolated": False}
    if law is None:
        return row | {"reason": "not reached, and too few sizes were measured to fit a law"}
    beyond = law.vocabulary(target)
    if beyond is None or not np.isfinite(beyond) or beyond > 1e12:
        return row | {"reason": "never reached: the target is below the fitted floor"}
    return row | {"vocabulary": max(beyond, float(sizes[-1])), "extrapolated": True}


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
