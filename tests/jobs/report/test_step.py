"""The command `report`: which results it takes, and what it refuses."""

import json
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from pipelines.outputs import Output, Run
from tests.conftest import Command
from tests.jobs.report.examples import premiums
from tests.jobs.report.test_page import Page

pytestmark = pytest.mark.usefixtures("tables_only")
QUIET = ("--engine", "local", "--progress", "off")


def finished(
    directory: Path, stage: str, tables: dict[str, pl.DataFrame], settings: Any = None, seconds: float = 1.0
) -> str:
    """Make a directory as the stage leaves it."""
    with Output(directory, stage) as output:
        output.begin([*tables])
        for name, table in tables.items():
            table.write_parquet(directory / name)
        run = Run(engine="none", workers=1, seconds=seconds)
        output.finish(f"{stage} {directory.name}", settings or {}, [], [*tables], {}, run)
    return str(directory)


def premium_run(directory: Path, tokenizer: str = "tok", baseline: str = "en", factor: float = 1.0, **more: Any) -> str:
    rows = [("en", 1.0, 1.0, 1.0), ("ru", 2.0 * factor, 1.9 * factor, 2.1 * factor), ("my", 5.0 * factor, None, None)]
    examples = pl.DataFrame([{"tokenizer": tokenizer, "language": "en", "id": "1", "tokens": [b"Good", b" day"]}])
    tables = {"premiums.parquet": premiums(rows, tokenizer), "examples.parquet": examples}
    return finished(directory, "premiums", tables | more.pop("tables", {}), {"baseline": baseline}, **more)


def test_nothing_to_report_is_wrong_usage(babelmerge: Command, tmp_path: Path) -> None:
    status, out, err = babelmerge("report", "--out", "r", *QUIET)
    assert (status, out) == (2, "") and "there is nothing to draw; name the output of another command" in err
    corpus = finished(tmp_path / "corpus", "catalogs", {})
    status, _, err = babelmerge("report", "--corpus", corpus, "--out", "r", *QUIET)
    assert status == 2 and "nothing to draw" in err
    assert not (tmp_path / "r").exists()


@pytest.mark.slow
def test_several_premiums_are_drawn_together(babelmerge: Command, tmp_path: Path) -> None:
    paths = [premium_run(tmp_path / name / "premiums", factor=factor) for name, factor in (("old", 1.0), ("new", 0.8))]
    paths.append(premium_run(tmp_path / "third", "other"))
    flags = [flag for path in paths for flag in ("--premiums", path)]
    status, out, err = babelmerge("report", *flags, "--out", "r", *QUIET)
    assert status == 0, err
    assert "costs Burmese (my) with" in out
    page = Page((tmp_path / "r/report.html").read_text("utf-8"))
    head, *rows = page.tables["table-premiums"]
    assert head[0] == "Tokenizer" and len(rows) == 9
    assert {row[0] for row in rows} == {"tok (old/premiums)", "tok (new/premiums)", "other"}
    assert "Token premiums of 3 tokenizers in 2 languages" in page.words


@pytest.mark.slow
def test_yaml_takes_one_path_or_a_list(babelmerge: Command, tmp_path: Path) -> None:
    path = premium_run(tmp_path / "premiums")
    for given in (path, [path]):
        (tmp_path / "r.yaml").write_text(json.dumps({"premiums": given, "out": "r"}))
        status, _, err = babelmerge("report", "--conf", "r.yaml", *QUIET)
        assert status == 0, err


def test_results_that_cannot_stand_together_are_refused(babelmerge: Command, tmp_path: Path) -> None:
    one, other = premium_run(tmp_path / "a"), premium_run(tmp_path / "b", baseline="ru")
    status, _, err = babelmerge("report", "--premiums", one, "--premiums", other, "--out", "r", *QUIET)
    assert status == 1 and "a compares with en" in err and "b with ru; a report has one baseline" in err
    status, _, err = babelmerge("report", "--mixture", "x", "--mixture", "y", "--out", "r", *QUIET)
    assert status == 2 and "mixture: a report shows one of these, 2 were given (x, y); make a report of each" in err


def test_changes_since_an_earlier_run_are_named(babelmerge: Command, tmp_path: Path) -> None:
    schema = ["tokenizer", "language", "documents", "old", "new", "change", "low", "high", "method", "verdict",
              "old_tokenizer"]  # fmt: skip
    rows = [
        ("tok", "my", 90, 10.0, 5.0, 0.5, 0.4, 0.6, "documents", "better", "tok"),
        ("tok", "ru", 90, 2.0, 1.9, 0.95, 0.93, 0.97, "documents", "better", "tok"),
        ("tok", "de", 90, 1.5, 1.8, 1.2, 1.1, 1.3, "documents", "worse", "tok"),
        ("tok", "fr", 90, 1.5, 1.5, 1.0, 0.9, 1.1, "documents", "same", "tok"),
        ("tok", "th", 90, 1.5, 1.6, 1.07, None, None, "intervals", None, "tok"),
    ]
    path = premium_run(
        tmp_path / "premiums", tables={"changes.parquet": pl.DataFrame(rows, schema=schema, orient="row")}
    )
    status, out, err = babelmerge("report", "--premiums", path, "--out", "r", *QUIET)
    assert status == 0, err
    assert out.splitlines()[0] == (
        "- Since the earlier run (tok), of 5 languages 2 got better: most of all Burmese (my), from 10.0 to 5.00; then "
        "Russian (ru). 1 got worse: most of all German (de), from 1.50 to 1.80. 2 did not change as far as their "
        "intervals can tell."
    )
    page = Page((tmp_path / "r/report.html").read_text("utf-8"))
    assert [row[:3] for row in page.tables["table-changes"][1:]] == [
        ["Burmese (my)", "better", "10.000"], ["Russian (ru)", "better", "2.000"], ["French (fr)", "same", "1.500"],
        ["Thai (th)", "–", "1.500"],
        ["German (de)", "worse", "1.500"],
    ]  # fmt: skip


@pytest.mark.slow
def test_equal_results_give_equal_pages_whatever_time_they_took(babelmerge: Command, tmp_path: Path) -> None:
    reports = []
    for run, seconds in (("first", 1.0), ("second", 77.7)):
        path = premium_run(tmp_path / run / "premiums", seconds=seconds)
        status, _, err = babelmerge("report", "--premiums", path, "--out", f"{run}/report", *QUIET)
        assert status == 0, err
        files = sorted((tmp_path / run / "report").iterdir())
        reports.append({file.name: file.read_bytes() for file in files if file.name != "run.json"})
    assert reports[0] == reports[1]
    assert msgspec.json.decode((tmp_path / "first/report/run.json").read_bytes(), type=Run).seconds > 0


@pytest.mark.parametrize("broken", ["premiums.parquet", "manifest.json"])
def test_a_result_that_is_no_result_is_one_line(broken: str, babelmerge: Command, tmp_path: Path) -> None:
    path = premium_run(tmp_path / "premiums")
    if broken == "manifest.json":
        (tmp_path / "premiums/manifest.json").unlink()
    else:
        pl.DataFrame({"language": ["en"]}).write_parquet(tmp_path / "premiums/premiums.parquet")
    status, _, err = babelmerge("report", "--premiums", path, "--out", "r", *QUIET)
    assert status == 1 and len(err.splitlines()) == 1
