"""Parallel text to token premiums: read it once, count it with every tokenizer, compare where all counts meet."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from operators.metrics.efficiency import renyi_efficiency
from operators.tokenizer import Tokenizer
from pipelines.corpus.bad_records import BAD_RECORDS
from pipelines.corpus.sources import InputFile
from pipelines.engines.engine import Engine
from pipelines.engines.run_stats import run_of
from pipelines.outputs import Manifest, Output, describe_inputs, fingerprint, replacing, write_table
from pipelines.parallel_text.selection import SELECTED, Selection, SelectTask, select_documents
from pipelines.parallel_text.texts import ReadTask, Texts, read_texts, skipped_file
from pipelines.premiums.changes import BETTER, CHANGES, SAME, WORSE, OldRun, change_table, read_old_run
from pipelines.premiums.comparison import Comparison
from pipelines.premiums.counting import CountTask, count_tokens, group_files
from pipelines.premiums.describing import DescribeTask, describe_languages, described_name
from pipelines.premiums.metrics import metric_table, tokenizer_table
from pipelines.premiums.tables import DOCUMENTS, PREMIUMS, example_table, gather_counts, premium_table
from pipelines.premiums.vocabularies import (
    VocabularyTask,
    describe_vocabulary,
    script_table,
    vocabulary_figures,
    vocabulary_name,
)
from pipelines.progress import Progress
from pipelines.tokenizers import tokenizer_fingerprint

METRICS: Final = "metrics.parquet"
TOKENIZERS: Final = "tokenizers.parquet"
SCRIPTS: Final = "scripts.parquet"
VOCABULARY: Final = "vocabulary.parquet"
EXAMPLES: Final = "examples.parquet"
TABLES: Final = (PREMIUMS, METRICS, TOKENIZERS, SCRIPTS, VOCABULARY, EXAMPLES, DOCUMENTS)
"""What is written, whatever the settings (docs/reference/outputs.md)."""


@dataclass(frozen=True)
class CompareTask:
    """What the tables are made of."""

    selection: Selection
    counts: tuple[CountTask, ...]
    tokenizers: tuple[str, ...]
    how: Comparison
    against: OldRun | None
    into: Path


def compare(task: CompareTask) -> dict[str, Any]:
    """Write the tables; returns the figures for the manifest."""
    counted = gather_counts(task.selection.path, task.counts)
    parts = [pl.read_parquet(task.into / vocabulary_name(i), glob=False) for i in range(len(task.tokenizers))]
    vocabulary = pl.concat(parts)
    figures = vocabulary_figures(vocabulary)
    premiums = premium_table(counted, task.tokenizers, task.how)
    metrics = metric_table(premiums, counted.measures, figures, task.how)
    efficiencies = [renyi_efficiency(part["uses"].to_numpy()) for part in parts]
    tables = {
        PREMIUMS: premiums,
        METRICS: metrics,
        TOKENIZERS: tokenizer_table(premiums, metrics, figures, efficiencies),
        SCRIPTS: script_table(vocabulary),
        VOCABULARY: vocabulary,
        EXAMPLES: example_table(counted, task.tokenizers, task.selection.example),
        DOCUMENTS: counted.documents,
    }
    verdicts = dict[str, int]()
    if task.against is not None:
        tables[CHANGES] = change_table(premiums, counted.documents, task.tokenizers, task.against, task.how)
        told = tables[CHANGES]["verdict"].drop_nulls()
        verdicts = {one: int((told == one).sum()) for one in (BETTER, WORSE, SAME)}
    for name, table in tables.items():
        write_table(table, task.into / name)
    return verdicts | {
        "languages": len(task.selection.bytes),
        "documents": task.selection.documents,
        "empty_documents": task.selection.empty,
        "marked": int(premiums["marked"].sum()),
        "without_interval": int(premiums["low"].is_null().sum()),
    }


def compare_languages(
    files: list[InputFile],
    tokenizers: Sequence[tuple[str, Tokenizer]],
    output: Output,
    engine: Engine,
    progress: Progress,
    how: Comparison,
    against: Path | None = None,
) -> Manifest:
    """premiums.parquet and its companions (docs/reference/outputs.md) in `output`. Skipped when they are there already.

    A row a tokenizer and language: sums over the compared documents, the premium against the baseline with its 95 %
    interval, and the same ratio of bytes and of characters, which no tokenizer has a part in.

    `against` is the output of an earlier run: then changes.parquet says what became of each language since.

    Raises NoBaseline, RepeatedDocument, NoCommonDocuments, EmptyCorpus, NotComparable, and what reading raises.
    """
    names = tuple(one for one, _ in tokenizers)
    old = None if against is None else read_old_run(against, output.directory, names, how.baseline)
    settings = asdict(how) | {
        "tokenizers": [[name, tokenizer_fingerprint(tokenizer)] for name, tokenizer in tokenizers],
        "languages": sorted(how.languages) if how.languages is not None else None,
        "against": None if old is None else old.fingerprint,
    }
    inputs = describe_inputs(files)
    name = fingerprint("premiums", settings, inputs)
    if (done := output.current(name)) is not None:
        progress.note(f"premiums: unchanged, kept ({output.directory})")
        return done
    began, directory = time.monotonic(), output.directory
    reads = [ReadTask(file, i, how.on_bad_record, directory) for i, file in enumerate(files)]
    groups = engine.workers  # one number for the whole of it: nodes may join on the way
    scratch, written = _scratch(reads, len(names), groups), [*TABLES]
    output.begin([*scratch, *written, BAD_RECORDS, CHANGES])
    texts, bad = _read(reads, engine, progress)
    with progress.stage("select documents", 1, "corpora") as advance:
        [(_, selection)] = engine.run(select_documents, [SelectTask(texts, directory, how)])
        advance(1)
    counts = _count(texts, selection, [one for _, one in tokenizers], how, directory, groups, engine, progress)
    with progress.stage("compare", len(names) + 1, "tables") as advance:
        filled = len({task.group for task in counts})
        every = [VocabularyTask(one, loaded, i, filled, directory) for i, (one, loaded) in enumerate(tokenizers)]
        for _ in engine.run(describe_vocabulary, every):
            advance(1)
        [(_, facts)] = engine.run(compare, [CompareTask(selection, counts, names, how, old, directory)])
        advance(1)
    written += [CHANGES] if old is not None else []
    for one in scratch:
        (directory / one).unlink(missing_ok=True)
    if how.on_bad_record == "skip":
        written.append(BAD_RECORDS)
        with replacing(directory / BAD_RECORDS) as part:
            pq.write_table(bad, part)
    return output.finish(name, settings, inputs, written, facts | {"bad_records": len(bad)}, run_of(engine, began))


def _read(tasks: list[ReadTask], engine: Engine, progress: Progress) -> tuple[tuple[Texts, ...], pa.Table]:
    """All files, in their order; and the bad records of all."""
    files = [task.file for task in tasks]
    total = None if any(file.size is None for file in files) else sum(file.size or 0 for file in files)
    found: dict[int, tuple[Texts, pa.Table]] = {}
    with progress.stage("read", total, "B") as advance:
        for index, read in engine.run(read_texts, tasks, on_lost=skipped_file):
            found[index] = read
            advance(files[index].size or 0)
    bad = pa.concat_tables([found[i][1] for i in range(len(tasks))])
    ordered = bad.sort_by([("path", "ascending"), ("record", "ascending")])
    return tuple(found[i][0] for i in range(len(tasks))), ordered


def _count(
    texts: tuple[Texts, ...],
    selection: Selection,
    tokenizers: Sequence[Tokenizer],
    how: Comparison,
    into: Path,
    most: int,
    engine: Engine,
    progress: Progress,
) -> tuple[CountTask, ...]:
    """Describe languages in `most` groups, then count them with every tokenizer; returns the tasks; files are there."""
    groups = list(enumerate(_groups(selection.bytes, most)))
    describing = [DescribeTask(texts, selection.path, languages, group, into) for group, languages in groups]
    with progress.stage("describe languages", len(selection.bytes), "languages") as advance:
        for _, described in engine.run(describe_languages, describing):
            advance(described)
    tasks = tuple(
        CountTask(
            texts, selection.path, languages, {one: selection.examples[one] for one in languages
            if one in selection.examples}, tokenizer, place, group, how.documents == "common", into,
        )
        for group, languages in groups  # other tokenizers side by side: some hold Python's lock, most do not
        for place, tokenizer in enumerate(tokenizers)
    )  # fmt: skip
    with progress.stage("count tokens", sum(selection.bytes.values()) * len(tokenizers), "B") as advance:
        for _, counted in engine.run(count_tokens, tasks):
            advance(counted)
    return tasks


def _scratch(reads: list[ReadTask], tokenizers: int, groups: int) -> list[str]:
    """Every file that the tasks leave to each other."""
    names = [*(one.name for one in reads), SELECTED, *(vocabulary_name(place) for place in range(tokenizers))]
    names += [described_name(group) for group in range(groups)]
    return names + [name for both in product(range(tokenizers), range(groups)) for name in group_files(*both)]


def _groups(sizes: dict[str, int], most: int) -> list[tuple[str, ...]]:
    """Languages shared out so that groups have about the same bytes: the largest first, to the smallest group."""
    groups: list[list[str]] = [[] for _ in range(min(most, len(sizes)))]
    filled = [0] * len(groups)
    for language in sorted(sizes, key=lambda one: (-sizes[one], one)):
        smallest = filled.index(min(filled))
        groups[smallest].append(language)
        filled[smallest] += sizes[language]
    return [tuple(sorted(group)) for group in groups]
