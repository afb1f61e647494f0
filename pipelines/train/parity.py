"""Training by parity: parallel text as a word table, the rule by which languages are served, and choices.parquet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import I64, word_buffers
from operators.errors import DataError
from operators.metrics.premiums import NoCommonDocuments
from operators.shard import Shard
from operators.tokenizer import Merges, Tokenizer
from operators.training.parity import ALL, Choices, LanguageWords, ParityRule, ParitySelection, saved_by_step
from operators.training.reducer import REPLAYED_MERGES
from operators.word_table import WORDS_SCHEMA
from pipelines.context import Context
from pipelines.corpus.bad_records import LeftOut
from pipelines.corpus.errors import EmptyCorpus
from pipelines.corpus.sources import InputFile
from pipelines.outputs import Manifest, Output, describe_inputs, replacing
from pipelines.parallel_text.agreement import document_bytes, stranger
from pipelines.stage import Stage, Written, make
from pipelines.train.settings import Train
from pipelines.words.text_words import words_of
from pipelines.words.weighting import UnknownLanguage
from pipelines.words.word_tables import read_language_words

if TYPE_CHECKING:
    from pipelines.parallel_text.reading import Parallel  # imports Polars, which training without parity does not need

CHOICES: Final = "choices.parquet"
PARALLEL_WORDS: Final = "words.parquet"
USUAL_ALPHA: Final = 2.0
_WHITE_SPACE: Final = np.frombuffer(b" \t\n\v\f\r", np.uint8)


class NotParallel(DataError):
    """Parallel text whose documents are not translations of each other."""

    reason: str
    message = "parity: {reason}; give each language the same documents, under the same ids or on the same lines"


class NoParallelText(DataError):
    """A language of the training text that the parallel text does not have."""

    language: str
    message = (
        "parity: no parallel text in the language '{language}', which the corpus has; add its translation, or leave "
        "the language out with --shares"
    )


class MissingRatio(DataError):
    """A language of the training text without a ratio."""

    language: str
    message = "parity_ratios: no ratio for the language '{language}', which the corpus has; give every language one"


@dataclass(frozen=True)
class ParityPlan:
    """Settings of a training by parity, small enough to be sent to workers."""

    languages: tuple[str, ...]
    """Languages of the training text, sorted: their indices everywhere."""
    words: Path | None
    """Word table of the parallel text; None: the training text is judged."""
    lengths: tuple[int, ...]
    """Weighed bytes of each language's training text."""
    ratios: tuple[float, ...]
    after: int
    window: int
    alpha: float

    def parallel(self) -> LanguageWords | None:
        """Return the words of the parallel text."""
        return None if self.words is None else read_language_words([self.words], None, self.languages)

    def selection(self, start: Tokenizer, max_token_length: int | None) -> ParitySelection:
        """Return the selection, which has seen no merges."""
        text = self.parallel()
        lengths = np.array(self.lengths, np.int64) if text is None else text.lengths(len(self.languages))
        rule = ParityRule(lengths, text, self.ratios, self.after, self.window, self.alpha)
        return ParitySelection(rule, start, max_token_length)


@dataclass(frozen=True)
class CountTask:
    """A language's parallel text, to be counted."""

    parallel: "Parallel"
    language: str
    pretokenizer: str
    into: Path

    @property
    def path(self) -> str:
        """Name of the language, for messages."""
        return self.language


def count_language(task: CountTask) -> bool:
    """Worker task: count a language's words into its scratch file; return False if they are all white space."""
    words, counts = words_of(task.parallel.evaluated(task.language), task.pretokenizer)
    languages = pa.repeat(pa.scalar(task.language, pa.string()), len(words))
    with replacing(task.into, durable=False) as temporary:
        pq.write_table(pa.table([languages, words, pa.array(counts)], schema=WORDS_SCHEMA), temporary)
    return not bool(np.isin(word_buffers(words)[1], _WHITE_SPACE).all())


