"""The judgement of an inferred mixture, and the sentence and the colour that follow from it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jobs.report.charts.shares import INFERRED
from jobs.report.findings import findings
from jobs.report.inputs import MixtureAbout, ReportInputs
from jobs.report.page import draw_report
from jobs.report.trust import judge
from tests.jobs.report.examples import EMPTY, mixture

WARNING = "mixture: the categories do not explain the list: 12 of 122 merges are far too rare in them"


def inferred(shares: dict[int, float], used: int, method: str = "rank", **facts: Any) -> ReportInputs:
    """A mixture of en and de; `shares`: number of merges to the share of en."""
    rows = [
        {"merges": merges, "category": name, "share": share}
        for merges, en in shares.items()
        for name, share in (("en", en), ("de", 1 - en))
    ]
    known = {"merges_used": used, "warning": "", "converged": True, "merges_tested": 122, "unexplained_merges": 0}
    about = MixtureAbout(method, known | facts, None, pl.DataFrame(rows) if rows else None)
    en = shares.get(used, 0.5)
    return replace(EMPTY, mixture=mixture({"en": en, "de": 1 - en}), mixture_about=about)


def total_variation(one: float, other: float) -> float:
    """By its definition, of (x, 1 - x) and (y, 1 - y)."""
    return (abs(one - other) + abs((1 - one) - (1 - other))) / 2


@pytest.mark.parametrize(
    ("shares", "used", "level"),
    [
        ({1000: 0.31, 3000: 0.33}, 1000, "firm"),  # as in the demo
        ({300: 0.0, 1000: 0.15, 3000: 0.13, 30_000: 0.857}, 30_000, "none"),  # as a mixture of cl100k_base was
        ({1000: 0.5, 3000: 0.65, 10_000: 0.66}, 10_000, "firm"),  # settled at the end
        ({1000: 0.5, 3000: 0.65, 10_000: 0.66}, 1000, "rough"),  # the next size says otherwise
    ],
)
def test_the_level_follows_from_the_neighbouring_numbers_of_merges(
    shares: dict[int, float], used: int, level: str
) -> None:
    trust = judge(inferred(shares, used))
    sizes = sorted(shares)
    at = sizes.index(used)
    beside = [sizes[place] for place in (at - 1, at + 1) if 0 <= place < len(sizes)]
    assert trust.moved == pytest.approx(max(total_variation(shares[used], shares[one]) for one in beside))
    assert trust.level == level
    assert bool(trust.reasons) == (level != "firm")


def test_a_fit_that_was_ended_early_but_does_not_move_is_not_rough() -> None:
    assert judge(inferred({1000: 0.30, 3000: 0.31}, 1000, converged=False)).level == "firm"
    assert judge(inferred({1000: 0.30, 3000: 0.35}, 1000, converged=False)).level == "rough"
    assert judge(inferred({}, 1000, converged=False)).level == "rough"  # nothing shows that it does not move


def test_categories_that_do_not_explain_the_list_make_shares_rough_and_with_instability_worthless() -> None:
    steady, moving = {1000: 0.30, 3000: 0.31}, {1000: 0.30, 3000: 0.45}
    assert judge(inferred(steady, 1000, warning=WARNING, unexplained_merges=12)).level == "rough"
    assert judge(inferred(moving, 1000)).level == "rough"
    both = judge(inferred(moving, 1000, warning=WARNING, unexplained_merges=12))
    assert both.level == "none"
    assert both.reasons == [
        "the categories do not explain 12 of 122 merges that were tested",
        "15.0 % of the text changes its category with the number of merges used (de: 55.0 % to 70.0 %)",
    ]
    assert judge(inferred({}, 300, "lp")).level == "rough"
    assert judge(EMPTY).level == "firm"


@pytest.mark.slow
def test_the_headline_carries_its_reservations(tmp_path: Path) -> None:
    swinging = inferred({300: 0.0, 1000: 0.15, 3000: 0.13, 30_000: 0.857}, 30_000, warning=WARNING)
    [sentence] = findings(swinging)
    assert sentence.startswith("The merge list does not tell the training mixture, as")
    assert "de: 14.3 % to 100.0 %" in sentence and "cannot be relied on" in sentence
    [rough] = findings(inferred({1000: 0.6, 3000: 0.75}, 1000))
    assert rough.startswith("The merge list points to en") and "The shares are rough: 15.0 % of the text" in rough
    [firm] = findings(inferred({1000: 0.6, 3000: 0.61}, 1000))
    assert firm.endswith("of 2 categories that were compared.")
    for inputs, level in ((swinging, "none"), (inferred({1000: 0.6, 3000: 0.61}, 1000), "firm")):
        (tmp_path / level).mkdir()
        draw_report(inputs, tmp_path / level)
        svg = (tmp_path / level / "mixture.svg").read_text("utf-8")
        assert INFERRED[level] in svg
        assert all(colour not in svg for name, colour in INFERRED.items() if name != level)
    page = (tmp_path / "none" / "report.html").read_text("utf-8")
    assert "Beware: these shares cannot be relied on." in page and "They are grey" in page
