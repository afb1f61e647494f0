"""Partitions of word tables: what counting leaves in scratch files, added up into one table for each.

A word's partition is decided by its hash, so each is added up by itself, on any worker.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from operators.word_table import WORDS_SCHEMA, WordCounter, by_language, text_sizes, word_bytes
from pipelines.engines.engine import Engine
from pipelines.memory import TooLittleMemory
from pipelines.outputs import replacing
from pipelines.progress import Progress

SCRATCH = "counts"
"""The folder of scratch files beside the tables."""
COUNTED = "counted.json"
"""In it: the names of those that count."""
FIGURES = ("words", "word_bytes", "count", "bytes", "characters")
"""Of each language: distinct words and their bytes; how often they occur, and the bytes and characters of that."""
_EMPTY = pa.RecordBatch.from_pylist([], WORDS_SCHEMA)


class ScratchTables:
    """Where one try of a task leaves its counts. No two tries share a name: what a lost worker left, or one that was
    only thought lost leaves later, is never taken for another's. `names`: the files so far."""

    def __init__(self, scratch: Path, index: int, partitions: int) -> None:
        self.names: list[str] = []
        self._scratch, self._partitions = scratch, partitions
        self._prefix = f"count-{index:06}-{secrets.token_hex(8)}"

    def flush(self, counter: WordCounter) -> None:
        """Write a file, a batch for each partition. Nothing waits for the disk: a run that is cut off makes its
        scratch files anew."""
        tables = dict(counter.tables(self._partitions))
        name = f"{self._prefix}-{len(self.names):04}.arrow"
        with (
            replacing(self._scratch / name, durable=False) as part,
            pa.ipc.new_file(part, WORDS_SCHEMA) as writer,
        ):
            for partition in range(self._partitions):
                [batch] = tables[partition].combine_chunks().to_batches() if partition in tables else [_EMPTY]
                writer.write_batch(batch)
        self.names.append(name)


@dataclass(frozen=True)
class AddUpTask:
    """One partition to add up."""

    partition: int
    partitions: int
    into: Path
    memory_bytes: int | None
    """None: no limit."""


def add_up(task: AddUpTask) -> tuple[str, list[tuple[str, list[int]]]]:
    """Sum a partition's counts into `words-<partition>.parquet`; its name, and FIGURES for each language."""
    counter = WordCounter()
    for file in msgspec.json.decode((task.into / SCRATCH / COUNTED).read_bytes(), type=list[str]):
        with pa.memory_map(str(task.into / SCRATCH / file)) as mapped:
            batch = pa.ipc.open_file(mapped).get_batch(task.partition)
            for language, words, counts in by_language(batch):
                counter.table(language).add_rows(words, counts)
        if (
            task.memory_bytes is not None and counter.memory_bytes > task.memory_bytes // 2
        ):  # growing, it is there twice
            more = task.partitions * 4
            remedy = f"raise it, or cut the words into more partitions (--partitions {more})"
            raise TooLittleMemory(
                f"one of {task.partitions} partitions", 2 * counter.memory_bytes, task.memory_bytes, remedy
            )
    name = f"words-{task.partition:04}.parquet"
    table = next((rows for _, rows in counter.tables(1)), WORDS_SCHEMA.empty_table())
    with replacing(task.into / name) as part:
        pq.write_table(table, part, compression="lz4", use_dictionary=["language"], write_statistics=["language"])
    figures = []
    for language, words, counts in (row for batch in table.to_batches() for row in by_language(batch)):
        figures.append((language, [len(words), word_bytes(words), int(counts.sum()), *text_sizes(words, counts)]))
    return name, figures


def add_up_all(
    directory: Path, counted: Iterable[str], partitions: int, memory_bytes: int | None, engine: Engine,
    progress: Progress,
) -> tuple[list[str], dict[str, dict[str, int]]]:  # fmt: skip
    """The files written into `directory`, and each language's FIGURES. `counted`: the scratch files' names. Raises
    TooLittleMemory."""
    with replacing(directory / SCRATCH / COUNTED, durable=False) as part:
        part.write_bytes(msgspec.json.encode(sorted(counted)))
    added: dict[int, tuple[str, list[tuple[str, list[int]]]]] = {}
    sums: dict[str, list[int]] = {}
    tasks = [AddUpTask(i, partitions, directory, memory_bytes) for i in range(partitions)]
    with progress.stage("add up words", partitions, "partitions") as advance:
        for index, one in engine.run(add_up, tasks):
            added[index] = one
            advance(1)
    for _, found in added.values():
        for language, figures in found:
            sums[language] = [a + b for a, b in zip(sums.get(language, [0] * 5), figures, strict=True)]
    languages = {one: dict(zip(FIGURES, sums[one], strict=True)) for one in sorted(sums)}
    return [name for name, _ in added.values()], languages