def count_parallel(
    files: Sequence[InputFile], pretokenizer: str, languages: Sequence[str], directory: Path, context: Context
) -> Manifest:
    """Count the words of parallel text into `directory`: words.parquet, as word tables are. Kept where up to date.

    `languages`: those of the training text, sorted. Only documents that all languages have count. Raises NotParallel,
    NoParallelText, UnknownLanguage, and what reading raises.
    """
    settings = {"pretokenizer": pretokenizer, "languages": list(languages), "on_bad_record": context.on_bad_record}
    stage = Stage("parallel words", settings, describe_inputs(list(files)), [PARALLEL_WORDS])

    def work(scratch: Path) -> Written:
        parallel, left = _read(files, languages, scratch, context)
        counted = [scratch / f"counted-{i:05}.parquet" for i in range(len(languages))]
        tasks = [CountTask(parallel, *own) for own in zip(languages, repeat(pretokenizer), counted, strict=False)]
        with context.progress.stage("count parallel text", len(tasks), "languages") as advance:
            for index, has_text in context.engine.run(count_language, tasks):
                if not has_text:
                    raise NoParallelText(languages[index])
                advance(1)
        with replacing(directory / PARALLEL_WORDS) as temporary, pq.ParquetWriter(temporary, WORDS_SCHEMA) as writer:
            for one in counted:
                writer.write_table(pq.read_table(one, schema=WORDS_SCHEMA))
        facts = {"documents": parallel.selection.documents, "bytes": parallel.selection.bytes}
        return Written([PARALLEL_WORDS], facts, left)

    with Output(directory, "parallel words") as output:
        return make(stage, output, context, work).manifest


def _read(
    files: Sequence[InputFile], languages: Sequence[str], scratch: Path, context: Context
) -> "tuple[Parallel, LeftOut]":
    """Read the text, and select the documents that all languages have."""
    from pipelines.parallel_text.reading import Parallel, read_files
    from pipelines.parallel_text.selection import Choice, SelectTask, select_documents

    texts, left = read_files(files, scratch, context)
    present = {language for one in texts for language, size in one.bytes.items() if size}
    if not present:
        raise EmptyCorpus(len(files))
    for language in languages:
        if language not in present:
            raise NoParallelText(language)
    for language in sorted(present - set(languages)):
        raise UnknownLanguage("parity", language, list(languages))
    choice = Choice(languages[0], tuple(languages))
    try:
        [(_, selection)] = context.engine.run(select_documents, [SelectTask(texts, scratch, choice)])
    except NoCommonDocuments as none:
        raise NotParallel("no document is there in all languages") from none
    parallel = Parallel(texts, selection)
    _require_parallel(parallel, files, languages)
    return parallel, left


def _require_parallel(parallel: "Parallel", files: Sequence[InputFile], languages: Sequence[str]) -> None:
    """Raise NotParallel for lines of plain text of other numbers, and for documents that are no translations."""
    documents = {language: len(parallel.all(language)) for language in languages}
    most, fewest = (choose(languages, key=documents.__getitem__) for choose in (max, min))
    plain = all(".txt" in Path(file.path).suffixes for file in files)
    if plain and documents[most] != documents[fewest]:
        raise NotParallel(f"{most} has {documents[most]:,} lines, {fewest} has {documents[fewest]:,}")
    found = stranger(document_bytes(parallel.selection.path, languages), languages)
    if found is not None:
        raise NotParallel(f"{found[0]} has long documents where others have short ones (r = {found[1]:.2f})")


