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
from pipelines.curves.tables import UNREACHABLE, owners, size_lines, target_row
from pipelines.named_tables import with_names
from pipelines.outputs import Output, describe_inputs, write_table
from pipelines.parallel_text.reading import Parallel, read_parallel
from pipelines.parallel_text.selection import REPEATED, left_out, list_repeated
from pipelines.results import CurvesResult, summarized
from pipelines.stage import Made, Stage, Written, make
from pipelines.tokenizers import load_tokenizer, tokenizer_fingerprint
from pipelines.words.text_words import words_of

SIZES: Final = "sizes.parquet"
FILES: Final = (CURVES, SIZES, REPEATED)


class BadTarget(DataError):
    """A target that is no number of tokens."""

    target: int
    message = "curves: a target of {target} tokens; give the number of tokens of the whole text, 1 or more"


class CurveMismatch(DataError):
    """A text whose tokens by replayed merges are not those of the encoder, such as one that spells added tokens."""

    language: str
    by_merges: int
    encoded: int
    message = (
        "curves: the merges make {by_merges:,} tokens of the text in {language}, encoding makes {encoded:,}; "
        "leave out documents that spell added tokens"
    )


@dataclass(frozen=True)
class CurveTask:
    """One language to measure."""

    parallel: Parallel
    language: str
    tokenizer: Tokenizer

    @property
    def path(self) -> str:
        """Name of the language, for messages."""
        return self.language


@dataclass(frozen=True)
class Measured:
    """Curve of a language, and the size of its text."""

    curve: Curve
    bytes: int
    characters: int


def measure(task: CurveTask) -> Measured:
    """Worker task: measure the curve of a language's common documents. Raises CurveMismatch."""
    text = task.parallel.evaluated(task.language)
    words, counts = words_of(text, task.tokenizer.pretokenizer)
    curve = measure_curve(words, counts, task.tokenizer)
    encoded = int(Encoder(task.tokenizer).count(text).sum())
    if encoded != curve.tokens[-1]:  # an added token in the text, which no merge makes
        raise CurveMismatch(task.language, int(curve.tokens[-1]), encoded)
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
    if beyond := facts["extrapolated"]:
        what += f", {beyond:,} more by an extrapolated size"
    if never := facts["unreachable"]:
        what += f"; {never:,} {UNREACHABLE}"
    last = summarized(made.kept, what + left_out(facts), facts, settings.out)
    sizes = pl.read_parquet(output.directory / SIZES, glob=False)
    summary = "\n".join([*size_lines(sizes), f"all of it: babelmerge show {settings.out}", last])
    return CurvesResult(output.directory, made.manifest, made.kept, summary)


def measure_curves(
    files: Sequence[InputFile], tokenizer: Tokenizer, output: Output, settings: Curves, context: Context
) -> Made:
    """Write curves.parquet and sizes.parquet (docs/reference/outputs.md) to `output`. Kept if up to date.

    Without `target`, it is the number of the baseline's tokens with the whole vocabulary. Raises BadTarget, and what
    reading and selecting raise.
    """
    if settings.target is not None and settings.target < 1:
        raise BadTarget(settings.target)
    hashed = settings.hashed(
        tokenizer=tokenizer_fingerprint(tokenizer),
        languages=None if settings.languages is None else sorted(settings.languages),
        on_bad_record=context.on_bad_record,
    )

    def work(scratch: Path) -> Written:
        parallel, left = read_parallel(files, settings.baseline, settings.languages, scratch, context)
        names = sorted(parallel.selection.bytes)
        tasks = [CurveTask(parallel, language, tokenizer) for language in names]
        by_language: dict[str, Measured] = {}
        with context.progress.stage("measure curves", len(tasks), "languages") as advance:
            for index, measured in context.engine.run(measure, tasks):
                by_language[names[index]] = measured
                advance(1)
        facts = _write(by_language, tokenizer, settings.baseline, settings.target, parallel, output.directory)
        list_repeated(parallel.selection, output.directory)
        return Written(FILES, facts, left)

    stage = Stage("curves", hashed, describe_inputs(list(files)), FILES)
    return make(stage, output, context, work)


def _write(
    found: dict[str, Measured], tokenizer: Tokenizer, baseline: str, target: int | None, parallel: Parallel,
    directory: Path,
) -> dict[str, Any]:  # fmt: skip
    """Write the tables; return the figures for the manifest."""
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
    schema |= dict.fromkeys(("low", "high", "fit_floor", "fit_scale", "fit_slope", "fit_error"), pl.Float64)
    write_table(with_names(pl.DataFrame(rows, schema_overrides=schema)), directory / SIZES)
    return {
        "languages": len(curves), **parallel.selection.facts, "target": goal,
        "vocabulary": int(sizes[-1]), "reached": int(sum(row["extrapolated"] is False for row in rows)),
        "extrapolated": int(sum(row["extrapolated"] is True for row in rows)),
        "unreachable": int(sum((row["reason"] or "").startswith(UNREACHABLE) for row in rows)),
        "nobodys_merges": len(tokenizer.merges) - int(np.sum(list(owned.values()))),
    }  # fmt: skip
