"""Ray engine: joins the cluster of RAY_ADDRESS, or starts one on this machine that listens on loopback only."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from operators.errors import DataError
from operators.redaction import shown
from pipelines.engines.engine import Item, Result, WorkerLost
from pipelines.engines.nodes import Identity, InvisiblePaths, NodeMismatch, identity, missing_paths, probes
from pipelines.engines.ray_connection import Connection
from pipelines.engines.ray_workers import ANYWHERE, RayWorker, result_of, timed
from pipelines.engines.run_stats import TRIES, RunStats, TaskLost

TASKS_AHEAD = 4  # tasks submitted for each worker: enough to hide a round trip, few in flight
ROOM_TIMEOUT_S = 60.0
ROOM_POLL_S = 0.5


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
        """`workers` of None: one for each processor of the cluster, counted again before each run of tasks, as nodes
        come and go. More workers than processors share them.

        `shard_bytes`: below this many bytes a stateful worker costs more in round trips than it gains. `kernels`:
        groups of `operators.precompile` that each node compiles, if necessary, before its workers begin.
        """
        self._shard_bytes = shard_bytes
        self.stats = stats or RunStats()
        self._connection = Connection(workers)
        self._ray = self._connection.ray
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
        """See Engine. Nodes that join later are checked when they join."""
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
        """Check nodes that have joined as the first were checked, then count the processors again."""
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
        """Raise NodeMismatch if one of these nodes has other code or libraries than this process."""
        mine = identity()
        found = [
            (node, f"cannot run ours ({theirs})" if isinstance(theirs, Exception) else mine.difference(theirs))
            for node, theirs in self._on_nodes(_identity, None, nodes)
        ]
        unlike = tuple((node, difference) for node, difference in found if difference is not None)
        if unlike:
            raise NodeMismatch(unlike)

    def _on_nodes(self, task: Callable[[Any], Any], argument: Any, nodes: frozenset[str]) -> list[tuple[str, Any]]:
        """Run a task on each living node; return (node, result or exception). Requests no processor, so never waits."""
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
        """Wait for free processors: for all requested workers, else for one. Raises ClusterFull after ROOM_TIMEOUT_S.

        A cluster that is starting has none at first.
        """
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
        """Start one process for each worker, which import and load libraries and kernels in parallel."""
        for _ in self.run(_load, range(self.workers)):
            pass

    def shards(self, stored_bytes: int) -> int:
        """Return one for each `shard_bytes`, at most one for each worker."""
        return max(1, min(self.workers, stored_bytes // self._shard_bytes))

    def run(
        self,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        on_lost: Callable[[Item, TaskLost], Result] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """Yield (index, result) in order of completion. A task whose worker failed is submitted again.

        Repeated here, not by Ray, so that failures are counted: first after all others, then alone, as other tasks may
        have used up the memory.
        """
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
                for reference in self._connection.wait(list(running)):
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
            self._admit()  # the next stage divides its work among the nodes present
        finally:
            for reference in running:
                ray.cancel(reference, force=False)

    def start(self, state: Callable[..., Any], *arguments: Any) -> "RayWorker":
        """Start an actor. Ray does not restart it, which would silently lose its state; `fleet` replaces it.

        It requests no processor if our other actors hold them all: nodes may have left.
        """
        living = (node["Resources"].get("CPU", 0.0) for node in self._ray.nodes() if node["Alive"])
        room = sum(int(processors / self._share + 1e-6) for processors in living)
        self._states = [one for one in self._states if not one.is_stopped]
        options = {"num_cpus": self._share} if len(self._states) < room else ANYWHERE
        self._states.append(RayWorker(self._connection, self.stats, state, arguments, **options))
        return self._states[-1]

    def close(self) -> None:
        """Leave the cluster; end it if we started it. Drops all actor handles, as the process may live on."""
        self._states.clear()
        self.stats.spilled_bytes = lambda: None  # it refers to the engine
        self._connection.close()


def _identity(_: None) -> Identity:
    return identity()


def _compile(groups: tuple[str, ...]) -> None:
    from operators.precompile import compile_kernels

    compile_kernels(groups)


def _load(_: int) -> None:
    from operators.precompile import import_kernels

    import_kernels()


def _name(item: Any, index: int, among: int) -> str:
    """Name a task in messages by its file, else by its number."""
    path = item if isinstance(item, str) else getattr(item, "path", None)
    return f"item {index + 1} of {among}" if path is None else shown(str(path))


def _spilled(ray: Any) -> int | None:
    """Return the bytes that all object stores have spilled so far; None: not known.

    Ray has no public interface for it.
    """
    from ray._private import internal_api

    try:
        nodes = [(node["NodeManagerAddress"], node["NodeManagerPort"]) for node in ray.nodes() if node["Alive"]]
        stats = [internal_api.node_stats(*node, include_memory_info=False).store_stats for node in nodes]
        return sum(int(one.spilled_bytes_total) for one in stats)
    except Exception:
        return None


def _answer(ray: Any, reference: Any) -> Any:
    """Return the result or the exception: a node may fail at any time, and may lack our code."""
    try:
        return result_of(ray, reference)
    except Exception as error:
        return error
