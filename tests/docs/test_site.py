"""The documentation as a site: it builds strictly, is searchable, and asks nobody for anything."""

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT

needs_mkdocs = pytest.mark.skipif(
    find_spec("material") is None or find_spec("mkdocstrings") is None,
    reason="no mkdocs-material or mkdocstrings: install the extra `docs`",
)


def build(root: Path, into: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a checkout as `make docs` does. Without --quiet, under which warnings are not counted."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(into)]
    return subprocess.run(
        command, cwd=root, capture_output=True, text=True, check=False, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    )


class Fetches(HTMLParser):
    """Addresses that a browser fetches by itself when it shows a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loads = tag in ("script", "img", "iframe", "source") or (
            tag == "link" and given.get("rel") not in ("canonical", "next", "prev")
        )
        for name in ("src", "href"):
            if loads and (address := given.get(name)):
                self.found.append(address)


def fetched(page: str) -> list[str]:
    """Return the addresses on other hosts that a page fetches."""
    parser = Fetches()
    parser.feed(page)
    return [address for address in parser.found if re.match(r"(?:[a-z]+:)?//", address)]


@needs_mkdocs
@pytest.mark.slow
def test_the_site_builds_strictly_and_fetches_nothing(tmp_path: Path) -> None:
    done = build(ROOT, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {str(path.relative_to(tmp_path).with_suffix("")): path.read_text() for path in tmp_path.rglob("*.html")}
    assert {page.removeprefix("docs/").removesuffix(".md") for page in PAGES if page.startswith("docs/")} <= set(pages)
    assert {address for page in pages.values() for address in fetched(page)} == set()
    assert "Tokenizer" in pages["reference/python"]
    index = json.loads((tmp_path / "search/search_index.json").read_text("utf-8"))
    assert any("premium" in entry["text"].lower() for entry in index["docs"])


@needs_mkdocs
@pytest.mark.slow
def test_a_broken_link_or_anchor_fails_the_build(tmp_path: Path) -> None:
    for name in ("docs", "mkdocs.yml"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, tmp_path / name)
    page = tmp_path / "docs/reference/python.md"
    page.write_text("# Python\n\n[a](../index.md#nowhere)\n", "utf-8")
    done = build(tmp_path, tmp_path / "site")
    assert done.returncode != 0 and "nowhere" in done.stdout + done.stderr


def test_a_page_that_fetches_is_found() -> None:
    page = (
        '<link rel="stylesheet" href="https://fonts.example/x"><script src="a.js"></script><a href="https://x.example">'
    )
    assert fetched(page) == ["https://fonts.example/x"]
