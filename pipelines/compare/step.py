"""The step `compare`: read text once, count it by group with every tokenizer, compare the figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl
import pyarrow.compute as pc

from operators.tokenizer import Tokenizer
from operators.unicode.language_names import language_name
from pipelines.compare.counting import CountTask, count_groups
from pipelines.compare.derived import with_derived
from pipelines.compare.dictionaries import PURE, VALID, Listed, read_dictionary, type_figures, used_tokens
from pipelines.compare.figures import Figure
from pipelines.compare.groups import ALL, Group, documents_of, groups_of, require_groups, shared_out, with_field
from pipelines.compare.measures import measured_names
from pipelines.compare.morphemes import FIGURES as OF_MORPHEMES
from pipelines.compare.morphemes import MORPHEMES, morpheme_figures, read_judged
from pipelines.compare.ranking import ranking_lines
from pipelines.compare.reaction_times import REACTIONS, reaction_figures, read_reactions
from pipelines.compare.rules import check_gate, require_names
from pipelines.compare.settings import Compare
from pipelines.compare.tables import COMPARE, FIGURES, GROUPS, compare_table, read_measured
from pipelines.compare.terms import PER_TERM, TERMS, read_terms, term_figure, term_table
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile
from pipelines.outputs import Output, describe_inputs, write_table
from pipelines.parallel_text.reading import read_files
from pipelines.results import CompareResult, summarized
from pipelines.settings import BadSettings, size_in_bytes
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizer_names import named_reference, short_names
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint
from pipelines.word_lists import digest
from pipelines.words.sources import OF_FILE

TABLES: Final = (COMPARE, GROUPS)
"""Tables that every run writes; TERMS and MORPHEMES besides, where these are given."""


def compare(settings: Compare, context: Context) -> CompareResult:
    """Compare tokenizers on text of any kind.

    Raises BadSettings, GateBroken, NoGroupField, NoSources, ReservedGroup, EmptyCorpus, and what reading and loading
    raise.
    """
    if not settings.tokenizer:
        raise BadSettings("tokenizer", "is missing; give at least one --tokenizer")
    if isinstance(settings.gate, str):
        raise BadSettings("gate", f"{settings.gate[:80]!r} is no .yaml file of rules; name one")
    names = short_names(settings.tokenizer)
    named = [(name, load_tokenizer(one)) for name, one in zip(names, settings.tokenizer, strict=True)]
    reference = named_reference(settings.reference, settings.tokenizer) or named[0][0]
    if settings.gate is not None:
        require_names(settings.gate, _figures(settings), [name for name, _ in named])
    if settings.morphemes is not None:
        read_judged(settings.morphemes)  # refuses a wrong table before any work
    if settings.dictionary is not None:
        read_dictionary(settings.dictionary)
    if settings.reaction_times is not None:
        read_reactions(settings.reaction_times)
    output = Output(out_directory(settings.out), "compare")
    files = context.input_files(settings.corpus, output)
    require_groups(files, settings.by)
    if settings.sources_field is not None:
        files = with_field(files, settings.sources_field)
    with output:
        made = compare_text(files, named, reference, output, settings, context)
    table, facts = pl.read_parquet(output.directory / COMPARE, glob=False), made.manifest.facts
    if settings.gate is not None:
        check_gate(settings.gate, table)
    what = f"{len(named)} tokenizers on {facts['bytes'] / 1e6:,.1f} MB of text in {facts['documents']:,} documents"
    last = summarized(made.kept, what, facts, settings.out)
    lines = [*ranking_lines(table, reference), f"all of it: babelmerge show {settings.out}", last]
    return CompareResult(output.directory, made.manifest, made.kept, "\n".join(lines))


def compare_text(
    files: Sequence[InputFile], named: Sequence[tuple[str, Tokenizer]], reference: str, output: Output,
    settings: Compare, context: Context,
) -> Made:  # fmt: skip
    """Write compare.parquet and groups.parquet (docs/reference/outputs.md) to `output`. Kept if up to date.

    reference: the name of one of the tokenizers. Raises ReservedGroup, EmptyCorpus, and what reading raises.
    """
    hashed = settings.hashed(
        tokenizers=[[name, tokenizer_fingerprint(tokenizer)] for name, tokenizer in named],
        reference=reference,
        sample=size_in_bytes("sample", settings.sample),
        terms=None if settings.terms is None else read_terms(settings.terms),
        morphemes=None if settings.morphemes is None else digest(settings.morphemes),
        dictionary=None if settings.dictionary is None else digest(settings.dictionary),
        reaction_times=None if settings.reaction_times is None else digest(settings.reaction_times),
        on_bad_record=context.on_bad_record,
    )
    stage = Stage("compare", hashed, describe_inputs(list(files)), [*TABLES, TERMS, MORPHEMES])

    def work(scratch: Path) -> Written:
        return _compare(files, named, reference, scratch, output, settings, context)

    return make(stage, output, context, work)


def _compare(
    files: Sequence[InputFile], named: Sequence[tuple[str, Tokenizer]], reference: str, scratch: Path, output: Output,
    settings: Compare, context: Context,
) -> Written:  # fmt: skip
    engine, progress = context.engine, context.progress
    texts, left_out = read_files(files, scratch, context, by_id=settings.sources_field not in (None, OF_FILE))
    groups = groups_of(files, texts, settings.by)
    sample = size_in_bytes("sample", settings.sample)
    tasks = [
        CountTask(own, tokenizer, place, bundle, sample, tuple(settings.measure), scratch, settings.lists_words)
        for bundle, own in enumerate(shared_out(groups, engine.workers))
        for place, (_, tokenizer) in enumerate(named)
    ]
    with progress.stage("count tokens", sum(group.bytes for group in groups) * len(named), "B") as advance:
        for _, done in engine.run(count_groups, tasks):
            advance(done)
    with progress.stage("compare", 1, "tables") as advance:
        task = TableTask(tuple(groups), tuple(tasks), tuple(named), reference, settings, output.directory)
        [(_, facts)] = engine.run(write_tables, [task])
        advance(1)
    asked = {TERMS: settings.terms, MORPHEMES: settings.morphemes}
    return Written([*TABLES, *(name for name, given in asked.items() if given is not None)], facts, left_out)


def _figures(settings: Compare) -> list[str]:
    """Return the names of the figures that these settings give."""
    terms = [PER_TERM] if settings.terms is not None else []
    morphemes = [*OF_MORPHEMES, PURE] if settings.morphemes is not None else []
    words = [VALID] if settings.dictionary is not None else []
    reactions = REACTIONS if settings.reaction_times is not None else ()
    lists = [*terms, *morphemes, *words, *reactions]
    return [*FIGURES, *measured_names(settings.measure), *settings.economy.names, *lists]


@dataclass(frozen=True)
class TableTask:
    """Scratch files to make the tables of."""

    groups: tuple[Group, ...]
    counts: tuple[CountTask, ...]
    named: tuple[tuple[str, Tokenizer], ...]
    reference: str
    settings: Compare
    into: Path


def write_tables(task: TableTask) -> dict[str, Any]:
    """Worker task: write the tables; return the figures for the manifest."""
    groups = pl.DataFrame([_described(group) for group in task.groups])
    measured = read_measured(task.counts, {group.name: float(group.bytes) for group in task.groups})
    names = [name for name, _ in task.named]
    reference = names.index(task.reference)
    for own, (_, tokenizer) in zip(measured, task.named, strict=True):
        size = len(tokenizer.tokens)
        for group in own:
            own[group] = with_derived(own[group], measured[reference][group], task.settings.economy, size)
    for place, more in _of_lists(task):
        for group, figures in more.items():
            measured[place].setdefault(group, {}).update({one.name: one for one in figures})
    compared = compare_table(measured, names, reference, task.settings.resamples)
    for name, table in ((COMPARE, compared), (GROUPS, groups)):
        write_table(_with_names(table) if task.settings.by == "language" else table, task.into / name)
    sizes = {column: int(groups[column].sum()) for column in ("documents", "characters", "bytes")}
    return {"groups": len(groups), **sizes, "tokenizers": len(names), "reference": task.reference}


def _of_lists(task: TableTask) -> Iterator[tuple[int, Mapping[str, Sequence[Figure]]]]:
    """Yield figures of terms, morphemes, words and reaction times: the tokenizer's place, and the figures of groups.

    Their tables are written besides.
    """
    settings, by_language, lists = task.settings, task.settings.by == "language", dict[str, Listed]()
    if settings.terms is not None:
        terms = term_table(read_terms(settings.terms), task.named)
        write_table(terms, task.into / TERMS)
        yield from ((place, {ALL: [term_figure(terms, name)]}) for place, (name, _) in enumerate(task.named))
    if settings.morphemes is not None:
        words = read_judged(settings.morphemes)
        segmented, found = morpheme_figures(words, task.named, by_language)
        write_table(segmented, task.into / MORPHEMES)
        yield from enumerate(found)
        each = words.explode("morphemes")
        lists[PURE] = Listed(each["morphemes"], each["language"], by_language)
    if settings.dictionary is not None:
        dictionary = read_dictionary(settings.dictionary)
        lists[VALID] = Listed(dictionary["word"], dictionary["language"], by_language)
    if settings.reaction_times is not None:
        reactions = read_reactions(settings.reaction_times)
        yield from ((place, {ALL: reaction_figures(reactions, one)}) for place, (_, one) in enumerate(task.named))
    if settings.lists_words:
        for place, used in enumerate(used_tokens(task.counts)):
            yield place, type_figures(used, task.named[place][1], lists)


def _described(group: Group) -> Mapping[str, Any]:
    """Return the row of a group in groups.parquet."""
    documents, characters = 0, 0
    for text, own, _ in documents_of(group):
        documents += len(text)
        characters += int(pc.sum(own).as_py())
    return {"group": group.name, "documents": documents, "characters": characters, "bytes": group.bytes}


def _with_names(table: pl.DataFrame) -> pl.DataFrame:
    """Add a column of languages' names behind that of groups; null where a code is none that is known."""
    names = pl.Series("name", [None if one == ALL else language_name(one) for one in table["group"]], pl.String)
    return table.insert_column(1, names)
