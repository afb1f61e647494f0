"""The fault matrix: every stage, every fault. On threads here; what Ray itself has a part in is in test_on_ray.py."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.engines.local_engine import LocalEngine
from tests.pipelines.matrix.on_threads import SCRIPTED, STORAGE, cell, drivers_killed
from tests.pipelines.matrix.stages import STAGES, files_of, make_small, prepare


@pytest.fixture(scope="module", autouse=True)
def small() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, small: None) -> Path:
    folder = tmp_path_factory.mktemp("matrix")
    prepare(folder)
    return folder


@pytest.fixture(scope="module")
def plain(made: Path) -> dict[str, dict[str, bytes]]:
    """Files of each stage where no fault happens."""
    for stage in STAGES.values():
        stage.run(made, made / f"plain-{stage.name}", LocalEngine(1))
    return {name: files_of(made / f"plain-{name}") for name in STAGES}


CELLS = [  # every fault once and every stage here, each fault at each stage in `make exhaustive`
    pytest.param(stage, fault, marks=[pytest.mark.exhaustive] * ((row - column) % len(STAGES) != 0))
    for row, stage in enumerate(STAGES)
    for column, fault in enumerate((*SCRIPTED, *STORAGE))
]


@pytest.mark.parametrize(("stage", "fault"), CELLS)
def test_a_stage_ends_as_if_there_had_been_no_fault(
    made: Path, plain: dict[str, dict[str, bytes]], tmp_path: Path, stage: str, fault: str
) -> None:
    found = cell(STAGES[stage], fault, made, plain[stage], tmp_path / "o")
    assert (found.stage, found.ended) in {(stage, "same"), (stage, "error, resumed")}
    assert files_of(tmp_path / "o") == plain[stage]


@pytest.mark.kills
def test_a_driver_that_is_killed_is_gone_on_after(made: Path, plain: dict[str, dict[str, bytes]]) -> None:
    assert [cell.stage for cell in drivers_killed(made, plain)] == list(STAGES)
