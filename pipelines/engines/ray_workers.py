"""Tasks and actors on Ray: they return their node and seconds with each result; errors are translated."""

import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any, Final

from pipelines.engines.engine import Item, Result, WorkerLost
from pipelines.engines.nodes import Identity, NodeMismatch, identity
from pipelines.engines.ray_connection import ClusterFailed, Connection
from pipelines.engines.run_stats import RunStats
from pipelines.retry import run_with_retry

ANYWHERE: Final[dict[str, Any]] = {"num_cpus": 0, "scheduling_strategy": "SPREAD"}
"""Options of an actor that requests no processor."""
START_TIMEOUT_S: Final = 90.0
"""Seconds for an actor to start. Ray starts it at a low priority: beside busy processes it has taken 30."""


def timed(task: Callable[[Item], Result], item: Item, driver: Identity) -> tuple[str, float, Result]:
    """Run a task; return its node, seconds and result.

    Raises NodeMismatch: Ray schedules work on a node as soon as it has joined, before it could be checked.
    """
    if (difference := driver.difference(identity())) is not None:
        raise NodeMismatch(((f"node {_node()}", difference),))
    began = time.monotonic()
    result = run_with_retry(task.__name__, lambda: task(item))
    return _node(), time.monotonic() - began, result


@cache
def _node() -> str:
    """Return the name of this process's node for messages."""
    ray: Any = sys.modules["ray"]  # this runs in a worker of Ray
    return f"{ray.util.get_node_ip_address()} ({ray.get_runtime_context().get_node_id()[:8]})"


def result_of(ray: Any, reference: Any) -> Any:
    """Return a result; a task's own error is raised as itself. Raises WorkerLost, and ClusterFailed for all else."""
    raised = ray.exceptions
    try:
        return ray.get(reference)
    except raised.RayTaskError as error:
        raise error.cause from error
    except (raised.NodeDiedError, raised.TaskUnschedulableError, raised.ActorUnschedulableError) as error:
        raise WorkerLost("its node was lost", with_node=True) from error
    except raised.OutOfMemoryError as error:
        raise WorkerLost("its node had no memory left, and it took the most") from error
    except raised.WorkerCrashedError as error:
        raise WorkerLost("its process ended without a word") from error
    except (raised.RayActorError, raised.ObjectLostError) as error:
        said = str(error).split("\n")[0]
        raise WorkerLost(said, with_node="node" in said or "its node has died" in str(error)) from error
    except raised.RayError as error:
        raise ClusterFailed(" ".join(str(error).split())[:300]) from error


class _Host:
    """Actor that holds a state. The first call creates it, so that its errors are not a dead actor."""

    def __init__(self, state: Callable[..., Any], arguments: tuple[Any, ...], driver: Identity) -> None:
        self._driver = driver
        self._make: Callable[[], Any] = lambda: state(*arguments)
        self._made = False

    def call(self, method: str, arguments: tuple[Any, ...]) -> tuple[str, float, Any]:
        """Call the state's method; see `timed`."""
        return timed(self._answer, (method, arguments), self._driver)

    def _answer(self, call: tuple[str, tuple[Any, ...]]) -> Any:
        if not self._made:
            self._state, self._made = self._make(), True
        return getattr(self._state, call[0])(*call[1])


class RayWorker:
    """See `pipelines.engines.engine.Worker`."""

    def __init__(
        self,
        connection: Connection,
        stats: RunStats,
        state: Callable[..., Any],
        arguments: tuple[Any, ...],
        **options: Any,
    ) -> None:
        host = type(state.__name__, (_Host,), {})  # the name that process lists and Ray's dashboard show
        self.is_stopped = False
        self._connection, self._stats, self._made_of = connection, stats, (state, arguments)
        self._ray = ray = connection.ray
        remote = ray.remote(host).options(max_restarts=0, max_task_retries=0, **options)
        self._actor = remote.remote(state, arguments, identity())
        self._ready, self._patience = self._actor.__ray_ready__.remote(), time.monotonic() + START_TIMEOUT_S

    def call(self, method: str, *arguments: Any) -> "RayPending":
        """Start a call."""
        return RayPending(self, self._actor.call.remote(method, arguments))

    def answer(self, reference: Any) -> Any:
        """Wait for the result of a call. Raises WorkerLost, also if the actor does not start."""
        if self._ready is not None:
            remaining = max(0.0, self._patience - time.monotonic())
            if not self._ray.wait([self._ready], timeout=remaining)[0]:
                raise WorkerLost(
                    f"it did not start in {START_TIMEOUT_S:g} s; no node had room, or all were busy", with_node=True
                )
            self._ready = None
        self._connection.wait([reference])
        node, seconds, answer = result_of(self._ray, reference)
        self._stats.record_time(self._made_of[0].__name__, node, seconds)
        return answer

    def stop(self) -> None:
        """End the actor."""
        self.is_stopped = True
        self._ray.kill(self._actor, no_restart=True)

    def replaced(self) -> "RayWorker":
        """Start a replacement. It requests no processor, as the failed one may have gone with its node."""
        self.stop()
        state, arguments = self._made_of
        return RayWorker(self._connection, self._stats, state, arguments, **ANYWHERE)


class RayPending:
    """See `pipelines.engines.engine.Pending`."""

    def __init__(self, worker: RayWorker, reference: Any) -> None:
        self._worker, self._reference = worker, reference

    def result(self) -> Any:
        """Wait for the result."""
        return self._worker.answer(self._reference)
