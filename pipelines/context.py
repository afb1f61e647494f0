"""Context of a step: the engine that runs its tasks, the progress, and the execution settings."""

import os
import time
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Final, Literal

from operators.redaction import shown
from pipelines.blas import one_blas_thread
from pipelines.corpus.globs import PASSED_OVER
from pipelines.corpus.sources import InputFile, Source, as_source, find_files
from pipelines.corpus.storage import LocalStorage, is_uri, locate
from pipelines.engines.engine import Engine
from pipelines.engines.run_stats import RunStats, run_of
from pipelines.outputs import Output, Run
from pipelines.progress import Progress, Silent
from pipelines.settings import BadSettings, Corpus, Execution, size_in_bytes

WORTH_A_THREAD_BYTES: Final = 8 << 20
"""Stored bytes of word tables from which a second training thread pays. Below, one thread is faster than two, which
wait for each other 1,000 times. Measured on 4 MB, 2 processors: 0.9 s with one thread, 1.0 s with two."""
WORTH_AN_ACTOR_BYTES: Final = 128 << 20
"""Stored bytes of word tables from which a second Ray actor pays, whose round trip takes 2 ms instead of 0.1 ms; such a
shard takes about 1 GB of memory."""
WORTH_RAY_BYTES: Final = 16 << 30
WORTH_RAY_PROCESSORS: Final = 8
"""Input and processors from which `--engine auto` starts Ray on this machine. Its start takes about six seconds, and on
2 processors threads were faster at every measured size (1.68 GB: 11.4 s against 19.0 s). Threads share one Python
interpreter and wait for it the more, the more threads there are; processes do not."""


