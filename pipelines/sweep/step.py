"""The step `sweep`: a tokenizer for each language of a parallel text, compared at equal sizes and at equal tokens."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.arrays import I64, padded, word_buffers
from operators.curves.tokens_by_size import measure_curve, vocabulary_sizes
from operators.encoding.encode import Encoder
from operators.encoding.word_encoder import WordEncoder
from operators.errors import DataError
from operators.redaction import shown
from operators.superwords.cuts import count_cut_words
from operators.superwords.in_memory import train_superwords
from operators.superwords.limits import SuperwordLimits
from operators.superwords.rules import SUPERBPE, second_stage
from operators.superwords.sequences import SecondStage
from operators.text.pretokenize import Pretokenizer, PreTokens, require_unambiguous
from operators.tokenizer import Merges, Tokenizer
from operators.training.extension import extend
from operators.training.in_memory import train_words
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile
from pipelines.curve_table import CURVES
from pipelines.outputs import Output, Run, describe_inputs, fingerprint
from pipelines.parallel_text.reading import Parallel, read_parallel
from pipelines.parallel_text.selection import REPEATED, left_out, list_repeated
from pipelines.results import SweepResult, summarized
from pipelines.settings import BadSettings
from pipelines.stage import Made, Stage, Written, make
from pipelines.sweep.language_sweep import LanguageSweep, SuperwordTokens
from pipelines.sweep.settings import Sweep
from pipelines.sweep.tables import MODEL, PREDICTORS, SUPERWORDS, SWEEP, write_sweep
from pipelines.tokenizers import TOKENIZER_FILES, save_tokenizer
from pipelines.train.superword_cuts import cuts_warning
from pipelines.train.superword_settings import USUAL_SIGNS, USUAL_TRANSITION, USUAL_WORDS
from pipelines.words.text_words import words_of

TOKENIZERS: Final = "tokenizers"
WHITE_SPACE: Final = "[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""Regular expression of the characters with Unicode's property White_Space."""
SUPERWORD_TOKENIZER: Final = "superwords"
"""Folder of a tokenizer with superwords, in that of the language's tokenizer of words."""
SWEPT: Final = (SWEEP, CURVES, PREDICTORS, MODEL, REPEATED)
_BYTES: Final = 256
LONGEST_NAME: Final = 200
"""Characters of a folder's name; file systems allow 255 bytes."""


class NothingToLearn(DataError):
    """A language whose text has no pair of bytes to merge. `train_on`: the setting."""

    language: str
    train_on: str

    def __str__(self) -> str:
        missing = "documents that are not compared" if self.train_on == "others" else "text"
        return f"sweep: {shown(self.language)} has no {missing} to train on; leave it out with --languages, or add text"


@dataclass(frozen=True)
class SweepTask:
    """One language to train and to measure."""

    parallel: Parallel
    language: str
    settings: Sweep
    into: Path
    fingerprint: str

    @property
    def path(self) -> str:
        """Name of the language, for messages."""
        return self.language


def tokenizer_directory(into: Path, language: str) -> Path:
    """Return the directory of a language's tokenizer; characters that no folder's name may hold are percent-encoded.

    A name that is too long for a folder ends in a hash of the language.
    """
    name = quote(language, safe=" +@=,")
    if len(name) > LONGEST_NAME:
        digest = hashlib.sha256(language.encode()).hexdigest()[:16]
        name = f"{name[: LONGEST_NAME - len(digest) - 1]}~{digest}"
    return into / TOKENIZERS / (name.replace(".", "%2E") if name.strip(".") == "" else name)


def sweep_language(task: SweepTask) -> LanguageSweep:
    """Worker task: train a tokenizer on one language's text, write it, and measure it on the compared documents."""
    settings, parallel = task.settings, task.parallel
    training = parallel.all(task.language) if settings.train_on == "all" else parallel.others(task.language)
    words, counts = words_of(training, settings.pretokenizer)
    tokenizer = _trained(words, counts, settings)
    if not len(tokenizer.merges):
        raise NothingToLearn(task.language, settings.train_on)
    directory = tokenizer_directory(task.into, task.language)
    _save(tokenizer, directory, task)
    text = parallel.evaluated(task.language)
    superwords = None
    if settings.superwords:
        cut = count_cut_words(words, counts, Pretokenizer(second_regex(settings))) / int(counts.sum())
        joined = _with_superwords(training, tokenizer, settings)
        _save(joined, directory / SUPERWORD_TOKENIZER, task)
        superwords = SuperwordTokens(len(joined.tokens), Encoder(joined).count(text), cut)
    own, own_counts = words_of(text, settings.pretokenizer)
    used = _used(words, tokenizer) & _used(own, tokenizer)
    spaces = pc.count_substring_regex(text, WHITE_SPACE)
    return LanguageSweep(
        curve=measure_curve(own, own_counts, tokenizer),
        sizes=vocabulary_sizes(tokenizer),
        tokens=Encoder(tokenizer).count(text),
        bytes=_sum(pc.binary_length(text)),
        characters=_sum(pc.utf8_length(text)),
        whitespace=_sum(spaces),
        overlap=float(used.mean()),
        train_bytes=_sum(pc.binary_length(training)),
        superwords=superwords,
    )


def _with_superwords(text: pa.LargeStringArray, words: Tokenizer, settings: Sweep) -> Tokenizer:
    """Train a tokenizer with superwords of as many tokens as that of words, whose first merges it has."""
    transition = max(_BYTES, int((settings.transition or USUAL_TRANSITION) * len(words.tokens)))
    stage = SecondStage(words.truncated(transition), second_regex(settings))
    return train_superwords(text, stage, len(words.tokens), SuperwordLimits(USUAL_WORDS, USUAL_SIGNS))


