"""Each cell of the fault matrix on threads: a stage meets a fault, and what comes of it is held against no fault."""

import errno
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from operators.errors import DataError
from pipelines.engines.engine import Engine
from pipelines.engines.local_engine import LocalEngine
from pipelines.outputs import MANIFEST, WriteDisturbed, WriteFailed, read_run
from pipelines.storage_errors import StorageFailed, UnreadableInput
from tests.conftest import ROOT
from tests.pipelines.matrix.scripted_engine import Fault, ScriptedEngine
from tests.pipelines.matrix.stages import Stage, files_of

SCRIPTED: Final[tuple[Fault, ...]] = (
    "worker killed", "node removed", "task repeated", "report duplicated", "reports out of order", "slow node"
)  # fmt: skip
STORAGE: Final = ("disk full", "storage error that passes", "storage error that stays")
FAULTS: Final = (*SCRIPTED, *STORAGE, "driver killed")


@dataclass(frozen=True)
class Cell:
    """Outcome of a fault. Each ended with the undisturbed bytes, or it would not be listed."""

    stage: str
    fault: str
    engine: str
    """Engine that it ran on."""
    ended: str
    """`same`: the run went on; `error, resumed`: it ended with one line, and the same command went on from there."""
    seconds: float
    lost: str
    """Cost of the fault."""


def scripted(stage: Stage, fault: Fault, made: Path, plain: dict[str, bytes], out: Path) -> Cell:
    """Faults of the engine's contract."""
    parts = stage.target.split(".")
    target = parts[-2] if parts[-2][0].isupper() else parts[-1]
    engine, began = ScriptedEngine(fault, target), time.monotonic()
    failures = _run(stage, made, out, engine)
    seconds = time.monotonic() - began
    assert files_of(out) == plain
    assert (failures > 0) == (fault in ("worker killed", "node removed"))
    return Cell(stage.name, fault, "threads, scripted", "same", seconds, f"{failures} workers" if failures else "-")


def disk_full(stage: Stage, made: Path, plain: dict[str, bytes], out: Path) -> Cell:
    """Nothing can be renamed into its place from the n-th file on, for several n; then there is room again."""
    began, ends = time.monotonic(), 0
    genuine = Path.replace
    for last in (1, 2, 4, 7):
        with pytest.MonkeyPatch.context() as patch:
            left = last

            def full(self: Path, target: Any) -> Path:
                nonlocal left
                left -= 1
                if left <= 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))
                return genuine(self, target)

            patch.setattr(Path, "replace", full)
            try:
                _run(stage, made, out, LocalEngine(3))
                break  # fewer files than that
            except WriteFailed as error:
                assert "No space left on device; make room" in str(error) and "\n" not in str(error)
                ends += 1
        assert not (out / MANIFEST).exists()
        assert not list(out.rglob("*.part"))
    assert ends >= 2
    _run(stage, made, out, LocalEngine(3))
    assert files_of(out) == plain
    return Cell(stage.name, "disk full", "threads", "error, resumed", time.monotonic() - began, f"{ends} runs")


def storage_passes(stage: Stage, made: Path, plain: dict[str, bytes], out: Path) -> Cell:
    """Let the stage's files fail to open twice in a row, then open."""
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        failed = _disturb(stage, patch, lambda number: number <= 2)
        _run(stage, made, out, LocalEngine(1))
    assert files_of(out) == plain
    tries = f"{failed()} tries"
    return Cell(stage.name, "storage error that passes", "threads", "same", time.monotonic() - began, tries)


def storage_stays(stage: Stage, made: Path, plain: dict[str, bytes], out: Path) -> Cell:
    """Let the stage's files be opened a few times, then no more until the run has ended."""
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        _disturb(stage, patch, lambda number: number > 1)
        with pytest.raises(DataError) as caught:
            _run(stage, made, out, LocalEngine(3))
    assert isinstance(caught.value, StorageFailed | UnreadableInput | WriteDisturbed) and "\n" not in str(caught.value)
    assert os.strerror(errno.EIO) in str(caught.value)
    assert not (out / MANIFEST).exists()
    _run(stage, made, out, LocalEngine(3))
    assert files_of(out) == plain
    return Cell(stage.name, "storage error that stays", "threads", "error, resumed", time.monotonic() - began, "1 run")


def _disturb(stage: Stage, patch: pytest.MonkeyPatch, fails: Callable[[int], bool]) -> Callable[[], int]:
    """Let the n-th opening of a file fail as `fails(n)` says; how many did."""
    calls = failures = 0

    def disturbed(genuine: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal calls, failures
            calls += 1
            if fails(calls):
                failures += 1
                raise OSError(errno.EIO, os.strerror(errno.EIO), "a file")
            return genuine(*arguments, **named)

        return call

    for name in stage.reads:
        owner, attribute = found(name)
        patch.setattr(owner, attribute, disturbed(getattr(owner, attribute)))
    return lambda: failures


def found(name: str) -> tuple[Any, str]:
    """The module or class that holds what a dotted name means, and its last part."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        with suppress(ModuleNotFoundError):
            owner: Any = importlib.import_module(".".join(parts[:length]))
            for part in parts[length:-1]:
                owner = getattr(owner, part)
            return owner, parts[-1]
    raise ModuleNotFoundError(name)


def _run(stage: Stage, made: Path, out: Path, engine: Engine) -> int:
    """Number of workers that were lost."""
    try:
        stage.run(made, out, engine)
    finally:
        engine.close()
    run = read_run(out)
    return 0 if run is None else run.failures


def cell(stage: Stage, fault: str, made: Path, plain: dict[str, bytes], out: Path) -> Cell:
    """The cell of a stage and a fault, of those that happen in this process."""
    match fault:
        case "disk full":
            return disk_full(stage, made, plain, out)
        case "storage error that passes":
            return storage_passes(stage, made, plain, out)
        case "storage error that stays":
            return storage_stays(stage, made, plain, out)
    return scripted(stage, fault, made, plain, out)  # type: ignore[arg-type]


def drivers_killed(made: Path, plain: dict[str, dict[str, bytes]]) -> list[Cell]:
    """The cells of `tests.pipelines.matrix.killed_drivers`, all stages at once."""
    command = [sys.executable, "-m", "tests.pipelines.matrix.killed_drivers", str(made)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-2000:]
    cells = []
    for name, told in json.loads(done.stdout).items():
        assert files_of(made / f"killed-{name}") == plain[name], f"{name}: {told}"
        assert told["killed"] >= 2, f"{name}: {told}"
        lost = f"{told['killed']} drivers"
        cells.append(Cell(name, "driver killed", "threads", "error, resumed", told["seconds"], lost))
    return cells
