"""Judgement of an inferred mixture: how far its shares can be trusted, and the reasons."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

import polars as pl

from jobs.report.inputs import MixtureAbout, ReportInputs
from jobs.report.wording import named, percent

Level = Literal["firm", "rough", "none"]
ROUGH_ABOVE: Final = 0.1
NONE_ABOVE: Final = 0.25
"""Bounds of `Trust.moved`."""
SETTLED_BELOW: Final = 0.02
"""A fit that was ended before it converged is as good as settled where its shares move less than this."""


class Trust(NamedTuple):
    """Level of trust in a mixture, and sentences without a full stop that say why it is not higher."""

    level: Level
    """firm, rough, or none: not to be relied on."""
    reasons: list[str]
    moved: float | None
    """Share of the text that changes its category when the next smaller or larger number of merges is used, the larger
    of the two; None where this was not measured."""


def judge(inputs: ReportInputs) -> Trust:
    """Judge by coverage (the warning of `mixture`), stability (sensitivity.parquet) and convergence.

    none: the shares move by more than NONE_ABOVE, or by more than ROUGH_ABOVE while the categories do not explain the
    merge list. rough: either of these two alone, a fit that did not settle, or no check at all (the linear program).
    """
    about = inputs.mixture_about
    if about is None:
        return Trust("firm", [], None)
    moved, reasons = _moved(about), list[str]()
    unexplained = bool(about.facts.get("warning"))
    unstable = moved is not None and moved > ROUGH_ABOVE
    if unexplained:
        reasons.append(_coverage(about))
    if moved is not None and unstable:
        swing = _swing(about, inputs.names)
        reasons.append(f"{percent(moved)} of the text changes its category with the number of merges used{swing}")
    if about.facts.get("converged") is False and (moved is None or moved > SETTLED_BELOW):
        reasons.append("the fit had not settled when it was ended")
    if about.method == "lp":
        reasons.append("the linear program has no check of its own")
    worst = moved is not None and (moved > NONE_ABOVE or (unstable and unexplained))
    return Trust("none" if worst else "rough" if reasons else "firm", reasons, moved)


def _coverage(about: MixtureAbout) -> str:
    tested, failed = about.facts.get("merges_tested"), about.facts.get("unexplained_merges")
    if not tested or failed is None:
        return "the categories do not explain the merge list"
    return f"the categories do not explain {failed:,} of {tested:,} merges that were tested"


def _moved(about: MixtureAbout) -> float | None:
    """Total variation distance between the mixture and its neighbours in the number of merges."""
    table = about.sensitivity
    if table is None or table["merges"].n_unique() < 2:
        return None
    wide = table.pivot("merges", index="category", values="share", aggregate_function="first").drop("category")
    sizes = sorted(wide.columns, key=int)
    at = _used(sizes, about)
    neighbours = [sizes[place] for place in (at - 1, at + 1) if 0 <= place < len(sizes)]
    here = wide[sizes[at]].fill_null(0.0)
    return max(float((here - wide[one].fill_null(0.0)).abs().sum()) / 2 for one in neighbours)


def _used(sizes: list[str], about: MixtureAbout) -> int:
    """Place of the number of merges that the mixture rests on, or of the nearest."""
    used = int(about.facts.get("merges_used") or int(sizes[-1]))
    return min(range(len(sizes)), key=lambda place: abs(int(sizes[place]) - used))


def _swing(about: MixtureAbout, names: Mapping[str, str]) -> str:
    """The category that moves most, over all numbers of merges."""
    assert about.sensitivity is not None
    spans = about.sensitivity.group_by("category").agg(low=pl.col("share").min(), high=pl.col("share").max())
    worst = spans.sort((pl.col("high") - pl.col("low")).round(6), "category", descending=[True, False]).row(
        0, named=True
    )
    return f" ({named(worst['category'], names)}: {percent(worst['low'])} to {percent(worst['high'])})"
