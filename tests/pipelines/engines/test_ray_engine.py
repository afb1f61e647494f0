"""The same results on Ray: any number of workers, a worker killed on the way, errors that arrive as themselves."""

import gc
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from operators.errors import DataError
from pipelines.engines.engine import WorkerLost
from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.nodes import InvisiblePaths, NodeMismatch, identity, probes
from pipelines.engines.ray_connection import ClusterNotStarted, ClusterUnreachable, Connection
from pipelines.engines.ray_engine import ClusterFull, RayEngine
from pipelines.outputs import MANIFEST, Manifest, read_manifest
from pipelines.train.rounds import SingleShardTrainer, TrainingShard
from tests.pipelines.corpora import write_corpus
from tests.pipelines.train.test_step import merges_of

pytestmark = pytest.mark.ray


class Refused(DataError):
    """An error with two arguments and a text made of them."""

    def __init__(self, what: str, why: str) -> None:
        super().__init__(what, why)
        self.what, self.why = what, why

    def __str__(self) -> str:
        return f"{self.what}: {self.why}"


class Holder:
    """A state for these tests."""

    def __init__(self, path: str) -> None:
        if path == "wrong":
            raise Refused(path, "cannot be held")
        self.path = path

    def process(self) -> int:
        return os.getpid()

    def refuse(self) -> None:
        raise Refused(self.path, "asked to")


def refuse(item: str) -> None:
    raise Refused(item, "not today")


def length(item: str) -> int:
    return len(item)


@pytest.fixture(scope="module")
def ray_engine() -> Iterator[RayEngine]:
    engine = RayEngine(5)
    yield engine
    engine.close()


def test_five_and_two_workers_write_what_local_threads_write(ray_engine: RayEngine, tmp_path: Path) -> None:
    write_corpus(tmp_path / "corpus")
    merges_of(tmp_path / "corpus", tmp_path / "local", LocalEngine(2), 600)
    for workers in (5, 2):
        merges_of(tmp_path / "corpus", tmp_path / f"ray{workers}", RayEngine(workers), 600)
        for name in ("tokenizer.json", "ranks.tiktoken", "merges.parquet", MANIFEST):
            assert (tmp_path / f"ray{workers}" / name).read_bytes() == (tmp_path / "local" / name).read_bytes()


