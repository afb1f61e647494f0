"""A tokenizer for each language of a parallel text: what each pays at equal sizes, and at sizes that make it equal."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from operators.arrays import I64, padded, word_buffers
from operators.curves.tokens_by_size import measure_curve, vocabulary_sizes
from operators.encoding.encode import Encoder
from operators.encoding.word_encoder import WordEncoder
from operators.errors import DataError
from operators.text.pretokenize import PreTokens
from operators.tokenizer import Merges, Tokenizer
from operators.training.extension import extend
from operators.training.in_memory import train_words
from pipelines.corpus.bad_records import BAD_RECORDS
from pipelines.corpus.sources import InputFile
from pipelines.curves.step import CURVES, words_of
from pipelines.engines.engine import Engine
from pipelines.engines.run_stats import run_of
from pipelines.outputs import Manifest, Output, Run, describe_inputs, fingerprint, replacing
from pipelines.parallel_text.reading import Parallel, read_parallel
from pipelines.parallel_text.selection import SELECTED
from pipelines.parallel_text.texts import ReadTask
from pipelines.progress import Progress
from pipelines.sweep.swept import Sweeping, Swept
from pipelines.sweep.tables import MODEL, PREDICTORS, SWEEP, write_sweep
from pipelines.tokenizers import TOKENIZER_FILES, save_tokenizer

TOKENIZERS: Final = "tokenizers"
WHITE_SPACE: Final = "[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
"""Unicode's property White_Space, as a regular expression."""
SWEPT: Final = (SWEEP, CURVES, PREDICTORS, MODEL)


class NothingToLearn(DataError):
    """A language whose text has no pair of bytes to merge."""

    def __init__(self, language: str, train_on: str) -> None:
        super().__init__(language, train_on)
        self.language, self.train_on = language, train_on

    def __str__(self) -> str:
        where = "documents that are not compared" if self.train_on == "others" else "text"
        return f"sweep: {self.language} has no {where} to train on; leave it out with --languages, or give it more text"


@dataclass(frozen=True)
class SweepTask:
    """One language to train and to measure."""

    parallel: Parallel
    language: str
    how: Sweeping
    into: Path
    fingerprint: str

    @property
    def path(self) -> str:
        """What it is about, for messages."""
        return self.language


def tokenizer_directory(into: Path, language: str) -> Path:
    """Where a language's tokenizer is written; a name that is no folder's is spelled with percent signs."""
    name = quote(language, safe=" +@=,")
    return into / TOKENIZERS / (name.replace(".", "%2E") if name.strip(".") == "" else name)


def sweep_language(task: SweepTask) -> Swept:
    """Train a tokenizer on one language's text, write it, and measure it on the compared documents."""
    how, parallel = task.how, task.parallel
    training = parallel.all(task.language) if how.train_on == "all" else parallel.others(task.language)
    words, counts = words_of(training, how.pretokenizer)
    directory = tokenizer_directory(task.into, task.language)
    directory.mkdir(parents=True, exist_ok=True)
    with Output(directory, "tokenizer") as output:
        tokenizer = _trained(words, counts, how)
        if not len(tokenizer.merges):
            raise NothingToLearn(task.language, how.train_on)
        output.begin(list(TOKENIZER_FILES))
        saved = save_tokenizer(tokenizer, directory)
        facts = {"pretokenizer": how.pretokenizer, "vocabulary": len(tokenizer.tokens), "merges": len(tokenizer.merges)}
        facts |= {"mixture": {task.language: 1.0}}
        settings = {"vocabulary_size": how.vocab_size, "language": task.language}
        run = Run(engine="none", workers=1, seconds=0.0)
        output.finish(task.fingerprint, settings, [], saved.files, facts, run)
    text = parallel.evaluated(task.language)
    own, own_counts = words_of(text, how.pretokenizer)
    used = _used(words, tokenizer) & _used(own, tokenizer)
    spaces = pc.count_substring_regex(text, WHITE_SPACE)
    return Swept(
        curve=measure_curve(own, own_counts, tokenizer),
        sizes=vocabulary_sizes(tokenizer),
        tokens=Encoder(tokenizer).count(text),
        bytes=_sum(pc.binary_length(text)),
        characters=_sum(pc.utf8_length(text)),
        whitespace=_sum(spaces),
        overlap=float(used.mean()),
        train_bytes=_sum(pc.binary_length(training)),
    )


def _sum(numbers: pa.Array) -> int:
    return int(pc.sum(numbers, min_count=0).as_py())


def _trained(words: pa.LargeBinaryArray, counts: I64, how: Sweeping) -> Tokenizer:
    start = Tokenizer(how.pretokenizer, (), Merges.from_rows([]))
    return extend(start, train_words(words, counts, how.vocab_size, start=start))[0]


def _used(words: pa.LargeBinaryArray, tokenizer: Tokenizer) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which tokens these words are encoded with."""
    offsets, data = word_buffers(words)
    documents = np.array([0, len(words)], np.int64)
    pieces = PreTokens(padded(data, 0), offsets[1:], documents, np.array([0, len(data)], np.int64))
    used = np.zeros(len(tokenizer.tokens), np.bool_)
    used[WordEncoder(tokenizer).encode(pieces)[0]] = True
    return used


def sweep(files: list[InputFile], output: Output, engine: Engine, progress: Progress, how: Sweeping) -> Manifest:
    """sweep.parquet and its companions (docs/reference/outputs.md) in `output`. Skipped when they are there already.

    Raises NothingToLearn, and what reading and selecting raise.
    """
    settings = asdict(how) | {"languages": sorted(how.languages) if how.languages is not None else None}
    inputs = describe_inputs(files)
    name = fingerprint("sweep", settings, inputs)
    if (done := output.current(name)) is not None:
        progress.note(f"sweep: unchanged, kept ({output.directory})")
        return done
    began, directory = time.monotonic(), output.directory
    scratch = [ReadTask(file, i, how.on_bad_record, directory).name for i, file in enumerate(files)] + [SELECTED]
    output.begin([*scratch, *SWEPT, BAD_RECORDS])
    parallel, bad = read_parallel(files, how.baseline, how.languages, how.on_bad_record, directory, engine, progress)
    names = sorted(parallel.selection.bytes, key=lambda one: (-_bytes(parallel, one), one))  # the longest first
    mark = fingerprint("swept", settings, inputs)
    tasks = [SweepTask(parallel, language, how, directory, mark) for language in names]
    found: dict[str, Swept] = {}
    with progress.stage("train and measure", len(tasks), "languages") as advance:
        for index, one in engine.run(sweep_language, tasks):
            found[names[index]] = one
            advance(1)
    facts: dict[str, Any] = write_sweep(found, how, directory)
    for old in scratch:
        (directory / old).unlink(missing_ok=True)
    written = list(SWEPT)
    if how.on_bad_record == "skip":
        written.append(BAD_RECORDS)
        with replacing(directory / BAD_RECORDS) as part:
            pq.write_table(bad, part)
    facts |= {
        "languages": len(found),
        "documents": parallel.selection.documents,
        "repeated_documents": parallel.selection.repeated,
        "bad_records": len(bad),
    }
    return output.finish(name, settings, inputs, written, facts, run_of(engine, began))


def _bytes(parallel: Parallel, language: str) -> int:
    return sum(one.bytes.get(language, 0) for one in parallel.texts)
