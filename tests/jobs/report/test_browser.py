"""The page in a real browser, without a window. Skips, with a word, where there is none."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from jobs.report.page import draw_report
from tests.jobs.report.examples import EMPTY, SMALL, large

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome", "chrome") if (found := shutil.which(name))),
    None,
)
pytestmark = [
    pytest.mark.usefixtures("svg_only"),
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH"),
]
PHONE_PIXELS = 375

TRY = """
<script>
const found = {errors: [], fetched: performance.getEntriesByType("resource").length};
const table = document.getElementById("table-premiums");
const column = [...table.tHead.rows[0].cells].findIndex((head) => head.textContent === "Language");
const names = () => [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[column].textContent);
try {
  found.before = names();
  const button = table.tHead.rows[0].cells[column].querySelector("button");
  button.click();
  found.up = names();
  button.click();
  found.down = names();
  const search = table.closest("details").querySelector("input");
  search.value = "WORD";
  search.dispatchEvent(new Event("input"));
  found.searched = names();
  found.said = table.closest("details").querySelector("output").textContent;
} catch (error) { found.errors.push(String(error)); }
const chart = document.querySelector("figure svg");
found.chart = [chart.getBoundingClientRect().width, chart.getBoundingClientRect().height];
found.wide = [document.documentElement.scrollWidth, document.documentElement.clientWidth];
const spans = [...document.querySelectorAll(".spelled dd")].map((line) => {
  const boxes = [...line.querySelectorAll("span")].map((span) => span.getBoundingClientRect());
  const style = getComputedStyle(line);
  return {direction: style.direction, left: boxes.map((box) => box.left), font: style.fontFamily};
});
found.spelled = spans;
const said = document.createElement("pre");
said.id = "found";
said.textContent = JSON.stringify(found);
document.body.append(said);
</script>
"""


def in_browser(page: str, directory: Path) -> dict[str, Any]:
    """Run a script after the page's own, and return what it prints."""
    (directory / "tried.html").write_text(page, "utf-8")
    address = (directory / "tried.html").as_uri()
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={directory / 'profile'}"]
    done = subprocess.run(
        [str(BROWSER), *flags, "--virtual-time-budget=5000", "--dump-dom", address],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    said = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert said is not None, done.stdout[-2000:]
    found: dict[str, Any] = json.loads(html.unescape(said[1]))
    assert found["errors"] == []
    return found


def drawn(directory: Path, word: str, **more: Any) -> str:
    draw_report(replace(SMALL, **more), directory)
    return (directory / "report.html").read_text("utf-8").replace("</body>", TRY.replace("WORD", word) + "</body>")


def test_tables_sort_and_search_and_nothing_is_fetched(tmp_path: Path) -> None:
    found = in_browser(drawn(tmp_path, "cyrillic"), tmp_path)
    assert found["before"][0] == "Burmese (my)"
    assert found["up"] == sorted(found["before"])
    assert found["down"] == sorted(found["before"], reverse=True)
    assert (found["searched"], found["said"]) == (["Russian (ru)"], "1 of 5 rows")
    assert found["fetched"] == 0
    assert all(pixels > 100 for pixels in found["chart"])


def test_a_phone_shows_bars_and_their_values_without_scrolling_sideways(tmp_path: Path) -> None:
    draw_report(replace(large(), names={"l05": "A language with a name of some length"}), tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    style = f"border: 0; width: {PHONE_PIXELS}px; height: 700px"
    frame = f'<iframe id="phone" style="{style}" srcdoc="{html.escape(page)}"></iframe>'
    asking = """<script>
    const frame = document.getElementById("phone");
    frame.addEventListener("load", () => {
      const root = frame.contentDocument.documentElement;
      const said = document.createElement("pre");
      said.id = "found";
      const boxes = [...frame.contentDocument.querySelectorAll("figure")].map((figure) => {
        const scroll = figure.querySelector(".scroll");
        const drawn = [...figure.querySelectorAll("svg")].filter((svg) => svg.getBoundingClientRect().width > 0);
        const texts = [...drawn[0].querySelectorAll("text")].map((text) => text.getBoundingClientRect());
        const edge = scroll.getBoundingClientRect();
        return {drawn: drawn.length, scrolled: scroll.scrollWidth - scroll.clientWidth,
          right: Math.max(...texts.map((box) => box.right)) - edge.right,
          smallest: Math.min(...texts.map((box) => box.height).filter((height) => height > 0))};
      });
      said.textContent = JSON.stringify({errors: [], wide: [root.scrollWidth, root.clientWidth], boxes});
      document.body.append(said);
    });</script>"""
    found = in_browser(f"<!DOCTYPE html><body>{frame}{asking}</body>", tmp_path)
    scrolled, seen = found["wide"]
    assert scrolled <= seen <= PHONE_PIXELS
    assert len(found["boxes"]) == 4
    for box in found[
        "boxes"
    ]:  # one of the two drawings, as wide as the screen; the values at the ends of bars are on it
        assert box["drawn"] == 1 and box["scrolled"] <= 0 and box["right"] <= 0
        assert box["smallest"] >= 9  # pixels: it can be read


def test_right_to_left_text_runs_from_the_right(tmp_path: Path) -> None:
    words = {"en": ["one", " two"], "he": ["אחת", " שתיים"]}
    rows = [
        {"tokenizer": "t", "language": language, "id": "1", "tokens": [word.encode() for word in tokens]}
        for language, tokens in words.items()
    ]
    found = in_browser(drawn(tmp_path, "x", examples=pl.DataFrame(rows)), tmp_path)
    lines = {line["direction"]: line for line in found["spelled"]}
    assert lines["ltr"]["left"] == sorted(lines["ltr"]["left"])
    assert lines["rtl"]["left"] == sorted(lines["rtl"]["left"], reverse=True)
    assert "Noto Sans Devanagari" in lines["ltr"]["font"]


def test_a_page_without_tables_opens(tmp_path: Path) -> None:
    draw_report(EMPTY, tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    asking = """<script>
    const said = document.createElement("pre");
    said.id = "found";
    said.textContent = JSON.stringify({errors: [], title: document.title});
    document.body.append(said);</script></body>"""
    assert in_browser(page.replace("</body>", asking), tmp_path)["title"] == EMPTY.title
