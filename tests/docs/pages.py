"""Pages of the documentation, and how their code blocks and headings are found."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = ["README.md", "CONTRIBUTING.md", *sorted(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))]


class Block(NamedTuple):
    """Fenced code block of a page."""

    language: str
    line: int
    """Number of its first line of code, from 1."""
    code: str


def text_of(page: str) -> str:
    """Return the text of a page, by its path from the root."""
    return (ROOT / page).read_text("utf-8")


def blocks(text: str, language: str) -> list[Block]:
    """Return the fenced blocks of a language, in order."""
    found = re.finditer(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [
        Block(match[1], text.count("\n", 0, match.start(2)) + 1, match[2]) for match in found if match[1] == language
    ]


def without_blocks(text: str) -> str:
    """Return the text with its fenced blocks blanked, line numbers unchanged."""
    return re.sub(r"^```.*?^```$", lambda match: "\n" * match[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as Markdown renderers make them."""
    names, seen = set(), dict[str, int]()
    for heading in re.findall(r"^#+ (.+)$", without_blocks(text), re.MULTILINE):
        words = re.sub(r"[^\w\s-]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)).strip().lower()
        slug = re.sub(r"[\s-]+", "-", words)
        count = seen[slug] = seen.get(slug, -1) + 1
        names.add(f"{slug}_{count}" if count else slug)
    return names
