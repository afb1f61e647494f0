"""Mixture by linear program: records of each category's pair counts, cached on disk, and the program over all."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from operators.arrays import I64
from operators.mixture.program import Mixture, PairRecord, infer_mixture
from operators.mixture.replay import record_changes
from operators.tokenizer import Tokenizer
from operators.word_table import WordTable
from pipelines.context import Context
from pipelines.outputs import Output, replacing
from pipelines.stage import Stage, Written, make
from pipelines.tokenizers import tokenizer_fingerprint
from pipelines.words.blocks import category_of


@dataclass(frozen=True)
class RecordTask:
    """One category to replay. `merges`: number of merges, from the first on; None: all."""

    category: str
    words: tuple[Path, ...]
    tokenizer: Tokenizer
    merges: int | None
    into: Path

    @property
    def path(self) -> str:
        """Name of the category, for messages."""
        return self.category

    @property
    def name(self) -> str:
        """Name of the file that the task writes: a hash of the category, whose name may hold any characters."""
        return f"record-{hashlib.sha256(self.category.encode()).hexdigest()[:16]}.parquet"


@dataclass(frozen=True)
class RecordFile:
    """A written record of one category, and the size of its text."""

    path: Path
    category: str
    text_bytes: int
    characters: int
    pairs: int


def record_category(task: RecordTask) -> RecordFile:
    """Worker task: replay one category and write the changes of its pair counts: step, left, right, change."""
    words, counts = _words_of(task.category, task.words)
    merges = task.tokenizer.merges[: task.merges]
    record = record_changes(task.category, words, counts, task.tokenizer, merges)
    path = task.into / task.name
    with replacing(path) as temporary:
        columns = {name: getattr(record, name) for name in ("step", "left", "right", "change")}
        pl.DataFrame(columns).write_parquet(temporary, compression="lz4")
    return RecordFile(path, task.category, record.text_bytes, record.characters, record.pairs)


def _words_of(category: str, paths: tuple[Path, ...]) -> tuple[pa.LargeBinaryArray, I64]:
    """Return the distinct pre-tokens of a category over all its bootstrap blocks, and their counts."""
    table = pl.read_parquet(list(paths), glob=False)
    names = [name for name in table["language"].unique().to_list() if category_of(name) == category]
    rows = table.filter(pl.col("language").is_in(names))
    words = WordTable()
    words.add_rows(rows["word"].to_arrow().cast(pa.large_binary()), np.array(rows["count"].to_numpy()))
    distinct, counts, _ = words.sorted()
    return distinct, counts


@dataclass(frozen=True)
class ProgramTask:
    """Records of all categories, and the merge list to explain."""

    records: tuple[RecordFile, ...]
    tokenizer: Tokenizer
    merges: int | None


def solve_program(task: ProgramTask) -> Mixture:
    """Worker task: read the records and solve the linear program."""
    records = []
    for file in task.records:
        rows = pl.read_parquet(file.path, glob=False)
        step, left, right, change = (np.array(rows[name].to_numpy()) for name in ("step", "left", "right", "change"))
        records.append(
            PairRecord(file.category, file.text_bytes, file.characters, file.pairs, step, left, right, change)
        )
    return infer_mixture(records, task.tokenizer.merges, limit=task.merges)


def keep_records(
    words_name: str, paths: tuple[Path, ...], categories: list[str], tokenizer: Tokenizer, merges: int | None,
    directory: Path, context: Context,
) -> tuple[RecordFile, ...]:  # fmt: skip
    """Return the categories' records in `directory`; write them anew if words, tokenizer or merges changed."""
    tasks = [RecordTask(category, paths, tokenizer, merges, directory) for category in categories]
    names = [task.name for task in tasks]
    settings = {"tokenizer": tokenizer_fingerprint(tokenizer), "merges": merges, "categories": categories}
    if tokenizer.vocabulary.characters is not None:  # records of earlier versions start from bytes
        settings["symbols"] = "characters"
    stage = Stage("records", settings, [{"words": words_name}], names, uses_engine=False)

    def work(_: Path) -> Written:
        written: dict[int, RecordFile] = {}
        with context.progress.stage("replay categories", len(tasks), "categories") as advance:
            for index, record in context.engine.run(record_category, tasks):
                written[index] = record
                advance(1)
        records = [written[i] for i in range(len(tasks))]
        return Written(names, {"records": [{"name": one.path.name, "about": _about(one)} for one in records]})

    with Output(directory, "records") as output:
        facts = make(stage, output, context, work).manifest.facts
        return tuple(RecordFile(directory / one["name"], **one["about"]) for one in facts["records"])


def _about(record: RecordFile) -> dict[str, Any]:
    fields = ("category", "text_bytes", "characters", "pairs")
    return {field: getattr(record, field) for field in fields}
