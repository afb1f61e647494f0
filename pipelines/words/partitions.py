"""Partitions of word tables: scratch files of counts, added up into one table for each partition.

The hash of a word decides its partition, so partitions are added up independently, on any worker.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import U64
from operators.word_sources import SourcedCounter, all_sources
from operators.word_table import WORDS_SCHEMA, WordCounter, by_language, mark_figures, text_sizes, word_bytes
from pipelines.engines.engine import Engine
from pipelines.memory import TooLittleMemory
from pipelines.outputs import replacing
from pipelines.progress import Progress
from pipelines.words.sources import sources_file, write_sources

COUNTED = "counted.json"
"""Scratch file: the names of the scratch tables that count."""
FIGURES = ("words", "word_bytes", "count", "bytes", "characters", "marks", "begin_with_mark", "with_letters")
"""Figures of each language: distinct words, their bytes; then occurrences, and bytes and characters of these."""
TABLE_FIGURES = 3
"""Number of the first figures, which rows have that are not text."""


class ScratchTables:
    """Writer of the scratch files of one attempt at a task, each with one batch a partition. `names`: the files so far.

    No two attempts share a file name, so a file of a failed worker, or of one that still writes, is never read for
    another's.
    """

    def __init__(self, scratch: Path, index: int, partitions: int) -> None:
        self.names: list[str] = []
        self._scratch, self._partitions = scratch, partitions
        self._prefix = f"count-{index:06}-{secrets.token_hex(8)}"

    def flush(self, counter: WordCounter) -> None:
        """Write a file of the counter's words.

        Not synced to disk: an interrupted run writes its scratch files again.
        """
        name, tables = f"{self._prefix}-{len(self.names):04}.arrow", dict(counter.tables(self._partitions))
        batches = {partition: table.combine_chunks().to_batches()[0] for partition, table in tables.items()}
        some = next(iter(batches.values()), pa.RecordBatch.from_pylist([], counter.schema))  # of the same dictionary
        with (
            replacing(self._scratch / name, durable=False) as temporary,
            pa.ipc.new_file(temporary, counter.schema) as writer,
        ):
            for partition in range(self._partitions):
                writer.write_batch(batches.get(partition, some.slice(0, 0)))
        self.names.append(name)


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
    sourced: bool
    """True if the words have sources."""


@dataclass(frozen=True)
class AddedUp:
    """Result of adding up a partition."""

    files: list[str]
    figures: list[tuple[str, list[int]]]
    """FIGURES of each language; of rows that are not text the first TABLE_FIGURES of these."""
    sources: U64 | None
    """The smallest hashes of the sources, at most SKETCH; None: without sources."""


def add_up(task: AddUpTask) -> AddedUp:
    """Worker task: sum a partition into `words-<partition>.parquet`, and its sources into a file beside it."""
    files = msgspec.json.decode((task.scratch / COUNTED).read_bytes(), type=list[str])
    counter = SourcedCounter(_hashes(task, files)) if task.sourced else WordCounter()
    for file in files:
        with pa.memory_map(str(task.scratch / file)) as mapped:
            counter.add_rows(pa.ipc.open_file(mapped).get_batch(task.partition))
        # A table that grows is in memory twice.
        if task.memory_bytes is not None and counter.memory_bytes > task.memory_bytes // 2:
            more = task.partitions * 4
            remedy = f"raise it, or cut the words into more partitions (--partitions {more})"
            raise TooLittleMemory(
                f"one of {task.partitions} partitions", 2 * counter.memory_bytes, task.memory_bytes, remedy
            )
    name = f"words-{task.partition:04}.parquet"
    rows = next((rows for _, rows in counter.tables(1)), counter.schema.empty_table())
    table = rows.select(WORDS_SCHEMA.names)
    with replacing(task.into / name) as temporary:
        pq.write_table(table, temporary, compression="lz4", use_dictionary=["language"], write_statistics=["language"])
    figures = []
    for language, words, counts in (row for batch in table.to_batches() for row in by_language(batch)):
        of_text = [*text_sizes(words, counts), *mark_figures(words, counts)] if task.are_text else []
        figures.append((language, [len(words), word_bytes(words), int(counts.sum()), *of_text]))
    if not task.sourced:
        return AddedUp([name], figures, None)
    beside = sources_file(task.partition)
    return AddedUp([name, beside], figures, write_sources(rows, task.into / beside))


def _hashes(task: AddUpTask, files: Sequence[str]) -> Iterator[U64]:
    """Yield the hashes of the sources that the scratch files name."""
    for file in files:
        with pa.memory_map(str(task.scratch / file)) as mapped:
            sets = pa.ipc.open_file(mapped).get_batch(task.partition).column("sources")
            yield np.array(sets.values.dictionary.to_numpy())


def add_up_all(
    scratch: Path, directory: Path, counted: Iterable[str], partitions: int, memory_bytes: int | None, engine: Engine,
    progress: Progress, *, rows: str = "words", are_text: bool = True, sourced: bool = False,
) -> tuple[list[str], dict[str, dict[str, int]], int]:  # fmt: skip
    """Add up all partitions into `directory`; return the names of the tables, each language's FIGURES, and the number
    of sources, if the words have sources (else 0).

    `counted`: names of the scratch tables. Raises TooLittleMemory.
    """
    with replacing(scratch / COUNTED, durable=False) as temporary:
        temporary.write_bytes(msgspec.json.encode(sorted(counted)))
    added: dict[int, AddedUp] = {}
    sums: dict[str, list[int]] = {}
    tasks = [AddUpTask(i, partitions, scratch, directory, memory_bytes, are_text, sourced) for i in range(partitions)]
    kinds = FIGURES if are_text else FIGURES[:TABLE_FIGURES]
    with progress.stage(f"add up {rows}", partitions, "partitions") as advance:
        for index, one in engine.run(add_up, tasks):
            added[index] = one
            advance(1)
    for one in added.values():
        for language, figures in one.figures:
            sums[language] = [a + b for a, b in zip(sums.get(language, [0] * len(kinds)), figures, strict=True)]
    languages = {one: dict(zip(kinds, sums[one], strict=True)) for one in sorted(sums)}
    sources = all_sources(one.sources for one in added.values() if one.sources is not None)
    return [name for one in added.values() for name in one.files], languages, sources
