"""The page in a real browser, without a window: one page, one session. Skips, with a word, where there is none."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jobs.report.page import draw_report
from tests.jobs.report.browser import BROWSER, Browser
from tests.jobs.report.examples import EMPTY, SMALL, curves, large, premiums

pytestmark = [
    pytest.mark.usefixtures("no_png"),
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH"),
]
PHONE_PIXELS = 375
WORDS = {"en": ["one", " two"], "he": ["אחת", " שתיים"]}
EXAMPLES = pl.DataFrame(
    [{"tokenizer": "t", "language": language, "id": "1", "tokens": [word.encode() for word in tokens]}
     for language, tokens in WORDS.items()]
)  # fmt: skip


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser
        assert browser.problems == []


@pytest.fixture(scope="module")
def page(no_png: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two tokenizers in the languages of SMALL."""
    assert SMALL.premiums is not None
    rows = [(row["language"], 1.1 * row["premium"], None, None) for row in SMALL.premiums.iter_rows(named=True)]
    both = pl.concat([SMALL.premiums, premiums(rows, "other")])
    directory = tmp_path_factory.mktemp("page")
    inputs = replace(SMALL, premiums=both, examples=EXAMPLES, curves=curves(["en", "my", "ru"]))
    draw_report(inputs, directory)
    return directory / "report.html"


@pytest.fixture
def opened(browser: Browser, page: Path) -> Browser:
    browser.size(1000, 800)
    browser.open(page)
    return browser


