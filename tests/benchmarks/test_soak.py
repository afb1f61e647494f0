"""Findings of the soak test for given figures, and for processes of this test."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.soak import TOKEN, memory, outcome, own_processes, role, weighed
from benchmarks.soak_samples import Sample, Weight, found_wrong, long_lived, table

CALM = Sample(
    seconds=1.0, weights=(Weight("raylet", 7, 80 << 20, 100 << 20, 50), Weight("head", 8, 30 << 20, 40 << 20, 60)),
    actors=0, placement_groups=0, objects=0, files=9, logs=3, shared=1, digest="a", left=0,
)  # fmt: skip


def grown(sample: Sample, megabytes: float = 0, files: int = 0) -> Sample:
    """The same sample with a larger first process."""
    first, *others = sample.weights
    first = replace(first, all_bytes=first.all_bytes + int(megabytes * (1 << 20)), open_files=first.open_files + files)
    return replace(sample, weights=(first, *others))


def test_what_stays_as_it_is_is_well() -> None:
    assert found_wrong([CALM] * 50) == []
    assert [series.name for series in long_lived([CALM] * 50)] == ["head", "raylet"]
    assert "| raylet | 104.9 | 104.9 | +0.0% | +0.0% | 50, then 50 |" in table([CALM] * 50)


def test_what_grows_while_it_warms_up_is_well() -> None:
    assert found_wrong([*[grown(CALM, i - 10, i - 10) for i in range(10)], *[CALM] * 40]) == []


def test_what_comes_and_goes_is_well() -> None:
    assert found_wrong([grown(CALM, i % 2, i % 4) for i in range(50)]) == []


@pytest.mark.parametrize("runs", [9, 30, 50])
def test_growth_is_found(runs: int) -> None:
    """6 % from the middle of the first window to the middle of the last one."""
    size = min(10, runs // 3)
    step = 6.0 / (runs - 2 * size)
    middle = size + (size - 1) / 2
    assert found_wrong([grown(CALM, (i - middle) * step) for i in range(runs)]) == ["raylet: memory grew by 6.0%"]
    assert found_wrong([grown(CALM, (i - middle) * step * 0.8) for i in range(runs)]) == []
    found = found_wrong([grown(CALM, files=i // (runs // 3)) for i in range(runs)])
    assert found == ["raylet: open files grew from 51 to 52"]
    weights = [replace(CALM.weights[0], own_bytes=(80 << 20) + (i << 22)) for i in range(runs)]
    own = found_wrong([replace(CALM, weights=(one, *CALM.weights[1:])) for one in weights])
    assert [line.partition(" by ")[0] for line in own] == ["raylet: memory without pages of files grew"]


def test_what_stays_behind_is_found() -> None:
    calm = [CALM] * 29
    cases = {
        "1 actors were there after a run": replace(CALM, actors=1),
        "2 placement groups were there after a run": replace(CALM, placement_groups=2),
        "3 objects were there after a run": replace(CALM, objects=3),
        "1 unfinished files in the output were there after a run": replace(CALM, left=1),
        "not all runs wrote the same": replace(CALM, digest="b"),
    }
    for said, sample in cases.items():
        assert found_wrong([*calm, sample]) == [said]
    growing = [
        replace(CALM, files=i, shared=i, weights=(*CALM.weights, *[Weight("worker", i, 1, 1, 1)] * i))
        for i in range(30)
    ]
    assert found_wrong(growing) == [
        "temporary files grew from 0 to 29", "files in shared memory grew from 0 to 29", "processes grew from 2 to 31"
    ]  # fmt: skip


def test_too_few_runs_say_so() -> None:
    with pytest.raises(ValueError, match="too few"):
        found_wrong([CALM] * 2)


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="needs Linux's /proc")
def test_a_process_and_its_children_are_weighed() -> None:
    """Also one that hides its environment, as its title is written over it; here: one that was started with none."""
    child = "import os, subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'], env={})"
    process = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, env=os.environ | {TOKEN: "mine"})
    try:
        while len(own_processes("mine")) < 2:
            assert process.poll() is None
        assert weighed("mine") == []  # none of them is Ray's
        own, whole = memory(Path(f"/proc/{process.pid}/smaps_rollup").read_text())
        assert 1 << 20 < own < whole < 1 << 30
    finally:
        process.communicate(b"\n")
    assert own_processes("mine") == []


def test_roles() -> None:
    assert role("/x/ray/core/src/ray/gcs/gcs_server --log_dir=/y") == "head (GCS)"
    assert role("ray::IDLE") == role("ray::timed") == "worker"
    assert role("ray::DashboardAgent   ") == "dashboard's agent"
    assert role("ray-dashboard-JobHead-0 (/x/python -B -c ...)") == "dashboard's JobHead"
    assert role("bash") is None


def test_what_a_run_leaves_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"1")
    (tmp_path / "run.json").write_text("1.5 s")
    first = outcome(tmp_path)
    (tmp_path / "run.json").write_text("1.6 s")
    assert outcome(tmp_path) == first and first[1] == 0
    (tmp_path / "b.parquet.12.part").write_bytes(b"")
    assert outcome(tmp_path)[1] == 1
    (tmp_path / "a.parquet").write_bytes(b"2")
    assert outcome(tmp_path)[0] != first[0]
