"""Changes since an earlier run: what is compared with what, and what cannot be told."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from operators.tokenizer import Merges, Tokenizer
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Output
from pipelines.premiums.changes import NotComparable
from pipelines.progress import Silent
from tests.pipelines.premiums.corpora import parallel
from tests.pipelines.steps import compare_languages

BYTES = Tokenizer("none", (), Merges.from_rows([]))
LETTER = int(BYTES.byte_ids[ord("a")])
PAIRS = Tokenizer("none", (), Merges.from_rows([(LETTER, LETTER, 256, 1)]))
"""Like BYTES, but two a are one token."""


def run(text: Path, out: Path, named: list[tuple[str, Tokenizer]], against: Path | None = None) -> pl.DataFrame:
    files, engine = find_files([Source(path=str(text))]), LocalEngine(1)
    with Output(out, "premiums") as output:
        compare_languages(
            files, named, output, engine, Silent(), resamples=200, against=None if against is None else str(against)
        )
    return pl.read_parquet(out / ("premiums.parquet" if against is None else "changes.parquet"))


def texts(folder: Path, count: int, first: int = 0) -> Path:
    """en has no a; de is half a, more or less; fr has none either."""
    draw = np.random.default_rng(3)
    rows = []
    for i in range(first, first + count):
        n = int(draw.integers(20, 60))
        rows += [
            (str(i), "en", "x" * n),
            (str(i), "de", "aab" * int(n * draw.uniform(0.4, 0.8))),
            (str(i), "fr", "y" * n),
        ]
    parallel(folder, rows)
    return folder


def test_documents_are_paired(tmp_path: Path) -> None:
    text = texts(tmp_path / "p", 30)
    run(text, tmp_path / "old", [("t", BYTES)])
    table = run(text, tmp_path / "new", [("u", PAIRS)], tmp_path / "old")
    rows = {row["language"]: row for row in table.iter_rows(named=True)}
    assert rows["de"]["change"] == pytest.approx(2 / 3) and rows["de"]["verdict"] == "better"
    # every document became shorter by the same share: nothing is left to chance, however unlike the documents are
    assert rows["de"]["low"] == pytest.approx(2 / 3) == rows["de"]["high"]
    assert rows["fr"]["verdict"] == rows["en"]["verdict"] == "same" and rows["fr"]["change"] == 1
    worse = run(text, tmp_path / "back", [("t", BYTES)], tmp_path / "new")
    assert dict(worse.select("language", "verdict").iter_rows()) == {"de": "worse", "en": "same", "fr": "same"}


def test_only_documents_of_both_runs_count(tmp_path: Path) -> None:
    run(texts(tmp_path / "p", 30), tmp_path / "old", [("t", BYTES)])
    table = run(texts(tmp_path / "q", 30, first=10), tmp_path / "new", [("t", BYTES)], tmp_path / "old")
    assert table["documents"].to_list() == [20] * 3
    few = run(texts(tmp_path / "r", 30, first=27), tmp_path / "few", [("t", BYTES)], tmp_path / "old")
    assert few["documents"].to_list() == [3] * 3 and few["change"].is_not_null().all()
    assert few["low"].is_null().all() and few["verdict"].is_null().all()  # too few to tell


@pytest.mark.parametrize("lost", ["the file", "the documents"])
def test_without_common_documents_intervals_are_compared(tmp_path: Path, lost: str) -> None:
    run(texts(tmp_path / "p", 30), tmp_path / "old", [("t", BYTES)])
    text = texts(tmp_path / "q", 30, first=0 if lost == "the file" else 1000)
    if lost == "the file":
        (tmp_path / "old/documents.parquet").unlink()
    table = run(text, tmp_path / "new", [("t", PAIRS)], tmp_path / "old")
    assert table["method"].to_list() == ["intervals"] * 3 and table["low"].is_null().all()
    # all documents of fr have one ratio, so its premiums have no intervals that could be compared
    assert dict(table.select("language", "verdict").iter_rows()) == {"de": "better", "en": "same", "fr": None}
    old, new = (pl.read_parquet(tmp_path / one / "premiums.parquet") for one in ("old", "new"))
    assert table["change"].to_list() == pytest.approx((new["premium"] / old["premium"]).to_list())


def test_tokenizers_are_compared_by_name(tmp_path: Path) -> None:
    text = texts(tmp_path / "p", 10)
    run(text, tmp_path / "old", [("t", BYTES), ("u", PAIRS)])
    table = run(text, tmp_path / "new", [("v", BYTES), ("u", BYTES)], tmp_path / "old")
    assert table["tokenizer"].to_list() == ["u"] * 3 and table["verdict"].to_list() == ["worse", "same", "same"]
    for named in ([("v", BYTES)], [("v", BYTES), ("w", BYTES)]):
        with pytest.raises(NotComparable, match="has none of these tokenizers, but t, u"):
            run(text, tmp_path / "other", named, tmp_path / "old")
