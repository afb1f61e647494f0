"""Measure the constants that `babelmerge plan` multiplies with (`pipelines.plan.step.COSTS`), on one text.

    python -m benchmarks.measure_costs TEXT.txt --vocab-sizes 8192,32768,65536,131072

Counts and trains the text and its first eighth in this process, on one thread; prints what was found on stderr, and
the constants as Python, to be put into pipelines/plan/step.py, on stdout. Run it on an idle machine, on a text whose
tables are larger than the processor's caches, as those of a corpus worth planning are: a gigabyte takes some minutes.
"""

import argparse
import io
import math
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from operators.arrays import I64
from operators.byte_level import byte_ids
from operators.encoding.encode import Encoder
from operators.precompile import compile_kernels
from operators.shard import Shard
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import Merges, Tokenizer
from operators.training.pair_totals import PairTotals
from operators.training.reducer import Reducer
from operators.word_table import WordCounter, by_language
from pipelines.corpus.bad_records import BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import Source, find_files
from pipelines.corpus.spans import Span
from pipelines.plan.needs import WIDE, Costs
from pipelines.plan.step import COSTS

BATCH_BYTES: Final = 2 << 20
ENCODED_BYTES: Final = 64 << 20
FRACTIONS: Final = (8, 1)
"""The text is measured in these parts of it; times are taken from the last."""
SHARDS: Final = 8
"""Numbers of shards whose reports are compared with one shard's."""
PARTITIONS: Final = 16


@dataclass
class Training:
    """Cost of training to one vocabulary size, from the first merge on."""

    vocabulary: int
    apply_s: float
    choose_s: float
    rounds: int
    changes: int
    pairs: int
    shard_bytes: int
    totals_bytes: int
    visits: int = 0
    """Pairs replaced in distinct words."""


@dataclass
class Figures:
    """Costs of one text."""

    text_bytes: int
    words: int
    symbols: int
    count_s: float
    table_bytes: int
    tables_s: float = 0.0
    lay_out_s: float = 0.0
    trained: list[Training] = field(default_factory=list)
    merges: Merges = field(default_factory=lambda: Merges.from_rows([]))


def count(path: Path, stop: int) -> tuple[Figures, pa.LargeBinaryArray, I64]:
    """Count the text's first `stop` bytes; the figures, the distinct words and their counts."""
    [file] = find_files([Source(path=str(path), language="any")])
    counter, pretokenizer, size, began = WordCounter(), Pretokenizer("gpt4"), 0, time.perf_counter()
    for batch in read_batches(file, BadRecords("fail"), BATCH_BYTES, span=Span(0, stop), with_ids=False):
        pieces = pretokenizer.split(batch.column("text"))
        counter.add(pieces, batch.column("language"))
        size += len(pieces.data)
    seconds = time.perf_counter() - began
    table_bytes, began = counter.memory_bytes, time.perf_counter()
    words, counts = through_tables(counter)
    tables_s = time.perf_counter() - began
    symbols = int(pc.sum(pc.binary_length(words)).as_py())
    return Figures(size, len(words), symbols, seconds, table_bytes, tables_s), words, counts


def through_tables(counter: WordCounter) -> tuple[pa.LargeBinaryArray, I64]:
    """Words and counts, by the way that word tables go: partitions, added up, written, read again."""
    words: list[pa.LargeBinaryArray] = []
    counts: list[I64] = []
    for _, partition in counter.tables(PARTITIONS):
        added, file = WordCounter(), io.BytesIO()
        for batch in partition.combine_chunks().to_batches():
            for language, own, number in by_language(batch):
                added.table(language).add_rows(own, number)
        for _, table in added.tables(1):
            pq.write_table(table, file, compression="zstd", use_dictionary=["language"])
        read = pq.read_table(file)
        words += read.column("word").chunks
        counts.append(read.column("count").to_numpy())
    return pa.concat_arrays(words), np.concatenate(counts)