def second_regex(settings: Sweep) -> str:
    """Return the pre-tokenizer of the second stage. Raises NoSpaceRule, BadPattern."""
    regex = second_stage(settings.superword_pretokenizer or SUPERBPE, settings.pretokenizer)
    require_unambiguous(regex)
    return regex


def _save(tokenizer: Tokenizer, directory: Path, task: SweepTask) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    with Output(directory, "tokenizer") as output:
        output.begin(list(TOKENIZER_FILES))
        saved = save_tokenizer(tokenizer, directory)
        counts = {"vocabulary": len(tokenizer.tokens), "merges": len(tokenizer.merges)}
        facts = {"pretokenizer": tokenizer.pretokenizer, **counts, "mixture": {task.language: 1.0}}
        size = {"vocabulary_size": task.settings.vocab_size, "language": task.language}
        run = Run(engine="none", workers=1, seconds=0.0)
        output.finish(task.fingerprint, size, [], saved.files, facts, run)


def _sum(numbers: pa.Array) -> int:
    return int(pc.sum(numbers, min_count=0).as_py())


def _trained(words: pa.LargeBinaryArray, counts: I64, settings: Sweep) -> Tokenizer:
    start = Tokenizer(settings.pretokenizer, (), Merges.from_rows([]))
    return extend(start, train_words(words, counts, settings.vocab_size, start=start))[0]


def _used(words: pa.LargeBinaryArray, tokenizer: Tokenizer) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Return bool[tokens]: True for the tokens that these pre-tokens are encoded with."""
    offsets, data = word_buffers(words)
    documents = np.array([0, len(words)], np.int64)
    pretokens = PreTokens(padded(data, 0), offsets[1:], documents, np.array([0, len(data)], np.int64))
    used = np.zeros(len(tokenizer.tokens), np.bool_)
    used[WordEncoder(tokenizer).encode(pretokens)[0]] = True
    return used


def sweep(settings: Sweep, context: Context) -> SweepResult:
    """Train a tokenizer for each language, and compare them.

    Raises BadSettings, NothingToLearn, and what reading and selecting raise.
    """
    if settings.smallest_size > settings.vocab_size:
        most = settings.vocab_size
        raise BadSettings(
            "smallest_size", f"{settings.smallest_size} is more than vocab_size; give one of at most {most}"
        )
    _check_superwords(settings)
    output = Output(out_directory(settings.out), "sweep")
    files = context.input_files(settings.parallel, output)
    with output:
        made = sweep_files(files, output, settings, context)
    facts = made.manifest.facts
    before, after = facts["variance_before"] ** 0.5, facts["variance_after"] ** 0.5
    what = f"tokenizers of {facts['languages']:,} languages; the standard deviation of their tokens goes from "
    what += (
        f"{before:,.0f} at {facts['vocabulary']:,} to {after:,.0f} at the sizes that aim at {facts['target']:,}"
        + left_out(facts)
    )
    if gained := facts.get("superwords"):
        change = gained["mean_superwords"] / gained["mean_words"] - 1
        what += f"; superwords change the mean number of tokens by {change:+.1%} and their standard deviation from "
        what += f"{before:,.0f} to {gained['variance_superwords'] ** 0.5:,.0f}"
    summary = summarized(made.kept, what, facts, settings.out)
    return SweepResult(output.directory, made.manifest, made.kept, summary)


def _check_superwords(settings: Sweep) -> None:
    """Raise BadSettings, NoSpaceRule or BadPattern where settings of superwords do not fit, before any work."""
    if settings.superwords:
        second_regex(settings)
    else:
        for name in ("transition", "superword_pretokenizer"):
            if getattr(settings, name) is not None:
                raise BadSettings(name, "is of superwords; add --superwords, or leave it out")


def sweep_files(files: Sequence[InputFile], output: Output, settings: Sweep, context: Context) -> Made:
    """Write sweep.parquet and its companions (docs/reference/outputs.md) to `output`. Kept if up to date.

    Raises NothingToLearn, and what reading and selecting raise.
    """
    hashed = settings.hashed(
        languages=None if settings.languages is None else sorted(settings.languages),
        on_bad_record=context.on_bad_record,
    )
    inputs = describe_inputs(list(files))
    files_made = (*SWEPT, SUPERWORDS) if settings.superwords else SWEPT

    def work(scratch: Path) -> Written:
        parallel, left = read_parallel(files, settings.baseline, settings.languages, scratch, context)
        names = sorted(parallel.selection.bytes, key=lambda one: (-_bytes(parallel, one), one))  # the largest first
        mark = fingerprint("swept", hashed, inputs)
        tasks = [SweepTask(parallel, language, settings, output.directory, mark) for language in names]
        swept: dict[str, LanguageSweep] = {}
        with context.progress.stage("train and measure", len(tasks), "languages") as advance:
            for index, one in context.engine.run(sweep_language, tasks):
                swept[names[index]] = one
                advance(1)
        facts: dict[str, Any] = write_sweep(swept, settings, output.directory)
        cut = {name: own.words_cut for name, one in swept.items() if (own := one.superwords) is not None}
        if warning := cuts_warning(cut):
            context.progress.note(f"sweep: {warning}")
        list_repeated(parallel.selection, output.directory)
        facts |= {
            "languages": len(swept),
            **parallel.selection.facts,
        }
        return Written(files_made, facts, left)

    return make(Stage("sweep", hashed, inputs, files_made), output, context, work)


def _bytes(parallel: Parallel, language: str) -> int:
    return sum(one.bytes.get(language, 0) for one in parallel.texts)
