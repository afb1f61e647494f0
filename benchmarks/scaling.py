"""Rounds of training at many shards: the deltas of real shards, recorded, then replayed by actors that wait.

    python -m benchmarks.scaling words TEXT.txt --into WORDS
    python -m benchmarks.scaling rounds WORDS --vocab-size 32768 --shards 2 8 32 128 --latency-ms 0 1 5 --json out.json
    python -m benchmarks.scaling show out.json ...

`words` counts a text into partitions, as `train` does. `rounds` trains on as many shards as it is told, one after the
other in this process, and keeps each one's report of each round; then the real reducer trains again through the engine,
from actors that hold nothing but these reports. A few actors stand for many shards: each answers its shards' calls side
by side, in threads, after the latency. So calls, messages and their bytes are those of as many workers; processes and
network are not. Both lists of merges must be that of one shard. The tables and the model are in
docs/explanation/scaling.md.
"""

import argparse
import pickle
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from operators.arrays import F64
from operators.shard import PairChanges
from operators.tokenizer import Merges, Tokenizer, same_merges
from operators.training.reducer import learn_rounds
from pipelines.context import Context
from pipelines.corpus.sources import Source, find_files
from pipelines.engines.engine import Engine, Worker
from pipelines.engines.local_engine import LocalEngine
from pipelines.engines.ray_engine import RayEngine
from pipelines.engines.ray_workers import RayWorker
from pipelines.train.rounds import ShardSource, TrainingShard, TrainingTarget
from pipelines.words.counting import count_words

PARTITIONS: Final = 128
HOSTS: Final = 4
"""Actors: two for each core that the figures were made on, so that one is up while another waits for its turn."""
COLUMNS: Final = ("step", "left", "right", "change")


@dataclass(frozen=True)
class Recording:
    """Reports of the shards of a real training run, in `folder`, a file a shard."""

    folder: Path
    shards: int
    merges: Merges
    rows: int
    """Changed pair counts, all shards together."""
    busy_s: float
    """Processor time of laying out, counting and merging, all shards together."""
    slowest_s: float
    """The same of the slowest shard of each round: what shards that run side by side wait for."""
    wire_bytes: int
    """The reports as they are pickled."""

    def path(self, shard: int) -> Path:
        """The reports of one."""
        return self.folder / f"shard-{shard:04}.npz"


class RecordedShards:
    """Stands for some shards, whose reports it has and need not make."""

    def __init__(self, recording: Recording, shards: Sequence[int], latency_s: float) -> None:
        """`latency_s` passes before an answer leaves."""
        self._latency_s = latency_s
        self._columns: dict[int, tuple[Any, ...]] = {}
        for shard in shards:
            with np.load(recording.path(shard)) as found:
                self._columns[shard] = tuple(found[name] for name in ("ends", *COLUMNS))

    def holds(self) -> int:
        """The number of shards; asked first, so that they are loaded once, before calls come side by side."""
        return len(self._columns)

    def report(self, shard: int, number: int, merges: Merges | None) -> PairChanges:
        """Return the shard's report of round `number`, 0 before any; the merges are sent along as in a real run."""
        del merges
        if self._latency_s:
            time.sleep(self._latency_s)
        ends, *columns = self._columns[shard]
        first, last = int(ends[number]), int(ends[number + 1])
        return PairChanges(*(column[first:last] for column in columns))


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A row: so many shards, so much latency."""

    vocabulary: int
    words_bytes: int
    """Stored word tables."""
    shards: int
    latency_ms: float
    merges: int
    rounds: int
    seconds: float
    waited_s: float
    """Part of these seconds until all shards have answered."""
    reducer_s: float
    """Processor time of adding up and choosing, which other work on the machine does not lengthen."""
    messages_s: float
    """Processor time of the driver's other threads, and of sending and receiving."""
    rows: int
    report_bytes: int
    batch_bytes: int
    """Merges sent to all shards, as pickled."""
    busy_s: float
    slowest_s: float


def goal_of(vocabulary: int) -> TrainingTarget:
    """Training from bytes."""
    return TrainingTarget(Tokenizer("none", (), Merges.from_rows([])), vocabulary, 1)


