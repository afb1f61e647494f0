"""Cost model of a corpus of terabytes on a cluster: that of `babelmerge plan`, and the costs that a cluster adds.

    python -m benchmarks.scaling_model shuffle TEXT.txt
    python -m benchmarks.scaling_model predict TEXT.txt --text-gb 1000 10000 --nodes 10 100 --vocab-size 131072

`shuffle` measures what lies between counting and adding up: scratch files, at several numbers of partitions. `predict`
reads a sample of the text, and takes text of its kind for granted at other sizes. The results are in
docs/explanation/scaling.md.
"""

import argparse
import dataclasses
import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa

from operators.kernels.layout import MOST_CELLS
from operators.statistics.heaps_law import Interval, fit
from operators.text.pretokenize import Pretokenizer
from operators.word_table import WordCounter, by_language
from pipelines.context import WORTH_AN_ACTOR_BYTES
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import Source, find_files
from pipelines.corpus.spans import Span
from pipelines.plan.needs import Needs
from pipelines.plan.sample_words import SampleWords, measure_speed
from pipelines.plan.sampling import Sample
from pipelines.plan.step import COSTS
from pipelines.words.partitions import ScratchTables

PARTITIONS: Final = (16, 160, 1600)
REPEATS: Final = 3
DEFAULT_PARTITIONS: Final = 16


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """Costs of Ray, scratch files and encoding. `pipelines.plan.step.COSTS` has the rest."""

    round_seconds: float = 8e-4
    """Fixed part of a round trip to shards."""
    round_seconds_per_shard: float = 6.6e-4
    """Part of a round trip for each shard: the driver sends and receives one after the other."""
    message_bytes: float = 580.0
    """A report or a batch of merges without a row, as pickled."""
    row_bytes: float = 20.0
    """A changed pair count; a merge."""
    latency_seconds: float = 5e-4
    """Latency between two machines and back, assumed."""
    scratch_bytes_per_row: float = 35.4
    scratch_bytes_per_batch: float = 321.0
    """Bytes before the rows of a partition in a scratch file."""
    footer_bytes_per_batch: float = 24.0
    """Bytes of each partition in the footer, which is read whole to find one."""
    scratch_seconds_per_row: float = 8.7e-7
    """Sorting and writing."""
    add_seconds_per_row: float = 1e-7
    open_seconds: float = 1.5e-4
    """A partition of a scratch file at hand, on a disk of this machine."""
    stored_bytes_per_symbol: float = 1.36
    """Word tables as Parquet."""
    encode_seconds_per_byte: float = 1 / 53e6
    """Files to Parquet, one core."""
    network_bytes_per_second: float = 1.25e9
    """Network of the driver's node, assumed: 10 Gbit/s."""


CLUSTER: Final = Cluster()


class Prediction(msgspec.Struct, frozen=True, kw_only=True):
    """Values; the words' bounds are those of `words_low` and `words_high`."""

    text_bytes: float
    nodes: int
    workers: int
    partitions: int
    words: float
    words_low: float
    words_high: float
    symbols: float
    count_s: float
    count_worker_bytes: float
    tasks: int
    scratch_bytes: float
    scratch_reads: float
    """Batches that adding up reads: scratch files times partitions."""
    footer_bytes: float
    """Read to find them."""
    shuffle_s: float
    stored_bytes: float
    shards: int
    best_shards: int
    """Number of shards with the shortest training, if all of the cluster's workers were free."""
    shard_bytes: float
    driver_bytes: float
    rounds: float
    merging_s: float
    """Laying out and merging: shared by the shards."""
    reducer_s: float
    trips_s: float
    """Round trips: they grow with the shards."""
    report_bytes: float
    """Bytes of all reports to the driver."""
    train_s: float
    best_train_s: float
    retokenize_s: float


