"""Corpus files to word tables: count on every worker, partition by hash, add up each partition.

The driver sends file names and receives sizes. A task writes its tables to disk when they exceed their share of
`memory_bytes`, so memory does not depend on the corpus. The number of partitions is fixed, so the word tables do not
depend on the number of workers.
"""

from collections.abc import Callable, Collection, Iterator, Set
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from operators.kernels.word_sources import SKETCH
from operators.shard import LARGEST_TOTAL, CountOverflow
from operators.text.pretokenize import Pretokenizer, PreTokens
from operators.word_sources import SourcedCounter
from operators.word_table import WordCounter, runs_of
from pipelines.context import Context
from pipelines.corpus.bad_records import BadRecords, LeftOut, OnBadRecord, in_order, read_bad_records, write_bad_records
from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile
from pipelines.corpus.spans import CannotCut
from pipelines.engines.engine import Engine
from pipelines.engines.run_stats import TaskLost
from pipelines.memory import MEMORY_BYTES, should_flush
from pipelines.outputs import Manifest, Output, describe_inputs, replacing
from pipelines.progress import Progress
from pipelines.similar_names import note_similar
from pipelines.stage import Made, Stage, Written, make
from pipelines.words.blocks import block_labels, category_of, run_bytes
from pipelines.words.partitions import ScratchTables, add_up_all
from pipelines.words.sources import OF_FILE, sources_file, sources_of, with_source
from pipelines.words.spans import FileSpan, even_groups
from pipelines.words.weighting import whole_ratios

_LINE_ENDS = np.frombuffer(b"\r\n", np.uint8)
BATCH_BYTES = 1 << 20  # its text, its words' ends and the counts they meet stay near the processor


class Splitter(Protocol):
    """Splitter of documents into the rows that are counted."""

    def split(self, text: pa.LargeStringArray) -> PreTokens:
        """Return the rows of every document; no nulls."""


@dataclass(frozen=True)
class Counting:
    """Rules of a count, small enough to be sent to workers."""

    splitter: Callable[[], Splitter]
    """Maker of a worker's splitter."""
    partitions: int
    blocks: int = 0
    """Bootstrap blocks for each language (pipelines.words.blocks); 0: no blocks."""
    rows: str = "words"
    """Name of what is counted, for the progress."""
    are_text: bool = True
    """True if the rows are text, whose bytes, characters and marks are counted."""
    read: Callable[..., Iterator[pa.RecordBatch]] = read_batches
    """Reader of documents; of another one than `read_batches` no file is cut into spans."""
    sources: str | None = None
    """Field that names a document's source, which is its id then, or OF_FILE; None: sources are not counted."""


@dataclass(frozen=True)
class CountTask:
    """Spans of files to count. `into` is a directory that all workers can access."""

    spans: tuple[FileSpan, ...]
    index: int
    counting: Counting
    memory_bytes: int
    on_bad_record: OnBadRecord
    into: Path

    @property
    def path(self) -> str:
        """The files' names, for messages."""
        others = len({span.file.path for span in self.spans}) - 1
        return self.spans[0].file.path + (f" (and {others} more)" if others else "")


@dataclass(frozen=True)
class Counted:
    """Result of a counting task."""

    documents: int
    bad_records: int
    bytes: int
    files: tuple[str, ...] = ()
    """Names of its scratch files."""
    languages: frozenset[str] = frozenset()
    """Languages of all its documents, empty ones included."""
    with_text: frozenset[str] = frozenset()
    """Paths of the files that hold more than line ends."""
    lost: str | None = None
    """Reason why there is no result: workers failed on it again and again."""
    uncut: str | None = None
    """Path of a file that must be read whole, so that there is no result."""


def count_spans(task: CountTask) -> Counted:
    """Worker task: count words into scratch files, and list bad records in `into/bad-<index>.parquet`."""
    try:
        return _count_spans(task)
    except CannotCut as error:
        return Counted(0, 0, 0, uncut=error.path)