@dataclass
class Recorder:
    """Real shards, asked one after the other; what they say, and how long it takes them."""

    shards: Sequence[TrainingShard]
    reports: list[list[PairChanges]] = field(default_factory=list)
    seconds: list[F64] = field(default_factory=list)

    def apply(self, merges: Merges | None) -> list[PairChanges]:
        """A round; before any merges None."""
        number, took, answers = len(self.reports), np.zeros(len(self.shards)), []
        for i, shard in enumerate(self.shards):
            began = time.thread_time()
            answers.append(shard.initial() if merges is None else shard.apply(number, merges))
            took[i] = time.thread_time() - began
        self.reports.append(answers)
        self.seconds.append(took)
        return answers


def record(paths: Sequence[Path], shards: int, goal: TrainingTarget, folder: Path) -> Recording:
    """Train, and keep the reports in `folder`. Word tables are dealt out to shards as `train` does."""
    arguments = ShardSource(paths, shards, None, goal.start.byte_ids).arguments
    laid_out, made = np.zeros(shards), []
    for i, own in enumerate(arguments):
        began = time.thread_time()
        made.append(TrainingShard(*own))
        laid_out[i] = time.thread_time() - began
    recorder = Recorder(made)
    rounds = list(learn_rounds(goal.reducer(), recorder.apply(None), recorder.apply, Merges.from_rows([])))
    took = np.array([laid_out, *recorder.seconds])
    recording = Recording(
        folder=folder,
        shards=shards,
        merges=Merges.joined(rounds),
        rows=sum(len(report) for answers in recorder.reports for report in answers),
        busy_s=float(took.sum()),
        slowest_s=float(took.max(axis=1).sum()),
        wire_bytes=sum(_pickled(report) for answers in recorder.reports for report in answers),
    )
    for shard in range(shards):
        own_reports = [answers[shard] for answers in recorder.reports]
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(one, name) for one in own_reports]) for name in COLUMNS
        }
        ends = np.cumsum([0, *map(len, own_reports)])
        np.savez(recording.path(shard), ends=ends, **columns)
    return recording


@dataclass
class Driver:
    """Asks the shards of a recording, wherever they are, as a Fleet asks its workers."""

    hosts: Sequence[Worker]
    shards: int
    number: int = 0
    waited_s: float = 0.0
    cpu_s: float = 0.0
    """Processor time of this thread meanwhile."""
    sent_bytes: int = 0

    def apply(self, merges: Merges | None) -> list[PairChanges]:
        """A round trip to all shards."""
        if merges is not None:
            self.sent_bytes += _pickled(merges) * self.shards
        cpu, began = time.thread_time(), time.perf_counter()
        hosts = self.hosts
        pending = [hosts[i % len(hosts)].call("report", i, self.number, merges) for i in range(self.shards)]
        answers = [one.result() for one in pending]
        self.waited_s += time.perf_counter() - began
        self.cpu_s += time.thread_time() - cpu
        self.number += 1
        return answers


def replay(
    recording: Recording, goal: TrainingTarget, hosts: Sequence[Worker], latency_s: float, words_bytes: int
) -> Replay:
    """Train from the recording. `hosts`: host i has the shards i, i + len(hosts), ... Raises where merges differ."""
    for host in hosts:
        host.call("holds").result()
    driver, reducer = Driver(hosts, recording.shards), goal.reducer()
    process, thread, began = time.process_time(), time.thread_time(), time.perf_counter()
    for _ in learn_rounds(reducer, driver.apply(None), driver.apply, Merges.from_rows([])):
        pass
    seconds, process = time.perf_counter() - began, time.process_time() - process
    reducing = time.thread_time() - thread - driver.cpu_s
    if not same_merges(reducer.merges, recording.merges):
        raise RuntimeError(f"{recording.shards} shards: the reports told again lead to other merges")
    return Replay(
        vocabulary=reducer.vocabulary,
        words_bytes=words_bytes,
        shards=recording.shards,
        latency_ms=1e3 * latency_s,
        merges=len(recording.merges),
        rounds=len(reducer.rounds),
        seconds=seconds,
        waited_s=driver.waited_s,
        reducer_s=reducing,
        messages_s=process - reducing,
        rows=recording.rows,
        report_bytes=recording.wire_bytes,
        batch_bytes=driver.sent_bytes,
        busy_s=recording.busy_s,
        slowest_s=recording.slowest_s,
    )


