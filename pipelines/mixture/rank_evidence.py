"""Evidence for the estimate by ranks: counts of the merges' pairs, from word tables by bootstrap block."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import I64
from operators.mixture.evidence import Evidence, RemainingPairs, count_emissions, median_pair_count
from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.outputs import Manifest, Output, replacing
from pipelines.stage import Stage, Written, make
from pipelines.tokenizers import tokenizer_fingerprint
from pipelines.words.blocks import BLOCKS, SEPARATOR, block_label

EVIDENCE = "evidence.npz"
REMAINING_STEPS: Final = (300, 1000, 3000)
"""Numbers of merges after which the remaining pairs are counted."""


@dataclass(frozen=True)
class EmitTask:
    """Some partitions of the word tables, to encode."""

    paths: tuple[Path, ...]
    labels: tuple[str, ...]
    tokenizer: Tokenizer
    merges: int
    index: int
    into: Path

    @property
    def name(self) -> str:
        """Name of the scratch file that the task writes."""
        return f"emitted-{self.index:04}.npz"


def emit_partitions(task: EmitTask) -> None:
    """Worker task: write, for each label, the counts of the merges' pairs and the number of pairs before any merge."""
    wanted = {label: place for place, label in enumerate(task.labels)}
    merges = task.tokenizer.merges[: task.merges]
    counts = np.zeros((len(merges), len(wanted)), np.int64)
    pairs = np.zeros(len(wanted), np.int64)
    for path in task.paths:
        table = pq.read_table(path, columns=["language", "word", "count"], use_threads=False).combine_chunks()
        names = table.column("language").combine_chunks().dictionary_encode()
        places = np.array([wanted.get(name, -1) for name in names.dictionary.to_pylist()], np.int64)
        labels = places[names.indices.to_numpy()]
        kept = np.flatnonzero(labels >= 0)
        rows = table.take(pa.array(kept))
        words = rows.column("word").combine_chunks().cast(pa.large_binary())
        emitted, initial = count_emissions(
            words, labels[kept], rows.column("count").to_numpy(), len(wanted), task.tokenizer, merges
        )
        counts += emitted
        pairs += initial
    with replacing(task.into / task.name, durable=False) as temporary, temporary.open("wb") as file:
        np.savez(file, counts=counts, pairs=pairs)


@dataclass(frozen=True)
class RemainingTask:
    """Some categories, and the numbers of merges (`steps`) after which to count their remaining pairs."""

    paths: tuple[Path, ...]
    categories: tuple[str, ...]
    tokenizer: Tokenizer
    steps: tuple[int, ...]


def count_remaining(task: RemainingTask) -> list[list[int]]:
    """Worker task: return `operators.mixture.evidence.median_pair_count` by step, then by category."""
    words = (
        pl.scan_parquet(list(task.paths), glob=False)
        .select(pl.col("language").str.split(SEPARATOR).list.first().alias("category"), "word", "count")
        .filter(pl.col("category").is_in(list(task.categories)))
        .group_by("category", "word").agg(pl.col("count").sum())
        .sort("category", "word")
        .collect()
    )  # fmt: skip
    tables = {str(name): rows for (name,), rows in words.group_by("category", maintain_order=True)}
    medians = [[0] * len(task.categories) for _ in task.steps]
    for place, category in enumerate(task.categories):
        if (rows := tables.get(category)) is not None:
            own = rows["word"].to_arrow().cast(pa.large_binary())
            counts = rows["count"].to_numpy().astype(np.int64)
            for step, counted in zip(task.steps, medians, strict=True):
                counted[place] = median_pair_count(own, counts, task.tokenizer, step)
    return medians


def keep_evidence(
    words: Manifest, paths: Sequence[Path], categories: list[str], tokenizer: Tokenizer, merges: int, directory: Path,
    context: Context,
) -> Evidence:  # fmt: skip
    """Return the evidence of the first `merges` merges; cached in `directory`, and read from there if up to date."""
    settings = {"tokenizer": tokenizer_fingerprint(tokenizer), "merges": merges, "categories": categories}
    stage = Stage("evidence", settings, [{"words": words.fingerprint}], [EVIDENCE], uses_engine=False)

    def work(scratch: Path) -> Written:
        engine, progress = context.engine, context.progress
        labels = tuple(block_label(category, block) for block in range(BLOCKS) for category in categories)
        groups = [tuple(paths[i :: engine.workers]) for i in range(min(engine.workers, len(paths)))]
        tasks = [EmitTask(group, labels, tokenizer, merges, i, scratch) for i, group in enumerate(groups)]
        with progress.stage("encode words", len(tasks), "tasks") as advance:
            for _ in engine.run(emit_partitions, tasks):
                advance(1)
        steps = tuple(step for step in REMAINING_STEPS if step <= merges)
        remaining = _count_remaining(paths, categories, tokenizer, steps, context)
        _gather(tasks, labels, words.facts["languages"], directory, np.array(steps, np.int64), remaining)
        return Written([EVIDENCE])

    with Output(directory, "evidence") as output:
        make(stage, output, context, work)
        return _read(directory / EVIDENCE, categories)


def _count_remaining(
    paths: Sequence[Path], categories: list[str], tokenizer: Tokenizer, steps: tuple[int, ...], context: Context
) -> I64:
    """Return int64[steps, categories]: `operators.mixture.evidence.median_pair_count` after each step."""
    groups = min(context.engine.workers, len(categories))
    shared = [categories[i::groups] for i in range(groups)]
    tasks = [RemainingTask(tuple(paths), tuple(own), tokenizer, steps) for own in shared]
    remaining = np.zeros((len(steps), len(categories)), np.int64)
    with context.progress.stage("count remaining pairs", groups, "tasks") as advance:
        for i, counted in context.engine.run(count_remaining, tasks):
            remaining[:, i::groups] = np.array(counted, np.int64).reshape(len(steps), len(shared[i]))
            advance(1)
    return remaining


def _gather(
    tasks: list[EmitTask], labels: tuple[str, ...], sizes: Mapping[str, Mapping[str, int]], into: Path, steps: I64,
    remaining: I64,
) -> None:  # fmt: skip
    """Add up the counts of all tasks, and write evidence.npz."""
    counts: Any = 0
    pairs: Any = 0
    for task in tasks:
        with np.load(task.into / task.name) as emitted:
            counts, pairs = counts + emitted["counts"], pairs + emitted["pairs"]
        (task.into / task.name).unlink()
    nothing = {"bytes": 0, "characters": 0}
    columns: dict[str, Any] = {
        unit: np.array([sizes.get(label, nothing)[unit] for label in labels], np.int64)
        for unit in ("bytes", "characters")
    }
    with replacing(into / EVIDENCE) as temporary, temporary.open("wb") as file:
        np.savez(file, counts=counts, pairs=pairs, steps=steps, left=remaining, **columns)


def _read(path: Path, categories: list[str]) -> Evidence:
    shape = (BLOCKS, len(categories))
    with np.load(path, allow_pickle=False) as arrays:
        counts = arrays["counts"]  # int64[merges, labels]
        return Evidence(
            categories,
            np.ascontiguousarray(counts.T).reshape(*shape, len(counts)).transpose(0, 2, 1),
            arrays["bytes"].reshape(shape),
            arrays["characters"].reshape(shape),
            arrays["pairs"].reshape(shape),
            tuple(
                RemainingPairs(int(step), row / np.maximum(arrays["bytes"].reshape(shape).sum(axis=0), 1))
                for step, row in zip(arrays["steps"], arrays["left"], strict=True)
            ),
        )
