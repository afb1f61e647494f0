"""Corpus files to word tables: count on every worker, partition by hash, add up each partition.

The driver hands out file names and gets back sizes. A task's tables are flushed to disk when they outgrow
`flush_bytes`, so memory does not depend on the corpus. Partitions are a fixed number, so the word tables do not depend
on the number of workers either.
"""

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.errors import DataError
from operators.pretokenize import Pretokenizer
from operators.shard import LARGEST_TOTAL, CountOverflow
from operators.words import WORDS_SCHEMA, WordCounter, by_language, text_sizes
from pipelines.corpus.bad_records import BAD_RECORDS_SCHEMA, BadRecords
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile
from pipelines.engine import Engine
from pipelines.outputs import Manifest, Output, Run, describe_inputs, fingerprint, replacing
from pipelines.parts import Part, even_groups
from pipelines.progress import Progress
from pipelines.weighting import whole_ratios

FLUSH_BYTES = 256 << 20
BATCH_BYTES = 2 << 20  # its text, its words' ends and the counts they meet stay near the processor
BAD_RECORDS = "bad_records.parquet"

EMPTY = pa.RecordBatch.from_pylist([], WORDS_SCHEMA)
OnBadRecord = Literal["fail", "skip"]


class EmptyCorpus(DataError):
    """There is no text to work on."""

    def __init__(self, files: int) -> None:
        super().__init__(files)
        self.files = files

    def __str__(self) -> str:
        return f"no text in the corpus ({self.files} files were read); name files that hold text"


@dataclass(frozen=True)
class CountTask:
    """Files, or parts of them, to count; `into` is a directory that all workers see."""

    parts: tuple[Part, ...]
    index: int
    pretokenizer: str
    partitions: int
    flush_bytes: int
    on_bad_record: OnBadRecord
    into: Path

    @property
    def path(self) -> str:
        """The files' names, for messages."""
        others = len({part.file.path for part in self.parts}) - 1
        return self.parts[0].file.path + (f" (and {others} more)" if others else "")


@dataclass(frozen=True)
class Counted:
    """What a task says of its work."""

    documents: int
    bad_records: int
    bytes: int


def count_parts(task: CountTask) -> Counted:
    """Count words into `into/count-<index>-<flush>.arrow`, a batch a partition; bad records into `into/bad-<index>`."""
    pretokenizer, bad = Pretokenizer(task.pretokenizer), BadRecords(task.on_bad_record)
    counter, flushes, documents, size = WordCounter(), 0, 0, 0
    for part in task.parts:
        for batch in read_batches(part.file, bad, BATCH_BYTES, span=part.span, with_ids=False):
            pieces = pretokenizer.split(batch.column("text"))
            counter.add(pieces, batch.column("language"), part.multiplier)
            documents += batch.num_rows
            size += len(pieces.data)
            if counter.memory_bytes > task.flush_bytes:
                _flush(counter, task, flushes)
                counter, flushes = WordCounter(), flushes + 1
    _flush(counter, task, flushes)
    if len(bad):
        with replacing(task.into / f"bad-{task.index}.parquet") as to:
            pq.write_table(bad.table(), to)
    return Counted(documents, len(bad), size)


def _flush(counter: WordCounter, task: CountTask, flush: int) -> None:
    """Scratch files: the next run begins anew, so nothing waits for the disk."""
    tables = dict(counter.tables(task.partitions))
    with (
        replacing(task.into / f"count-{task.index:06}-{flush:04}.arrow", durable=False) as part,
        pa.ipc.new_file(part, WORDS_SCHEMA) as writer,
    ):
        for partition in range(task.partitions):
            [batch] = tables[partition].combine_chunks().to_batches() if partition in tables else [EMPTY]
            writer.write_batch(batch)


@dataclass(frozen=True)
class AddUpTask:
    """One partition to add up."""

    partition: int
    into: Path


def add_up(task: AddUpTask) -> tuple[str, list[tuple[str, int, int, int, int]]]:
    """Sum a partition's counts into `words-<partition>.parquet`; its name, and (language, words, count, bytes,
    characters) for each language."""
    counter = WordCounter()
    for path in sorted(task.into.glob("counts/count-*-*.arrow")):
        with pa.memory_map(str(path)) as mapped:
            batch = pa.ipc.open_file(mapped).get_batch(task.partition)
            for language, words, counts in by_language(batch):
                counter.table(language).add_rows(words, counts)
    name = f"words-{task.partition:04}.parquet"
    table = next((rows for _, rows in counter.tables(1)), WORDS_SCHEMA.empty_table())
    with replacing(task.into / name) as part:
        pq.write_table(table, part, compression="lz4", use_dictionary=["language"], write_statistics=["language"])
    sizes = []
    for language, words, counts in (row for batch in table.to_batches() for row in by_language(batch)):
        sizes.append((language, len(words), int(counts.sum()), *text_sizes(words, counts)))
    return name, sizes


