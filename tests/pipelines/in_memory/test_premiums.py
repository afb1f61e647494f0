"""Premiums of texts in memory: the tables of the command, from frames of any kind."""

from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

from benchmarks.equality import random_texts
from jobs import command
from operators.metrics.premiums import NoCommonDocuments
from pipelines.in_memory.premiums import BadFrame, UnequalLengths, parallel_text, premiums
from pipelines.in_memory.tokenizer import Tokenizer
from pipelines.in_memory.train import train
from pipelines.parallel_text.selection import NoBaseline, OnlyRepeatedDocuments
from pipelines.premiums.step import TABLES
from pipelines.settings import BadSettings

ROWS = 40
TEXTS = {
    name: [text or "x" for text in random_texts(ROWS, seed=seed)]
    for seed, name in enumerate(["deu_Latn", "ell_Grek", "eng_Latn", "tha_Thai"])
}
WIDE = pl.DataFrame({"id": [f"d{i:03}" for i in range(ROWS)], **TEXTS})
LONG = WIDE.unpivot(index="id", variable_name="language", value_name="text").sample(fraction=1, shuffle=True, seed=1)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizers")
    for name, size in (("small", 300), ("large", 600)):
        train([text for texts in TEXTS.values() for text in texts], vocab_size=size).save(folder / name)
    return folder


def by_command(tmp_path: Path, saved: Path, frame: pl.DataFrame, *options: str) -> dict[str, pl.DataFrame]:
    """Tables that `babelmerge premiums` writes."""
    frame.write_parquet(tmp_path / "corpus.parquet")
    given = [flag for name in ("small", "large") for flag in ("--tokenizer", str(saved / name))]
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as end:
        command.main(
            ["premiums", str(tmp_path / "corpus.parquet"), *given, "--out", str(out), "--engine", "local", *options]
        )
    assert end.value.code == 0
    return {name.removesuffix(".parquet"): pl.read_parquet(out / name) for name in TABLES}


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, []),
        ({"baseline": "ell_Grek", "aggregation": "joined"}, ["--baseline", "ell_Grek", "--aggregation", "joined"]),
        ({"reference": "small", "resamples": 200}, ["--reference", "small", "--resamples", "200"]),
        ({"languages": ["eng_Latn", "tha_Thai"]}, ["--languages", "eng_Latn", "--languages", "tha_Thai"]),
    ],
    ids=str,
)
def test_the_tables_are_the_commands(
    options: dict[str, Any], arguments: list[str], saved: Path, tmp_path: Path
) -> None:
    expected = by_command(tmp_path, saved, LONG, *arguments)
    ours = premiums(LONG, tokenizers=[saved / "small", str(saved / "large")], **options)
    frames = vars(ours) | {"premiums": ours.table}
    del frames["table"]
    assert set(frames) == set(expected)
    for name, table in expected.items():
        assert_frame_equal(frames[name], table, check_exact=True)


def test_documents_that_some_languages_lack_are_left_out_or_compared_in_pairs(saved: Path, tmp_path: Path) -> None:
    some = WIDE.with_columns(tha_Thai=pl.when(pl.int_range(pl.len()) % 3 > 0).then("tha_Thai"))
    rows = some.unpivot(index="id", variable_name="language", value_name="text").drop_nulls()
    tokenizers = {name: Tokenizer.load(saved / name) for name in ("small", "large")}
    for documents in ("common", "pairwise"):
        (tmp_path / documents).mkdir()
        expected = by_command(tmp_path / documents, saved, rows, "--documents", documents)["premiums"]
        ours = premiums(some, tokenizers=tokenizers, documents=documents)
        assert_frame_equal(ours.table, expected, check_exact=True)
        assert ours.table.filter(pl.col("language") == "tha_Thai")["documents"].unique().to_list() == [26]


@pytest.mark.parametrize(
    "frame",
    [
        LONG,
        LONG.lazy(),
        LONG.to_arrow(),
        LONG.rename({"id": "number"}),
        WIDE,
        WIDE.to_arrow(),
        WIDE.with_columns(pl.col("deu_Latn").cast(pl.Categorical)),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_every_frame_says_the_same(frame: Any) -> None:
    names = frame.column_names if isinstance(frame, pa.Table) else frame.collect_schema().names()
    rows = parallel_text(frame, id="number" if "number" in names else "id")
    assert rows.schema == {"id": pl.String, "language": pl.String, "text": pl.String}
    assert_frame_equal(rows, LONG, check_row_order=False)


def test_rows_of_lists_and_of_frames_without_ids_are_numbered() -> None:
    numbers = [str(i) for i in range(ROWS)]
    every = [pl.DataFrame({"id": numbers, "language": name, "text": some}) for name, some in TEXTS.items()]
    expected = pl.concat(every)
    holders: list[Any] = [
        TEXTS, WIDE.drop("id"), {name: iter(some) for name, some in TEXTS.items()},
        {name: pa.array(some) for name, some in TEXTS.items()}, {name: pl.Series(some) for name, some in TEXTS.items()},
    ]  # fmt: skip
    for holder in holders:
        assert_frame_equal(parallel_text(holder), expected)


def test_a_null_is_a_missing_translation() -> None:
    rows = parallel_text({"a": ["x", None], "b": ["y", "z"]}).rows()
    assert rows == [("0", "a", "x"), ("0", "b", "y"), ("1", "b", "z")]


@pytest.mark.parametrize(
    "frame",
    [
        5, "text", {}, {"a": 5}, {"a": [1, 2]}, pl.DataFrame({"id": ["a"]}), pl.DataFrame({"a": [1.5]}),
        pl.DataFrame({"language": ["a"], "text": ["b"]}),
        pl.DataFrame({"id": [None], "language": ["a"], "text": ["b"]}, schema_overrides={"id": pl.String}),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_parallel_text_is_refused(frame: Any) -> None:
    with pytest.raises(BadFrame, match="parallel text: "):
        parallel_text(frame)


def test_other_mistakes_have_errors_of_their_own(saved: Path) -> None:
    tokenizer = Tokenizer.load(saved / "small")
    with pytest.raises(UnequalLengths, match="deu_Latn has 1 texts, other languages 2"):
        premiums({"eng_Latn": ["a", "b"], "deu_Latn": ["a"]}, tokenizers=[tokenizer])
    with pytest.raises(NoBaseline, match="eng_Latn"):
        premiums({"a": ["a"], "b": ["b"]}, tokenizers=[tokenizer])
    with pytest.raises(NoCommonDocuments):
        premiums({"eng_Latn": ["a", ""], "b": ["", "b"]}, tokenizers=[tokenizer])
    with pytest.raises(OnlyRepeatedDocuments):
        premiums(pl.concat([LONG, LONG]), tokenizers=[tokenizer])
    assert premiums(pl.concat([LONG, LONG[:1]]), tokenizers=[tokenizer]).repeated_documents["documents"].to_list() == [
        2
    ]
    for wrong in ([], tokenizer, "small", [tokenizer, tokenizer]):
        with pytest.raises(BadSettings, match="tokenizers"):
            premiums(WIDE, tokenizers=wrong)  # type: ignore[arg-type]
    with pytest.raises(BadSettings, match="reference"):
        premiums(WIDE, tokenizers=[tokenizer], reference="large")


def test_a_result_says_what_it_is(saved: Path) -> None:
    result = premiums(WIDE, tokenizers=[saved / "small"])
    assert repr(result) == "<Premiums of 4 languages, 1 tokenizers, 40 documents>"
    assert "small" in result._repr_html_()
    assert result.sort()["premium"].is_sorted(descending=True)
