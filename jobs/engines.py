"""Which engine, and when: a run that skips every step starts none."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from operators.kernels import are_compiled
from pipelines.engines.engine import Engine, Item, Result, Worker
from pipelines.engines.local_engine import LocalEngine, processors
from pipelines.engines.run_stats import RunStats, TaskLost
from pipelines.progress import Progress
from pipelines.settings import Execution

WORTH_A_THREAD_BYTES = 8 << 20
"""Of stored word tables: below, one thread trains faster than two that wait for each other 1,000 times. Measured on
4 MB, 2 cores: 0.9 s with one, 1.0 s with two."""
WORTH_AN_ACTOR_BYTES = 128 << 20
"""The same for actors, whose round trip takes 2 ms instead of 0.1; such a shard takes about 1 GB of memory."""


class EngineWhenNeeded:
    """The engine that the settings name, started by its first use; see `pipelines.engines.engine.Engine`."""

    def __init__(self, execution: Execution, progress: Progress, kernels: Sequence[str]) -> None:
        """`kernels`: groups of `operators.precompile` that must be compiled before work begins."""
        self._execution, self._progress, self._kernels = execution, progress, kernels
        self.stats = RunStats(execution.max_failures)
        self._engine: Engine | None = None
        self._unseen: tuple[Sequence[str], Path] | None = None

    def __enter__(self) -> "EngineWhenNeeded":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def _started(self) -> Engine:
        if self._engine is None:
            if not are_compiled(*self._kernels):
                from operators.precompile import compile_kernels  # imports much, to compile it

                self._progress.note("compiling kernels: about 20 s, once on this machine")
                compile_kernels(self._kernels)
            if self._execution.engine == "ray":
                from pipelines.engines.ray_engine import RayEngine  # importing Ray takes a second

                self._engine = RayEngine(self._execution.workers, WORTH_AN_ACTOR_BYTES, self._kernels, self.stats)
            else:
                self._engine = LocalEngine(self._execution.workers or processors(), WORTH_A_THREAD_BYTES, self.stats)
        if self._unseen is not None:
            job, self._unseen = self._unseen, None
            self._engine.require_visible(*job)
        return self._engine

    @property
    def name(self) -> str:
        """The engine's name."""
        return self._started.name

    @property
    def workers(self) -> int:
        """Its workers."""
        return self._started.workers

    def shards(self, stored_bytes: int) -> int:
        """See Engine."""
        return self._started.shards(stored_bytes)

    def run(
        self,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        on_lost: Callable[[Item, TaskLost], Result] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """See Engine."""
        return self._started.run(task, items, on_lost)

    def require_visible(self, inputs: Sequence[str], output: Path) -> None:
        """See Engine; asked before the first work on it, if there is any."""
        self._unseen = (inputs, output)

    def start(self, state: Callable[..., Any], *arguments: Any) -> Worker:
        """See Engine."""
        return self._started.start(state, *arguments)

    def close(self) -> None:
        """Close the engine if one was started."""
        if self._engine is not None:
            self._engine.close()
            self._engine = None