def start_hosts(engine: Engine, recording: Recording, latency_s: float, hosts: int) -> list[Worker]:
    """Workers that share the shards; on Ray each answers all of its shards' calls side by side."""
    own = [range(recording.shards)[i::hosts] for i in range(min(hosts, recording.shards))]
    if engine.name != "ray":
        return [engine.start(RecordedShards, recording, shards, latency_s) for shards in own]
    ray: Any = sys.modules["ray"]
    options: dict[str, Any] = {"num_cpus": 0, "max_concurrency": len(own[0]) + 1}
    return [RayWorker(ray, engine.stats, RecordedShards, (recording, one, latency_s), **options) for one in own]


def simulate(
    words: Path,
    vocabulary: int,
    shards: Sequence[int],
    latencies_ms: Sequence[float],
    engine: Engine,
    hosts: int = HOSTS,
) -> list[Replay]:
    """A row for each number of shards and each latency. Raises where merges differ from those of one shard."""
    paths, goal, rows = sorted(words.glob("words-*.parquet")), goal_of(vocabulary), []
    stored = sum(path.stat().st_size for path in paths)
    if not paths or max(shards) > len(paths):
        raise SystemExit(f"{words}: {len(paths)} partitions, {max(shards)} are needed; make them with `words`")
    with tempfile.TemporaryDirectory() as scratch:
        alone = record(paths, 1, goal, Path(scratch)).merges  # and kernels are loaded
        for number in shards:
            folder = Path(scratch) / str(number)
            folder.mkdir()
            recording = record(paths, number, goal, folder)
            if not same_merges(alone, recording.merges):
                raise RuntimeError(f"{number} shards lead to other merges than one")
            for latency in latencies_ms:
                workers = start_hosts(engine, recording, latency / 1e3, hosts)
                try:
                    rows.append(replay(recording, goal, workers, latency / 1e3, stored))
                finally:
                    for worker in workers:
                        worker.stop()
                print(shown(rows[-1:]).splitlines()[-1], file=sys.stderr)
    return rows


def shown(rows: Sequence[Replay]) -> str:
    """A table, as Markdown. kB and MB are 10^3 and 10^6 bytes."""
    heads = (
        "shards | latency ms | rounds | ms a round | driver's CPU ms a round | reducer s | in all s | slowest shards s"
    )
    heads += " | changes a merge | reports kB a merge | sent kB a merge"
    lines = [f"| {heads} |", "|" + "--:|" * (heads.count("|") + 1)]
    for row in rows:
        figures = (
            f"{row.shards} | {row.latency_ms:g} | {row.rounds:,} | {1e3 * row.waited_s / row.rounds:.2f}",
            f"{1e3 * row.messages_s / row.rounds:.2f} | {row.reducer_s:.2f} | {row.seconds:.1f}",
            f"{row.slowest_s:.2f} | {row.rows / row.merges:.0f} | {row.report_bytes / row.merges / 1e3:.2f}",
            f"{row.batch_bytes / row.merges / 1e3:.2f}",
        )
        lines.append(f"| {' | '.join(figures)} |")
    return "\n".join(lines)


def _pickled(value: object) -> int:
    return len(pickle.dumps(value, protocol=5))


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    words = commands.add_parser("words", help="count a text into partitions")
    words.add_argument("texts", nargs="+")
    words.add_argument("--into", type=Path, required=True)
    words.add_argument("--partitions", type=int, default=PARTITIONS)
    rounds = commands.add_parser("rounds", help="record shards, and train from what they said")
    rounds.add_argument("words", type=Path)
    rounds.add_argument("--vocab-size", type=int, default=32_768)
    rounds.add_argument("--shards", type=int, nargs="+", default=[2, 8, 32, 128])
    rounds.add_argument("--latency-ms", type=float, nargs="+", default=[0.0, 1.0, 5.0])
    rounds.add_argument("--engine", choices=("ray", "local"), default="ray")
    rounds.add_argument("--json", type=Path)
    show = commands.add_parser("show", help="tables")
    show.add_argument("files", type=Path, nargs="+")
    given = parser.parse_args(arguments)
    if given.command == "show":
        for file in given.files:
            print(shown(msgspec.json.decode(file.read_bytes(), type=list[Replay])))
        return
    engine = RayEngine() if given.command == "rounds" and given.engine == "ray" else LocalEngine(2)
    try:
        if given.command == "words":
            files = find_files([Source(path=text, language="any") for text in given.texts])
            count_words(files, "gpt4", given.into, Context(engine=engine), partitions=given.partitions)
            return
        found = simulate(given.words, given.vocab_size, given.shards, given.latency_ms, engine)
    finally:
        engine.close()
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n")
    print(shown(found))


if __name__ == "__main__":
    main()
