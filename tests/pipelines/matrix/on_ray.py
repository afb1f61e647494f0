"""Faults on Ray itself: clusters of several nodes on this machine, on loopback, from which nodes are taken."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pipelines.engines.ray_engine import RayEngine
from pipelines.outputs import read_run
from tests.conftest import ROOT
from tests.pipelines.matrix.on_threads import Cell, found
from tests.pipelines.matrix.stages import Stage, files_of

KILLED, REPEATED, REMOVED, SLOW = "worker killed", "task repeated", "node removed", "slow node"
DRIVER = "driver killed"
ON_RAY = (KILLED, REPEATED, REMOVED, SLOW)
DOOMED_ROUND = 20
"""Round of training in which a worker meets its fault."""
SLOW_S = 1.0


class Nodes:
    """A cluster of `count` nodes of one processor beside the head, and this process joined to it."""

    def __init__(self, count: int, object_store_bytes: int = 80 << 20) -> None:
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # as `pipelines.engines.ray_engine`: loopback alone
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        import ray
        from ray.cluster_utils import Cluster

        self._ray: Any = ray
        self._options = {"num_cpus": 1, "object_store_memory": object_store_bytes}
        self._cluster = Cluster(initialize_head=True, head_node_args=self._options | {"include_dashboard": False})
        self._nodes = [self._cluster.add_node(**self._options) for _ in range(count)]
        ray.init(address=self._cluster.address, logging_level="ERROR", log_to_driver=False)
        self.address = str(self._cluster.address)
        self.head = ray.get_runtime_context().get_node_id()

    def remove(self, node: str | None = None, place: int = 0) -> None:
        """End a node's processes at once; that of an id, or the one at a place."""
        gone = self._nodes[place] if node is None else next(one for one in self._nodes if one.node_id == node)
        self._nodes.remove(gone)
        self._cluster.remove_node(gone, allow_graceful=False)

    def add(self) -> None:
        """One more, ready for work."""
        self._nodes.append(self._cluster.add_node(**self._options))

    def close(self) -> None:
        """End all of it."""
        self._ray.shutdown()
        self._cluster.shutdown()


def _fate(fault: str, marker: Path, head: str) -> Callable[[str], None]:
    """Hook that a worker calls before and after its work: the first caller meets the fault."""

    def first(content: str) -> bool:
        own = marker.with_name(f"{marker.name}.{os.getpid()}")
        own.write_text(content)
        try:
            os.link(own, marker)  # whole, or not there
        except FileExistsError:
            return False
        return True

    def meet(moment: str) -> None:
        if fault == KILLED and moment == "before" and first("killed"):
            os.kill(os.getpid(), signal.SIGKILL)
        if fault == REPEATED and moment == "after" and first("killed"):
            os.kill(os.getpid(), signal.SIGKILL)  # it was all done, but the answer
        if fault == SLOW and moment == "before" and first("slow"):
            time.sleep(SLOW_S)
        if fault == REMOVED and moment == "before" and not marker.exists():
            node = sys.modules["ray"].get_runtime_context().get_node_id()
            while node == head and not marker.exists():  # the head stays: somebody else is to be met
                time.sleep(0.01)
            if node != head and first(node):
                time.sleep(600)

    return meet


def _aim(stage: Stage, meet: Callable[[str], None], patch: pytest.MonkeyPatch) -> None:
    """Let the stage's workers call `meet`."""
    owner, name = found(stage.target)
    if not isinstance(owner, type):
        task = getattr(owner, name)

        def doomed(item):  # type: ignore[no-untyped-def]
            meet("before")
            result = task(item)
            meet("after")
            return result

        patch.setattr(owner, name, doomed)
        return

    genuine = getattr(owner, name)

    def apply(self, number, merges):  # type: ignore[no-untyped-def]
        if number == DOOMED_ROUND:
            meet("before")
        result = genuine(self, number, merges)
        if number == DOOMED_ROUND:
            meet("after")
        return result

    patch.setattr(sys.modules[owner.__module__], owner.__name__, type("Doomed", (owner,), {"apply": apply}))


def on_ray(
    stage: Stage, fault: str, made: Path, plain: dict[str, bytes], folder: Path, nodes: Nodes, engine: RayEngine
) -> Cell:
    """The cell of a stage and one of ON_RAY. A node that is removed stays away."""
    marker = folder / "marker"
    removed = threading.Event()

    def remove() -> None:
        while not removed.is_set():
            if marker.exists():
                nodes.remove(marker.read_text())
                removed.set()
            time.sleep(0.01)

    remover = threading.Thread(target=remove, daemon=True)
    began = time.monotonic()
    with pytest.MonkeyPatch.context() as patch:
        _aim(stage, _fate(fault, marker, nodes.head), patch)
        if fault == REMOVED:
            remover.start()
        try:
            stage.run(made, folder / "o", engine)
        finally:
            happened = removed.is_set() if fault == REMOVED else marker.exists()
            removed.set()
            with suppress(RuntimeError):
                remover.join()
    seconds = time.monotonic() - began
    assert happened
    assert files_of(folder / "o") == plain
    runs = [run for path in (folder / "o", *(folder / "o").iterdir()) if (run := read_run(path)) is not None]
    failures = sum(run.failures for run in runs)
    assert (failures > 0) == (fault != SLOW)
    return Cell(stage.name, fault, "Ray", "same", seconds, f"{failures} workers" if failures else "-")


def driver_killed_on_ray(stage: Stage, made: Path, plain: dict[str, bytes], folder: Path, nodes: Nodes) -> Cell:
    """Drivers of their own that are killed at two moments, one after the other, and a third that goes on."""

    def drive(out: Path, moment: int) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tests.pipelines.matrix.ray_driver", nodes.address, stage.name]
        arguments = [str(made), str(out), str(moment)]
        return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300)

    counted = drive(folder / "counted", 0)
    assert counted.returncode == 0, counted.stderr[-2000:]
    total = int(counted.stdout.split("moments")[-1])
    began = time.monotonic()
    ends = [drive(folder / "o", max(1, round(part * total))).returncode for part in (0.4, 0.8)]
    killed = ends.count(-signal.SIGKILL)
    assert killed >= 1 and set(ends) <= {0, -signal.SIGKILL}
    assert drive(folder / "o", 0).returncode == 0
    assert files_of(folder / "o") == plain
    return Cell(stage.name, DRIVER, "Ray", "error, resumed", time.monotonic() - began, f"{killed} drivers")