def train(figures: Figures, words: pa.LargeBinaryArray, counts: I64, sizes: Sequence[int]) -> None:
    """Train to each size on one shard and thread, and note what it took; sizes that are not reached are left out."""
    began = time.perf_counter()
    shard, reducer = Shard(words, counts, byte_ids()), Reducer((), sizes[-1])
    changes = shard.initial_counts()
    figures.lay_out_s = time.perf_counter() - began
    totals = PairTotals()  # the same changes once more: the reducer's own are its own
    apply_s = choose_s = 0.0
    rows, pairs, waiting = 0, [], list(sizes)
    while waiting:
        rows += len(changes)
        pairs.append(np.unique(changes.left.astype(np.int64) << 32 | changes.right))
        totals.add([changes])
        began = time.perf_counter()
        batch = reducer.next_batch([changes])
        choose_s += time.perf_counter() - began
        while waiting and reducer.vocabulary >= waiting[0]:
            pairs = [np.unique(np.concatenate(pairs))]
            figures.trained.append(
                Training(
                    waiting.pop(0), apply_s, choose_s, len(reducer.rounds), rows, len(pairs[0]), shard.memory_bytes,
                    totals.memory_bytes,
                )
            )  # fmt: skip
        if not len(batch):
            break
        began = time.perf_counter()
        changes = shard.apply(batch)
        apply_s += time.perf_counter() - began
    figures.merges = reducer.merges
    for one in figures.trained:
        one.visits = figures.symbols - tokens_of(words, figures.merges[: one.vocabulary - 256])


def tokens_of(words: pa.LargeBinaryArray, merges: Merges) -> int:
    """Tokens of the distinct words under a merge list."""
    encoder, tokens = Encoder(Tokenizer("none", (), merges)), 0
    for part in parts(words.cast(pa.large_string()), ENCODED_BYTES):
        tokens += len(encoder.encode(part)[0])
    return tokens


