"""Local engine: threads of this process. Kernels release the GIL, so shards run in parallel."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from pipelines.engines.engine import Item, Result
from pipelines.engines.run_stats import RunStats, TaskLost
from pipelines.retry import run_with_retry

TASKS_AHEAD = 2  # tasks submitted for each worker, so that none is idle and few are in flight
NODE = "local"


def processors() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine:
    """See `pipelines.engines.engine.Engine`."""

    name = "local"

    def __init__(self, workers: int, shard_bytes: int = 1, stats: RunStats | None = None) -> None:
        """`shard_bytes`: below this many bytes a stateful worker costs more in round trips than it gains."""
        self.workers = workers
        self.stats = stats or RunStats()
        self._shard_bytes = shard_bytes
        self._pool = ThreadPoolExecutor(workers, "babelmerge")
        self._crew = _Crew(workers - 1)

    def shards(self, stored_bytes: int) -> int:
        """Return one for each `shard_bytes`, at most one for each worker."""
        return max(1, min(self.workers, stored_bytes // self._shard_bytes))

    def run(
        self,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        on_lost: Callable[[Item, TaskLost], Result] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """Yield (index, result) in order of completion; the first error ends the run.

        Threads do not fail alone, so `on_lost` is never called.
        """
        del on_lost
        waiting = iter(enumerate(items))
        running: dict[Future[Result], int] = {}
        try:
            while True:
                while len(running) < TASKS_AHEAD * self.workers and (following := next(waiting, None)) is not None:
                    running[self._pool.submit(self._timed, task, following[1])] = following[0]
                if not running:
                    return
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield running.pop(future), future.result()
        finally:
            for future in running:
                future.cancel()

    def _timed(self, task: Callable[[Item], Result], item: Item) -> Result:
        began = time.monotonic()
        try:
            return run_with_retry(task.__name__, lambda: task(item))
        finally:
            self.stats.record_time(task.__name__, NODE, time.monotonic() - began)

    def require_visible(self, inputs: Sequence[str], output: Path) -> None:
        """No-op: there is only this machine."""

    def start(self, state: Callable[..., Any], *arguments: Any) -> "LocalWorker":
        """Start a worker in this process. States are created in parallel."""
        return LocalWorker(self._crew, self.stats, state, arguments)

    def close(self) -> None:
        """End the threads after the calls that they have begun."""
        self._pool.shutdown(cancel_futures=True)
        self._crew.close()


class _Crew:
    """Threads that run calls of stateful workers. A thread that waits for a result runs calls that no thread has begun.

    A round of merges may take less time than waking a thread. So the caller runs the first call itself, and the second
    too if no other thread is awake by then.
    """

    def __init__(self, threads: int) -> None:
        self._waiting: SimpleQueue[_Call | None] = SimpleQueue()
        self._threads = threads
        self._running: list[threading.Thread] = []

    def add(self, call: "_Call") -> None:
        """Queue a call."""
        if len(self._running) < self._threads:
            self._running.append(threading.Thread(target=self._work, name="babelmerge-crew", daemon=True))
            self._running[-1].start()
        self._waiting.put(call)

    def help(self) -> bool:
        """Run one queued call. Return False if there is none."""
        try:
            call = self._waiting.get_nowait()
        except Empty:
            return False
        if call is None:
            self._waiting.put(None)  # meant for a thread of the crew
            return False
        call.run()
        return True

    def close(self) -> None:
        """End the threads after the calls that they have begun."""
        for _ in self._running:
            self._waiting.put(None)
        for thread in self._running:
            thread.join()

    def _work(self) -> None:
        while (call := self._waiting.get()) is not None:
            call.run()


class _Call:
    """A call that runs once, on the first thread that claims it."""

    def __init__(self, crew: _Crew, function: Callable[[], Any]) -> None:
        self._crew, self._function = crew, function
        self._unclaimed, self._answer = threading.Lock(), Future[Any]()
        crew.add(self)

    def run(self) -> None:
        """Run the call, unless another thread has claimed it."""
        if self._unclaimed.acquire(blocking=False):
            try:
                self._answer.set_result(self._function())
            except BaseException as error:  # raised again by result()
                self._answer.set_exception(error)

    def result(self) -> Any:
        """Return the call's result, or raise its error."""
        self.run()
        while not self._answer.done():
            if not self._crew.help():
                break
        return self._answer.result()


class LocalWorker:
    """See `pipelines.engines.engine.Worker`."""

    def __init__(self, crew: _Crew, stats: RunStats, state: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._crew, self._stats, self._made_of = crew, stats, (state, arguments)
        self._state = _Call(crew, lambda: self._timed(state, arguments))

    def call(self, method: str, *arguments: Any) -> _Call:
        """Start a call."""
        return _Call(self._crew, lambda: self._timed(getattr(self._state.result(), method), arguments))

    def _timed(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        began = time.monotonic()
        try:
            return run_with_retry(self._made_of[0].__name__, lambda: call(*arguments))
        finally:
            self._stats.record_time(self._made_of[0].__name__, NODE, time.monotonic() - began)

    def stop(self) -> None:
        """Discard the state."""
        del self._state

    def replaced(self) -> "LocalWorker":
        """Return a worker with a new state from the same arguments."""
        state, arguments = self._made_of
        return LocalWorker(self._crew, self._stats, state, arguments)
