"""The step `premiums`: read parallel text once, count it with every tokenizer, compare the counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from operators.metrics.efficiency import renyi_efficiency
from operators.tokenizer import Tokenizer
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile
from pipelines.named_tables import with_names
from pipelines.outputs import Output, describe_inputs, write_table
from pipelines.parallel_text.reading import read_files
from pipelines.parallel_text.selection import REPEATED, Choice, Selection, SelectTask, left_out, select_documents
from pipelines.parallel_text.texts import Texts
from pipelines.premiums.changes import BETTER, CHANGES, SAME, WORSE, OldRun, change_table, read_old_run
from pipelines.premiums.counting import CountTask, count_tokens
from pipelines.premiums.describing import DescribeTask, describe_languages
from pipelines.premiums.metrics import metric_table, tokenizer_table
from pipelines.premiums.ranking import change_lines, ranking_lines
from pipelines.premiums.settings import Premiums
from pipelines.premiums.tables import ALIKE, DOCUMENTS, PREMIUMS, example_table, gather_counts, premium_table
from pipelines.premiums.vocabularies import (
    VocabularyTask,
    describe_vocabulary,
    script_table,
    vocabulary_figures,
    vocabulary_name,
)
from pipelines.results import PremiumsResult, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizer_names import absolute, named_reference, short_names
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint

METRICS: Final = "metrics.parquet"
TOKENIZERS: Final = "tokenizers.parquet"
SCRIPTS: Final = "scripts.parquet"
VOCABULARY: Final = "vocabulary.parquet"
EXAMPLES: Final = "examples.parquet"
REFERENCES: Final = "references"
"""Fact of the manifest: [name, reference] of each tokenizer, with an absolute path; the report reads them again."""
TABLES: Final = (PREMIUMS, METRICS, TOKENIZERS, SCRIPTS, VOCABULARY, EXAMPLES, DOCUMENTS, REPEATED)
"""Names of the tables that every run writes (docs/reference/outputs.md)."""


@dataclass(frozen=True)
class CompareTask:
    """Scratch files and settings to make the tables of."""

    selection: Selection
    counts: tuple[CountTask, ...]
    tokenizers: tuple[str, ...]
    settings: Premiums
    against: OldRun | None
    scratch: Path
    into: Path


def compare(task: CompareTask) -> dict[str, Any]:
    """Worker task: write the tables; return the figures for the manifest."""
    counted = gather_counts(task.selection.path, task.counts)
    own = [pl.read_parquet(task.scratch / vocabulary_name(i), glob=False) for i in range(len(task.tokenizers))]
    vocabulary = pl.concat(own)
    figures = vocabulary_figures(vocabulary)
    premiums = premium_table(counted, task.tokenizers, task.settings)
    metrics = metric_table(premiums, counted.measures, figures, task.settings)
    efficiencies = [renyi_efficiency(table["uses"].to_numpy()) for table in own]
    tables = {
        PREMIUMS: premiums,
        METRICS: metrics,
        TOKENIZERS: tokenizer_table(premiums, metrics, figures, efficiencies),
        SCRIPTS: script_table(vocabulary),
        VOCABULARY: vocabulary,
        EXAMPLES: example_table(counted, task.tokenizers, task.selection.example),
        DOCUMENTS: counted.documents,
        REPEATED: pl.read_parquet(task.selection.repeated_ids, glob=False),
    }
    verdicts = dict[str, int]()
    if task.against is not None:
        tables[CHANGES] = change_table(premiums, counted.documents, task.tokenizers, task.against, task.settings)
        decided = tables[CHANGES]["verdict"].drop_nulls()
        verdicts = {verdict: int((decided == verdict).sum()) for verdict in (BETTER, WORSE, SAME)}
    for name, table in tables.items():
        write_table(table if name == DOCUMENTS else with_names(table), task.into / name)
    return verdicts | {
        "languages": len(task.selection.bytes),
        **task.selection.facts,
        "marked": int(premiums["marked"].sum()),
        "without_interval": int(premiums["low"].is_null().sum()),
        "nearly_alike": int(premiums["reason"].str.starts_with(ALIKE).sum()),
    }


def premiums(settings: Premiums, context: Context) -> PremiumsResult:
    """Compare languages by the number of tokens that each needs for the same text.

    Raises BadSettings, and what `compare_languages` and loading the tokenizers raise.
    """
    if not settings.tokenizer:
        raise BadSettings("tokenizer", "is missing; give at least one --tokenizer")
    names = short_names(settings.tokenizer)
    named = [(name, load_tokenizer(one)) for name, one in zip(names, settings.tokenizer, strict=True)]
    settings = msgspec.structs.replace(settings, reference=named_reference(settings.reference, settings.tokenizer))
    output = Output(out_directory(settings.out), "premiums")
    files = context.input_files(settings.parallel, output)
    with output:
        made = compare_languages(files, named, output, settings, context)
    facts = made.manifest.facts
    tables = output.directory
    lines = [*ranking_lines(tables, pl.read_parquet(tables / TOKENIZERS, glob=False))]
    lines += change_lines(tables) if CHANGES in made.manifest.files else []
    last = summarized(made.kept, described(facts), facts, settings.out)
    summary = "\n".join([*lines, f"all of it: babelmerge show {settings.out}", last])
    return PremiumsResult(output.directory, made.manifest, made.kept, summary)


def described(facts: Mapping[str, Any]) -> str:
    """Return one line on the tables: what they compare, and what is left out, marked or without an interval."""
    line = f"premiums of {facts['languages']:,} languages over {facts['documents']:,} documents"
    if "better" in facts:
        line += f" ({facts['better']:,} got better, {facts['worse']:,} worse)"
    line += left_out(facts)
    alike = facts["nearly_alike"]
    if few := facts["without_interval"] - alike:
        line += f"; {few:,} premiums have no interval, for want of documents"
    if alike:
        line += f"; {alike:,} premiums have no interval, as {ALIKE}"
    if marked := facts["marked"]:
        line += f"; {marked:,} marked: over 10 % of their characters are unknown tokens"
    return line


def compare_languages(
    files: Sequence[InputFile],
    tokenizers: Sequence[tuple[str, Tokenizer]],
    output: Output,
    settings: Premiums,
    context: Context,
) -> Made:
    """Write premiums.parquet and its companions (docs/reference/outputs.md) to `output`. Kept if up to date.

    The table has one row for each tokenizer and language: sums over the compared documents, the premium against the
    baseline with its 95 % interval, and the same ratios of bytes and of characters, which do not depend on the
    tokenizer. With `against`, the output of an earlier run, changes.parquet has each language's change of premium
    since.

    settings: `reference` is the name of a tokenizer, not its path. Raises NoBaseline, OnlyRepeatedDocuments,
    NoCommonDocuments, EmptyCorpus, NotComparable, and what reading raises.
    """
    names = tuple(name for name, _ in tokenizers)
    against = None if settings.against is None else Path(settings.against).expanduser().resolve()
    old = None if against is None else read_old_run(against, output.directory, names, settings.baseline)
    hashed = settings.hashed(
        tokenizers=[[name, tokenizer_fingerprint(tokenizer)] for name, tokenizer in tokenizers],
        languages=None if settings.languages is None else sorted(settings.languages),
        against=None if old is None else old.fingerprint,
        on_bad_record=context.on_bad_record,
    )

    def work(scratch: Path) -> Written:
        return _compare(files, tokenizers, old, scratch, output.directory, settings, context)

    stage = Stage("premiums", hashed, describe_inputs(list(files)), [*TABLES, CHANGES])
    return make(stage, output, context, work)


def _compare(
    files: Sequence[InputFile], tokenizers: Sequence[tuple[str, Tokenizer]], old: OldRun | None, scratch: Path,
    directory: Path, settings: Premiums, context: Context,
) -> Written:  # fmt: skip
    names = tuple(name for name, _ in tokenizers)
    engine, progress = context.engine, context.progress
    texts, left = read_files(files, scratch, context)
    with progress.stage("select documents", 1, "corpora") as advance:
        languages = None if settings.languages is None else tuple(settings.languages)
        choice = Choice(settings.baseline, languages, settings.documents)
        [(_, selection)] = engine.run(select_documents, [SelectTask(texts, scratch, choice)])
        advance(1)
    counts = _count(texts, selection, [one for _, one in tokenizers], settings, scratch, context)
    with progress.stage("compare", len(names) + 1, "tables") as advance:
        filled = len({task.group for task in counts})
        every = [VocabularyTask(one, loaded, i, filled, scratch) for i, (one, loaded) in enumerate(tokenizers)]
        for _ in engine.run(describe_vocabulary, every):
            advance(1)
        [(_, facts)] = engine.run(compare, [CompareTask(selection, counts, names, settings, old, scratch, directory)])
        advance(1)
    files_written = [*TABLES, *([CHANGES] if old is not None else [])]
    given = zip(names, settings.tokenizer, strict=False)  # none where a program gave the tokenizers themselves
    places = [[name, absolute(reference)] for name, reference in given]
    return Written(files_written, facts | {REFERENCES: places}, left)


def _count(
    texts: tuple[Texts, ...],
    selection: Selection,
    tokenizers: Sequence[Tokenizer],
    settings: Premiums,
    into: Path,
    context: Context,
) -> tuple[CountTask, ...]:
    """Describe languages in groups, then count each group with each tokenizer; return the tasks, all of them done."""
    engine, progress = context.engine, context.progress
    groups = list(enumerate(_groups(selection.bytes, engine.workers)))
    describing = [DescribeTask(texts, selection.path, languages, group, into) for group, languages in groups]
    with progress.stage("describe languages", len(selection.bytes), "languages") as advance:
        for _, described in engine.run(describe_languages, describing):
            advance(described)
    tasks = tuple(
        CountTask(
            texts, selection.path, languages, {one: selection.examples[one] for one in languages
            if one in selection.examples}, tokenizer, place, group, settings.documents == "common", into,
        )
        for group, languages in groups  # different tokenizers run side by side: some hold Python's lock, most do not
        for place, tokenizer in enumerate(tokenizers)
    )  # fmt: skip
    with progress.stage("count tokens", sum(selection.bytes.values()) * len(tokenizers), "B") as advance:
        for _, counted in engine.run(count_tokens, tasks):
            advance(counted)
    return tasks


def _groups(sizes: dict[str, int], most: int) -> list[tuple[str, ...]]:
    """Divide languages into at most `most` groups of similar bytes: the largest first, each to the smallest group."""
    groups: list[list[str]] = [[] for _ in range(min(most, len(sizes)))]
    filled = [0] * len(groups)
    for language in sorted(sizes, key=lambda one: (-sizes[one], one)):
        smallest = filled.index(min(filled))
        groups[smallest].append(language)
        filled[smallest] += sizes[language]
    return [tuple(sorted(group)) for group in groups]
