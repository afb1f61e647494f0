"""The page on an inferred mixture."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jobs.report.inputs import MixtureAbout, ReportInputs
from jobs.report.mixture_notes import mixture_notes
from jobs.report.page import draw_report
from jobs.report.tables import betraying, mixture_table, telling
from pipelines.mixture.tables import NONE_OF_THESE
from tests.jobs.report.examples import EMPTY, HOSTILE, NAMES, SMALL, mixture
from tests.jobs.report.test_page import Page

FACTS: dict[str, Any] = {
    "merges_used": 1234, "warning": "", "converged": True, "intervals": True, "groups": [["en", "my"]],
}  # fmt: skip
MERGES = pl.DataFrame(
    [
        {
            "rank": 9,
            "token": b" z\n",
            "text": " z\n",
            "why": "unexplained",
            "category": None,
            "expected": 12.0,
            "occurs": 0.0,
        },
        {
            "rank": 3,
            "token": HOSTILE.encode(),
            "text": HOSTILE,
            "why": "unexplained",
            "category": None,
            "expected": 14.5,
            "occurs": 0.25,
        },
        {
            "rank": 5,
            "token": b"the",
            "text": "the",
            "why": "evidence",
            "category": "en",
            "expected": 1.0,
            "occurs": 1.0,
        },
        {
            "rank": 6,
            "token": b" of",
            "text": " of",
            "why": "evidence",
            "category": "en",
            "expected": 1.0,
            "occurs": 1.0,
        },
        {
            "rank": 7,
            "token": "\u1000".encode(),
            "text": "\u1000",
            "why": "evidence",
            "category": "my",
            "expected": 1.0,
            "occurs": 1.0,
        },
    ]
)
SENSITIVITY = pl.DataFrame(
    [
        {"merges": merges, "category": name, "share": share}
        for merges in (300, 1000, 1234)
        for name, share in (("en", 0.4), ("ja", 0.25), ("ru", 0.3), ("my", 0.05))
    ]
)


def inputs(sensitivity: pl.DataFrame = SENSITIVITY, **facts: Any) -> ReportInputs:
    about = MixtureAbout("rank", FACTS | facts, MERGES, sensitivity)
    return replace(EMPTY, names=NAMES, mixture=SMALL.mixture, mixture_about=about)


def test_what_to_beware_of_comes_first() -> None:
    unstable = SENSITIVITY.with_columns(share=pl.when(pl.col("merges") == 1000).then(0.25).otherwise("share"))
    warned = mixture_notes(inputs(unstable, warning="mixture: the categories do not explain the list", converged=False))
    assert warned[0] == "Beware: these shares cannot be relied on."
    assert warned[1].startswith("Beware: the categories do not explain the list.")
    assert warned[2].startswith("Beware: 20.0 % of the text changes its category with the number of merges used")
    assert warned[3] == "Beware: the fit had not settled when it was ended."
    said = mixture_notes(inputs(intervals=False))
    assert not any("Beware" in note for note in said) and "1,234 merges" in said[0]
    assert "no intervals" in said[1] and "English (en), Burmese (my) are nearly the same" in said[2]
    program = replace(inputs(), mixture_about=MixtureAbout("lp", {"merges_used": 300}))
    beware, said_of_program = mixture_notes(program)
    assert beware == "Beware: the program used fewer than 1,000 merges, too few to check it."
    assert "linear program" in said_of_program and "no intervals" in said_of_program
    assert mixture_notes(EMPTY) == []


def test_merges_that_betray_and_merges_that_tell() -> None:
    assert betraying(inputs()).rows() == [(3, repr(HOSTILE), 14.5, 0.25), (9, "' z\\n'", 12.0, 0.0)]
    assert telling(inputs()).drop("place").rows() == [
        ("Burmese (my)", 0.05, "'\u1000'"),
        ("English (en)", 0.4, "'the'  ' of'"),
    ]
    assert betraying(EMPTY).is_empty() and telling(EMPTY).is_empty()


@pytest.mark.slow
@pytest.mark.usefixtures("tables_only")
def test_the_page_shows_all_of_it_as_text(tmp_path: Path) -> None:
    written = draw_report(inputs(warning=f"mixture: such as {HOSTILE}: in your categories"), tmp_path)
    assert {"mixture.svg", "mixture-merges.png", "mixture-merges.svg"} <= set(written)
    page = Page((tmp_path / "report.html").read_text("utf-8"))
    assert f"such as {HOSTILE}: in your categories" in page.words and page.tags.count("script") == 3
    assert page.tables["table-unexplained"][1] == ["3", repr(HOSTILE), "14.50", "0.25"]
    assert page.tables["table-evidence"][1] == ["Burmese (my)", "5.00 %", "'\u1000'"]


@pytest.mark.parametrize("stated", [{"en": 0.5, "ru": 0.3, "xx": 0.2}, {"en": 1.0}])
def test_the_truth_of_none_of_these_is_what_no_category_was_given(stated: dict[str, float]) -> None:
    found = replace(EMPTY, mixture=mixture({"en": 0.5, "ru": 0.4, NONE_OF_THESE: 0.1}), training={"mixture": stated})
    truth = dict(mixture_table(found).select("category", "truth").iter_rows())
    assert truth[NONE_OF_THESE] == pytest.approx(stated.get("xx", 0.0))
