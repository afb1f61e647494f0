"""The judgement of an inferred mixture, on figures of mixtures whose shares were known."""

from typing import Any

import polars as pl
import pytest

from pipelines.mixture.tables import NONE_OF_THESE
from pipelines.mixture.trust import Trust, judge

WARNING = "mixture: the categories do not explain the list: 12 of 122 merges are far too rare in them"
CALM = {"sample": 1.0, "list_scaled": 0.4, "list_flat": 0.0, "relative": 0.0}


def judged(
    shares: dict[int, float], used: int, here: float = 0.5, method: str = "rank", half: float = 0.001, **facts: Any
) -> Trust:
    """Judge a mixture of en and de; `shares`: number of merges to the share of en; `half`: half width of intervals."""
    rows = [
        {"merges": merges, "category": name, "share": share}
        for merges, en in shares.items()
        for name, share in (("en", en), ("de", 1 - en))
    ]
    known = {"merges_used": used, "warning": "", "converged": True, "noise": CALM, "merges_tested": 122}
    table = pl.DataFrame({"category": ["en", "de"], "share": [here, 1 - here]})
    table = table.with_columns(low=pl.col("share") - half, high=pl.col("share") + half)
    return judge(method, {"unexplained_merges": 12, **known, **facts}, table, pl.DataFrame(rows) if rows else None)


KNOWN = [  # scenario, error in points of the text, moved, miss, excess, half width of all intervals, warned, level
    ("samples of the same text", 0.2, 0.003, 0.00, 0.6, 0.004, False, "firm"),
    ("samples of 30 kB", 1.1, 0.016, 0.00, 0.0, 0.023, False, "firm"),
    ("samples of other pages", 0.7, 0.011, 0.03, 3.2, 0.016, False, "firm"),
    ("samples of 10 kB", 3.2, 0.034, 0.04, 0.0, 0.039, False, "rough"),
    ("a tenth withheld", 4.1, 0.013, 0.09, 0.0, 0.007, True, "rough"),
    ("half withheld", 5.4, 0.052, 0.75, 0.0, 0.024, True, "rough"),
    ("a category of another language", 13.4, 0.023, 0.11, 0.0, 0.005, True, "rough"),
    ("all categories of other languages", 59.8, 0.094, 0.93, 0.0, 0.081, True, "none"),
    ("all categories of other languages", 40.8, 0.118, 0.90, 0.0, 0.159, True, "none"),
    ("cl100k_base on software help", None, 0.728, 1.04, 27.0, 0.199, True, "none"),
    ("llama on software help", None, 0.193, 0.12, 16.0, 0.0, True, "none"),
]


@pytest.mark.parametrize("case", KNOWN, ids=lambda case: case[0])
def test_the_level_of_known_mixtures(case: tuple[str, float | None, float, float, float, float, bool, str]) -> None:
    _, error, moved, miss, excess, width, warned, level = case
    noise = CALM | {"relative": miss**2, "list_scaled": excess}
    found = judged({3000: 0.5 + moved}, 5000, half=width, noise=noise, warning=WARNING if warned else "")
    assert found.level == level and found.moved == pytest.approx(moved)
    assert bool(found.reasons) == bool(found.verdict) == (level != "firm")
    assert error is None or (error < 1.5) == (level == "firm")


@pytest.mark.parametrize(
    ("shares", "used", "here", "level", "moved"),
    [
        ({1000: 0.31, 3000: 0.33}, 1000, 0.31, "firm", 0.02),
        ({300: 0.0, 1000: 0.15, 3000: 0.13, 30_000: 0.857}, 30_000, 0.857, "none", 0.727),
        ({1000: 0.5, 3000: 0.65, 10_000: 0.66}, 10_000, 0.66, "firm", 0.01),  # settled at the end
        ({1000: 0.5, 3000: 0.55, 10_000: 0.66}, 1000, 0.5, "rough", 0.05),  # the next number says otherwise
        ({300: 0.2, 1000: 0.5, 3000: 0.52}, 1700, 0.51, "firm", 0.01),  # 300 is not beside 1,700
        ({}, 1000, 0.5, "firm", None),
    ],
)
def test_stability_is_that_of_the_neighbouring_numbers_of_merges(
    shares: dict[int, float], used: int, here: float, level: str, moved: float | None
) -> None:
    found = judged(shares, used, here)
    assert found.level == level
    assert found.moved == (None if moved is None else pytest.approx(moved))


def test_a_fit_that_was_ended_early_is_told_of_where_it_moves() -> None:
    assert judged({1000: 0.51}, 3000, converged=False).level == "firm"
    swings = judged({1000: 0.1, 3000: 0.2}, 30_000, 0.9, converged=False)
    assert "the fit had not settled when it was ended" in swings.reasons
    assert judged({}, 1000, converged=False).level == "rough"  # nothing shows that it does not move


def test_the_verdict_names_its_reasons() -> None:
    both = judged({1000: 0.30}, 1700, 0.35, warning=WARNING)
    assert both.verdict == (
        "The shares are rough: the categories do not explain 12 of 122 merges that were tested; 5.0 % of the text "
        "changes its category with the number of merges used (German (de): 70.0 % to 70.0 %)."
    )
    assert judged({1000: 0.1}, 1700, 0.9).verdict.startswith("The shares cannot be relied on: 80.0 % of the text")


def test_the_linear_program_is_judged_by_what_it_leaves_unexplained() -> None:
    assert judged({}, 3000, method="lp", objective=0.017).level == "firm"
    rough = judged({}, 3000, method="lp", objective=0.08)
    assert rough.level == "rough" and rough.reasons == ("the program leaves 8.0 % of the pairs unexplained",)
    assert judged({}, 3000, method="lp", objective=1.02).level == "none"  # all categories of other languages
    assert judged({}, 300, method="lp", objective=0.001).level == "rough"  # too few merges to show it


def test_an_unknown_share_is_no_instability() -> None:
    rows = [{"merges": 1000, "category": name, "share": 0.5} for name in ("en", "de")]
    table = pl.DataFrame({"category": ["en", "de", NONE_OF_THESE], "share": [0.4, 0.4, 0.2]})
    table = table.with_columns(low=pl.lit(None, pl.Float64), high=pl.lit(None, pl.Float64))
    assert judge("rank", {"merges_used": 3000}, table, pl.DataFrame(rows)).moved == pytest.approx(0)