def rows(browser: Browser, table: str = "premiums") -> list[list[str]]:
    """Cells of the rows of a table that are shown."""
    found: list[list[str]] = browser.ask(
        f"[...document.getElementById('table-{table}').tBodies[0].rows].filter((row) => !row.hidden)"
        ".map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    return found


def drawn_texts(browser: Browser, chart: str = "premiums") -> list[str]:
    found: list[str] = browser.ask(
        f"[...document.querySelectorAll('figure[data-chart={chart}] svg text')].map((text) => text.textContent)"
    )
    return found


def choose(browser: Browser, name: str, value: Any) -> None:
    """Choose in the form as a reader's click would."""
    browser.ask(
        f"(() => {{ const box = document.querySelector('#questions [name={name}]{value if name != 'own' else ''}');"
        + (f" box.value = '{value}';" if name == "own" else " box.checked = !box.checked;")
        + " box.dispatchEvent(new Event('input', {bubbles: true})); })()"
    )
    browser.settle()


def test_the_page_opens_without_the_network(opened: Browser) -> None:
    assert opened.ask("performance.getEntriesByType('resource').length") == 0
    assert opened.ask("document.querySelectorAll('figure svg').length") >= 1  # others are drawn when they are in view
    width, height = opened.ask(
        "(({width, height}) => [width, height])(document.querySelector('figure svg').getBoundingClientRect())"
    )
    assert width > 400 and height > 100


def test_tables_sort_by_mouse_and_keys_and_are_searched(opened: Browser) -> None:
    before = [row[1] for row in rows(opened)]
    assert before[0] == "Burmese (my)"
    head = "#table-premiums th:nth-child(2) button"
    opened.point(head, press=True)
    assert [row[1] for row in rows(opened)] == sorted(before)
    opened.key("Enter", 13)  # the heading has the focus
    opened.ask(f"document.querySelector('{head}').click()")
    assert [row[1] for row in rows(opened)] == sorted(before, reverse=True)
    opened.ask("document.querySelector('#table-premiums').closest('details').querySelector('input').focus()")
    opened.type("cyrillic other")
    assert [row[:2] for row in rows(opened)] == [["other", "Russian (ru)"]]
    said = opened.ask("document.querySelector('#table-premiums').closest('details').querySelector('output').value")
    assert said == "1 of 10 rows"


def test_the_pointer_on_a_mark_shows_its_values(opened: Browser) -> None:
    opened.point("figure[data-chart=premiums] .mark-symbol.role-mark path")
    said = opened.ask("document.getElementById('tip').innerText")
    assert said.splitlines()[0] == "Burmese (my)" and "premium 5." in said
    opened.mouse(2, 2)
    assert opened.ask("document.getElementById('tip').hidden")


def test_a_language_is_followed_through_tables_charts_and_a_sentence(opened: Browser) -> None:
    russian = opened.ask(
        "[...document.querySelector('[name=own]').options].find((one) => one.textContent === 'Russian (ru)').value"
    )
    choose(opened, "own", russian)
    said = opened.ask("document.getElementById('followed').innerText")
    assert "Russian (ru) pays least with tok, 2.50 times the baseline’s tokens, and most with other, 2.75." in said
    assert "tok: 2.50; 1 of 5 pay more" in said
    marked = opened.ask("[...document.querySelectorAll('tr.own')].map((row) => row.textContent.includes('Russian'))")
    assert len(marked) >= 4 and all(marked)
    bands = opened.ask(
        "[...document.querySelectorAll('figure[data-chart=premiums] .mark-rect.role-mark path')]"
        ".filter((path) => path.getAttribute('fill') === '#ffd84d').length"
    )
    assert bands == 1


def test_scripts_tokenizers_and_names_are_chosen(opened: Browser) -> None:
    assert {"Russian (ru)", "Burmese (my)", "Cyrillic, Greek, Armenian, Georgian"} <= set(drawn_texts(opened))
    group = opened.ask(
        "[...document.querySelectorAll('[name=script]')]"
        ".findIndex((box) => box.parentNode.textContent.includes('Greek'))"
    )
    choose(opened, "script", f'[value="{group}"]')
    shown = drawn_texts(opened)
    assert "Burmese (my)" in shown and not {"Russian (ru)", "Cyrillic, Greek, Armenian, Georgian"} & set(shown)
    assert not any("Russian" in row[1] for row in rows(opened)) and len(rows(opened)) == 8
    assert opened.ask("document.querySelector('#questions output').value") == "4 of 5 are shown"
    choose(opened, "tokenizer", '[value="0"]')
    assert {row[0] for row in rows(opened)} == {"tok"}
    opened.ask("document.querySelector('[name=words]').focus()")
    opened.type("japan, burm")
    assert [row[1] for row in rows(opened)] == ["Burmese (my)", "Japanese (ja)"]
    shown = drawn_texts(opened)
    assert {"Burmese (my)", "Japanese (ja)"} <= set(shown) and "English (en)" not in shown
    opened.ask("document.querySelector('#questions button[type=reset]').click()")
    opened.settle()
    assert len(rows(opened)) == 10 and "Russian (ru)" in drawn_texts(opened)


def test_a_scale_is_logarithmic_or_linear(opened: Browser) -> None:
    def steps() -> list[float]:
        """Distances on the axis between 1 and 2, and between 2 and 3."""
        ticks = opened.ask(
            "[...document.querySelector('figure[data-chart=premiums] .role-axis-label').children]"
            ".map((text) => [text.textContent, text.getBoundingClientRect().left])"
        )
        at = {float(text): left for text, left in ticks}
        return [at[2] - at[1], at[3] - at[2]]

    first, second = steps()
    assert math.isclose(second / first, math.log(1.5) / math.log(2), rel_tol=0.03)
    opened.point("figure[data-chart=premiums] .scale", press=True)
    first, second = steps()
    assert math.isclose(first, second, rel_tol=0.03)
    assert opened.ask("document.querySelector('figure[data-chart=premiums] .scale').getAttribute('aria-pressed')") == (
        "true"
    )


def test_a_dark_screen_gets_dark_charts_and_paper_light_ones(opened: Browser) -> None:
    def grounds() -> list[str]:
        found: list[str] = opened.ask(
            "[document.body, document.querySelector('figure svg')].map((one) => getComputedStyle(one).backgroundColor)"
        )
        return found

    assert grounds() == ["rgb(255, 255, 255)"] * 2
    opened.prefer(prefers_color_scheme="dark")
    assert grounds() == ["rgb(20, 24, 29)"] * 2
    printed = opened.ask(
        "(() => { dispatchEvent(new Event('beforeprint')); return Promise.resolve(); })()"
        ".then(() => new Promise((done) => setTimeout(done))).then(() =>"
        "[...document.querySelectorAll('figure')].map((figure) => figure.querySelector('svg')?.style.backgroundColor))"
    )
    assert len(printed) >= 5 and set(printed) == {"rgb(255, 255, 255)"}  # every chart, in view or not
    opened.ask("dispatchEvent(new Event('afterprint'))")
    opened.prefer()


def test_right_to_left_text_runs_from_the_right(opened: Browser) -> None:
    lines = opened.ask(
        "[...document.querySelectorAll('.spelled dd')].map((line) => [getComputedStyle(line).direction,"
        " [...line.querySelectorAll('span')].map((span) => span.getBoundingClientRect().left)])"
    )
    left = dict(lines)
    assert left["ltr"] == sorted(left["ltr"]) and left["rtl"] == sorted(left["rtl"], reverse=True)


def test_a_phone_shows_bars_and_their_values_without_scrolling_sideways(browser: Browser, tmp_path: Path) -> None:
    draw_report(replace(large(), names={"l05": "A language with a name of some length"}), tmp_path)
    browser.size(PHONE_PIXELS, 700)
    browser.open(tmp_path / "report.html")
    found = browser.ask("""(async () => {
      const boxes = [];
      for (const figure of document.querySelectorAll("figure")) {
        figure.scrollIntoView();
        for (let i = 0; i < 50 && !figure.querySelector("svg[aria-hidden]"); i++) {
          await new Promise((done) => setTimeout(done, 20));
        }
        const scroll = figure.querySelector(".scroll");
        const edge = scroll.getBoundingClientRect();
        const texts = [...figure.querySelectorAll("svg text")].map((text) => text.getBoundingClientRect());
        boxes.push({scrolled: scroll.scrollWidth - scroll.clientWidth,
          right: Math.max(...texts.map((box) => box.right)) - edge.right,
          smallest: Math.min(...texts.map((box) => box.height).filter((height) => height > 0))});
      }
      return {wide: document.documentElement.scrollWidth, boxes};
    })()""")
    assert found["wide"] <= PHONE_PIXELS
    assert len(found["boxes"]) == 4
    for box in found["boxes"]:  # the values at the ends of bars are on the screen
        assert box["scrolled"] <= 0 and box["right"] <= 0
        assert box["smallest"] >= 9  # pixels: it can be read


def test_a_page_without_tables_opens(browser: Browser, tmp_path: Path) -> None:
    draw_report(EMPTY, tmp_path)
    browser.open(tmp_path / "report.html")
    assert browser.ask("document.title") == EMPTY.title
