"""Threads of this process. Kernels release Python's lock, so shards work side by side."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from pipelines.engine import Item, Result

TASKS_AHEAD = 2  # tasks submitted for each worker, so that none waits and little is in flight


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine:
    """See `pipelines.engine.Engine`."""

    name = "local"

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool = ThreadPoolExecutor(workers, "babelmerge")

    def run(self, task: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[tuple[int, Result]]:
        """(index, result) as tasks are done; the first error ends all."""
        waiting = iter(enumerate(items))
        running: dict[Future[Result], int] = {}
        try:
            while True:
                while len(running) < TASKS_AHEAD * self.workers and (following := next(waiting, None)) is not None:
                    running[self._pool.submit(task, following[1])] = following[0]
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()

    def start(self, state: Callable[..., Any], *arguments: Any) -> "LocalWorker":
        """A state in this process; made by the pool, so that states are made side by side."""
        return LocalWorker(self._pool, state, arguments)

    def close(self) -> None:
        """End the threads, once they are done with what they began."""
        self._pool.shutdown(cancel_futures=True)


class LocalWorker:
    """See `pipelines.engine.Worker`."""

    def __init__(self, pool: ThreadPoolExecutor, state: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._pool = pool
        self._state: Future[Any] = pool.submit(state, *arguments)

    def call(self, method: str, *arguments: Any) -> Future[Any]:
        """Start a call. States are made before any call is, so waiting for one cannot block the pool for good."""
        return self._pool.submit(lambda: getattr(self._state.result(), method)(*arguments))

    def stop(self) -> None:
        """Forget the state."""
        self._state.cancel()
