"""Parallel text to token premiums: read it once, count it with every tokenizer, compare where all counts meet."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from operators.tokenizer import Tokenizer
from pipelines.corpus.sources import InputFile
from pipelines.counting import BAD_RECORDS
from pipelines.engine import Engine
from pipelines.outputs import Manifest, Output, Run, describe_inputs, fingerprint, replacing
from pipelines.premiums.comparison import Comparison
from pipelines.premiums.encoding import CountTask, count_tokens, measures_name, tokens_name
from pipelines.premiums.selection import SELECTED, Selection, SelectTask, select_documents
from pipelines.premiums.tables import (
    DOCUMENTS,
    PREMIUMS,
    gather_counts,
    premium_table,
    write_table,
)
from pipelines.premiums.texts import ReadTask, Texts, read_texts
from pipelines.progress import Progress
from pipelines.tokenizers import tokenizer_fingerprint

TABLES: Final = (PREMIUMS, DOCUMENTS)
"""What is written, whatever the settings."""


@dataclass(frozen=True)
class CompareTask:
    """What the tables are made of."""

    selection: Selection
    counts: tuple[CountTask, ...]
    tokenizers: tuple[str, ...]
    how: Comparison
    into: Path


def compare(task: CompareTask) -> dict[str, int]:
    """Write the tables; returns the figures for the manifest."""
    counted = gather_counts(task.selection.path, task.counts)
    write_table(counted.documents, task.into / DOCUMENTS)
    write_table(premium_table(counted, task.tokenizers, task.how), task.into / PREMIUMS)
    return {
        "languages": len(task.selection.bytes),
        "documents": task.selection.documents,
        "empty_documents": task.selection.empty,
    }


def compare_languages(
    files: list[InputFile],
    tokenizers: Sequence[tuple[str, Tokenizer]],
    output: Output,
    engine: Engine,
    progress: Progress,
    how: Comparison,
) -> Manifest:
    """premiums.parquet and its companions (docs/metrics.md) in `output`. Skipped when they are there already.

    A row a tokenizer and language: sums over the compared documents, the premium against the baseline with its 95 %
    interval, and the same ratio of bytes and of characters, which no tokenizer has a part in.

    Raises NoBaseline, RepeatedDocument, NoCommonDocuments, EmptyCorpus, and what reading raises.
    """
    settings = asdict(how) | {
        "tokenizers": [[name, tokenizer_fingerprint(tokenizer)] for name, tokenizer in tokenizers],
        "languages": sorted(how.languages) if how.languages is not None else None,
    }
    inputs = describe_inputs(files)
    name = fingerprint("premiums", settings, inputs)
    if (done := output.current(name)) is not None:
        progress.note(f"premiums: unchanged, kept ({output.directory})")
        return done
    began, directory = time.monotonic(), output.directory
    reads = [ReadTask(file, i, how.on_bad_record, directory) for i, file in enumerate(files)]
    scratch, written = [*(one.name for one in reads), SELECTED], list(TABLES)
    for place, group in product(range(len(tokenizers)), range(engine.workers)):
        scratch += [tokens_name(place, group), measures_name(place, group)]
    output.begin([*scratch, *written, BAD_RECORDS])
    texts, bad = _read(reads, engine, progress)
    with progress.stage("select documents", 1, "corpora") as advance:
        [(_, selection)] = engine.run(select_documents, [SelectTask(texts, directory, how)])
        advance(1)
    counts = [
        CountTask(texts, selection.path, languages, tokenizer, place, group, how.documents == "common", directory)
        for place, (_, tokenizer) in enumerate(tokenizers)
        for group, languages in enumerate(_groups(selection.bytes, engine.workers))
    ]
    with progress.stage("count tokens", sum(selection.bytes.values()) * len(tokenizers), "B") as advance:
        for _, done_bytes in engine.run(count_tokens, counts):
            advance(done_bytes)
    with progress.stage("compare", 1, "tables") as advance:
        names = tuple(one for one, _ in tokenizers)
        [(_, facts)] = engine.run(compare, [CompareTask(selection, tuple(counts), names, how, directory)])
        advance(1)
    for one in scratch:
        (directory / one).unlink(missing_ok=True)
    if how.on_bad_record == "skip":
        written.append(BAD_RECORDS)
        with replacing(directory / BAD_RECORDS) as part:
            pq.write_table(bad, part)
    run = Run(engine=engine.name, workers=engine.workers, seconds=round(time.monotonic() - began, 3))
    return output.finish(name, settings, inputs, written, facts | {"bad_records": len(bad)}, run)


def _read(tasks: list[ReadTask], engine: Engine, progress: Progress) -> tuple[tuple[Texts, ...], pa.Table]:
    """All files, in their order; and the bad records of all."""
    files = [task.file for task in tasks]
    total = None if any(file.size is None for file in files) else sum(file.size or 0 for file in files)
    found: dict[int, tuple[Texts, pa.Table]] = {}
    with progress.stage("read", total, "B") as advance:
        for index, read in engine.run(read_texts, tasks):
            found[index] = read
            advance(files[index].size or 0)
    bad = pa.concat_tables([found[i][1] for i in range(len(tasks))])
    ordered = bad.sort_by([("path", "ascending"), ("record", "ascending")])
    return tuple(found[i][0] for i in range(len(tasks))), ordered


def _groups(sizes: dict[str, int], most: int) -> list[tuple[str, ...]]:
    """Languages shared out so that groups have about the same bytes: the largest first, to the smallest group."""
    groups: list[list[str]] = [[] for _ in range(min(most, len(sizes)))]
    filled = [0] * len(groups)
    for language in sorted(sizes, key=lambda one: (-sizes[one], one)):
        smallest = filled.index(min(filled))
        groups[smallest].append(language)
        filled[smallest] += sizes[language]
    return [tuple(sorted(group)) for group in groups]
