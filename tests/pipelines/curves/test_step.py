"""Curves through their pipeline, against encoding with each vocabulary size."""

from pathlib import Path

import polars as pl
import pytest

from operators.encoding.encode import Encoder
from operators.tokenizer import Tokenizer
from pipelines.curves.step import BadTarget
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import Output
from pipelines.parallel_text.selection import NoBaseline
from pipelines.progress import Silent
from tests.operators.curves.test_tokens_by_size import trained
from tests.pipelines.parallel_sentences import SENTENCES, corpus, documents
from tests.pipelines.steps import measure_curves


def at(table: pl.DataFrame, language: str, size: int) -> int:
    """Return the tokens that curves.parquet holds for a vocabulary."""
    rows = table.filter((pl.col("language") == language) & (pl.col("vocabulary") <= size))
    return int(rows.sort("vocabulary", "merges")["tokens"][-1])


def test_tables_say_what_each_size_encodes_to(tmp_path: Path) -> None:
    tokenizer = trained([text for texts in SENTENCES.values() for text in texts], 330)
    files = corpus(tmp_path / "corpus", ru=[("9", "only here")], de=[("7", "twice"), ("7", "doppelt")])
    for engine in (LocalEngine(1), LocalEngine(3)):
        out = tmp_path / f"out{engine.workers}"
        with Output(out, "curves") as output:
            made = measure_curves(files, tokenizer, output, engine, Silent(), baseline="en").manifest
    assert (tmp_path / "out1/curves.parquet").read_bytes() == (tmp_path / "out3/curves.parquet").read_bytes()
    assert sorted(path.name for path in out.iterdir()) == [
        ".babelmerge", "curves.parquet", "manifest.json", "repeated_documents.parquet", "run.json", "sizes.parquet",
    ]  # fmt: skip
    curves, sizes = pl.read_parquet(out / "curves.parquet"), pl.read_parquet(out / "sizes.parquet")
    for language in SENTENCES:
        for size in range(256, 331, 4):
            cut = Tokenizer("gpt4", (), tokenizer.merges[: size - 256])
            assert at(curves, language, size) == Encoder(cut).count(documents(language)).sum(), (language, size)
    rows = {row["language"]: row for row in sizes.iter_rows(named=True)}
    assert made.facts["target"] == rows["en"]["tokens"] == at(curves, "en", 330)
    assert made.facts["repeated_documents"] == 2
    assert rows["en"]["extrapolated"] is False
    assert at(curves, "en", int(rows["en"]["vocabulary"])) <= rows["en"]["target"]
    assert at(curves, "en", int(rows["en"]["vocabulary"]) - 1) > rows["en"]["target"]
    assert sum(row["owned_merges"] for row in rows.values()) + made.facts["nobodys_merges"] == len(tokenizer.merges)


def test_a_target_out_of_reach_is_no_number(tmp_path: Path) -> None:
    tokenizer = trained(SENTENCES["en"], 280)
    with Output(tmp_path / "out", "curves") as output:
        files = corpus(tmp_path / "corpus")
        measure_curves(files, tokenizer, output, LocalEngine(1), Silent(), baseline="en", target=1)
        sizes = pl.read_parquet(tmp_path / "out/sizes.parquet")
        unknown = sizes.filter(pl.col("vocabulary").is_null())
        assert unknown["reason"].null_count() == 0
        assert sizes.filter(pl.col("extrapolated") == False).is_empty()  # noqa: E712
        with pytest.raises(BadTarget):
            measure_curves(files, tokenizer, output, LocalEngine(1), Silent(), baseline="en", target=0)
        with pytest.raises(NoBaseline, match="no text in the language 'xx'"):
            measure_curves(files, tokenizer, output, LocalEngine(1), Silent(), baseline="xx")
