"""What runs on Ray: tasks and actors that say where they were and how long they took, and how their answers arrive."""

import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from pipelines.engines.engine import Item, Result, WorkerLost
from pipelines.engines.tally import Tally
from pipelines.persistence import worked


def timed(task: Callable[[Item], Result], item: Item) -> tuple[str, float, Result]:
    """Where it was done, the seconds it took, and the result."""
    began = time.monotonic()
    result = worked(task.__name__, lambda: task(item))
    return _node(), time.monotonic() - began, result


@cache
def _node() -> str:
    """This process's node, as messages call it."""
    ray: Any = sys.modules["ray"]  # this runs in its worker
    return f"{ray.util.get_node_ip_address()} ({ray.get_runtime_context().get_node_id()[:8]})"


def result_of(ray: Any, reference: Any) -> Any:
    """The answer; errors of our own arrive as themselves. Raises WorkerLost."""
    raised = ray.exceptions
    try:
        return ray.get(reference)
    except raised.RayTaskError as error:
        raise error.cause from error
    except raised.NodeDiedError as error:
        raise WorkerLost("its node was lost", with_node=True) from error
    except raised.OutOfMemoryError as error:
        raise WorkerLost("its node had no memory left, and it took the most") from error
    except raised.WorkerCrashedError as error:
        raise WorkerLost("its process ended without a word") from error
    except (raised.RayActorError, raised.ObjectLostError) as error:
        said = str(error).split("\n")[0]
        raise WorkerLost(said, with_node="node" in said) from error


class _Host:
    """Holds a state in an actor; made by the first call, so that what fails arrives as itself, not as a dead actor."""

    def __init__(self, state: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._make: Callable[[], Any] = lambda: state(*arguments)
        self._made = False

    def call(self, method: str, arguments: tuple[Any, ...]) -> tuple[str, float, Any]:
        """Call the state's method; see `timed`."""
        return timed(self._answer, (method, arguments))

    def _answer(self, call: tuple[str, tuple[Any, ...]]) -> Any:
        if not self._made:
            self._state, self._made = self._make(), True
        return getattr(self._state, call[0])(*call[1])


class RayWorker:
    """See `pipelines.engines.engine.Worker`."""

    def __init__(
        self, ray: Any, tally: Tally, state: Callable[..., Any], arguments: tuple[Any, ...], **options: Any
    ) -> None:
        host = type(state.__name__, (_Host,), {})  # the name that process lists and Ray's dashboard show
        self._ray, self._tally, self._made_of = ray, tally, (state, arguments)
        self._actor = ray.remote(host).options(max_restarts=0, max_task_retries=0, **options).remote(state, arguments)

    def call(self, method: str, *arguments: Any) -> "RayPending":
        """Start a call."""
        stage = self._made_of[0].__name__
        return RayPending(self._ray, self._tally, stage, self._actor.call.remote(method, arguments))

    def stop(self) -> None:
        """End the actor."""
        self._ray.kill(self._actor, no_restart=True)

    def replaced(self) -> "RayWorker":
        """Another; it asks for no processor, as the one that it had may have gone with its node."""
        self.stop()
        state, arguments = self._made_of
        return RayWorker(self._ray, self._tally, state, arguments, num_cpus=0, scheduling_strategy="SPREAD")


class RayPending:
    """See `pipelines.engines.engine.Pending`."""

    def __init__(self, ray: Any, tally: Tally, stage: str, reference: Any) -> None:
        self._ray, self._tally, self._stage, self._reference = ray, tally, stage, reference

    def result(self) -> Any:
        """The answer, once it is there."""
        node, seconds, answer = result_of(self._ray, self._reference)
        self._tally.worked(self._stage, node, seconds)
        return answer
