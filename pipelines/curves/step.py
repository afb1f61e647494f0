"""One tokenizer at all its sizes, in every language of a parallel text."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from operators.arrays import I64
from operators.curves.tokens_by_size import Curve, measure_curve, vocabulary_sizes
from operators.encoding.encode import Encoder
from operators.errors import DataError
from operators.text.pretokenize import Pretokenizer
from operators.tokenizer import Tokenizer
from operators.word_table import WordCounter
from pipelines.corpus.bad_records import BAD_RECORDS, OnBadRecord
from pipelines.corpus.sources import InputFile
from pipelines.curves.tables import curve_table, owners, target_row
from pipelines.engines.engine import Engine
from pipelines.engines.run_stats import run_of
from pipelines.outputs import Manifest, Output, describe_inputs, fingerprint, replacing, write_table
from pipelines.parallel_text.reading import Parallel, read_parallel
from pipelines.parallel_text.selection import SELECTED
from pipelines.parallel_text.texts import ReadTask
from pipelines.progress import Progress
from pipelines.tokenizers import tokenizer_fingerprint

CURVES: Final = "curves.parquet"
SIZES: Final = "sizes.parquet"


class BadTarget(DataError):
    """A number of tokens that no vocabulary can be asked for."""

    def __init__(self, target: int) -> None:
        super().__init__(target)
        self.target = target

    def __str__(self) -> str:
        return f"curves: a target of {self.target} tokens; give what the whole text should come to, 1 or more"


class CurveBroken(DataError):
    """Merges alone do not give the tokens of a text."""

    def __init__(self, language: str, by_merges: int, encoded: int) -> None:
        super().__init__(language, by_merges, encoded)
        self.language, self.by_merges, self.encoded = language, by_merges, encoded

    def __str__(self) -> str:
        return (
            f"curves: the merges make {self.by_merges:,} tokens of the text in {self.language}, encoding "
            f"{self.encoded:,}; does it spell added tokens? Leave those documents out"
        )


@dataclass(frozen=True)
class CurveTask:
    """One language to measure."""

    parallel: Parallel
    language: str
    tokenizer: Tokenizer

    @property
    def path(self) -> str:
        """What it is about, for messages."""
        return self.language


@dataclass(frozen=True)
class Measured:
    """A language's curve, and its text's size."""

    curve: Curve
    bytes: int
    characters: int


def words_of(text: pa.LargeStringArray, pretokenizer: str) -> tuple[pa.LargeBinaryArray, I64]:
    """The distinct words of documents, and their counts."""
    counter = WordCounter()
    counter.add(Pretokenizer(pretokenizer).split(text), pa.repeat(pa.scalar("", pa.string()), len(text)))
    words, counts, _ = counter.table("").sorted()
    return words, counts


def measure(task: CurveTask) -> Measured:
    """The curve of a language's common documents."""
    text = task.parallel.evaluated(task.language)
    words, counts = words_of(text, task.tokenizer.pretokenizer)
    curve = measure_curve(words, counts, task.tokenizer)
    encoded = int(Encoder(task.tokenizer).count(text).sum())
    if encoded != curve.tokens[-1]:  # an added token in the text, which no merge makes
        raise CurveBroken(task.language, int(curve.tokens[-1]), encoded)
    return Measured(curve, int(pc.sum(pc.binary_length(text)).as_py()), int(pc.sum(pc.utf8_length(text)).as_py()))


def measure_curves(
    files: list[InputFile],
    tokenizer: Tokenizer,
    output: Output,
    engine: Engine,
    progress: Progress,
    *,
    baseline: str,
    languages: tuple[str, ...] | None = None,
    target: int | None = None,
    on_bad_record: OnBadRecord = "fail",
) -> Manifest:
    """curves.parquet and sizes.parquet in `output` (docs/reference/outputs.md). Skipped when they are there already.

    `target` of None: the baseline's tokens with the whole vocabulary. Raises BadTarget, and what reading and selecting
    raise.
    """
    if target is not None and target < 1:
        raise BadTarget(target)
    settings = {
        "tokenizer": tokenizer_fingerprint(tokenizer), "baseline": baseline, "target": target,
        "languages": sorted(languages) if languages is not None else None, "on_bad_record": on_bad_record,
    }  # fmt: skip
    inputs = describe_inputs(files)
    name = fingerprint("curves", settings, inputs)
    if (done := output.current(name)) is not None:
        progress.note(f"curves: unchanged, kept ({output.directory})")
        return done
    began, directory = time.monotonic(), output.directory
    scratch = [ReadTask(file, i, on_bad_record, directory).name for i, file in enumerate(files)] + [SELECTED]
    output.begin([*scratch, CURVES, SIZES, BAD_RECORDS])
    parallel, bad = read_parallel(files, baseline, languages, on_bad_record, directory, engine, progress)
    names = sorted(parallel.selection.bytes)
    tasks = [CurveTask(parallel, language, tokenizer) for language in names]
    found: dict[str, Measured] = {}
    with progress.stage("measure curves", len(tasks), "languages") as advance:
        for index, measured in engine.run(measure, tasks):
            found[names[index]] = measured
            advance(1)
    facts = _write(found, tokenizer, baseline, target, parallel, directory)
    for one in scratch:
        (directory / one).unlink(missing_ok=True)
    written = [CURVES, SIZES]
    if on_bad_record == "skip":
        written.append(BAD_RECORDS)
        with replacing(directory / BAD_RECORDS) as part:
            pq.write_table(bad, part)
    return output.finish(name, settings, inputs, written, facts | {"bad_records": len(bad)}, run_of(engine, began))


def _write(
    found: dict[str, Measured], tokenizer: Tokenizer, baseline: str, target: int | None, parallel: Parallel,
    directory: Path,
) -> dict[str, Any]:  # fmt: skip
    curves = {language: one.curve for language, one in found.items()}
    sizes = vocabulary_sizes(tokenizer)
    write_table(curve_table(curves, dict.fromkeys(curves, sizes)), directory / CURVES)
    goal = int(curves[baseline].tokens[-1]) if target is None else target
    owned = owners(curves, {language: one.bytes for language, one in found.items()})
    rows = [
        {"language": language, "documents": parallel.selection.documents, "characters": found[language].characters,
         "bytes": found[language].bytes, "tokens": int(curve.tokens[-1]), **target_row(curve, sizes, goal),
         "owned_merges": owned[language], "owned_share": owned[language] / max(1, len(tokenizer.merges))}
        for language, curve in sorted(curves.items())
    ]  # fmt: skip
    schema = {"vocabulary": pl.Float64, "extrapolated": pl.Boolean, "reason": pl.String}
    schema |= dict.fromkeys(("fit_floor", "fit_scale", "fit_slope", "fit_error"), pl.Float64)
    write_table(pl.DataFrame(rows, schema_overrides=schema), directory / SIZES)
    return {
        "languages": len(curves), "documents": parallel.selection.documents,
        "repeated_documents": parallel.selection.repeated, "target": goal,
        "vocabulary": int(sizes[-1]), "reached": int(sum(row["extrapolated"] is False for row in rows)),
        "nobodys_merges": len(tokenizer.merges) - int(np.sum(list(owned.values()))),
    }  # fmt: skip