@pytest.mark.kills
def test_a_worker_killed_while_training_changes_nothing(
    ray_engine: RayEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 on the actor's process at its 20th round."""
    write_corpus(tmp_path / "corpus")
    merges_of(tmp_path / "corpus", tmp_path / "plain", LocalEngine(2), 600)
    marker = tmp_path / "killed"

    class Doomed(TrainingShard):
        def apply(self, number, merges):  # type: ignore[no-untyped-def]
            with suppress(FileExistsError):
                if number == 20:
                    marker.touch(exist_ok=False)  # of two workers, one gets here
                    os.kill(os.getpid(), signal.SIGKILL)
            return super().apply(number, merges)

    monkeypatch.setattr("pipelines.train.rounds.TrainingShard", Doomed)
    made: Manifest = merges_of(tmp_path / "corpus", tmp_path / "killed-one", RayEngine(2), 600)
    assert marker.exists()
    assert made == read_manifest(tmp_path / "plain")
    plain, hurt = (tmp_path / name / "merges.parquet" for name in ("plain", "killed-one"))
    assert plain.read_bytes() == hurt.read_bytes()
    assert '"failures": 1' in (tmp_path / "killed-one/run.json").read_text()


@pytest.mark.kills
def test_a_lone_trainer_killed_changes_nothing(
    ray_engine: RayEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """kill -9 on its process when it is asked for its fourth answer."""
    write_corpus(tmp_path / "corpus")
    merges_of(tmp_path / "corpus", tmp_path / "plain", LocalEngine(2), 600)
    marker = tmp_path / "killed"

    class Doomed(SingleShardTrainer):
        def learn(self, number, seconds):  # type: ignore[no-untyped-def]
            with suppress(FileExistsError):
                if number == 4:
                    marker.touch(exist_ok=False)
                    os.kill(os.getpid(), signal.SIGKILL)
            return super().learn(number, seconds)

    monkeypatch.setattr("pipelines.train.rounds.ANSWER_EVERY_S", 0.0)
    monkeypatch.setattr("pipelines.train.rounds.SingleShardTrainer", Doomed)
    merges_of(tmp_path / "corpus", tmp_path / "killed-one", RayEngine(2, 1 << 40), 600)
    assert marker.exists()
    for name in ("tokenizer.json", "merges.parquet", MANIFEST):
        assert (tmp_path / "killed-one" / name).read_bytes() == (tmp_path / "plain" / name).read_bytes()
    assert '"failures": 1' in (tmp_path / "killed-one/run.json").read_text()


def test_errors_arrive_as_themselves(ray_engine: RayEngine) -> None:
    held, wrong = ray_engine.start(Holder, "b"), ray_engine.start(Holder, "wrong")
    for failing in (
        lambda: list(ray_engine.run(refuse, ["a"])),
        lambda: held.call("refuse").result(),
        lambda: wrong.call("process").result(),
    ):
        with pytest.raises(Refused) as caught:
            failing()
        assert caught.value.why in ("not today", "asked to", "cannot be held")
    for worker in (held, wrong):  # the error's traceback would keep them, and their processors
        worker.stop()


@pytest.mark.kills
def test_a_killed_worker_is_reported_lost(ray_engine: RayEngine) -> None:
    worker = ray_engine.start(Holder, "x")
    os.kill(worker.call("process").result(), signal.SIGKILL)
    with pytest.raises(WorkerLost):
        for _ in range(50):
            worker.call("process").result()


def test_a_closed_engine_holds_no_worker(ray_engine: RayEngine) -> None:
    """Before the garbage collector has looked for circles, which in a process that lives on may take long."""
    gc.disable()
    try:
        engine = RayEngine(1)
        worker = engine.start(Holder, "right")
        assert worker.call("process").result() != os.getpid()
        worker.stop()
        kept: list[weakref.ref[Any]] = [weakref.ref(engine), weakref.ref(worker)]
        engine.close()
        del engine, worker
        assert [one() for one in kept] == [None, None]
    finally:
        gc.enable()


def listening_of(process: int) -> list[str]:
    """Every address that a process or one it started listens on, in the hexadecimal of /proc/net."""
    ours = [process]
    parents: dict[int, list[int]] = {}
    for line in subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout.split(
        "\n"
    ):
        if line.strip():
            pid, parent = map(int, line.split())
            parents.setdefault(parent, []).append(pid)
    for pid in ours:
        ours += parents.get(pid, [])
    inodes = set()
    for pid in ours:
        for entry in Path(f"/proc/{pid}/fd").glob("*") if Path(f"/proc/{pid}/fd").exists() else ():
            with suppress(OSError):  # closed since it was listed
                target = str(entry.readlink())
                if target.startswith("socket:["):
                    inodes.add(target[8:-1])
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                listening.append(fields[1].split(":")[0])
    return listening


def test_a_cluster_of_our_own_listens_on_loopback_only() -> None:
    """In a process of its own, as Ray reads its switch when it is imported: it must be the engine that sets it."""
    script = "from pipelines.engines.ray_engine import RayEngine; it = RayEngine(1); print('up', flush=True); input()"
    bare = {name: value for name, value in os.environ.items() if name != "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"}
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, env=bare, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdin is not None and driver.stdout is not None
        assert driver.stdout.readline() == "up\n"
        listening = listening_of(driver.pid)
        driver.communicate("\n")
    loopback = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
    assert len(listening) >= 3
    assert set(listening) <= loopback


def test_a_cluster_that_is_not_there_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{port}")
    with pytest.raises(ClusterUnreachable, match=f"RAY_ADDRESS=127.0.0.1:{port}: Connection refused; start it"):
        RayEngine(1)


def test_results_are_given_with_their_index(ray_engine: RayEngine) -> None:
    assert sorted(ray_engine.run(length, ["a" * n for n in range(30)])) == [(n, n) for n in range(30)]


def test_a_node_with_other_code_or_libraries_is_named_and_refused(
    ray_engine: RayEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = identity()
    other = replace(mine, versions=(("python", "3.1"), *mine.versions[1:]))
    monkeypatch.setattr("pipelines.engines.ray_engine.identity", lambda: other)
    with pytest.raises(
        NodeMismatch, match=r"node 127\.0\.0\.1 \(\w{8}\) has python 3\.\d+\.\d+, not 3\.1; start them all"
    ):
        RayEngine(2)
    monkeypatch.setattr("pipelines.engines.ray_engine.identity", lambda: replace(mine, code="0"))
    with pytest.raises(NodeMismatch, match="has other code of babelmerge; start"):
        RayEngine(2)


def test_a_node_that_does_not_see_a_path_is_named(ray_engine: RayEngine, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b/de.txt").write_text("da")
    inputs = [str(tmp_path / "a/en.txt"), str(tmp_path / "a/fr.txt"), "s3://bucket/x.txt"]
    with probes(inputs, tmp_path / "out/deep") as paths:
        assert paths[0] == inputs[0]
        assert Path(paths[1]).parent == tmp_path
    with pytest.raises(InvisiblePaths, match=rf"node 127\.0\.0\.1 \(\w{{8}}\) does not see {tmp_path}/a/en.txt: put"):
        ray_engine.require_visible(inputs, tmp_path / "out/deep")
    ray_engine.require_visible([str(tmp_path / "b/de.txt"), "s3://bucket/x.txt"], tmp_path / "out/deep")
    assert [one.name for one in tmp_path.iterdir()] == ["b"]


def test_a_cluster_without_room_is_one_line(ray_engine: RayEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.engines.ray_engine.ROOM_TIMEOUT_S", 0.5)
    total = ray_engine._ray.cluster_resources()["CPU"]
    deadline = time.monotonic() + 120
    while ray_engine._ray.available_resources().get("CPU", 0) < total and time.monotonic() < deadline:
        gc.collect()  # workers of the tests before, which nobody holds any more
        time.sleep(0.2)
    holder = ray_engine._ray.remote(Holder).options(num_cpus=total).remote("x")
    ray_engine._ray.get(holder.process.remote(), timeout=120)
    try:
        with pytest.raises(ClusterFull, match=f"has 0 of its {total:g} processors free"):
            RayEngine(2)
    finally:
        ray_engine._ray.kill(holder)


@pytest.mark.parametrize("address", ["", "127.0.0.1"])
def test_a_failed_start_of_ray_is_one_line_with_its_reason(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    import ray

    def fail(**_: object) -> None:
        raise Exception("Version mismatch: started with:\n    Ray: 2.9.0\nThis process:\n    Ray: 2.50.0\n")

    monkeypatch.setenv("RAY_ADDRESS", address)
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", fail)
    kind, begins = (ClusterUnreachable, "no Ray cluster") if address else (ClusterNotStarted, "Ray did not start on")
    with pytest.raises(kind, match=rf"^{begins}.*with: Ray: 2\.9\.0 This process: Ray: 2\.50\.0; .*$") as caught:
        Connection(1)
    assert "\n" not in str(caught.value)
