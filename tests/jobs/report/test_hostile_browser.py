"""Names of corpora, files and tokenizers, and texts, are text on the page: a browser runs none of it."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.report.page import draw_report
from jobs.report.wording import named
from tests.conftest import Command
from tests.jobs.report.browser import BROWSER, Browser
from tests.jobs.report.examples import large

pytestmark = [
    pytest.mark.usefixtures("no_png"),
    pytest.mark.browser,
    pytest.mark.skipif(BROWSER is None, reason="no Chromium or Chrome on the PATH"),
]
RUN = "document.title='pwned';window.pwned=1"
HOSTILE = [
    f"<script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"<img src=x onerror={RUN}>",
    f'"><svg/onload={RUN}>',
    f"'><body onload={RUN}>",
    f"--></style></title><iframe srcdoc='<script>parent.{RUN}</script>'>",
    f"&lt;script&gt;{RUN}&lt;/script&gt; & &amp; &#60;",
    f"{{{{ 7 * 7 }}}} {{% raw %}} javascript:{RUN}",
    f"]]><script>{RUN}</script>\u2028window.pwned=1\u2029\u202e",
]
ASK = """(async () => {
  const opened = document.querySelectorAll("details");
  for (const one of opened) one.open = true;
  const used = [...document.querySelectorAll("th button, .scale")].slice(0, 60);
  for (const button of used) button.click();
  for (const input of document.querySelectorAll("input[type=search], textarea")) {
    for (const value of ["<img src=x onerror=window.pwned=1>", ""]) {
      input.value = value;
      input.dispatchEvent(new Event("input", {bubbles: true}));
    }
  }
  const own = document.querySelector("[name=own]");
  for (const option of own?.options ?? []) {
    own.value = option.value;
    own.dispatchEvent(new Event("input", {bubbles: true}));
  }
  for (const figure of document.querySelectorAll("figure")) {
    figure.scrollIntoView();
    for (let i = 0; i < 50 && !figure.querySelector("svg[aria-hidden]"); i++) {
      await new Promise((done) => setTimeout(done, 20));
    }
    for (const mark of [...figure.querySelectorAll(".role-mark path, .role-mark text")].slice(0, 20)) {
      mark.dispatchEvent(new PointerEvent("pointermove", {bubbles: true, clientX: 9, clientY: 9}));
    }
  }
  const made = [...document.querySelectorAll("script, img, iframe, object, embed, base, link, body, foreignObject")];
  const handlers = [...document.querySelectorAll("*")].flatMap((one) => [...one.attributes])
    .filter((one) => one.name.startsWith("on") || /^\\s*javascript:/i.test(one.value));
  await new Promise((done) => setTimeout(done, 100));
  return {
    pwned: window.pwned ?? null, title: document.title, text: document.body.textContent,
    made: made.map((one) => one.localName), handlers: handlers.length,
    fetched: performance.getEntriesByType("resource").length,
    drawn: [document.querySelectorAll("figure").length, document.querySelectorAll("figure svg[aria-hidden]").length],
  };
})()"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


def opened(report: Path, browser: Browser) -> dict[str, Any]:
    """Use every part of a page, and return the state of the page then."""
    browser.open(report / "report.html")
    found: dict[str, Any] = browser.ask(ASK)
    assert browser.problems == []
    assert found["pwned"] is None and found["handlers"] == 0 and found["fetched"] == 0
    assert found["drawn"][0] == found["drawn"][1]
    assert set(found["made"]) == {"body", "script"}
    return found


def test_nothing_of_a_corpus_runs_on_the_page(babelmerge: Command, browser: Browser, tmp_path: Path) -> None:
    rows = [
        {"id": f"{HOSTILE[i % 9]} {i // 9}", "language": language, "text": f"{HOSTILE[(i + k) % 9]} word{i} {language}"}
        for k, language in enumerate(HOSTILE)
        for i in range(18)
    ]
    corpus = tmp_path / f"<img src=x onerror={RUN}> & \"'.jsonl"
    corpus.write_text("".join(json.dumps(row) + "\n" for row in rows))
    quiet = ("--engine", "local", "--progress", "off")
    tokenizer, made = HOSTILE[2], ["--tokenizer", HOSTILE[2]]
    of_first = ["--baseline", HOSTILE[0]]
    for arguments in (
        ["train", corpus.name, "--vocab-size", "300", "--out", tokenizer],
        ["retokenize", corpus.name, *made, "--out", "tokens"],
        ["premiums", corpus.name, *made, *of_first, "--out", "premiums"],
        ["curves", corpus.name, *made, *of_first, "--out", "curves"],
        ["mixture", corpus.name, *made, "--method", "lp", "--out", "mixture"],
        ["report", *made, "--retokenized", "tokens", "--premiums", "premiums", "--curves", "curves", "--mixture",
         "mixture", "--title", HOSTILE[1], "--out", "report"],
    ):  # fmt: skip
        status, _, err = babelmerge(*arguments, *quiet)
        assert status == 0, err
    found = opened(tmp_path / "report", browser)
    assert found["title"] == HOSTILE[1]
    for language in HOSTILE:
        assert named(language, {}) in found["text"], language
    for drawing in (tmp_path / "report").glob("*.svg"):
        assert not re.search(r"<(script|img|iframe|body)|<[^>]*\son\w+=", drawing.read_text("utf-8")), drawing.name


def test_languages_names_are_text(browser: Browser, tmp_path: Path) -> None:
    """They come from what a corpus says of itself."""
    names = {f"l{i:02}": name for i, name in enumerate(HOSTILE)}
    draw_report(replace(large(), title=HOSTILE[5], names=names), tmp_path)
    found = opened(tmp_path, browser)
    assert found["title"] == HOSTILE[5]
    for name in HOSTILE:  # beside its code; what cannot be drawn is replaced
        assert "".join(one if one.isprintable() else "\ufffd" for one in name) + " (l0" in found["text"], name
