"""What a run goes through: workers lost, work done again, and how long which node worked at what."""

import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from operators.errors import DataError
from operators.redaction import shown
from pipelines.outputs import Run

MAX_FAILURES: Final = 100
TRIES: Final = 4
"""So many workers in a row may be lost at one piece of work; then it is what loses them."""


class TooManyFailures(DataError):
    """More failed workers than --max-failures allows."""

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


class Tally:
    """Of one run, whatever its stages: `failures` are counted against `max_failures` from its beginning to its end."""

    def __init__(self, max_failures: int = MAX_FAILURES) -> None:
        self.failures = 0
        self.spilled_bytes: Callable[[], int | None] = lambda: 0
        """What the engine's object store has written to disk since it was started; None where nobody can tell."""
        self._max_failures = max_failures
        self._told, self._told_spilled, self._retries = 0, 0, 0
        self._seconds: dict[str, dict[str, float]] = {}
        self._lock = threading.Lock()

    def lose(self, what: str, reason: str) -> None:
        """A worker was lost while it was at `what`. Raises TooManyFailures."""
        self.failures += 1
        if self.failures > self._max_failures:
            raise TooManyFailures(self._max_failures, what, reason)

    def retry(self) -> None:
        """What was lost is asked for again."""
        self._retries += 1

    def worked(self, stage: str, node: str, seconds: float) -> None:
        """A node worked at a stage; threads may tell so at the same time."""
        with self._lock:
            nodes = self._seconds.setdefault(stage.strip("_"), {})
            nodes[node] = nodes.get(node, 0.0) + seconds

    def take(self, engine: str, workers: int, seconds: float) -> Run:
        """All that was told since the last time, as run.json holds it."""
        failures, retries = self.failures - self._told, self._retries
        spilled = self.spilled_bytes()
        newly = None if spilled is None else max(0, spilled - self._told_spilled)  # a lost node takes its part with it
        with self._lock:
            stages = {
                stage: {node: round(nodes[node], 3) for node in sorted(nodes)}
                for stage, nodes in sorted(self._seconds.items())
            }
            self._seconds.clear()
        self._told, self._told_spilled, self._retries = self.failures, spilled or 0, 0
        return Run(
            engine=engine,
            workers=workers,
            seconds=round(seconds, 3),
            failures=failures,
            retries=retries,
            spilled_bytes=newly,
            stages=stages,
        )


class Tallied(Protocol):
    """An engine, as far as it matters here."""

    @property
    def name(self) -> str:
        """See Engine."""

    @property
    def workers(self) -> int:
        """See Engine."""

    @property
    def tally(self) -> Tally:
        """See Engine."""


def run_of(engine: Tallied, began: float) -> Run:
    """How the stage that began then (`time.monotonic()`) went; what the next stage meets is told with the next."""
    return engine.tally.take(engine.name, engine.workers, time.monotonic() - began)