class Context:
    """Engine, progress and execution settings of one run. Close it, or use it in a `with` block.

    The engine starts at its first use, so a run whose steps are all up to date starts none. Kernels are compiled before
    that, where the cache lacks them.
    """

    def __init__(
        self,
        execution: Execution | None = None,
        progress: Progress | None = None,
        *,
        kernels: Sequence[str] = (),
        engine: Engine | None = None,
    ) -> None:
        """Store the settings; start nothing. kernels: groups of `operators.precompile` that the steps need. engine: an
        engine that is running already, which `close` leaves running.
        """
        self.execution = execution if execution is not None else Execution()
        self.progress: Progress = progress if progress is not None else Silent()
        self.stats = engine.stats if engine is not None else RunStats(self.execution.max_failures)
        self._kernels = kernels
        self._given = engine
        self._unverified: tuple[list[str], Path] | None = None
        self._input_bytes = 0
        self._kept = set[Path]()
        self._exits = ExitStack()

    def __enter__(self) -> "Context":
        self._exits.enter_context(one_blas_thread())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def on_bad_record(self) -> Literal["fail", "skip"]:
        """Treatment of records that cannot be read."""
        return self.execution.on_bad_record

    @property
    def max_bad_share(self) -> float:
        """Largest share of the records that may be left out."""
        return self.execution.max_bad_share

    @property
    def memory_bytes(self) -> int | None:
        """Limit in bytes on the word and pair tables of one worker; None: no limit."""
        limit = self.execution.memory_limit
        return None if limit is None else size_in_bytes("memory_limit", limit)

    @property
    def engine(self) -> Engine:
        """Engine of the run, whose machines are verified to see the files of the step."""
        engine = self._started
        if self._unverified is not None:
            paths, self._unverified = self._unverified, None
            engine.require_visible(*paths)
        return engine

    @cached_property
    def _started(self) -> Engine:
        if self._given is not None:
            return self._given
        from operators.kernels import are_compiled
        from pipelines.engines.local_engine import LocalEngine, processors

        if not are_compiled(*self._kernels):
            from operators.precompile import compile_kernels  # imports all kernels

            self.progress.note("compiling kernels: about 20 s, once on this machine")
            compile_kernels(self._kernels)
        if self._engine_name(self.execution.workers or processors()) == "ray":
            from pipelines.engines.ray_engine import RayEngine  # importing Ray takes a second

            return RayEngine(self.execution.workers, WORTH_AN_ACTOR_BYTES, self._kernels, self.stats)
        return LocalEngine(self.execution.workers or processors(), WORTH_A_THREAD_BYTES, self.stats)

    def _engine_name(self, workers: int) -> str:
        """Return `ray` or `local`; for `auto`, note on the progress which one and why."""
        if self.execution.engine != "auto":
            return self.execution.engine
        if os.environ.get("RAY_ADDRESS"):
            name, why = "ray", "RAY_ADDRESS names a cluster"
        elif self._input_bytes >= WORTH_RAY_BYTES and workers >= WORTH_RAY_PROCESSORS:
            name, why = "ray", f"{self._input_bytes / 1e9:,.0f} GB of input for {workers} workers"
        else:
            size = f"{self._input_bytes / 1e6:,.1f} MB"
            name, why = "local", f"threads of this machine: {size} of input do not repay Ray's start"
        self.progress.note(f"engine: {name} ({why}; --engine {'local' if name == 'ray' else 'ray'} for the other)")
        return name

    def input_files(self, sources: Corpus, output: Output) -> list[InputFile]:
        """Return the files of the sources. Before its first task, the engine verifies that all its machines see them.

        Raises BadSettings if an input folder contains the output, and what `find_files` raises.
        """
        named = [as_source(source) for source in sources]
        for source in named:
            _refuse_inside(source, output.directory)
        skipped: list[str] = []
        files = find_files(named, skipped)
        if skipped:
            first = f"{shown(skipped[0])} begins with _ and is not read; name it to read it"
            more = f" (and {len(skipped) - 1:,} more)" if skipped[1:] else ""
            self.progress.note(first + more)
        self._unverified = ([file.path for file in files], output.directory)
        self._input_bytes = sum(file.size or 0 for file in files)
        return files

    def note_kept(self, stage: str, directory: Path) -> None:
        """Report that a stage is up to date, once: two steps of a command may share one."""
        if directory not in self._kept:
            self._kept.add(directory)
            self.progress.note(f"{stage}: unchanged, kept ({directory})")

    def run_stats(self, began: float, *, engine: bool = True) -> Run:
        """Return the statistics of a stage that began at `began` (`time.monotonic()`). engine: the stage ran tasks."""
        if engine:
            return run_of(self.engine, began)
        return Run(engine="none", workers=1, seconds=round(time.monotonic() - began, 3))

    def close(self) -> None:
        """Close the engine if this context started it."""
        if self._given is None and (engine := self.__dict__.pop("_started", None)) is not None:
            engine.close()
        self._exits.close()


def _refuse_inside(source: Source, output: Path) -> None:
    """Raise BadSettings if the output is inside an input folder, so that the next run would read it."""
    storage, path = locate(source.path.removesuffix("**") or ".")
    folder = Path(path).resolve()
    if isinstance(storage, LocalStorage) and folder.is_dir() and output.is_relative_to(folder):
        parts = output.relative_to(folder).parts
        if not any(part[0] in PASSED_OVER for part in parts):
            raise BadSettings("out", f"{output} lies in the input folder {folder}; name a directory outside it")


def out_directory(out: str) -> Path:
    """Return the absolute path of an output directory. Raises BadSettings if the text is no path."""
    if not out.strip() or "\0" in out:
        raise BadSettings("out", f"{out!r} names no directory")
    if is_uri(out):
        raise BadSettings("out", f"{out} is a URI; name a directory that this machine sees")
    try:
        return Path(out).expanduser().resolve()
    except FileNotFoundError:  # of the working directory: the command says so
        raise
    except (OSError, RuntimeError) as error:  # a name that is too long, links in a circle
        raise BadSettings("out", f"{out[:200]!r} names no directory ({str(error)[:80]})") from error
