"""Partitions of word tables: scratch files of counts, added up into one table for each partition.

The hash of a word decides its partition, so partitions are added up independently, on any worker.
"""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from operators.word_table import WORDS_SCHEMA, WordCounter, by_language, mark_figures, text_sizes, word_bytes
from pipelines.engines.engine import Engine
from pipelines.memory import TooLittleMemory
from pipelines.outputs import replacing
from pipelines.progress import Progress

COUNTED = "counted.json"
"""Scratch file: the names of the scratch tables that count."""
FIGURES = ("words", "word_bytes", "count", "bytes", "characters", "marks", "begin_with_mark", "with_letters")
"""Figures of each language: distinct words, their bytes; then occurrences, and bytes and characters of these."""
TABLE_FIGURES = 3
"""Number of the first figures, which rows have that are not text."""


class ScratchFiles:
    """Writer of the scratch files of one attempt at a task, each with one batch a partition. `names`: the files so far.

    No two attempts share a file name, so a file of a failed worker, or of one that still writes, is never read for
    another's.
    """

    def __init__(self, scratch: Path, kind: str, index: int, schema: pa.Schema) -> None:
        self.names: list[str] = []
        self._scratch, self._schema = scratch, schema
        self._prefix = f"{kind}-{index:06}-{secrets.token_hex(8)}"

    def write(self, tables: Iterable[pa.Table | None]) -> None:
        """Write a file of the partitions' tables, in order; None or a table without rows: an empty batch.

        Not synced to disk: an interrupted run writes its scratch files again.
        """
        name, empty = f"{self._prefix}-{len(self.names):04}.arrow", pa.RecordBatch.from_pylist([], self._schema)
        with (
            replacing(self._scratch / name, durable=False) as temporary,
            pa.ipc.new_file(temporary, self._schema) as writer,
        ):
            for table in tables:
                writer.write_batch(
                    table.combine_chunks().to_batches()[0] if table is not None and len(table) else empty
                )
        self.names.append(name)


class ScratchTables(ScratchFiles):
    """Writer of the words that one attempt at a task has counted."""

    def __init__(self, scratch: Path, index: int, partitions: int) -> None:
        super().__init__(scratch, "count", index, WORDS_SCHEMA)
        self._partitions = partitions

    def flush(self, counter: WordCounter) -> None:
        """Write a file of the counter's words."""
        tables = dict(counter.tables(self._partitions))
        self.write(tables.get(partition) for partition in range(self._partitions))


@dataclass(frozen=True)
class AddUpTask:
    """A partition to add up."""

    partition: int
    partitions: int
    scratch: Path
    into: Path
    memory_bytes: int | None
    """None: no limit."""
    are_text: bool
    """True if the rows are text."""


def add_up(task: AddUpTask) -> tuple[str, list[tuple[str, list[int]]]]:
    """Worker task: sum a partition into `words-<partition>.parquet`; return its name and each language's FIGURES.

    Of rows that are not text it returns the first TABLE_FIGURES of these.
    """
    counter = WordCounter()
    for file in msgspec.json.decode((task.scratch / COUNTED).read_bytes(), type=list[str]):
        with pa.memory_map(str(task.scratch / file)) as mapped:
            batch = pa.ipc.open_file(mapped).get_batch(task.partition)
            for language, words, counts in by_language(batch):
                counter.table(language).add_rows(words, counts)
        # A table that grows is in memory twice.
        if task.memory_bytes is not None and counter.memory_bytes > task.memory_bytes // 2:
            more = task.partitions * 4
            remedy = f"raise it, or cut the words into more partitions (--partitions {more})"
            raise TooLittleMemory(
                f"one of {task.partitions} partitions", 2 * counter.memory_bytes, task.memory_bytes, remedy
            )
    name = f"words-{task.partition:04}.parquet"
    table = next((rows for _, rows in counter.tables(1)), WORDS_SCHEMA.empty_table())
    with replacing(task.into / name) as temporary:
        pq.write_table(table, temporary, compression="lz4", use_dictionary=["language"], write_statistics=["language"])
    figures = []
    for language, words, counts in (row for batch in table.to_batches() for row in by_language(batch)):
        of_text = [*text_sizes(words, counts), *mark_figures(words, counts)] if task.are_text else []
        figures.append((language, [len(words), word_bytes(words), int(counts.sum()), *of_text]))
    return name, figures


def add_up_all(
    scratch: Path, directory: Path, counted: Iterable[str], partitions: int, memory_bytes: int | None, engine: Engine,
    progress: Progress, *, rows: str = "words", are_text: bool = True,
) -> tuple[list[str], dict[str, dict[str, int]]]:  # fmt: skip
    """Add up all partitions into `directory`; return the names of the tables and each language's FIGURES.

    `counted`: names of the scratch tables. Raises TooLittleMemory.
    """
    with replacing(scratch / COUNTED, durable=False) as temporary:
        temporary.write_bytes(msgspec.json.encode(sorted(counted)))
    added: dict[int, tuple[str, list[tuple[str, list[int]]]]] = {}
    sums: dict[str, list[int]] = {}
    tasks = [AddUpTask(i, partitions, scratch, directory, memory_bytes, are_text) for i in range(partitions)]
    kinds = FIGURES if are_text else FIGURES[:TABLE_FIGURES]
    with progress.stage(f"add up {rows}", partitions, "partitions") as advance:
        for index, one in engine.run(add_up, tasks):
            added[index] = one
            advance(1)
    for _, found in added.values():
        for language, figures in found:
            sums[language] = [a + b for a, b in zip(sums.get(language, [0] * len(kinds)), figures, strict=True)]
    languages = {one: dict(zip(kinds, sums[one], strict=True)) for one in sorted(sums)}
    return [name for name, _ in added.values()], languages
