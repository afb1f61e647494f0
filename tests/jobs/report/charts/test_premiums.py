"""The premium charts: intervals, axes of tall charts, and pictures for slides."""

import re
import struct
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from jobs.report.charts.premiums import premiums as draw
from jobs.report.findings import findings
from jobs.report.page import draw_report
from tests.jobs.report.examples import EMPTY, large, premiums

WIDE = [("en", 1.0, 1.0, 1.0), ("en_AU", 1.0006, 1.0001, 21.65), ("de", 1.5, 1.4, 1.6)]


def texts(path: Path) -> list[str]:
    svg = ET.fromstring(path.read_text("utf-8"))
    return ["".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")]


def test_an_interval_that_says_nothing_is_not_drawn_and_does_not_stretch_the_axis() -> None:
    """Example: en_AU of the demo, 3 of whose 692 documents differ from the baseline's."""
    inputs = replace(EMPTY, premiums=premiums(WIDE), baseline="en")
    drawn = draw(inputs)
    assert drawn is not None
    assert "thin lines are 95 % intervals (1 wider than a factor of 3 not drawn)" in drawn.caption
    for chart in (drawn.page, drawn.phone, drawn.slide):
        specification = chart.to_dict()
        domains = re.findall(r"'domain': \[([\d.]+), ([\d.]+)\], 'nice'", str(specification))
        assert domains and all(float(high) < 2.2 for _, high in domains)
        all_rows = [row for rows in specification["datasets"].values() for row in rows]
        rows = [row for row in all_rows if row.get("place") == inputs.places["en_AU"]]
        assert rows and all(row["end"] == row["premium"] for row in rows if "end" in row)
    narrow = draw(replace(EMPTY, premiums=premiums([WIDE[0], WIDE[2]]), baseline="en"))
    assert narrow is not None and "not drawn" not in narrow.caption


def test_a_finding_on_such_an_interval_says_that_it_is_too_wide() -> None:
    rows = [("en", 1.0, 1.0, 1.0), ("de", 1.5, 1.4, 21.65)]
    [first, *_] = findings(replace(EMPTY, premiums=premiums(rows), baseline="en"))
    assert (
        "German (de) 1.50 times as many tokens as English (en) (95 % interval 1.40 to 21.6, too wide to say more)"
        in first
    )


@pytest.fixture(scope="module")
def tall(no_vega: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tall")
    draw_report(large(), directory)
    return directory


@pytest.mark.slow
def test_tall_charts_have_their_axis_at_both_ends(tall: Path) -> None:
    for name, title in (
        ("premiums", "tokens for the same text, English (en) = 1"),
        ("compression", "bytes, characters in a token"),
    ):
        drawn = texts(tall / f"{name}.svg")
        assert drawn.count(title) == 2, name
        assert texts(tall / "mixture.svg").count("share of the training text's bytes") == 1  # two rows


@pytest.mark.slow
def test_a_slide_is_16_to_9_with_the_top_and_the_bottom(tall: Path) -> None:
    for path in tall.glob("*-slide.png"):
        assert struct.unpack(">II", path.read_bytes()[16:24]) == (1920, 1080), path.name
    drawn = texts(tall / "premiums-slide.svg")
    assert "Token premiums of 98 languages and the baseline English (en): the 10 dearest, the 10 cheapest" in drawn
    assert [text for text in drawn if "between" in text] == ["… 79 between …"]
    named = [text for text in drawn if re.fullmatch(r"l\d\d", text)]
    assert named[:10] == [f"l{i}" for i in range(96, 86, -1)]
    assert len([text for text in drawn if re.fullmatch(r"[\d.]+", text) and "." in text]) >= 20  # a value at each bar


@pytest.mark.slow
def test_every_count_of_languages_on_a_page_is_the_same(tall: Path) -> None:
    page = (tall / "report.html").read_text("utf-8")
    counts = re.findall(r"(\d+) languages(?: compared| and the baseline English)", page)
    assert len(counts) >= 4 and set(counts) == {"98"}  # a finding, captions of charts, the summary of a table
