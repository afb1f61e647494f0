"""Names of languages and tokenizers that mean something to JavaScript, to Vega, or to a renderer of text."""

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from jobs.report.charts.drawings import CHARTS
from jobs.report.inputs import CurvesFound, MixtureAbout, ReportInputs
from jobs.report.page import draw_report
from jobs.report.superwords import SuperwordsFound
from jobs.report.wording import named
from tests.jobs.report.browser import BROWSER, Browser
from tests.jobs.report.examples import EMPTY, compression, curves, design, mixture, premiums
from tests.jobs.report.test_hostile_browser import opened

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_png")]  # draws every chart
PROPERTIES = ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf", "__defineGetter__", "length"]
OTHERS = [
    "0", "-1", "null", "undefined", "true", "", "datum.value", "{{7*7}}", "'];alert(1);['", "\\", '"', "</script>",
    "عربي", "שלום", "a\u202eb\u2066c", "x\x00y\n\tz", "\ufeff", "\u2028", "😀", "fa\u200cra", "very-long-" * 60,
]  # fmt: skip
NAMES = PROPERTIES + OTHERS


def inputs(tokenizers: list[str]) -> ReportInputs:
    rows = [(name, 1 + i / 7, 1 + i / 8, 1 + i / 6) for i, name in enumerate(NAMES)]
    shares = [(merges, name, 1 / len(NAMES)) for merges in (300, 1000) for name in NAMES]
    sensitivity = pl.DataFrame(shares, schema=["merges", "category", "share"], orient="row")
    schema = {"rank": pl.Int64, "token": pl.Binary, "why": pl.String, "category": pl.String, "expected": pl.Float64,
              "occurs": pl.Float64}  # fmt: skip
    merges = pl.DataFrame(
        [(i, name.encode() or b" ", why, name if why == "evidence" else None, 2.0, 0.0)
         for i, name in enumerate(NAMES) for why in ("unexplained", "evidence")],
        schema=schema, orient="row",
    )  # fmt: skip
    spanning = pl.DataFrame({"token_bytes": [name.encode() for name in NAMES], "words": 2, "count": 3})
    facts = {"merges_used": 1000, "warning": "", "converged": True, "groups": [PROPERTIES]}
    shared = curves(NAMES)
    own = CurvesFound(
        shared.curves, shared.marks, 125, pl.DataFrame(schema={"language": pl.String, "premium": pl.Float64})
    )
    return replace(
        EMPTY,
        names={name: name for name in NAMES},
        premiums=pl.concat([premiums(rows, tokenizer) for tokenizer in tokenizers]),
        baseline=NAMES[0],
        mixture=mixture({name: 1 / len(NAMES) for name in NAMES}),
        mixture_about=MixtureAbout("rank", facts, merges, sensitivity),
        compression=compression([(name, 100 + i, 50) for i, name in enumerate(NAMES)]),
        curves=shared,
        sweep=own,
        design=design(*NAMES[:3]),
        superwords=SuperwordsFound(spanning, 500, (tokenizers[0], tokenizers[-1])),
        examples=pl.DataFrame(
            [{"tokenizer": tokenizer, "language": name, "id": name, "tokens": [name.encode() or b" "]}
             for tokenizer in tokenizers for name in NAMES]
        ),
    )  # fmt: skip


@pytest.fixture(scope="module", params=[["constructor"], ["__proto__", "toString", "valueOf"]], ids=["one", "several"])
def drawn(
    no_png: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[str]]:
    directory = tmp_path_factory.mktemp("names")
    drawn = inputs(request.param)
    if len(request.param) == 1:  # bars in place of points; the other charts do not depend on it
        drawn = replace(EMPTY, premiums=drawn.premiums, baseline=drawn.baseline, examples=drawn.examples)
    draw_report(drawn, directory)
    return directory, request.param


def test_every_chart_is_drawn_with_every_name(drawn: tuple[Path, list[str]]) -> None:
    directory, tokenizers = drawn
    for chart in CHARTS:
        if len(tokenizers) == 1 and chart not in ("premiums", "lorenz", "compression"):
            continue
        svg = ET.fromstring((directory / f"{chart}.svg").read_text("utf-8"))
        texts = {"".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")}
        if chart in ("premiums", "premium-map", "mixture", "superwords", "compression"):
            wanted = [named(name, {}) for name in NAMES if len(name) < 30]
            assert set(wanted) <= texts, chart
            assert any(text.startswith("very-long-very") and text.endswith("…") for text in texts), chart
        if chart in ("premiums", "premium-map", "lorenz") and len(tokenizers) > 1:
            assert all(any(text.startswith(tokenizer) for text in texts) for tokenizer in tokenizers), chart


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH")
def test_the_page_shows_every_name_as_text(drawn: tuple[Path, list[str]], tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        found = opened(drawn[0], browser)
    for name in NAMES:
        assert named(name, {}) in found["text"], name
