"""Ray: joins the cluster that RAY_ADDRESS names, or starts one on this machine that listens on loopback only."""

import os
import socket
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from operators.errors import DataError
from operators.redaction import shown
from pipelines.engines.engine import Item, Result, WorkerLost
from pipelines.engines.nodes import Identity, InvisiblePaths, NodeMismatch, identity, missing_paths, probes
from pipelines.engines.ray_workers import ANYWHERE, RayWorker, result_of, timed
from pipelines.engines.run_stats import TRIES, RunStats, TaskLost

TASKS_AHEAD = 4  # tasks submitted for each worker: enough to hide a round trip, few enough to hold little
CONNECT_TIMEOUT_S = 10.0
ROOM_TIMEOUT_S = 60.0
ROOM_POLL_S = 0.5
OBJECT_STORE_BYTES = 1 << 30  # for a cluster of our own: what travels is small, text never does


class ClusterUnreachable(DataError):
    """A cluster, named by RAY_ADDRESS, that does not answer."""

    address: str
    reason: str
    message = "no Ray cluster answers at RAY_ADDRESS={address}: {reason}; start it, or unset RAY_ADDRESS"


def _connect(workers: int | None) -> Any:
    address = os.environ.get("RAY_ADDRESS")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")  # tracebacks of tasks that failed beside the first one
    if not address:
        # Ray's switch for machines without clusters: every server then binds to 127.0.0.1 instead of all interfaces.
        os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
    else:
        _probe(address)
    import ray

    if ray.is_initialized():
        return ray
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    try:
        if address:
            ray.init(address=address, **quiet)
        else:
            ray.init(
                address="local",
                num_cpus=max(workers or 0, os.cpu_count() or 1),
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                _node_ip_address="127.0.0.1",
                **quiet,
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise ClusterUnreachable(address or "(none)", str(error).split("\n")[0]) from error
    return ray


def _probe(address: str) -> None:
    """Ray tries for minutes to reach a head that is not there; a connection says so in seconds."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        try:
            socket.create_connection((host.strip("[]"), int(port)), CONNECT_TIMEOUT_S).close()
        except OSError as error:
            raise ClusterUnreachable(address, error.strerror or str(error)) from error


class ClusterFull(DataError):
    """A cluster with too few free processors for the requested workers."""

    wanted: float
    free: float
    total: float
    message = (
        "the cluster has {free:g} of its {total:g} processors free, workers want {wanted:g}: end"
        f" other jobs, add nodes, or ask for fewer with --workers (waited {ROOM_TIMEOUT_S:g} s)"
    )


class RayEngine:
    """See `pipelines.engines.engine.Engine`."""

    name = "ray"

    def __init__(
        self,
        workers: int | None = None,
        shard_bytes: int = 1,
        kernels: Sequence[str] = (),
        stats: RunStats | None = None,
    ) -> None:
        """`workers` of None: one for each processor of the cluster, counted anew between tasks' runs, for nodes come
        and go. More than that share the processors.

        `shard_bytes`: a worker with a state is not worth its round trips for less than these. `kernels`: the groups
        of `operators.precompile` that each node compiles, where it has not, before its workers begin.
        """
        self._shard_bytes = shard_bytes
        self.stats = stats or RunStats()
        self._owner = not _initialized()
        self._ray = _connect(workers)
        self._spilled_before = _spilled(self._ray)
        self.stats.spilled_bytes = self._spilled_bytes
        self._asked, self.workers, self._share = workers, workers or 1, 1.0
        self._kernels = tuple(kernels)
        self._states: list[RayWorker] = []
        self._visible: tuple[tuple[str, ...], Path | None] = ((), None)
        self._admitted: frozenset[str] = frozenset()
        self._admit()
        self._wait_for_room()
        self._start_workers()

    def require_visible(self, inputs: Sequence[str], output: Path) -> None:
        """See Engine; nodes that join later are asked when they do."""
        self._visible = (tuple(inputs), output)
        self._check_paths(self._admitted)

    def _check_paths(self, nodes: frozenset[str]) -> None:
        inputs, output = self._visible
        if output is None:
            return
        with probes(inputs, output) as paths:
            seen = self._on_nodes(missing_paths, tuple(paths), nodes)
        missing = tuple((node, gone) for node, gone in seen if gone and not isinstance(gone, Exception))
        if missing:
            raise InvisiblePaths(missing)

    def _admit(self) -> None:
        """Ask nodes that have joined what the first were asked, then count the processors anew."""
        living = frozenset(node["NodeID"] for node in self._ray.nodes() if node["Alive"])
        if joined := living - self._admitted:
            self._check_nodes(joined)
            self._check_paths(joined)
            self._on_nodes(_compile, self._kernels, joined)
        self._admitted = living
        if processors := self._ray.cluster_resources().get("CPU", 0.0):
            self.workers = self._asked or max(1, int(processors))
            self._share = 1.0 if self.workers <= processors else int(10_000 * processors / self.workers) / 10_000

    def _spilled_bytes(self) -> int | None:
        now = _spilled(self._ray)
        return None if now is None or self._spilled_before is None else now - self._spilled_before

    def _check_nodes(self, nodes: frozenset[str]) -> None:
        """Raises NodeMismatch where one of these nodes runs other code, or other libraries, than this process."""
        mine = identity()
        found = [
            (node, f"cannot run ours ({theirs})" if isinstance(theirs, Exception) else mine.difference(theirs))
            for node, theirs in self._on_nodes(_identity, None, nodes)
        ]
        unlike = tuple((node, difference) for node, difference in found if difference is not None)
        if unlike:
            raise NodeMismatch(unlike)

    def _on_nodes(self, task: Callable[[Any], Any], argument: Any, nodes: frozenset[str]) -> list[tuple[str, Any]]:
        """(node, task(argument) or what it raised) for each of these nodes that lives; takes no processor, so waits
        for none."""
        ray = self._ray
        asked = []
        for node in ray.nodes():
            if node["Alive"] and node["NodeID"] in nodes:
                place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                remote = ray.remote(task).options(num_cpus=0, scheduling_strategy=place, max_retries=TRIES)
                asked.append((f"node {node['NodeManagerAddress']} ({node['NodeID'][:8]})", remote.remote(argument)))
        answered = [(name, _answer(ray, answer)) for name, answer in sorted(asked, key=lambda one: one[0])]
        # Ray lists a node for seconds after it is gone.
        return [(name, one) for name, one in answered if not (isinstance(one, WorkerLost) and one.with_node)]

    def _wait_for_room(self) -> None:
        """Raises ClusterFull where the processors do not come free: for all workers that were asked for, else for one.
        A cluster whose nodes are still to come has none at first."""
        deadline = time.monotonic() + ROOM_TIMEOUT_S
        while True:
            wanted = self._share * self.workers if self._asked else 1.0
            free = self._ray.available_resources().get("CPU", 0.0)
            if free + 1e-6 >= wanted:
                return
            if time.monotonic() > deadline:
                raise ClusterFull(wanted, free, self._ray.cluster_resources().get("CPU", 0.0))
            time.sleep(ROOM_POLL_S)
            self._admit()

    def _start_workers(self) -> None:
        """Let as many processes as there are workers import and load what they will need, side by side."""
        for _ in self.run(_load, range(self.workers)):
            pass

    def shards(self, stored_bytes: int) -> int:
        """One for each `shard_bytes`, at most one for each worker."""
        return max(1, min(self.workers, stored_bytes // self._shard_bytes))

    def run(
        self,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        on_lost: Callable[[Item, TaskLost], Result] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """(index, result) as tasks are done; one whose worker was lost is submitted again, and here, not by Ray, so
        that it is counted: the second time behind all others, then alone, as others may have taken the memory."""
        ray = self._ray
        self._admit()
        mine = identity()
        remote = ray.remote(timed).options(name=task.__name__, num_cpus=self._share, max_retries=0)
        waiting, suspects, losses = deque(range(len(items))), deque[int](), Counter[int]()
        running: dict[Any, int] = {}
        try:
            while waiting or suspects or running:
                while waiting and len(running) < TASKS_AHEAD * self.workers:
                    index = waiting.popleft()
                    running[remote.remote(task, items[index], mine)] = index
                if not running:
                    index = suspects.popleft()
                    running[remote.remote(task, items[index], mine)] = index
                for reference in ray.wait(list(running))[0]:
                    index = running.pop(reference)
                    try:
                        node, seconds, result = result_of(ray, reference)
                    except WorkerLost as lost:
                        what = f"{task.__name__} of {_name(items[index], index, len(items))}"
                        self.stats.record_loss(what, lost.reason)
                        losses[index] += not lost.with_node
                        if losses[index] < TRIES:
                            self.stats.record_retry()
                            (waiting if losses[index] < 2 else suspects).append(index)
                            continue
                        if on_lost is None:
                            raise TaskLost(what, lost.reason) from lost
                        result = on_lost(items[index], TaskLost(what, lost.reason))
                    else:
                        self.stats.record_time(task.__name__, node, seconds)
                    yield index, result
            self._admit()  # who comes next divides the work among those that are there
        finally:
            for reference in running:
                ray.cancel(reference, force=False)

    def start(self, state: Callable[..., Any], *arguments: Any) -> "RayWorker":
        """An actor. Ray does not restart it, which would lose its state in silence; `fleet` replaces it. It asks for
        no processor where those that it shares are taken by others of ours: nodes may have gone."""
        living = (node["Resources"].get("CPU", 0.0) for node in self._ray.nodes() if node["Alive"])
        room = sum(int(processors / self._share + 1e-6) for processors in living)
        self._states = [one for one in self._states if not one.is_stopped]
        options = {"num_cpus": self._share} if len(self._states) < room else ANYWHERE
        self._states.append(RayWorker(self._ray, self.stats, state, arguments, **options))
        return self._states[-1]

    def close(self) -> None:
        """Leave the cluster; end it if it is ours. In a process that lives on no handle of an actor may stay behind."""
        self._states.clear()
        self.stats.spilled_bytes = lambda: None  # which held the engine
        if self._owner:
            self._ray.shutdown()


def _identity(_: None) -> Identity:
    return identity()


def _compile(groups: tuple[str, ...]) -> None:
    from operators.precompile import compile_kernels

    compile_kernels(groups)


def _load(_: int) -> None:
    from operators.precompile import import_kernels

    import_kernels()


def _initialized() -> bool:
    import sys

    ray = sys.modules.get("ray")
    return bool(ray is not None and ray.is_initialized())


def _name(item: Any, index: int, among: int) -> str:
    """For messages: the file it is about, else its number."""
    path = item if isinstance(item, str) else getattr(item, "path", None)
    return f"item {index + 1} of {among}" if path is None else shown(str(path))


def _spilled(ray: Any) -> int | None:
    """Bytes that object stores wrote to disk so far, all nodes together. Ray tells it to its own tools alone, so a
    version that does not is no error."""
    from ray._private import internal_api

    try:
        nodes = [(node["NodeManagerAddress"], node["NodeManagerPort"]) for node in ray.nodes() if node["Alive"]]
        told = [internal_api.node_stats(*node, include_memory_info=False).store_stats for node in nodes]
        return sum(int(one.spilled_bytes_total) for one in told)
    except Exception:
        return None


def _answer(ray: Any, reference: Any) -> Any:
    """The answer, or what was raised in its place: a node may be lost at any time, and may lack our code."""
    try:
        return result_of(ray, reference)
    except Exception as error:
        return error