def _count_spans(task: CountTask) -> Counted:
    splitter, bad, blocks = task.counting.splitter(), BadRecords(task.on_bad_record), task.counting.blocks
    field = task.counting.sources
    new_counter: Callable[[], WordCounter] = WordCounter if field is None else SourcedCounter
    tables = ScratchTables(task.into, task.index, task.counting.partitions)
    counter, documents, size = new_counter(), 0, 0
    seen, with_text, with_ids = set[str](), set[str](), field not in (None, OF_FILE)
    batch_bytes = max(min(BATCH_BYTES, task.memory_bytes // 16), 1 << 16)
    for span in task.spans:
        before = size
        for batch in task.counting.read(span.file, bad, batch_bytes, span=span.span, with_ids=with_ids):
            rows = splitter.split(batch.column("text"))
            languages = batch.column("language")
            seen.update(name for name, _, _ in runs_of(languages))
            if blocks:
                languages = block_labels(batch, size - before, blocks, run_bytes(span.file.size))
            if isinstance(counter, SourcedCounter):
                sources = sources_of(batch, str(field), span.file.path)
                counter.add_documents(rows, languages, sources, span.multiplier)
            else:
                counter.add(rows, languages, span.multiplier)
            documents += batch.num_rows
            size += len(rows.data)
            known = span.file.path in with_text or not task.counting.are_text  # else the first count has told
            if known or not np.isin(rows.data, _LINE_ENDS).all():
                with_text.add(span.file.path)
            if should_flush(counter.memory_bytes, task.memory_bytes):
                tables.flush(counter)
                counter = new_counter()
    tables.flush(counter)
    if len(bad):
        with replacing(task.into / f"bad-{task.index}.parquet") as to:
            write_bad_records(bad.table(), to)
    return Counted(documents, len(bad), size, tuple(tables.names), frozenset(seen), frozenset(with_text))


def count_words(
    files: list[InputFile], pretokenizer: str, directory: Path, context: Context, *, partitions: int = 16,
    blocks: int = 0, read: Callable[..., Iterator[pa.RecordBatch]] = read_batches, sources: str | None = None,
) -> Made:  # fmt: skip
    """Count the words of a corpus into `directory`: words-<partition>.parquet (language, word, count), sorted by
    language and the words' hashes. Kept where they are up to date.

    The manifest's facts: documents, and for each language its distinct words and their bytes, and,
    weighted by the sources' weights, count of words, bytes and characters. With `blocks`, each language is counted in
    so many bootstrap blocks of its documents, under labels of `pipelines.words.blocks`. `read`: the reader.

    With `sources`, a field (or OF_FILE), the words' sources are counted too, into sources-<partition>.arrow
    (language, hash of the word, hashes of its sources), and the facts say how many sources there are.

    Raises EmptyCorpus, CountOverflow, BadPattern, and what reading raises.
    """
    cuts = Pretokenizer(pretokenizer)
    settings = {"pretokenizer": pretokenizer, "regex": cuts.regex, "partitions": partitions}
    settings |= {} if cuts.library is None else {"cut_by": cuts.library}
    settings |= {"on_bad_record": context.on_bad_record} | ({"blocks": blocks} if blocks else {})
    settings |= {} if read is read_batches else {"read": read.__name__}
    if sources is not None:
        settings |= {"sources": sources, "sketch": SKETCH}
        files = with_source(files, sources)
    names = [f"words-{i:04}.parquet" for i in range(partitions)]
    names += [] if sources is None else [sources_file(i) for i in range(partitions)]
    stage = Stage("words", settings, describe_inputs(files), names)
    counting = Counting(partial(Pretokenizer, pretokenizer), partitions, blocks, read=read, sources=sources)
    with Output(directory, "words") as output:
        return make(stage, output, context, lambda scratch: _count_text(files, counting, scratch, directory, context))


def _count_text(
    files: list[InputFile], counting: Counting, scratch: Path, directory: Path, context: Context
) -> Written:
    written = count_rows(files, counting, scratch, directory, context)
    languages = written.facts["languages"]
    if not any(figures["bytes"] for figures in languages.values()):
        raise EmptyCorpus(len(files))
    note_similar({category_of(label) for label in languages}, context.progress)
    return written


def count_rows(files: list[InputFile], counting: Counting, scratch: Path, directory: Path, context: Context) -> Written:
    """Count the rows of a corpus into `directory`, as `count_words` says of words; return files, facts, bad records.

    Raises CountOverflow, TooLittleMemory, and what reading raises.
    """
    engine, progress, how = context.engine, context.progress, context.on_bad_record
    groups, limit = _groups(files, engine.workers, counting), context.memory_bytes or MEMORY_BYTES
    tasks = [CountTask(spans, i, counting, limit, how, scratch) for i, spans in enumerate(groups)]
    # Ten times the size on disk, for compressed files: far from exact, and far from where 64 bits end.
    weighed = sum(10 * span.stored_bytes * span.multiplier for spans in groups for span in spans)
    if weighed >= LARGEST_TOTAL:
        raise CountOverflow(float(weighed))
    poisoned = BadRecords(how)
    found = count_all(tasks, engine, progress, poisoned)
    bad = _bad_records(poisoned, found, scratch)
    documents, with_text = (sum(one.documents for one in found.values()), _joined(found, "with_text"))
    left_out = LeftOut.of(bad, documents, (file.path for file in files), with_text)
    left_out.check(context.max_bad_share)
    names = [name for one in found.values() for name in one.files]
    written, languages, sources = add_up_all(
        scratch, directory, names, counting.partitions, context.memory_bytes, engine, progress,
        rows=counting.rows, are_text=counting.are_text, sourced=counting.sources is not None,
    )  # fmt: skip
    facts: dict[str, Any] = {"languages": languages, **_facts(found, languages)}
    if counting.sources is not None:
        facts["sources"] = sources
    return Written(written, facts, left_out)


def _facts(found: dict[int, Counted], labels: Collection[str]) -> dict[str, Any]:
    """Return facts for the manifest. `labels`: languages, or their bootstrap blocks, that have text."""
    seen = _joined(found, "languages")
    return {
        "documents": sum(one.documents for one in found.values()),
        "without_text": sorted(seen - {category_of(label) for label in labels}),
    }


def _joined(found: dict[int, Counted], field: str) -> frozenset[str]:
    return frozenset[str]().union(*(getattr(one, field) for one in found.values()))


def _groups(files: list[InputFile], workers: int, counting: Counting) -> list[tuple[FileSpan, ...]]:
    multipliers = whole_ratios([file.source.weight for file in files])
    if counting.blocks or counting.read is not read_batches:  # a document's block depends on its place in the file
        return [(FileSpan(file, multiplier),) for file, multiplier in zip(files, multipliers, strict=True)]
    return even_groups(files, multipliers, workers)


def count_all(tasks: list[CountTask], engine: Engine, progress: Progress, poisoned: BadRecords) -> dict[int, Counted]:
    """Run counting tasks; return results by task index. Files that crash workers go to `poisoned`, which may raise.

    A task that crashes its workers is run again file by file, to find the file that is the cause. No span of that file
    may count: tasks that counted others of its spans are run again without it. A file that must be read whole is a task
    of its own then, and its spans are left out in the same way.
    """
    known = all(span.file.size is not None for task in tasks for span in task.spans)
    total = sum(span.stored_bytes for task in tasks for span in task.spans)
    done: dict[int, tuple[CountTask, Counted]] = {}
    bad_files: set[str] = set()
    following = len(tasks)
    rows = tasks[0].counting.rows if tasks else "words"
    with progress.stage(f"count {rows}", total if known else None, "B") as advance:
        while tasks:
            lost, without = [], list[CountTask]()
            uncut: dict[str, CountTask] = {}
            for i, counted in engine.run(count_spans, tasks, on_lost=_uncounted):
                if counted.uncut is not None:
                    uncut[counted.uncut] = _read_whole(tasks[i], counted.uncut)
                    without.append(tasks[i])
                elif counted.lost is None:
                    done[tasks[i].index] = (tasks[i], counted)
                    advance(sum(span.stored_bytes for span in tasks[i].spans))
                else:
                    lost.append((tasks[i], counted.lost))
            again: list[CountTask] = []
            for task, verdict in sorted(lost, key=lambda one: one[0].index):
                paths = list(dict.fromkeys(span.file.path for span in task.spans))
                if len(paths) > 1:
                    again += [_with_files(task, {path}) for path in paths]
                elif paths[0] not in bad_files:
                    bad_files.add(paths[0])
                    poisoned.add(paths[0], 0, f"{verdict}; nothing of it counts")
            left_out = bad_files | set(uncut)
            for index in [i for i, (task, _) in done.items() if any(one.file.path in left_out for one in task.spans)]:
                without.append(done.pop(index)[0])
            again = [_without_files(task, left_out) for task in again + without]
            again += [uncut[path] for path in sorted(uncut) if path not in bad_files]
            tasks = [replace(task, index=following + i) for i, task in enumerate(task for task in again if task.spans)]
            following += len(tasks)
    return {index: counted for index, (_, counted) in done.items()}


def _uncounted(_: CountTask, lost: TaskLost) -> Counted:
    return Counted(0, 0, 0, lost=lost.verdict)


def _with_files(task: CountTask, paths: set[str]) -> CountTask:
    """Return the task with its spans of these files only."""
    return replace(task, spans=tuple(span for span in task.spans if span.file.path in paths))


def _without_files(task: CountTask, paths: Set[str]) -> CountTask:
    """Return the task without its spans of these files."""
    return replace(task, spans=tuple(span for span in task.spans if span.file.path not in paths))


def _read_whole(task: CountTask, path: str) -> CountTask:
    """Return a task of one file, of which `task` has a span."""
    span = next(span for span in task.spans if span.file.path == path)
    return replace(task, spans=(replace(span, span=None),))


def _bad_records(poisoned: BadRecords, found: dict[int, Counted], scratch: Path) -> pa.Table:
    bad = [read_bad_records(scratch / f"bad-{i}.parquet") for i in sorted(found) if found[i].bad_records]
    return in_order([poisoned.table(), *bad])


def word_files(manifest: Manifest, directory: Path) -> list[Path]:
    """Return the paths of the word tables that a manifest lists."""
    return [directory / name for name in sorted(manifest.files) if name.startswith("words-")]