def count_words(
    files: list[InputFile],
    pretokenizer: str,
    directory: Path,
    engine: Engine,
    progress: Progress,
    *,
    on_bad_record: OnBadRecord = "fail",
    partitions: int = 16,
    flush_bytes: int = FLUSH_BYTES,
) -> Manifest:
    """Word tables of a corpus in `directory`: words-<partition>.parquet (language, word, count), by
    language and the words' hashes.

    Skipped when they are there already. The manifest's facts: documents, bad_records, and for each language its unique
    words, count of words, bytes and characters (all weighted by the sources' weights).
    """
    regex = Pretokenizer(pretokenizer).regex
    settings = {"pretokenizer": pretokenizer, "regex": regex, "partitions": partitions, "on_bad_record": on_bad_record}
    inputs = describe_inputs(files)
    name = fingerprint("words", settings, inputs)
    with Output(directory, "words") as output:
        if (done := output.current(name)) is not None:
            progress.note(f"words: unchanged, kept ({directory})")
            return done
        began = time.monotonic()
        output.begin([*(f"words-{i:04}.parquet" for i in range(partitions)), BAD_RECORDS])
        scratch = directory / "counts"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            groups = even_groups(files, whole_ratios([file.source.weight for file in files]), engine.workers)
            tasks = [
                CountTask(parts, i, pretokenizer, partitions, flush_bytes, on_bad_record, scratch)
                for i, parts in enumerate(groups)
            ]
            # Ten times the size on disk, for compressed files: far from exact, and far from where 64 bits end.
            weighed = sum(10 * part.stored_bytes * part.multiplier for parts in groups for part in parts)
            if weighed >= LARGEST_TOTAL:
                raise CountOverflow(float(weighed))
            documents, bad_records = _count_all(tasks, engine, progress)
            written, languages = _add_up_all(directory, partitions, engine, progress)
            if on_bad_record == "skip":
                written.append(BAD_RECORDS)
                _gather_bad_records(scratch, directory / BAD_RECORDS)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if not any(figures["bytes"] for figures in languages.values()):
            raise EmptyCorpus(len(files))
        facts = {"documents": documents, "bad_records": bad_records, "languages": languages}
        run = Run(engine=engine.name, workers=engine.workers, seconds=round(time.monotonic() - began, 3))
        return output.finish(name, settings, inputs, written, facts, run)


def _count_all(tasks: list[CountTask], engine: Engine, progress: Progress) -> tuple[int, int]:
    sizes = [sum(part.stored_bytes for part in task.parts) for task in tasks]
    known = all(part.file.size is not None for task in tasks for part in task.parts)
    documents = bad_records = 0
    with progress.stage("count words", sum(sizes) if known else None, "B") as advance:
        for index, counted in engine.run(count_parts, tasks):
            documents, bad_records = documents + counted.documents, bad_records + counted.bad_records
            advance(sizes[index])
    return documents, bad_records


def _add_up_all(
    directory: Path, partitions: int, engine: Engine, progress: Progress
) -> tuple[list[str], dict[str, dict[str, int]]]:
    written: list[str] = []
    sums: dict[str, np.ndarray[Any, np.dtype[np.int64]]] = {}
    with progress.stage("add up words", partitions, "partitions") as advance:
        for _, (name, sizes) in engine.run(add_up, [AddUpTask(i, directory) for i in range(partitions)]):
            written.append(name)
            for language, *figures in sizes:
                sums[language] = sums.get(language, np.zeros(4, np.int64)) + np.array(figures, np.int64)
            advance(1)
    names = ("words", "count", "bytes", "characters")
    return written, {one: dict(zip(names, sums[one].tolist(), strict=True)) for one in sorted(sums)}


def _gather_bad_records(scratch: Path, into: Path) -> None:
    tables = [pq.read_table(path) for path in sorted(scratch.glob("bad-*.parquet"))]
    gathered = pa.concat_tables([BAD_RECORDS_SCHEMA.empty_table(), *tables])
    with replacing(into) as part:
        pq.write_table(gathered.sort_by([("path", "ascending"), ("record", "ascending")]), part)


def word_files(manifest: Manifest, directory: Path) -> list[Path]:
    """The word tables that a manifest lists."""
    return [directory / name for name in sorted(manifest.files) if name.startswith("words-")]