class Model:
    """Stages of a run on text of one kind."""

    def __init__(self, needs: Needs, cluster: Cluster = CLUSTER) -> None:
        """`needs`: of a sample; its size of the text does not matter."""
        self._needs, self._cluster = needs, cluster

    def predict(
        self, text_bytes: float, nodes: int, cores: int, vocabulary: int, partitions: int | None = None
    ) -> Prediction:
        """On so many nodes, a worker for each core. Without `partitions`: one for each worker, as `plan` has it."""
        exactly = Interval(text_bytes, text_bytes, text_bytes)
        needs, more = dataclasses.replace(self._needs, text=exactly), self._cluster
        cost, workers = needs.costs, nodes * cores
        partitions = partitions or max(DEFAULT_PARTITIONS, workers)
        words, symbols = (one.predict(text_bytes) for one in (needs.words, needs.symbols))
        tasks = workers * math.ceil(text_bytes / (workers * cost.counting_task_bytes))  # as pipelines.words.spans deals
        rows = tasks * needs.pairs.predict(text_bytes / tasks).value
        footer = partitions * more.footer_bytes_per_batch
        opens = tasks * partitions
        adding = rows * more.add_seconds_per_row + opens * more.open_seconds
        sorting = rows * more.scratch_seconds_per_row
        stored = symbols.value * more.stored_bytes_per_symbol
        shards = int(max(1, min(workers, partitions, stored // WORTH_AN_ACTOR_BYTES)))
        least = math.ceil((words.value + symbols.value) / MOST_CELLS)  # what one shard can address
        best = min(_tried(least, workers), key=lambda number: sum(self.training(needs, number, vocabulary)))
        return Prediction(
            text_bytes=text_bytes,
            nodes=nodes,
            workers=workers,
            partitions=partitions,
            words=words.value,
            words_low=words.low,
            words_high=words.high,
            symbols=symbols.value,
            count_s=needs.seconds_per_byte * text_bytes / workers,
            count_worker_bytes=needs.counting_bytes(workers, partitions).value,
            tasks=tasks,
            scratch_bytes=rows * more.scratch_bytes_per_row + tasks * footer + opens * more.scratch_bytes_per_batch,
            scratch_reads=opens,
            footer_bytes=opens * footer,
            shuffle_s=sorting / workers + adding / min(workers, partitions),
            stored_bytes=stored,
            shards=shards,
            best_shards=best,
            shard_bytes=needs.training_bytes(vocabulary, shards).value,
            driver_bytes=needs.driver_bytes(vocabulary).value,
            rounds=self.rounds(vocabulary),
            merging_s=(parts := self.training(needs, shards, vocabulary))[0],
            reducer_s=parts[1],
            trips_s=parts[2],
            report_bytes=self.report_bytes(needs, shards, vocabulary),
            train_s=sum(parts),
            best_train_s=sum(self.training(needs, best, vocabulary)),
            retokenize_s=text_bytes * more.encode_seconds_per_byte / workers,
        )

    def training(self, needs: Needs, shards: int, vocabulary: int) -> tuple[float, float, float]:
        """Seconds of merging, of the reducer, and of round trips: those of `Needs.training_seconds`, told apart."""
        cost = msgspec.structs.replace(needs.costs, round_seconds=0.0)
        merging_only = msgspec.structs.replace(cost, reducer_seconds_per_change=0.0, reducer_seconds_per_merge=0.0)
        whole, merging = (
            dataclasses.replace(needs, costs=one).training_seconds(vocabulary, shards).value
            for one in (cost, merging_only)
        )
        if shards == 1:  # the reducer is beside it
            return merging, whole - merging, 0.0
        sending = self.report_bytes(needs, shards, vocabulary) / self._cluster.network_bytes_per_second
        return merging, whole - merging, self.rounds(vocabulary) * self.round_trip(shards) + sending

    def round_trip(self, shards: int) -> float:
        """Return the seconds of a round trip without its rows."""
        more = self._cluster
        return more.round_seconds + more.latency_seconds + shards * more.round_seconds_per_shard

    def rounds(self, vocabulary: int) -> float:
        """Return the number of rounds."""
        cost = self._needs.costs
        return math.exp(cost.rounds_log_scale) * math.pow(vocabulary, cost.rounds_by_vocabulary)

    def report_bytes(self, needs: Needs, shards: int, vocabulary: int) -> float:
        """Return the bytes that all shards report in all rounds."""
        cost, more = needs.costs, self._cluster
        changes = needs.pairs_of_tokens(vocabulary).value * cost.changes_per_pair
        changes *= math.pow(shards, cost.changes_by_shards)
        return changes * more.row_bytes + self.rounds(vocabulary) * shards * more.message_bytes


def _tried(least: int, most: int) -> list[int]:
    """Numbers of shards, a fifth more each time."""
    return sorted({max(least, min(most, round(1.2**i))) for i in range(60)})


def needs_of(path: Path, sample_bytes: int) -> Needs:
    """The growth of the words of a text, and how fast this machine counts it."""
    sample, counted = Sample(find_files([Source(path=str(path), language="any")]), sample_bytes), SampleWords("gpt4")
    for block in sample.blocks():
        counted.add(block)
    counted.finish()
    (pairs, _), (words, symbols) = (
        (fit(number, size), fit(length, size))
        for size in [counted.text_bytes / counted.blocks]
        for number, length in counted.incidences()
    )
    speed = measure_speed(sample, counted).seconds_per_byte
    return Needs(sample.text_bytes(), pairs, words, symbols, speed, 0.0, COSTS)


def measure_shuffle(path: Path, text_bytes: int, partitions_tried: Sequence[int] = PARTITIONS) -> list[str]:
    """A line for each number of partitions: a scratch file, written and read; seconds of one processor."""
    counter, pretokenizer = WordCounter(), Pretokenizer("gpt4")
    [file] = find_files([Source(path=str(path), language="any")])
    for batch in read_batches(file, BadRecords("fail"), 1 << 20, span=Span(0, text_bytes), with_ids=False):
        counter.add(pretokenizer.split(batch.column("text")), batch.column("language"))
    lines = []
    for partitions in partitions_tried:
        with tempfile.TemporaryDirectory() as scratch:
            tables = ScratchTables(Path(scratch), 0, partitions)
            began = time.thread_time()
            tables.flush(counter)
            writing = time.thread_time() - began
            path = Path(scratch) / tables.names[0]
            opening, adding, rows, own = _read_partitions(path, partitions)
            lines.append(
                f"{partitions} partitions: {path.stat().st_size:,} bytes, {rows:,} rows of {own:,} bytes; written in "
                f"{writing:.3f} s; a partition at hand in {1e6 * opening:.0f} us, a row added in {1e9 * adding:.0f} ns"
            )
    return lines


def _read_partitions(path: Path, partitions: int) -> tuple[float, float, int, int]:
    """Seconds until a partition is at hand (median), and to add a row up; the rows of all, and their bytes."""
    opening, adding, rows, own = [], 0.0, 0, 0
    for partition in range(partitions):
        began = time.thread_time()
        with pa.memory_map(str(path)) as mapped:
            batch = pa.ipc.open_file(mapped).get_batch(partition)
            opening.append(time.thread_time() - began)
            began, added = time.thread_time(), WordCounter()
            for _ in range(REPEATS):  # as of several tasks: most rows are there already
                for language, words, counts in by_language(batch):
                    added.table(language).add_rows(words, counts)
            adding += time.thread_time() - began
            rows, own = rows + batch.num_rows, own + batch.nbytes
    return float(np.median(opening)), adding / REPEATS / max(rows, 1), rows, own


def shown(rows: Sequence[Prediction]) -> str:
    """A table as Markdown, a column for each prediction. GB are 10^9 bytes."""
    giga = 1e9
    lines: list[tuple[str, list[str]]] = [
        ("", [f"{row.text_bytes / giga:,.10g} GB, {row.nodes} nodes" for row in rows]),
        ("workers, partitions", [f"{row.workers:,}, {row.partitions:,}" for row in rows]),
        ("distinct words, M", [_words(row) for row in rows]),
        ("their bytes, GB", [f"{row.symbols / giga:.3g}" for row in rows]),
        ("word tables, GB", [f"{row.stored_bytes / giga:.3g}" for row in rows]),
        ("count, s", [_seconds(row.count_s) for row in rows]),
        ("memory of a counting worker, GB", [f"{row.count_worker_bytes / giga:.2f}" for row in rows]),
        ("scratch files, GB", [f"{row.tasks:,}, {row.scratch_bytes / giga:,.3g}" for row in rows]),
        ("their partitions read, M", [f"{row.scratch_reads / 1e6:,.3g}" for row in rows]),
        ("footers read for it, GB", [f"{row.footer_bytes / giga:,.3g}" for row in rows]),
        ("shuffle, s", [_seconds(row.shuffle_s) for row in rows]),
        ("shards", [f"{row.shards}" for row in rows]),
        ("memory of a shard, GB", [f"{row.shard_bytes / giga:.2f}" for row in rows]),
        ("memory of the driver, GB", [f"{row.driver_bytes / giga:.2f}" for row in rows]),
        ("rounds", [f"{row.rounds:,.0f}" for row in rows]),
        ("merging, s", [_seconds(row.merging_s) for row in rows]),
        ("reducer, s", [_seconds(row.reducer_s) for row in rows]),
        ("round trips, s", [_seconds(row.trips_s) for row in rows]),
        ("reports, GB", [f"{row.report_bytes / giga:,.3g}" for row in rows]),
        ("train, s", [_seconds(row.train_s) for row in rows]),
        ("at best, s (shards)", [f"{_seconds(row.best_train_s)} ({row.best_shards})" for row in rows]),
        ("retokenize, s", [_seconds(row.retokenize_s) for row in rows]),
    ]  # fmt: skip
    made = [f"| {name} | {' | '.join(cells)} |" for name, cells in lines]
    return "\n".join([made[0], "|---|" + "--:|" * len(rows), *made[1:]])


def _seconds(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2g}"


def _words(row: Prediction) -> str:
    return f"{row.words / 1e6:,.3g} ({row.words_low / 1e6:,.3g} to {row.words_high / 1e6:,.3g})"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    shuffle = commands.add_parser("shuffle", help="measure scratch files")
    shuffle.add_argument("text", type=Path)
    shuffle.add_argument("--task-mb", type=float, default=COSTS.counting_task_bytes / 1e6)
    predict = commands.add_parser("predict", help="a table of sizes and clusters")
    predict.add_argument("text", type=Path)
    predict.add_argument("--sample-mb", type=float, default=256)
    predict.add_argument("--text-gb", type=float, nargs="+", default=[1000, 10_000])
    predict.add_argument("--nodes", type=int, nargs="+", default=[10, 100])
    predict.add_argument("--cores", type=int, default=16)
    predict.add_argument("--vocab-size", type=int, default=131_072)
    predict.add_argument("--partitions", type=int, help="unless told, one for each worker")
    given = parser.parse_args()
    if given.command == "shuffle":
        print("\n".join(measure_shuffle(given.text, int(given.task_mb * 1e6))))
        return
    model = Model(needs_of(given.text, int(given.sample_mb * 1e6)))
    sizes = [(1e9 * size, nodes) for size in given.text_gb for nodes in given.nodes]
    predicted = [model.predict(*size, given.cores, given.vocab_size, given.partitions) for size in sizes]
    print(shown(predicted))


if __name__ == "__main__":
    main()
