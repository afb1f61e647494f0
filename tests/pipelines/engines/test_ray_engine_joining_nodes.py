"""Nodes that join: used from the next run of tasks on, once they have shown that they run the driver's code."""

import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.nodes import CODE, ROOT, InvisiblePaths, NodeMismatch, identity
from pipelines.engines.ray_engine import ClusterFull, RayEngine
from tests.pipelines.corpora import write_corpus
from tests.pipelines.train.test_step import merges_of

pytestmark = pytest.mark.ray

PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A head with one processor, on loopback, which this process has joined."""
    patch = pytest.MonkeyPatch()
    patch.chdir(tmp_path_factory.mktemp("elsewhere"))  # Ray puts the driver's own folder before a node's PYTHONPATH
    patch.setenv("PYTHONPATH", str(ROOT))
    import ray
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
    made = Cluster(initialize_head=True, head_node_args=head)
    ray.init(address=made.address, logging_level="ERROR", log_to_driver=False)
    yield made
    ray.shutdown()
    made.shutdown()
    patch.undo()


@pytest.fixture
def add(cluster: Any) -> Iterator[Any]:
    """Adds a node, which goes when the test is over."""
    added: list[Any] = []

    def one(processors: int, **options: Any) -> str:
        added.append(cluster.add_node(num_cpus=processors, object_store_memory=80 << 20, **options))
        return str(added[-1].node_id)

    yield one
    import ray

    for node in added:
        cluster.remove_node(node)
    deadline = time.monotonic() + PATIENCE_S
    while sum(node["Alive"] for node in ray.nodes()) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)


def meet(folder: str) -> str:
    """The node it ran on, once tasks run on two."""
    import ray

    node = str(ray.get_runtime_context().get_node_id())
    (Path(folder) / node).touch()
    deadline = time.monotonic() + PATIENCE_S
    while len(list(Path(folder).iterdir())) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    return node


def nothing(item: int) -> int:
    return item


def test_a_node_that_joins_is_worked_on_from_the_next_run_on(add: Any, tmp_path: Path) -> None:
    engine = RayEngine()
    assert (engine.workers, engine.shards(1 << 30)) == (1, 1)
    list(engine.run(nothing, range(3)))
    node = add(2)
    places = {place for _, place in engine.run(meet, [str(tmp_path)] * 3)}
    assert len(places) == 2 and node in places
    assert (engine.workers, engine.shards(1 << 30)) == (3, 3)


def test_workers_that_were_asked_for_stay_as_many_and_get_whole_processors(add: Any) -> None:
    engine = RayEngine(2)
    assert engine._share == 0.5
    add(2)
    list(engine.run(nothing, range(3)))
    assert (engine.workers, engine._share) == (2, 1.0)


def test_a_node_that_joins_between_stages_changes_no_result(add: Any, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    merges_of(tmp_path / "corpus", tmp_path / "local", LocalEngine(2), 600)

    class Growing(RayEngine):
        """Gets a node when its first tasks are done: those that count, before those that shuffle."""

        grown = -1  # its start runs tasks, too

        def run(self, task, items, on_lost=None):  # type: ignore[no-untyped-def]
            yield from super().run(task, items, on_lost)
            self.grown += 1
            if self.grown == 1:
                add(2)

    engine = Growing()
    merges_of(tmp_path / "corpus", tmp_path / "grown", engine, 600)
    assert engine.workers == 3
    for name in ("tokenizer.json", "ranks.tiktoken", "merges.parquet", "manifest.json"):
        assert (tmp_path / "grown" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


def test_a_node_with_another_version_of_the_code_is_named_joining_and_at_the_start(add: Any, tmp_path: Path) -> None:
    for package in CODE:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / "pipelines/outputs.py").open("a") as file:
        file.write("# mended\n")
    engine = RayEngine()
    node = add(1, env_vars=os.environ | {"PYTHONPATH": str(tmp_path)})
    said = rf"^not all nodes run what .*: node 127\.0\.0\.1 \({node[:8]}\) has other code of babelmerge; start"
    with pytest.raises(NodeMismatch, match=said):
        list(engine.run(nothing, range(3)))
    with pytest.raises(NodeMismatch, match=said):
        RayEngine()


def test_work_that_reaches_a_node_nobody_asked_proves_itself(cluster: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = RayEngine()
    monkeypatch.setattr("pipelines.engines.ray_engine.identity", lambda: replace(identity(), code="0"))
    with pytest.raises(NodeMismatch, match=r"node 127\.0\.0\.1 \(\w{8}\) has other code"):
        list(engine.run(nothing, range(3)))


def test_a_node_that_joins_is_asked_for_the_paths_of_the_job(add: Any, tmp_path: Path) -> None:
    source = tmp_path / "en.txt"
    source.write_text("so")
    engine = RayEngine()
    engine.require_visible([str(source)], tmp_path)
    source.unlink()
    list(engine.run(nothing, range(3)))
    node = add(1)
    with pytest.raises(InvisiblePaths, match=rf"^node 127\.0\.0\.1 \({node[:8]}\) does not see {source}: put"):
        list(engine.run(nothing, range(3)))


def test_with_less_room_than_was_asked_for_a_line_says_so(add: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import ray

    monkeypatch.setattr("pipelines.engines.ray_engine.ROOM_TIMEOUT_S", 2.0)
    add(2)
    holder = ray.remote(Held).options(num_cpus=2).remote()
    ray.get(holder.here.remote())
    try:
        with pytest.raises(ClusterFull, match="has 1 of its 3 processors free, workers want 3: end other jobs"):
            RayEngine(3)
        assert list(RayEngine().run(nothing, [5])) == [(0, 5)]  # who asks for no number takes what there is
    finally:
        ray.kill(holder)


class Held:
    def here(self) -> bool:
        return True
