"""Judgement of an inferred mixture: how far its shares can be trusted, and the reasons.

The estimate is judged by figures of its own: coverage (merges that the categories do not explain), stability (shares
from fewer or more merges), residuals (how far merges miss the curve) and the width of the intervals. The bounds were
calibrated on mixtures with known shares (docs/explanation/mixture-study.md, "Trust").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import polars as pl

from operators.unicode.language_names import named
from pipelines.mixture.tables import NONE_OF_THESE

Level = Literal["firm", "rough", "none"]
ROUGH_MOVED, NONE_MOVED = 0.03, 0.10
"""Share of the text that changes its category with the number of merges: above these the shares are rough, or none."""
ROUGH_MISS, NONE_MISS = 0.10, 0.80
"""Part of its height by which a merge misses the curve, beyond all noise of counting."""
MOST_EXCESS: Final = 5.0
"""Variance of the training text, in that of the samples: above this the samples are of another kind of text."""
WIDEST: Final = 0.025
"""Half of the sum of the intervals' half widths: the share of the text that chance may put into a wrong category."""

ROUGH_SLACK, NONE_SLACK = 0.025, 0.5
"""Objective of the linear program, a part of the mixture's pairs: above these the shares are rough, or none."""
LEAST_PROGRAM_MERGES: Final = 1000
"""Fewest merges with which the objective says so much; it was calibrated at 3,000."""


@dataclass(frozen=True)
class Trust:
    """Level of trust in a mixture, and clauses that say why it is not higher."""

    level: Level
    """firm: the shares are within a few points in all. rough: several points. none: not to be relied on."""
    reasons: tuple[str, ...]
    moved: float | None
    """Share of the text that changes its category when the next smaller or larger number of merges is used, the larger
    of the two; None where this was not measured."""

    @property
    def verdict(self) -> str:
        """The judgement as a sentence; empty for a firm mixture."""
        if self.level == "firm":
            return ""
        verdict = "are rough" if self.level == "rough" else "cannot be relied on"
        return f"The shares {verdict}: {'; '.join(self.reasons)}."


def judge(method: str, facts: Mapping[str, Any], mixture: pl.DataFrame, sensitivity: pl.DataFrame | None) -> Trust:
    """Judge a mixture. `facts`: of its manifest; `mixture`, `sensitivity`: its tables.

    none: the shares move by more than NONE_MOVED, the merges miss the curve by more than NONE_MISS, or samples of
    another kind of text do not cover the list. rough: any reason less than these. The linear program is judged by its
    objective alone.
    """
    moved, noise = _moved(facts, mixture, sensitivity), facts.get("noise") or {}
    miss, excess = float(noise.get("relative", 0.0)) ** 0.5, float(noise.get("list_scaled", 0.0))
    uncovered, reasons = bool(facts.get("warning")), list[str]()
    if uncovered:
        reasons.append(_coverage(facts))
    if moved is not None and moved > ROUGH_MOVED:
        swing = _swing(sensitivity) if sensitivity is not None else ""
        reasons.append(f"{100 * moved:.1f} % of the text changes its category with the number of merges used{swing}")
    if facts.get("converged") is False and (moved is None or moved > ROUGH_MOVED):
        reasons.append("the fit had not settled when it was ended")
    if miss > ROUGH_MISS:
        reasons.append(f"the merges miss the fitted curve by {100 * miss:.0f} %")
    if excess > MOST_EXCESS:
        reasons.append(f"the merges vary {excess:.0f} times as much as the samples explain")
    if (width := _width(mixture)) > WIDEST:
        reasons.append(f"the samples are small: by chance alone {100 * width:.1f} % of the text may be misplaced")
    if method == "lp":
        reasons += _of_program(facts)
    worst = (moved or 0.0) > NONE_MOVED or miss > NONE_MISS or (uncovered and excess > MOST_EXCESS)
    worst |= float(facts.get("objective") or 0.0) > NONE_SLACK
    return Trust("none" if worst else "rough" if reasons else "firm", tuple(reasons), moved)


def _of_program(facts: Mapping[str, Any]) -> list[str]:
    """Judge the linear program by the slack that it needs."""
    if int(facts.get("merges_used") or 0) < LEAST_PROGRAM_MERGES:
        return [f"the program used fewer than {LEAST_PROGRAM_MERGES:,} merges, too few to check it"]
    objective = float(facts.get("objective") or 0.0)
    return [f"the program leaves {100 * objective:.1f} % of the pairs unexplained"] if objective > ROUGH_SLACK else []


def _coverage(facts: Mapping[str, Any]) -> str:
    tested, failed = facts.get("merges_tested"), facts.get("unexplained_merges")
    if not tested or failed is None:
        return "the categories do not explain the merge list"
    return f"the categories do not explain {failed:,} of {tested:,} merges that were tested"


def _moved(facts: Mapping[str, Any], mixture: pl.DataFrame, sensitivity: pl.DataFrame | None) -> float | None:
    """Total variation distance between the mixture and the estimates from the next smaller and larger number of merges.

    None if the shares were estimated from one number of merges only.
    """
    if sensitivity is None or sensitivity.is_empty():
        return None
    here = mixture.filter(pl.col("category") != NONE_OF_THESE).select("category", here=pl.col("share"))
    here = here.with_columns(pl.col("here") / max(float(here["here"].sum()), 1e-300))
    used = int(facts.get("merges_used") or 0)
    sizes = sensitivity["merges"].unique().sort().to_list()
    beside = [*[size for size in sizes if size < used][-1:], *[size for size in sizes if size > used][:1]]
    distances = []
    for size in beside:
        both = here.join(sensitivity.filter(pl.col("merges") == size), on="category", how="left")
        distances.append(float((both["here"] - both["share"].fill_null(0.0)).abs().sum()) / 2)
    return max(distances, default=None)


def _swing(sensitivity: pl.DataFrame) -> str:
    """Name the category that moves most, over all numbers of merges."""
    spans = sensitivity.group_by("category").agg(low=pl.col("share").min(), high=pl.col("share").max())
    order = spans.sort((pl.col("high") - pl.col("low")).round(6), "category", descending=[True, False])
    worst = order.row(0, named=True)
    return f" ({named(worst['category'])}: {100 * worst['low']:.1f} % to {100 * worst['high']:.1f} %)"


def _width(mixture: pl.DataFrame) -> float:
    """Half of the sum of the half widths of the intervals that there are."""
    return float(((mixture["high"] - mixture["low"]) / 4).sum())
