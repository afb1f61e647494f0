"""Threads of this process. Kernels release Python's lock, so shards work side by side."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from pipelines.engines.engine import Item, Result
from pipelines.engines.tally import Tally, TaskLost
from pipelines.retry import run_with_retry

TASKS_AHEAD = 2  # tasks submitted for each worker, so that none waits and little is in flight
NODE = "local"


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalEngine:
    """See `pipelines.engines.engine.Engine`."""

    name = "local"

    def __init__(self, workers: int, shard_bytes: int = 1, tally: Tally | None = None) -> None:
        """`shard_bytes`: a worker with a state is not worth its round trips for less than these."""
        self.workers = workers
        self.tally = tally or Tally()
        self._shard_bytes = shard_bytes
        self._pool = ThreadPoolExecutor(workers, "babelmerge")
        self._crew = _Crew(workers - 1)

    def shards(self, stored_bytes: int) -> int:
        """One for each `shard_bytes`, at most one for each worker."""
        return max(1, min(self.workers, stored_bytes // self._shard_bytes))

    def run(
        self,
        task: Callable[[Item], Result],
        items: Sequence[Item],
        instead: Callable[[Item, TaskLost], Result] | None = None,
    ) -> Iterator[tuple[int, Result]]:
        """(index, result) as tasks are done; the first error ends all. No thread is ever lost, so `instead` is idle."""
        del instead
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
            self.tally.worked(task.__name__, NODE, time.monotonic() - began)

    def see(self, inputs: Sequence[str], output: Path) -> None:
        """This machine works alone."""

    def start(self, state: Callable[..., Any], *arguments: Any) -> "LocalWorker":
        """A state in this process; states are made side by side."""
        return LocalWorker(self._crew, self.tally, state, arguments)

    def close(self) -> None:
        """End the threads, once they are done with what they began."""
        self._pool.shutdown(cancel_futures=True)
        self._crew.close()


class _Crew:
    """Threads that run jobs for workers with a state; whoever waits for a job runs what nobody has begun.

    A round of merges may take less time than waking a thread does. So the thread that asks does the first job itself,
    and the second too if it is done before another thread is up.
    """

    def __init__(self, threads: int) -> None:
        self._waiting: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = threads
        self._running: list[threading.Thread] = []

    def add(self, job: "_Job") -> None:
        """Let somebody run the job."""
        if len(self._running) < self._threads:
            self._running.append(threading.Thread(target=self._work, name="babelmerge-crew", daemon=True))
            self._running[-1].start()
        self._waiting.put(job)

    def help(self) -> bool:
        """Run one job that waits, if there is one."""
        try:
            job = self._waiting.get_nowait()
        except Empty:
            return False
        if job is None:
            self._waiting.put(None)  # meant for a thread of the crew
            return False
        job.run()
        return True

    def close(self) -> None:
        """End the threads, once they are done with what they began."""
        for _ in self._running:
            self._waiting.put(None)
        for thread in self._running:
            thread.join()

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            job.run()


class _Job:
    """A call that is run once, by the first thread that comes to it."""

    def __init__(self, crew: _Crew, call: Callable[[], Any]) -> None:
        self._crew, self._call = crew, call
        self._unclaimed, self._answer = threading.Lock(), Future[Any]()
        crew.add(self)

    def run(self) -> None:
        """Make the call, unless another thread does."""
        if self._unclaimed.acquire(blocking=False):
            try:
                self._answer.set_result(self._call())
            except BaseException as error:  # whoever asks for the result gets it
                self._answer.set_exception(error)

    def result(self) -> Any:
        """The call's result, or what it raised."""
        self.run()
        while not self._answer.done():
            if not self._crew.help():
                break
        return self._answer.result()


class LocalWorker:
    """See `pipelines.engines.engine.Worker`."""

    def __init__(self, crew: _Crew, tally: Tally, state: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._crew, self._tally, self._made_of = crew, tally, (state, arguments)
        self._state = _Job(crew, lambda: self._timed(state, arguments))

    def call(self, method: str, *arguments: Any) -> _Job:
        """Start a call."""
        return _Job(self._crew, lambda: self._timed(getattr(self._state.result(), method), arguments))

    def _timed(self, call: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        began = time.monotonic()
        try:
            return run_with_retry(self._made_of[0].__name__, lambda: call(*arguments))
        finally:
            self._tally.worked(self._made_of[0].__name__, NODE, time.monotonic() - began)

    def stop(self) -> None:
        """Forget the state."""
        del self._state

    def replaced(self) -> "LocalWorker":
        """Another, its state made anew."""
        state, arguments = self._made_of
        return LocalWorker(self._crew, self._tally, state, arguments)
