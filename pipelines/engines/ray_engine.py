"""Ray: joins the cluster that RAY_ADDRESS names, or starts one on this machine that listens on loopback only."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from operators.errors import DataError
from pipelines.engines.engine import Item, Result, WorkerLost
from pipelines.engines.nodes import Identity, UnlikeNodes, UnseenPaths, identity, unseen

TASKS_AHEAD = 4  # tasks submitted for each worker: enough to hide a round trip, few enough to hold little
TASK_RETRIES = 3
CONNECT_TIMEOUT_S = 10.0
ROOM_TIMEOUT_S = 60.0
ROOM_POLL_S = 0.5
OBJECT_STORE_BYTES = 1 << 30  # for a cluster of our own: what travels is small, text never does


class ClusterUnreachable(DataError):
    """The cluster that RAY_ADDRESS names does not answer."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(address, reason)
        self.address, self.reason = address, reason

    def __str__(self) -> str:
        return f"no Ray cluster answers at RAY_ADDRESS={self.address}: {self.reason}; start it, or unset RAY_ADDRESS"


class TaskLost(DataError):
    """A task whose worker was lost each time it was tried."""

    def __init__(self, item: str, reason: str) -> None:
        super().__init__(item, reason)
        self.item, self.reason = item, reason

    def __str__(self) -> str:
        return f"the worker for {self.item} was lost {TASK_RETRIES + 1} times: {self.reason}; is there memory enough?"


def _connect(workers: int | None) -> Any:
    address = os.environ.get("RAY_ADDRESS")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
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
    """No room for the workers that were asked for."""

    def __init__(self, wanted: float, free: float, total: float) -> None:
        super().__init__(wanted, free, total)
        self.wanted, self.free, self.total = wanted, free, total

    def __str__(self) -> str:
        return (
            f"the cluster has {self.free:g} of its {self.total:g} processors free, workers want {self.wanted:g}: end"
            f" other jobs, add nodes, or ask for fewer with --workers (waited {ROOM_TIMEOUT_S:g} s)"
        )


