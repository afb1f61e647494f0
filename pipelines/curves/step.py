"""The step `curves`: one tokenizer at all its vocabulary sizes, in every language of a parallel text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow.compute as pc

from operators.curves.tokens_by_size import Curve, measure_curve, vocabulary_sizes
from operators.encoding.encode import Encoder
from operators.errors import DataError
from operators.tokenizer import Tokenizer, require_replayable
from pipelines.context import Context, out_directory
from pipelines.corpus.sources import InputFile
from pipelines.curve_table import CURVES, curve_table
from pipelines.curves.settings import Curves
from pipelines.curves.tables import owners, target_row
from pipelines.outputs import Output, describe_inputs, write_table
from pipelines.parallel_text.reading import Parallel, read_parallel
from pipelines.results import CurvesResult, summarized
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint
from pipelines.words.text_words import words_of

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


def measure(task: CurveTask) -> Measured:
    """The curve of a language's common documents."""
    text = task.parallel.evaluated(task.language)
    words, counts = words_of(text, task.tokenizer.pretokenizer)
    curve = measure_curve(words, counts, task.tokenizer)
    encoded = int(Encoder(task.tokenizer).count(text).sum())
    if encoded != curve.tokens[-1]:  # an added token in the text, which no merge makes
        raise CurveBroken(task.language, int(curve.tokens[-1]), encoded)
    return Measured(curve, int(pc.sum(pc.binary_length(text)).as_py()), int(pc.sum(pc.utf8_length(text)).as_py()))


def curves(settings: Curves, context: Context) -> CurvesResult:
    """Measure one tokenizer at every vocabulary size.

    Raises NotReplayable, and what `measure_curves` and loading the tokenizer raise.
    """
    tokenizer = load_tokenizer(settings.tokenizer)
    require_replayable(tokenizer, settings.tokenizer)
    output = Output(out_directory(settings.out), "curves")
    files = context.input_files(settings.parallel, output)
    with output:
        made = measure_curves(files, tokenizer, output, settings, context)
    facts = made.manifest.facts
    what = f"curves of {facts['languages']:,} languages up to {facts['vocabulary']:,} tokens, "
    what += f"{facts['reached']:,} of which reach {facts['target']:,}"
    summary = summarized(made.kept, what, facts, settings.out)
    return CurvesResult(output.directory, made.manifest, made.kept, summary)


def measure_curves(
    files: Sequence[InputFile], tokenizer: Tokenizer, output: Output, settings: Curves, context: Context
) -> Made:
    """Write curves.parquet and sizes.parquet (docs/reference/outputs.md) to `output`. Kept where they are up to date.

    Without `target`, the baseline's tokens with the whole vocabulary are it. Raises BadTarget, and what reading and
    selecting raise.
    """
    if settings.target is not None and settings.target < 1:
        raise BadTarget(settings.target)
    hashed = settings.hashed(
        tokenizer=tokenizer_fingerprint(tokenizer),
        languages=None if settings.languages is None else sorted(settings.languages),
        on_bad_record=context.on_bad_record,
    )

    def work(scratch: Path) -> Written:
        parallel, bad = read_parallel(files, settings.baseline, settings.languages, scratch, context)
        names = sorted(parallel.selection.bytes)
        tasks = [CurveTask(parallel, language, tokenizer) for language in names]
        found: dict[str, Measured] = {}
        with context.progress.stage("measure curves", len(tasks), "languages") as advance:
            for index, measured in context.engine.run(measure, tasks):
                found[names[index]] = measured
                advance(1)
        facts = _write(found, tokenizer, settings.baseline, settings.target, parallel, output.directory)
        return Written([CURVES, SIZES], facts | {"bad_records": len(bad)}, bad)

    stage = Stage("curves", hashed, describe_inputs(list(files)), [CURVES, SIZES])
    return make(stage, output, context, work)


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
