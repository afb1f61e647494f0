"""A corpus for each category, and a tokenizer, to the mixture that the tokenizer was trained on."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from operators.errors import DataError
from operators.mixture import PairRecord, infer_mixture
from operators.replay import record_changes
from operators.tokenizer import Tokenizer
from pipelines.counting import word_files
from pipelines.engine import Engine
from pipelines.outputs import Manifest, Output, Run, fingerprint, replacing
from pipelines.progress import Progress
from pipelines.tokenizers import tokenizer_fingerprint

MIXTURE = "mixture.parquet"


class UnknownCategory(DataError):
    """A category that was asked for and has no text."""

    def __init__(self, category: str, present: list[str]) -> None:
        super().__init__(category, present)
        self.category, self.present = category, present

    def __str__(self) -> str:
        return f"mixture: category {self.category!r} has no text; there is {', '.join(self.present)}"


@dataclass(frozen=True)
class RecordTask:
    """One category to replay; `merges` of None takes the whole list."""

    category: str
    words: tuple[Path, ...]
    tokenizer: Tokenizer
    merges: int | None
    into: Path

    @property
    def name(self) -> str:
        """The file that the task writes: the category's name may hold anything, so a hash of it stands for it."""
        return f"record-{hashlib.sha256(self.category.encode()).hexdigest()[:16]}.parquet"


@dataclass(frozen=True)
class RecordFile:
    """A written record: where its rows are, and what is known of its text."""

    path: Path
    category: str
    text_bytes: int
    characters: int
    pairs: int


def record_category(task: RecordTask) -> RecordFile:
    """Replay one category and write its changes: step, left, right, change."""
    table = pl.read_parquet(list(task.words), glob=False).filter(pl.col("language") == task.category).sort("word")
    words, counts = table["word"].to_arrow().cast(pa.large_binary()), np.array(table["count"].to_numpy())
    merges = task.tokenizer.merges[: task.merges]
    record = record_changes(task.category, words, counts, np.array(task.tokenizer.byte_ids), merges)
    path = task.into / task.name
    with replacing(path) as part:
        columns = {name: getattr(record, name) for name in ("step", "left", "right", "change")}
        pl.DataFrame(columns).write_parquet(part, compression="lz4")
    return RecordFile(path, task.category, record.text_bytes, record.characters, record.pairs)


@dataclass(frozen=True)
class InferTask:
    """The records of all categories, and the merge list."""

    records: tuple[RecordFile, ...]
    tokenizer: Tokenizer
    merges: int | None
    into: Path


def infer(task: InferTask) -> dict[str, float | int]:
    """Solve the program and write mixture.parquet; returns figures for the manifest."""
    records = []
    for file in task.records:
        rows = pl.read_parquet(file.path, glob=False)
        step, left, right, change = (np.array(rows[name].to_numpy()) for name in ("step", "left", "right", "change"))
        records.append(
            PairRecord(file.category, file.text_bytes, file.characters, file.pairs, step, left, right, change)
        )
    mixture = infer_mixture(records, task.tokenizer.merges, limit=task.merges)
    table = pl.DataFrame(
        {
            "category": mixture.categories,
            "share": mixture.share,
            "low": pl.Series([None] * len(records), dtype=pl.Float64),
            "high": pl.Series([None] * len(records), dtype=pl.Float64),
            "share_pairs": mixture.share_pairs,
            "share_characters": mixture.share_characters,
            "bytes": [record.text_bytes for record in records],
            "characters": [record.characters for record in records],
            "pairs": [record.pairs for record in records],
        }
    )
    with replacing(task.into / MIXTURE) as part:
        table.write_parquet(part)
    return {
        "merges_used": mixture.merges_used,
        "objective": mixture.objective,
        "rows": mixture.rows,
        "rounds": mixture.rounds,
    }


def infer_categories(
    words: Manifest,
    words_directory: Path,
    tokenizer: Tokenizer,
    output: Output,
    engine: Engine,
    progress: Progress,
    *,
    merges: int | None,
    only: Sequence[str] | None = None,
) -> Manifest:
    """mixture.parquet (category, share, low, high, share_pairs, ...) in `output`, from word tables by category.

    Shares are per byte; `low` and `high` are null: the program gives no interval. Skipped when it is there already.
    """
    sizes = words.facts["languages"]
    present = sorted(name for name, figures in sizes.items() if figures["bytes"])
    categories = sorted(set(only)) if only is not None else sorted(sizes)
    for category in categories:
        if category not in present:
            raise UnknownCategory(category, present)
    settings = {"tokenizer": tokenizer_fingerprint(tokenizer), "merges": merges, "categories": categories}
    inputs = [{"words": words.fingerprint}]
    name = fingerprint("mixture", settings, inputs)
    if (done := output.current(name)) is not None:
        progress.note(f"mixture: unchanged, kept ({output.directory})")
        return done
    began = time.monotonic()
    paths = tuple(word_files(words, words_directory))
    tasks = [RecordTask(category, paths, tokenizer, merges, output.directory) for category in categories]
    output.begin([*(task.name for task in tasks), MIXTURE])
    with progress.stage("replay categories", len(tasks), "categories") as advance:
        records = {}
        for index, record in engine.run(record_category, tasks):
            records[index] = record
            advance(1)
    with progress.stage("solve", 1, "programs") as advance:
        ordered = tuple(records[i] for i in range(len(tasks)))
        [(_, facts)] = engine.run(infer, [InferTask(ordered, tokenizer, merges, output.directory)])
        advance(1)
    run = Run(engine=engine.name, workers=engine.workers, seconds=round(time.monotonic() - began, 3))
    return output.finish(name, settings, inputs, [*(task.name for task in tasks), MIXTURE], facts, run)
