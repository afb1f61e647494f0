"""The page as a browser's parser sees it, and the files beside it."""

import re
import struct
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from jobs.report.charts.specification import file_names
from jobs.report.page import PLANNED, draw_report
from jobs.report.spelled import spelled
from jobs.report.tables import lorenz_table
from tests.jobs.report.examples import EMPTY, HOSTILE, SMALL, curves, large, premiums

pytestmark = pytest.mark.usefixtures("no_vega")
FETCHING = {"src", "href", "xlink:href", "srcset", "data", "poster", "action", "background"}


class Page(HTMLParser):
    """Parts of a page that the tests look at."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._open: list[str] = []
        self._table: list[list[str]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._open.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag == "table":
            self._table = self.tables.setdefault(dict(attrs)["id"] or "", [])
        if tag == "tr":
            self._table.append([])
        if tag in ("td", "th"):
            self._table[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] in ("script", "style"):
            return
        self.text.append(data)
        if self._open and self._open[-1] in ("td", "th"):
            self._table[-1][-1] += data

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture(scope="module")
def small(no_vega: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("small")
    written = set(draw_report(SMALL, directory))
    assert written == {path.name for path in directory.iterdir()} <= set(PLANNED)
    missing = (
        "curves",
        "design-premiums",
        "frontier",
        "mixture-merges",
        "premium-map",
        "superwords",
        "sweep",
    )  # nothing to draw
    assert set(PLANNED) - written == {file for name in missing for file in file_names(name)}
    return directory


@pytest.fixture(scope="module")
def many(no_vega: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("many")
    draw_report(large(), directory)
    return directory


def html(directory: Path) -> str:
    return (directory / "report.html").read_text("utf-8")


def test_the_page_says_what_was_run_and_found(small: Path) -> None:
    words = Page(html(small)).words
    for said in ("A report", "gpt4", "4,096", "3,840 in 321 rounds", "2.6 MB", "123,456", "7,890"):
        assert said in words
    assert "costs Burmese (my) 5.10 times as many tokens" in words
    assert all(source in words for source in ("Petrov et al. 2023", "Hayase et al. 2024", "bootstrap over documents"))
    assert words.index("Findings") < words.index("Tokens that each language pays") < words.index("How it was made")


def test_the_tables_hold_every_row(small: Path) -> None:
    tables = Page(html(small)).tables
    head, *rows = tables["table-premiums"]
    assert [row[head.index("Language")] for row in rows] == [
        "Burmese (my)", "Russian (ru)", "Japanese (ja)", "English (en)", "Esperanto (eo)",
    ]  # fmt: skip
    russian = dict(zip(head, rows[1], strict=True))
    assert (russian["Premium"], russian["95 % from"], russian["to"]) == ("2.500", "–", "–")
    assert (russian["Characters per token"], russian["Bytes per token"]) == ("1.60", "2.40")
    head, *rows = tables["table-mixture"]
    assert [(row[0], row[head.index("True share")]) for row in rows] == [
        ("English (en)", "50.00 %"), ("Russian (ru)", "30.00 %"), ("Japanese (ja)", "20.00 %"),
        ("Burmese (my)", "0.00 %"),
    ]  # fmt: skip
    assert [row[head.index("Difference")] for row in rows] == ["-10.00 %", "+0.00 %", "+5.00 %", "+5.00 %"]
    head, *rows = tables["table-compression"]
    assert [row[head.index("Bytes per token")] for row in rows] == ["4.50", "3.00", "1.20"]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["premiums", "mixture", "compression"])
def test_a_chart_is_on_the_page_and_in_files(small: Path, name: str) -> None:
    page = Page(html(small))
    assert ("data-chart", name) in page.attributes
    svg = ET.fromstring((small / f"{name}.svg").read_text("utf-8"))
    drawn = {"".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")}
    assert {"English (en)", "Russian (ru)", "Burmese (my)"} <= drawn
    png = (small / f"{name}.png").read_bytes()
    width, height = struct.unpack(">II", png[16:24])
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert width >= 1000
    assert height >= 200
    assert png.endswith(b"IEND\xaeB`\x82")


def test_premiums_are_drawn_by_script_and_in_their_order(small: Path) -> None:
    svg = ET.fromstring((small / "premiums.svg").read_text("utf-8"))
    drawn = ["".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")]
    names = ["Burmese (my)", "Russian (ru)", "Japanese (ja)", "English (en)", "Esperanto (eo)"]
    assert [text for text in drawn if text in names] == names
    groups = [
        "Indic and Southeast Asian", "Cyrillic, Greek, Armenian, Georgian", "Chinese, Japanese, Korean", "Latin",
    ]  # fmt: skip
    assert [text for text in drawn if text in groups] == groups
    assert [text for text in drawn if re.fullmatch(r"\d\.\d\d", text)] == ["5.10", "2.50", "1.50", "1.00", "0.80"]


@pytest.mark.parametrize("which", ["small", pytest.param("many", marks=pytest.mark.slow)])
def test_the_page_fetches_nothing(which: str, request: pytest.FixtureRequest) -> None:
    text = html(request.getfixturevalue(which))
    page = Page(text)
    fetched = [(name, value) for name, value in page.attributes if name in FETCHING and not value.startswith("#")]
    assert fetched == []
    assert not {"link", "img", "iframe", "object", "embed", "base", "image", "use"} & set(page.tags)
    assert not re.search(r"@import|url\((?!#|['\"]?#)|https?:|['\"(]//", text)
    assert page.tags.count("script") == 3  # two hold data
    assert ("name", "viewport") in page.attributes


@pytest.mark.slow
@pytest.mark.parametrize("which", ["small", "many"])
def test_what_is_not_known_shows_as_a_dash(which: str, request: pytest.FixtureRequest) -> None:
    directory = request.getfixturevalue(which)
    unknown = r"\b(?:null|NaN|undefined|None|Infinity)\b"
    assert not re.search(unknown, " ".join(Page(html(directory)).text))
    for path in directory.glob("*.svg"):
        assert not re.search(unknown, path.read_text("utf-8")), path.name


@pytest.mark.slow
def test_hostile_names_are_text(many: Path) -> None:
    text = html(many)
    page = Page(text)
    assert "<script>alert" not in text
    assert [row[1] for row in page.tables["table-mixture"]].count(HOSTILE) == 0  # the name is in the first column
    assert HOSTILE in [row[0] for row in page.tables["table-mixture"]]
    assert f"A title with {HOSTILE}" in page.text
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    svg = (many / "premiums.svg").read_text("utf-8")
    assert "<script" not in svg
    assert any("".join(node.itertext()).startswith("<script>alert(1)") for node in ET.fromstring(svg).iter())
    assert "\x00" not in text + svg


@pytest.mark.slow
def test_ninety_nine_languages_have_a_row_each(many: Path) -> None:
    page = Page(html(many))
    assert len(page.tables["table-premiums"]) == len(page.tables["table-compression"]) == 1 + 99
    svg = (many / "premiums.svg").read_text("utf-8")
    assert all(f">l{i:02}<" in svg for i in range(2, 97))
    assert len(html(many)) < 3_000_000
    assert struct.unpack(">II", (many / "premiums.png").read_bytes()[16:24])[1] >= 99 * 15 * 2


@pytest.mark.slow
def test_two_runs_give_equal_bytes(small: Path, tmp_path: Path) -> None:
    for name in draw_report(SMALL, tmp_path):
        assert (tmp_path / name).read_bytes() == (small / name).read_bytes(), name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kept", "charts", "headings"),
    [
        ("", set(), []),
        ("training", set(), ["How it was made"]),
        (
            "premiums",
            {"premiums", "lorenz", "compression"},
            ["Findings", "Tokens that each language pays", "Bytes and characters of a token"],
        ),
        ("mixture", {"mixture"}, ["Findings", "Inferred training mixture"]),
        ("compression", {"compression"}, ["Findings", "Bytes and characters of a token"]),
    ],
)
def test_a_part_that_is_missing_is_left_out(kept: str, charts: set[str], headings: list[str], tmp_path: Path) -> None:
    inputs = replace(EMPTY, **({kept: getattr(SMALL, kept)} if kept else {}))
    written = draw_report(inputs, tmp_path)
    assert set(written) == {"report.html"} | {file for chart in charts for file in file_names(chart)}
    assert set(written) <= set(PLANNED)
    assert re.findall(r"<h2[^>]*>([^<]*)", html(tmp_path)) == headings


def test_a_table_without_rows_is_left_out(tmp_path: Path) -> None:
    assert SMALL.premiums is not None
    assert draw_report(replace(EMPTY, premiums=SMALL.premiums.clear()), tmp_path) == ["report.html"]


@pytest.mark.slow
@pytest.mark.parametrize("premium", [1.0, 0.0, float("nan")])
def test_one_language_is_drawn(premium: float, tmp_path: Path) -> None:
    draw_report(replace(EMPTY, premiums=premiums([("en", premium, None, None)]), baseline="en"), tmp_path)
    assert ("<figure" in html(tmp_path)) == (premium == 1.0)


@pytest.mark.slow
def test_several_tokenizers_are_told_apart_without_colour(tmp_path: Path) -> None:
    rows = [("en", 1.0, 1.0, 1.0), ("ru", 30.0, 0.0, 31.0)]
    both = pl.concat([premiums(rows, "old"), premiums([*rows[:1], ("ru", 2.0, 1.9, 2.1)], HOSTILE)])
    draw_report(replace(EMPTY, premiums=both, baseline="en"), tmp_path)
    svg = (tmp_path / "premiums.svg").read_text("utf-8")
    shapes = {re.sub(r"[^A-Za-z]", "", path) for path in re.findall(r'aria-roledescription="[^"]*"|d="(M[^"]*)"', svg)}
    assert len({shape for shape in shapes if "A" in shape}) >= 1  # circles are arcs
    assert len({shape for shape in shapes if shape and "A" not in shape}) >= 1  # squares are lines
    assert "logarithmic" in Page(html(tmp_path)).words
    assert [row[0] for row in Page(html(tmp_path)).tables["table-premiums"]].count(HOSTILE) == 2


@pytest.mark.slow
def test_the_map_is_read_without_colour(tmp_path: Path) -> None:
    """The darker a cell, the higher its premium."""
    rows = [(f"l{i}", 1.25**i, None, None) for i in range(14)]
    both = pl.concat([premiums(rows, "old"), premiums([(name, 1.0, None, None) for name, *_ in rows], "new")])
    draw_report(replace(EMPTY, premiums=both, baseline="l0"), tmp_path)
    svg = (tmp_path / "premium-map.svg").read_text("utf-8")
    fills = [tuple(map(int, rgb)) for rgb in re.findall(r'fill="rgb\((\d+), (\d+), (\d+)\)"', svg)]
    light = [0.2126 * red + 0.7152 * green + 0.0722 * blue for red, green, blue in fills]
    assert len(light) == 28
    assert light == sorted(light)  # cells are drawn in the order of their premiums, highest first
    assert len(set(light)) == 14
    assert max(light) - min(light) > 100


def test_the_lorenz_curve_says_what_is_unequal() -> None:
    rows = [("a", 1.0, None, None), ("b", 1.0, None, None), ("c", 2.0, None, None)]
    table = lorenz_table(replace(EMPTY, premiums=premiums(rows), baseline="a"))
    assert table["tokens"].to_list() == [0, 0.25, 0.5, 1]
    paid = [premium for _, premium, *_ in rows]
    slow = sum(abs(x - y) for x in paid for y in paid) / (2 * len(paid) * sum(paid))
    assert table["gini"].to_list() == pytest.approx([slow] * 4)
    assert lorenz_table(replace(EMPTY, premiums=premiums(rows[:1]), baseline="a")).is_empty()


@pytest.mark.slow
def test_curves_are_drawn_with_what_reaches_the_target(tmp_path: Path) -> None:
    found = curves(["en", "ru", HOSTILE])
    written = draw_report(replace(EMPTY, curves=found, baseline="en"), tmp_path)
    assert {"curves.png", "curves.svg"} < set(written)
    page = Page(html(tmp_path))
    rows = {row[0]: row for row in page.tables["table-curves"][1:]}
    assert rows["English (en)"][3:5] == ["2,048", "no"]
    assert rows[HOSTILE][3] == "–" and rows[HOSTILE][-1] == "never reached"
    svg = ET.fromstring((tmp_path / "curves.svg").read_text("utf-8"))
    drawn = ["".join(node.itertext()) for node in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"English (en)", "Russian (ru)"} <= set(drawn)
    assert "<script>alert" not in html(tmp_path)


@pytest.mark.slow
def test_a_text_is_shown_token_by_token(tmp_path: Path) -> None:
    tokens = {
        "en": [b"Good", b" day"],
        "my": ["မ".encode()[:2], "မ".encode()[2:] + "င".encode()],
        "ar": ["يوم".encode()],
    }
    rows = [{"tokenizer": "tok", "language": one, "id": HOSTILE, "tokens": made} for one, made in tokens.items()]
    inputs = replace(EMPTY, premiums=SMALL.premiums, baseline="en", examples=pl.DataFrame(rows))
    assert [line.tokens for line in spelled(inputs)[0].lines] == [
        [("يوم", False)], [("E1 80", True), ("99 E1 80 84", True)], [("Good", False), (" day", False)],
    ]  # fmt: skip
    draw_report(inputs, tmp_path)
    text = html(tmp_path)
    assert '<dd dir="rtl" lang="ar">' in text
    assert '<span class="part">E1 80</span>' in text
    assert "<script>alert" not in text
