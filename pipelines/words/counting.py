"""Corpus files to word tables: count on every worker, partition by hash, add up each partition.

The driver hands out file names and gets back sizes. A task's tables are flushed to disk when they outgrow their part of
`memory_bytes`, so memory does not depend on the corpus. Partitions are a fixed number, so the word tables do not depend
on the number of workers either.
"""

import shutil
import time
from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from operators.shard import LARGEST_TOTAL, CountOverflow
from operators.text.pretokenize import Pretokenizer
from operators.word_table import WordCounter, runs_of
from pipelines.corpus.bad_records import BAD_RECORDS, BadRecords, OnBadRecord
from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile
from pipelines.engines.engine import Engine
from pipelines.engines.run_stats import TaskLost, run_of
from pipelines.memory import MEMORY_BYTES, should_flush
from pipelines.outputs import Manifest, Output, describe_inputs, fingerprint, replacing
from pipelines.progress import Progress
from pipelines.words.blocks import block_labels, category_of, run_bytes
from pipelines.words.partitions import SCRATCH, ScratchTables, add_up_all
from pipelines.words.parts import Part, even_groups
from pipelines.words.weighting import whole_ratios

BATCH_BYTES = 1 << 20  # its text, its words' ends and the counts they meet stay near the processor


@dataclass(frozen=True)
class CountTask:
    """Files, or parts of them, to count; `into` is a directory that all workers see."""

    parts: tuple[Part, ...]
    index: int
    pretokenizer: str
    partitions: int
    memory_bytes: int
    on_bad_record: OnBadRecord
    into: Path
    blocks: int = 0
    """Each language is counted in so many blocks of its documents (pipelines.words.blocks); 0: in one."""

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
    files: tuple[str, ...] = ()
    """Its scratch files."""
    languages: frozenset[str] = frozenset()
    """Of all its documents, empty ones included."""
    lost: str | None = None
    """Why there is none of it: workers were lost at it again and again."""


