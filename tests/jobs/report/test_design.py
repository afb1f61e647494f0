"""The part of a report about a design: one sentence, two charts, two tables."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from jobs.report.design import DesignFound, cost
from jobs.report.findings import findings
from jobs.report.inputs import ReportInputs
from jobs.report.page import draw_report
from tests.jobs.report.examples import HOSTILE, NAMES, design


def test_one_sentence_says_what_it_costs_those_who_pay() -> None:
    assert cost(design(), NAMES) == (
        "The fair tokenizer lowers the Gini coefficient of 3 languages from 0.200 to 0.100 and the worst premium from "
        "2.00 to 1.50, for 2.0 % more tokens in total; 1 of them pay for it with 20.0 % more tokens on average, "
        "English (en) with 20.0 % the most."
    )
    found = design()
    nobody = DesignFound(found.frontier, found.languages.with_columns(change=pl.lit(-0.1)), found.facts)
    assert cost(nobody, NAMES).endswith("; no language pays more than before.")


def test_the_page_shows_methods_and_languages(tmp_path: Path) -> None:
    inputs = replace(ReportInputs(title="", names=NAMES), design=design())
    assert findings(inputs) == [cost(design(), NAMES)]
    files = draw_report(inputs, tmp_path)
    assert {"frontier.png", "frontier-slide.svg", "design-premiums.svg"} <= set(files)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "A tokenizer designed to be fair" in page and "temperature 5" in page and HOSTILE not in page