def parts(texts: pa.LargeStringArray, part_bytes: int) -> Iterator[pa.LargeStringArray]:
    """The array in slices of about so many bytes."""
    rows = max(1, len(texts) * part_bytes // max(texts.nbytes, 1))
    for first in range(0, len(texts), rows):
        yield texts.slice(first, rows)


def changes_of_shards(words: pa.LargeBinaryArray, counts: I64, rounds: Sequence[Merges], shards: int) -> int:
    """Rows that so many shards report for a list, round by round."""
    rows = 0
    for i in range(shards):
        own = pa.array(np.arange(i, len(words), shards))
        shard = Shard(words.take(own), np.ascontiguousarray(counts[i::shards]), byte_ids())
        rows += len(shard.initial_counts()) + sum(len(shard.apply(batch)) for batch in rounds)
    return rows


def least_squares(columns: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """Factors of the columns, none below zero: those that would be are left out. Each row counts by its ratio."""
    table = np.array(columns, np.float64).T / np.array(values)[:, None]
    kept = list(range(len(columns)))
    while True:
        factors, *_ = np.linalg.lstsq(table[:, kept], np.ones(len(values)), rcond=None)
        if (factors >= 0).all():
            break
        kept.pop(int(np.argmin(factors)))
    return [float(factors[kept.index(i)]) if i in kept else 0.0 for i in range(len(columns))]


def exponents(columns: Sequence[Sequence[float]], values: Sequence[float]) -> list[float]:
    """(log scale, an exponent a column) of the product of powers that comes nearest."""
    table = np.array([np.ones(len(values)), *np.log(np.array(columns, np.float64))]).T
    factors, *_ = np.linalg.lstsq(table, np.log(np.array(values, np.float64)), rcond=None)
    return [float(factor) for factor in factors]


def costs_of(all_figures: Sequence[Figures], changes_by_shards: float, worker_bytes: int) -> Costs:
    """The constants."""
    whole = all_figures[-1]
    every = [(figures, one) for figures in all_figures for one in figures.trained]
    last, merges = whole.trained, [one.vocabulary - 256 for one in whole.trained]
    visit, shard_merge = least_squares([[one.visits for one in last], merges], [one.apply_s for one in last])
    change, reducer_merge = least_squares([[one.changes for one in last], merges], [one.choose_s for one in last])
    narrow = [one for one in last if one.vocabulary < WIDE]
    symbol, of_visit = least_squares(
        [[whole.symbols for _ in narrow], [one.visits for one in narrow]],
        [one.shard_bytes - one.vocabulary * COSTS.shard_bytes_per_token for one in narrow],
    )
    pairs = exponents(
        [[figures.symbols for figures, _ in every], [one.vocabulary for _, one in every]],
        [one.pairs for _, one in every],
    )
    rounds = exponents([[one.vocabulary for one in last]], [one.rounds for one in last])
    efolds = [math.log(one.vocabulary / figures.words) for figures, one in every]
    slope, share = np.polyfit(efolds, [one.visits / figures.symbols for figures, one in every], 1)
    return msgspec.structs.replace(
        COSTS,
        worker_bytes=worker_bytes,
        counting_bytes_per_word=geometric_mean([one.table_bytes / one.words for one in all_figures]),
        tables_seconds_per_word=whole.tables_s / whole.words,
        shard_bytes_per_symbol=symbol,
        shard_bytes_per_visit=of_visit,
        loading_seconds_per_symbol=whole.lay_out_s / whole.symbols,
        merged_share=float(share),
        merged_share_per_efold=float(slope),
        shard_seconds_per_visit=visit,
        shard_seconds_per_merge=shard_merge,
        pairs_log_scale=pairs[0],
        pairs_by_symbols=pairs[1],
        pairs_by_vocabulary=pairs[2],
        changes_per_pair=geometric_mean([one.changes / one.pairs for _, one in every]),
        changes_by_shards=changes_by_shards,
        reducer_bytes_per_pair=geometric_mean([one.totals_bytes / one.pairs for _, one in every]),
        reducer_seconds_per_change=change,
        reducer_seconds_per_merge=reducer_merge,
        rounds_log_scale=rounds[0],
        rounds_by_vocabulary=rounds[1],
    )


def geometric_mean(values: Sequence[float]) -> float:
    """Return the geometric mean."""
    return math.exp(sum(map(math.log, values)) / len(values))


def shown(figures: Figures) -> str:
    """Figures, a line a vocabulary."""
    lines = [
        f"{figures.text_bytes:,} bytes: {figures.words:,} words of {figures.symbols:,} bytes; counted in "
        f"{figures.count_s:.2f} s ({figures.text_bytes / figures.count_s / 1e6:.0f} MB/s), through tables in "
        f"{figures.tables_s:.2f} s, laid out in {figures.lay_out_s:.2f} s"
    ]
    lines += [
        f"  {one.vocabulary:,} tokens: {one.visits:,} visits, {one.changes:,} changes, {one.pairs:,} pairs, "
        f"{one.rounds:,} rounds; apply {one.apply_s:.2f} s, choose {one.choose_s:.2f} s; "
        f"shard {one.shard_bytes / 1e6:.0f} MB, totals {one.totals_bytes / 1e6:.0f} MB"
        for one in figures.trained
    ]
    return "\n".join(lines)


def as_python(costs: Costs) -> str:
    """The assignment to put into pipelines/plan/step.py."""
    values: dict[str, Any] = msgspec.structs.asdict(costs)
    return "COSTS: Final = Costs(\n" + "".join(f"    {name}={value:.4g},\n" for name, value in values.items()) + ")"


def main() -> None:
    """Print the figures, then the constants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path, help="plain text (.txt)")
    parser.add_argument("--vocab-sizes", default="8192,32768,65536,131072")
    given = parser.parse_args()
    sizes = sorted({int(size) for size in given.vocab_sizes.split(",")})
    compile_kernels()
    pl.DataFrame({"loaded": [1]})  # a worker has Polars too
    worker_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    measured, by_shards = [], 0.0
    for fraction in FRACTIONS:
        figures, words, counts = count(given.text, given.text.stat().st_size // fraction)
        train(figures, words, counts, sizes)
        measured.append(figures)
        print(shown(figures), file=sys.stderr)
        if fraction == FRACTIONS[0] and figures.trained:
            rounds = [figures.merges[at : at + 32] for at in range(0, len(figures.merges), 32)]
            one, many = (changes_of_shards(words, counts, rounds, shards) for shards in (1, SHARDS))
            by_shards = math.log(many / one) / math.log(SHARDS)
    print(as_python(costs_of(measured, by_shards, worker_bytes)))


if __name__ == "__main__":
    main()
