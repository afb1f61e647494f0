"""Workers killed and nodes removed on Ray's own test cluster, at every stage, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.ray_engine import RayEngine
from tests.pipelines.matrix.on_ray import KILLED, REMOVED, Nodes, on_ray
from tests.pipelines.matrix.stages import STAGES, files_of, make_small, prepare

pytestmark = [pytest.mark.ray, pytest.mark.kills]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    nodes = Nodes(len(STAGES))  # each stage loses one; in the end there is the head alone
    yield nodes
    nodes.close()


@pytest.fixture(scope="module")
def engine(nodes: Nodes) -> Iterator[RayEngine]:
    engine = RayEngine(4)
    yield engine
    engine.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("matrix")
    with pytest.MonkeyPatch.context() as patch:
        make_small(patch)
        prepare(folder)
        yield folder


CELLS = [  # one fault a stage here, both in `make exhaustive`
    pytest.param(stage, fault, marks=[pytest.mark.exhaustive] * ((row + column) % 2))
    for column, fault in enumerate((KILLED, REMOVED))
    for row, stage in enumerate(STAGES)
]


@pytest.mark.parametrize(("stage", "fault"), CELLS)
def test_a_stage_goes_on(made: Path, nodes: Nodes, engine: RayEngine, tmp_path: Path, stage: str, fault: str) -> None:
    plain = made / f"plain-{stage}"
    if not plain.exists():
        STAGES[stage].run(made, plain, LocalEngine(1))
    found = on_ray(STAGES[stage], fault, made, files_of(plain), tmp_path, nodes, engine)
    assert (found.stage, found.fault) == (stage, fault)
    assert files_of(tmp_path / "o") == files_of(plain)