class RayEngine:
    """See `pipelines.engines.engine.Engine`."""

    name = "ray"

    def __init__(self, workers: int | None = None, shard_bytes: int = 1, kernels: Sequence[str] = ()) -> None:
        """`workers` of None: one for each processor of the cluster. More than that share the processors.

        `shard_bytes`: a worker with a state is not worth its round trips for less than these. `kernels`: the groups
        of `operators.warm` that each node compiles, where it has not, before its workers begin.
        """
        self._shard_bytes = shard_bytes
        self._owner = not _initialized()
        self._ray = _connect(workers)
        processors = self._ray.cluster_resources().get("CPU", 0.0)
        self.workers = workers or max(1, int(processors))
        self._share = 1.0 if self.workers <= processors else int(10_000 * processors / self.workers) / 10_000
        self._check_nodes()
        self._on_nodes(_compile, tuple(kernels))
        self._wait_for_room()
        self._start_workers()

    def see(self, paths: Sequence[str]) -> None:
        """Raises UnseenPaths where a node does not see one of these local paths."""
        seen = self._on_nodes(unseen, tuple(paths))
        missing = tuple((node, gone) for node, gone in seen if gone and not isinstance(gone, Exception))
        if missing:
            raise UnseenPaths(missing)

    def _check_nodes(self) -> None:
        """Raises UnlikeNodes where a node runs other code, or other libraries, than this process."""
        mine = identity()
        found = [
            (node, f"cannot run ours ({theirs})" if isinstance(theirs, Exception) else mine.difference(theirs))
            for node, theirs in self._on_nodes(_identity, None)
        ]
        unlike = tuple((node, difference) for node, difference in found if difference is not None)
        if unlike:
            raise UnlikeNodes(unlike)

    def _on_nodes(self, task: Callable[[Any], Any], argument: Any) -> list[tuple[str, Any]]:
        """(node, task(argument) or what it raised) for each node that lives; takes no processor, so waits for none."""
        ray = self._ray
        asked = []
        for node in ray.nodes():
            if node["Alive"]:
                place = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                remote = ray.remote(task).options(num_cpus=0, scheduling_strategy=place, max_retries=TASK_RETRIES)
                asked.append((f"node {node['NodeManagerAddress']} ({node['NodeID'][:8]})", remote.remote(argument)))
        return [(name, _answer(ray, answer)) for name, answer in sorted(asked, key=lambda one: one[0])]

    def _wait_for_room(self) -> None:
        """Raises ClusterFull where the processors for the workers do not come free."""
        wanted, deadline = self._share * self.workers, time.monotonic() + ROOM_TIMEOUT_S
        while (free := self._ray.available_resources().get("CPU", 0.0)) < min(wanted, 1.0):
            if time.monotonic() > deadline:
                raise ClusterFull(wanted, free, self._ray.cluster_resources().get("CPU", 0.0))
            time.sleep(ROOM_POLL_S)

    def _start_workers(self) -> None:
        """Let as many processes as there are workers import and load what they will need, side by side."""
        for _ in self.run(_load, range(self.workers)):
            pass

    def shards(self, stored_bytes: int) -> int:
        """One for each `shard_bytes`, at most one for each worker."""
        return max(1, min(self.workers, stored_bytes // self._shard_bytes))

    def run(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """(index, result) as tasks are done; Ray repeats a task whose worker was lost."""
        ray = self._ray
        remote = ray.remote(task).options(num_cpus=self._share, max_retries=TASK_RETRIES)
        waiting = iter(enumerate(items))
        running: dict[Any, int] = {}
        try:
            while True:
                while len(running) < TASKS_AHEAD * self.workers and (following := next(waiting, None)) is not None:
                    running[remote.remote(following[1])] = following[0]
                if not running:
                    return
                for reference in ray.wait(list(running))[0]:
                    index = running.pop(reference)
                    try:
                        yield index, _result(ray, reference)
                    except WorkerLost as lost:
                        raise TaskLost(str(getattr(items[index], "path", items[index])), lost.reason) from lost
        finally:
            for reference in running:
                ray.cancel(reference, force=False)

    def start(self, state: Callable[..., Any], *arguments: Any) -> "RayWorker":
        """An actor. Ray does not restart it, which would lose its state in silence; `fleet` replaces it."""
        host = type(state.__name__, (_Host,), {})  # the name that process lists and Ray's dashboard show
        actor = self._ray.remote(host).options(num_cpus=self._share, max_restarts=0, max_task_retries=0)
        return RayWorker(self._ray, actor.remote(state, arguments))

    def close(self) -> None:
        """Leave the cluster; end it if it is ours."""
        if self._owner:
            self._ray.shutdown()


def _identity(_: None) -> Identity:
    return identity()


def _compile(groups: tuple[str, ...]) -> None:
    from operators.warm import compile_kernels

    compile_kernels(groups)


def _load(_: int) -> None:
    from operators.warm import load_kernels

    load_kernels()


def _initialized() -> bool:
    import sys

    ray = sys.modules.get("ray")
    return bool(ray is not None and ray.is_initialized())


def _result(ray: Any, reference: Any) -> Any:
    """The answer; errors of our own arrive as themselves."""
    lost = (
        ray.exceptions.RayActorError,
        ray.exceptions.WorkerCrashedError,
        ray.exceptions.OutOfMemoryError,
        ray.exceptions.ObjectLostError,
        ray.exceptions.NodeDiedError,
    )
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from error
    except lost as error:
        raise WorkerLost(str(error).split("\n")[0]) from error


def _answer(ray: Any, reference: Any) -> Any:
    """The answer, or what was raised in its place: a node may be lost at any time, and may lack our code."""
    try:
        return _result(ray, reference)
    except Exception as error:
        return error


class _Host:
    """Holds a state in an actor; made by the first call, so that what fails arrives as itself, not as a dead actor."""

    def __init__(self, state: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._make: Callable[[], Any] = lambda: state(*arguments)
        self._made = False

    def call(self, method: str, arguments: tuple[Any, ...]) -> Any:
        """Call the state's method."""
        if not self._made:
            self._state, self._made = self._make(), True
        return getattr(self._state, method)(*arguments)


class RayWorker:
    """See `pipelines.engines.engine.Worker`."""

    def __init__(self, ray: Any, actor: Any) -> None:
        self._ray, self._actor = ray, actor

    def call(self, method: str, *arguments: Any) -> "RayPending":
        """Start a call."""
        return RayPending(self._ray, self._actor.call.remote(method, arguments))

    def stop(self) -> None:
        """End the actor."""
        self._ray.kill(self._actor, no_restart=True)


class RayPending:
    """See `pipelines.engines.engine.Pending`."""

    def __init__(self, ray: Any, reference: Any) -> None:
        self._ray, self._reference = ray, reference

    def result(self) -> Any:
        """The answer, once it is there."""
        return _result(self._ray, self._reference)
