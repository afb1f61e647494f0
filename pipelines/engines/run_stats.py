"""Statistics of a run: failed workers, retries, and seconds by task and node."""

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from operators.errors import DataError
from operators.redaction import shown
from pipelines.outputs import Run

MAX_FAILURES: Final = 100
TRIES: Final = 4
"""Attempts at one task; when a worker failed in each of them, the task is taken for the cause."""


class TooManyFailures(DataError):
    """A run in which more workers failed than --max-failures allows."""

    limit: int
    what: str
    reason: str
    message = (
        "more than {limit} workers were lost (--max-failures), the last one at {what}: {reason}; "
        "look at their memory and the cluster's log, then run the same command again: it resumes from here"
    )


class TaskLost(DataError):
    """A task whose worker failed in each of TRIES attempts."""

    what: str
    reason: str

    @property
    def verdict(self) -> str:
        """Reason to reject the task's input."""
        return f"{TRIES} workers in a row were lost at it, the last one: {self.reason}"

    def __str__(self) -> str:
        return f"{shown(self.what)}: {shown(self.verdict)}; does it need more memory, or crash them? look at their logs"


class RunStats:
    """Statistics of one command, over all its stages. `failures` is the total that `max_failures` limits."""

    def __init__(self, max_failures: int = MAX_FAILURES) -> None:
        self.failures = 0
        # Bytes that the engine's object store has spilled to disk since the start; None: unknown.
        self.spilled_bytes: Callable[[], int | None] = lambda: 0
        self._max_failures = max_failures
        self._drained, self._drained_spilled, self._retries = 0, 0, 0
        self._seconds: dict[str, dict[str, float]] = {}
        self._lock = threading.Lock()

    def record_loss(self, what: str, reason: str) -> None:
        """Record that a worker failed while it ran `what`. Raises TooManyFailures."""
        self.failures += 1
        if self.failures > self._max_failures:
            raise TooManyFailures(self._max_failures, what, reason)

    def record_retry(self) -> None:
        """Record that a failed task is run again."""
        self._retries += 1

    def record_time(self, task: str, node: str, seconds: float) -> None:
        """Record seconds of a task on a node. Thread-safe."""
        with self._lock:
            nodes = self._seconds.setdefault(task.strip("_"), {})
            nodes[node] = nodes.get(node, 0.0) + seconds

    def drain(self, engine: str, workers: int, seconds: float) -> Run:
        """Return what was recorded since the last drain, in the form of run.json."""
        failures, retries = self.failures - self._drained, self._retries
        spilled = self.spilled_bytes()
        newly = None if spilled is None else max(0, spilled - self._drained_spilled)  # nodes may leave
        with self._lock:
            seconds_by_task = {
                task: {node: round(nodes[node], 3) for node in sorted(nodes)}
                for task, nodes in sorted(self._seconds.items())
            }
            self._seconds.clear()
        self._drained, self._drained_spilled, self._retries = self.failures, spilled or 0, 0
        return Run(
            engine=engine,
            workers=workers,
            seconds=round(seconds, 3),
            failures=failures,
            retries=retries,
            spilled_bytes=newly,
            stages=seconds_by_task,
        )


class HasStats(Protocol):
    """The part of the Engine protocol that statistics need."""

    @property
    def name(self) -> str:
        """See Engine."""

    @property
    def workers(self) -> int:
        """See Engine."""

    @property
    def stats(self) -> RunStats:
        """See Engine."""


def run_of(engine: HasStats, began: float) -> Run:
    """Return the statistics of the stage that began at `began` (`time.monotonic()`), and start those of the next."""
    return engine.stats.drain(engine.name, engine.workers, time.monotonic() - began)
