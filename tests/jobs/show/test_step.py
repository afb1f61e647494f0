"""`babelmerge show`: the tables of any result."""

import io
from pathlib import Path

import polars as pl
import pytest

from pipelines.outputs import Output, Run
from tests.conftest import Command

TABLE = pl.DataFrame(
    {
        "tokenizer": ["t"] * 30,
        "language": [f"l{i:02}" for i in range(30)],
        "name": [None] * 30,
        "premium": [1 + i / 7 for i in range(30)],
        "low": [None] * 30,
    },
    schema_overrides={"name": pl.String, "low": pl.Float64},
)


def result(folder: Path, stage: str, facts: dict[str, object], **tables: pl.DataFrame) -> str:
    """A finished output with these tables."""
    folder.mkdir(exist_ok=True)
    with Output(folder, stage) as output:
        output.begin([f"{name}.parquet" for name in tables])
        for name, table in tables.items():
            table.write_parquet(folder / f"{name}.parquet")
        run = Run(engine="none", workers=1, seconds=0.0)
        output.finish("0" * 64, {}, [], [f"{name}.parquet" for name in tables], facts, run)
    return folder.name


@pytest.fixture
def premiums(tmp_path: Path) -> str:
    tokenizers = pl.DataFrame({"tokenizer": ["t"], "mean_premium": [2.5]})
    return result(tmp_path / "out", "premiums", {"languages": 30}, premiums=TABLE, tokenizers=tokenizers, metrics=TABLE)


def test_the_main_tables_are_shown_the_dearest_first_and_the_others_named(babelmerge: Command, premiums: str) -> None:
    status, out, err = babelmerge("show", premiums)
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "premiums: 30 rows" and lines[3].split()[:2] == ["t", "l29"]
    assert "(10 more rows: --table premiums)" in lines and "tokenizers: 1 rows" in lines
    assert lines[-1] == "2 more tables, each by --table NAME: metrics, figures"


def test_csv_holds_all_of_one_table_and_nothing_else(babelmerge: Command, premiums: str) -> None:
    read = pl.read_csv(io.StringIO(babelmerge("show", premiums, "--format", "csv")[1]), schema=TABLE.schema)
    assert read.equals(TABLE.sort("premium", descending=True))
    read = pl.read_csv(io.StringIO(babelmerge("show", premiums, "--format", "csv", "--table", "metrics")[1]))
    assert read["premium"].to_list() == TABLE["premium"].to_list()
    assert len(babelmerge("show", premiums, "--format", "csv", "--rows", "3")[1].splitlines()) == 4


def test_markdown_and_a_named_table_are_whole(babelmerge: Command, premiums: str) -> None:
    out = babelmerge("show", premiums, "--format", "md", "--table", "premiums")[1]
    assert out.startswith("## premiums: 30 rows\n\n| tokenizer |") and out.count("| t |") == 30


def test_a_result_without_tables_shows_its_figures(babelmerge: Command, tmp_path: Path) -> None:
    name = result(tmp_path / "p", "plan", {"files": 3, "nested": {"a": 1}})
    assert babelmerge("show", name)[1].split() == ["figures:", "1", "rows", "figure", "value", "files", "3"]
    languages = {"de": {"documents": 2, "tokens": 7}}
    out = babelmerge("show", result(tmp_path / "tokens", "tokens", {"languages": languages}))[1]
    assert "languages: 1 rows" in out and "de        German          2       7" in out


@pytest.mark.parametrize(
    ("arguments", "status", "says"),
    [
        (["nowhere"], 1, "nowhere: holds no finished output of a command"),
        (["out", "--table", "premium"], 2, "no such table; the nearest of 4 are premiums,"),
        (["out", "other", "--format", "csv"], 2, "csv holds one table, 2 results are named"),
        ([], 2, "results"),
    ],
)
def test_mistakes_are_one_line(
    babelmerge: Command, premiums: str, arguments: list[str], status: int, says: str
) -> None:
    found, out, err = babelmerge("show", *arguments)
    assert (found, out) == (status, "") and says in err and err.count("\n") == 1