def plan_parity(
    settings: Train, sizes: Mapping[str, int], files: Sequence[InputFile], directory: Path, context: Context
) -> tuple[ParityPlan, list[dict[str, Any]]]:
    """Return the plan, and the identities of its inputs.

    `sizes`: weighed bytes of the training text by language; `files`: parallel text, whose words go to `directory`.
    Raises what `count_parallel` raises, UnknownLanguage and MissingRatio.
    """
    languages = tuple(sorted(language for language, size in sizes.items() if size))
    window = settings.parity_window or 0
    alpha = USUAL_ALPHA if settings.parity_alpha is None else settings.parity_alpha
    how = settings.parity_after, window, alpha
    lengths = tuple(sizes[language] for language in languages)
    if settings.parity_ratios is not None:
        for language in settings.parity_ratios:
            if language not in languages:
                raise UnknownLanguage("parity_ratios", language, list(languages))
        for language in languages:
            if language not in settings.parity_ratios:
                raise MissingRatio(language)
        ratios = tuple(settings.parity_ratios[language] for language in languages)
        return ParityPlan(languages, None, lengths, ratios, *how), []
    made = count_parallel(files, str(settings.pretokenizer), languages, directory, context)
    return ParityPlan(languages, directory / PARALLEL_WORDS, lengths, (), *how), [{"parallel": made.fingerprint}]


def write_choices(
    path: Path, plan: ParityPlan, choices: Choices, start: Tokenizer, max_token_length: int | None
) -> dict[str, Any]:
    """Write choices.parquet: for each merge learned, its rank, the language served and the tokens that decided.

    `language` is null where all languages together chose, `tokens` where training text is judged. Pairs that `start`
    merges already are left out of the tokenizer (`operators.training.extension.extend`), and here. Returns facts: how
    many merges served each language, and the tokens of the parallel text in the end.
    """
    given = set(zip(start.merges.left.tolist(), start.merges.right.tolist(), strict=True))
    pairs = zip(choices.left.tolist(), choices.right.tolist(), strict=True)
    kept = np.array([pair not in given for pair in pairs], np.bool_)
    tokens = pa.struct([pa.field(language, pa.int64()) for language in plan.languages])
    schema = pa.schema([("rank", pa.int32()), ("language", pa.string()), ("tokens", tokens)])
    names = pa.array([*plan.languages, None], pa.string())
    text, n = plan.parallel(), len(plan.languages)
    judged = None if text is None else _Judged(text, n, start, max_token_length)
    rank = len(start.merges)
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for first in range(0, len(choices), REPLAYED_MERGES):
            some, own = choices[first : first + REPLAYED_MERGES], kept[first : first + REPLAYED_MERGES]
            ranks = pa.array(np.arange(rank, rank + int(own.sum()), dtype=np.int32))
            rank += len(ranks)
            served = names.take(pa.array(np.where(some.language == ALL, n, some.language)[own]))
            lengths: pa.Array = pa.nulls(len(ranks), tokens)
            if judged is not None:
                columns = [pa.array(column) for column in judged.apply(some)[own].T]
                lengths = pa.StructArray.from_arrays(columns, fields=list(tokens))
            writer.write_table(pa.table([ranks, served, lengths], schema=schema))
    served_by = np.bincount(choices.language[choices.language != ALL], minlength=n).tolist()
    facts: dict[str, Any] = {"served": dict(zip(plan.languages, served_by, strict=True))}
    if judged is not None:
        facts["tokens"] = dict(zip(plan.languages, judged.lengths.tolist(), strict=True))
    return facts


class _Judged:
    """Parallel text to which merges are applied; `lengths`: its tokens now, int64 by language."""

    def __init__(self, text: LanguageWords, languages: int, start: Tokenizer, max_token_length: int | None) -> None:
        self._shard = Shard(text.words, text.counts, start.byte_ids, max_token_length, text.languages)
        self.lengths = text.lengths(languages)
        self.apply(start.merges)

    def apply(self, merges: Merges) -> I64:
        """Apply merges; return the tokens before each, int64[merges, languages]."""
        changes = self._shard.apply(merges)
        first, before = self._shard.applied - len(merges), self.lengths
        changed = saved_by_step([changes], first, len(merges), len(before)).cumsum(axis=0)
        lengths: I64 = np.concatenate([before[None], before + changed])
        self.lengths = lengths[-1]
        return lengths[:-1]


def selection_of(plan: ParityPlan, start: Tokenizer, max_token_length: int | None) -> "partial[ParitySelection]":
    """Return a maker of the selection that can be sent to workers."""
    return partial(plan.selection, start, max_token_length)
