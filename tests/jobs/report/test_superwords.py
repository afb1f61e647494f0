"""Superwords in the report: what they save, the longest, the most used, and a text cut both ways."""

import json
from pathlib import Path

import pytest

import babelmerge as bm
from tests.conftest import Command
from tests.jobs.report.test_page import Page

TEXTS = {
    "en": "one of the cats and one of the dogs sat on one of the mats",
    "de": "eine der Katzen und einer der Hunde",
}
QUIET = ("--engine", "local", "--progress", "off")


@pytest.mark.slow  # trains, compares and draws
@pytest.mark.usefixtures("tables_only")
def test_the_report_shows_what_superwords_save(babelmerge: Command, tmp_path: Path) -> None:
    rows = [{"id": str(i), "language": code, "text": f"{text} {i}"} for code, text in TEXTS.items() for i in range(6)]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for arguments in (
        ["train", "c.jsonl", "--vocab-size", "330", "--superwords", "--transition", "300", "--out", "t"],
        [
            "premiums",
            "c.jsonl",
            "--tokenizer",
            "t",
            "--tokenizer",
            "t/superwords/first",
            "--baseline",
            "en",
            "--out",
            "p",
        ],
        ["report", "--tokenizer", "t", "--premiums", "p", "--out", "r"],
    ):
        status, out, err = babelmerge(*arguments, *QUIET)
        assert status == 0, err
    assert "tokens span words, up to" in out and "against first they save" in out
    page = Page((tmp_path / "r/report.html").read_text("utf-8"))
    loaded = [bm.Tokenizer.load(tmp_path / path) for path in ("t/superwords/first", "t")]
    counts = {
        code: [sum(len(one.encode(row["text"])) for row in rows if row["language"] == code) for one in loaded]
        for code in TEXTS
    }
    shown = {row[0][-3:-1]: row[1:] for row in page.tables["table-saved"][1:]}
    assert shown == {
        code: [str(before), str(after), f"{1 - after / before:.1%}".replace("%", " %")]
        for code, (before, after) in counts.items()
    }
    assert all(after < before for before, after in counts.values())
    kinds = [row[0] for row in page.tables["table-superwords"][1:]]
    assert kinds[0] == "longest" and kinds[-1] == "most used"
    assert {"t (document 0)", "first (document 0)"} <= set(page.text)  # one text, cut both ways