def count_parts(task: CountTask) -> Counted:
    """Count words into scratch files; bad records into `into/bad-<index>.parquet`."""
    pretokenizer, bad = Pretokenizer(task.pretokenizer), BadRecords(task.on_bad_record)
    tables = ScratchTables(task.into, task.index, task.partitions)
    counter, documents, size = WordCounter(), 0, 0
    seen: set[str] = set()
    batch_bytes = max(min(BATCH_BYTES, task.memory_bytes // 16), 1 << 16)
    for part in task.parts:
        before = size
        for batch in read_batches(part.file, bad, batch_bytes, span=part.span, with_ids=False):
            pieces = pretokenizer.split(batch.column("text"))
            languages = batch.column("language")
            seen.update(name for name, _, _ in runs_of(languages))
            if task.blocks:
                languages = block_labels(batch, size - before, task.blocks, run_bytes(part.file.size))
            counter.add(pieces, languages, part.multiplier)
            documents += batch.num_rows
            size += len(pieces.data)
            if should_flush(counter.memory_bytes, task.memory_bytes):
                tables.flush(counter)
                counter = WordCounter()
    tables.flush(counter)
    if len(bad):
        with replacing(task.into / f"bad-{task.index}.parquet") as to:
            pq.write_table(bad.table(), to)
    return Counted(documents, len(bad), size, tuple(tables.names), frozenset(seen))


def count_words(
    files: list[InputFile],
    pretokenizer: str,
    directory: Path,
    engine: Engine,
    progress: Progress,
    *,
    on_bad_record: OnBadRecord = "fail",
    partitions: int = 16,
    memory_bytes: int | None = None,
    blocks: int = 0,
) -> Manifest:
    """Word tables of a corpus in `directory`: words-<partition>.parquet (language, word, count), by
    language and the words' hashes.

    Skipped when they are there already. The manifest's facts: documents, bad_records, and for each language its unique
    words and their bytes, and, weighted by the sources' weights, count of words, bytes and characters.

    With `blocks`, each language is counted in so many blocks of its documents, as labels of pipelines.words.blocks.
    """
    regex = Pretokenizer(pretokenizer).regex
    settings = {"pretokenizer": pretokenizer, "regex": regex, "partitions": partitions, "on_bad_record": on_bad_record}
    settings |= {"blocks": blocks} if blocks else {}
    inputs = describe_inputs(files)
    name = fingerprint("words", settings, inputs)
    with Output(directory, "words") as output:
        if (done := output.current(name)) is not None:
            progress.note(f"words: unchanged, kept ({directory})")
            return done
        began = time.monotonic()
        output.begin([*(f"words-{i:04}.parquet" for i in range(partitions)), BAD_RECORDS])
        scratch = directory / SCRATCH
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.unlink(missing_ok=True)  # a link, which is not followed
        scratch.mkdir()
        try:
            groups, limit = _groups(files, engine.workers, blocks), memory_bytes or MEMORY_BYTES
            tasks = [
                CountTask(parts, i, pretokenizer, partitions, limit, on_bad_record, scratch, blocks)
                for i, parts in enumerate(groups)
            ]
            # Ten times the size on disk, for compressed files: far from exact, and far from where 64 bits end.
            weighed = sum(10 * part.stored_bytes * part.multiplier for parts in groups for part in parts)
            if weighed >= LARGEST_TOTAL:
                raise CountOverflow(float(weighed))
            poisoned = BadRecords(on_bad_record)
            found = count_all(tasks, engine, progress, poisoned)
            names = [name for one in found.values() for name in one.files]
            written, languages = add_up_all(directory, names, partitions, memory_bytes, engine, progress)
            if on_bad_record == "skip":
                written.append(BAD_RECORDS)
                _write_bad_records(poisoned, found, scratch, directory / BAD_RECORDS)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if not any(figures["bytes"] for figures in languages.values()):
            raise EmptyCorpus(len(files))
        facts = {"languages": languages, **_facts(found, len(poisoned), languages)}
        return output.finish(name, settings, inputs, written, facts, run_of(engine, began))


def _facts(found: dict[int, Counted], poisoned: int, labels: Collection[str]) -> dict[str, Any]:
    """For the manifest. `labels`: languages, or blocks of them, that have text."""
    seen = frozenset[str]().union(*(one.languages for one in found.values()))
    return {
        "documents": sum(one.documents for one in found.values()),
        "bad_records": poisoned + sum(one.bad_records for one in found.values()),
        "without_text": sorted(seen - {category_of(label) for label in labels}),
    }


def _groups(files: list[InputFile], workers: int, blocks: int) -> list[tuple[Part, ...]]:
    multipliers = whole_ratios([file.source.weight for file in files])
    if blocks:  # which block a document is in depends on where in its file it stands: files are read whole
        return [(Part(file, multiplier),) for file, multiplier in zip(files, multipliers, strict=True)]
    return even_groups(files, multipliers, workers)


def count_all(tasks: list[CountTask], engine: Engine, progress: Progress, poisoned: BadRecords) -> dict[int, Counted]:
    """What was counted, by the tasks' indices; files at which workers die go to `poisoned`, which may raise.

    A task at which workers die is done again file by file, which shows the one that kills them. It must not count in
    part: where other tasks have parts of it, they are done again without it.
    """
    known = all(part.file.size is not None for task in tasks for part in task.parts)
    total = sum(part.stored_bytes for task in tasks for part in task.parts)
    done: dict[int, tuple[CountTask, Counted]] = {}
    bad_files: set[str] = set()
    following = len(tasks)
    with progress.stage("count words", total if known else None, "B") as advance:
        while tasks:
            lost = []
            for i, counted in engine.run(count_parts, tasks, on_lost=_uncounted):
                if counted.lost is None:
                    done[tasks[i].index] = (tasks[i], counted)
                    advance(sum(part.stored_bytes for part in tasks[i].parts))
                else:
                    lost.append((tasks[i], counted.lost))
            again: list[CountTask] = []
            for task, verdict in sorted(lost, key=lambda one: one[0].index):
                paths = list(dict.fromkeys(part.file.path for part in task.parts))
                if len(paths) > 1:
                    again += [_of(task, {path}) for path in paths]
                elif paths[0] not in bad_files:
                    bad_files.add(paths[0])
                    poisoned.add(paths[0], 0, f"{verdict}; nothing of it counts")
            for index in [i for i, (task, _) in done.items() if any(one.file.path in bad_files for one in task.parts)]:
                again.append(done.pop(index)[0])
            again = [_of(task, {part.file.path for part in task.parts} - bad_files) for task in again]
            tasks = [replace(task, index=following + i) for i, task in enumerate(task for task in again if task.parts)]
            following += len(tasks)
    return {index: counted for index, (_, counted) in done.items()}


def _uncounted(_: CountTask, lost: TaskLost) -> Counted:
    return Counted(0, 0, 0, lost=lost.verdict)


def _of(task: CountTask, paths: set[str]) -> CountTask:
    """Its parts of these files."""
    return replace(task, parts=tuple(part for part in task.parts if part.file.path in paths))


def _write_bad_records(poisoned: BadRecords, found: dict[int, Counted], scratch: Path, into: Path) -> None:
    bad = [pq.read_table(scratch / f"bad-{i}.parquet") for i in sorted(found) if found[i].bad_records]
    with replacing(into) as part:
        whole = pa.concat_tables([poisoned.table(), *bad])
        pq.write_table(whole.sort_by([("path", "ascending"), ("record", "ascending")]), part)


def word_files(manifest: Manifest, directory: Path) -> list[Path]:
    """The word tables that a manifest lists."""
    return [directory / name for name in sorted(manifest.files) if name.startswith("words-")]
