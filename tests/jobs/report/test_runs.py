"""What the report says of how the steps ran, from their run.json."""

import re
from pathlib import Path

import msgspec
import polars as pl
import pytest

from jobs.report.inputs import ReportInputs
from jobs.report.page import draw_report
from jobs.report.runs import ALL, run_table
from pipelines.outputs import Run


@pytest.fixture
def steps(tmp_path: Path) -> list[tuple[str, Path]]:
    runs = {
        "count": Run(engine="ray", workers=3, seconds=9.5, failures=2, retries=1, spilled_bytes=5_500_000,
                     stages={"count_spans": {"10.0.0.2 (ab)": 4.25, "10.0.0.1 (cd)": 5.0},
                             "add_up": {"10.0.0.1 (cd)": 1.0}}),
        "train": Run(engine="ray", workers=3, seconds=2.0, spilled_bytes=None),
    }  # fmt: skip
    for name, run in runs.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "run.json").write_bytes(msgspec.json.encode(run))
    return [(name, tmp_path / name) for name in ("count", "train", "never run")]


def test_each_step_and_each_work_on_each_node_has_a_row(steps: list[tuple[str, Path]]) -> None:
    assert run_table(steps).rows() == [
        ("count", ALL, "ray", 9.5, 2, 1, 5.5),
        ("count", "add_up", "10.0.0.1 (cd)", 1.0, None, None, None),
        ("count", "count_spans", "10.0.0.1 (cd)", 5.0, None, None, None),
        ("count", "count_spans", "10.0.0.2 (ab)", 4.25, None, None, None),
        ("train", ALL, "ray", 2.0, 0, 0, None),
    ]
    assert run_table([]).schema == pl.Schema(run_table(steps).schema)


def test_the_page_shows_them(steps: list[tuple[str, Path]], tmp_path: Path) -> None:
    training = {"engine": "ray", "workers": 3}
    draw_report(ReportInputs("of runs", {}, training=training, runs=run_table(steps)), tmp_path)
    page = (tmp_path / "report.html").read_text()
    table = re.search(r'<table id="table-runs">.*?</table>', page, re.DOTALL)
    assert table is not None
    rows = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in table[0].split("<tr>")[1:]]
    assert rows[0] == ["Step", "Work", "Node", "Seconds", "Workers lost", "Done again", "Spilled, MB"]
    assert rows[1] == ["count", ALL, "ray", "9.5", "2", "1", "5.5"]
    assert rows[3] == ["count", "count_spans", "10.0.0.1 (cd)", "5.0", "–", "–", "–"]
    assert len(rows) == 6
