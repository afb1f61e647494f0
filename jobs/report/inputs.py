"""What a report is drawn from, gathered from the outputs of other steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from jobs.report.runs import run_table
from jobs.report.settings import Report
from operators.errors import DataError
from pipelines.mixture.step import MERGES, MIXTURE, SENSITIVITY
from pipelines.outputs import Manifest, read_manifest, read_run
from pipelines.premiums.tables import PREMIUMS

EXAMPLES = "examples.parquet"
NAMES = "languages.json"
"""Beside a corpus: language code to its name in English."""


class InvalidResult(DataError):
    """A finished output whose manifest or tables are not what its step writes."""

    reason: str
    message = "report: a result is not what its step writes ({reason:.200}); remove it and run that step again"


class MissingResult(DataError):
    """A directory that holds no finished output of the step that a report asks for."""

    path: str
    stage: str
    message = "{path}: holds no finished {stage}; run that step first, or leave it out of the report"


@dataclass(frozen=True)
class CurvesFound:
    """Tokens at every vocabulary size, and what was chosen."""

    curves: pl.DataFrame
    """curves.parquet: language, vocabulary, merges, tokens."""
    marks: pl.DataFrame
    """language, vocabulary, tokens: the sizes to mark."""
    target: int | None
    sizes: pl.DataFrame
    """sizes.parquet or sweep.parquet: what the page's table shows."""


@dataclass(frozen=True)
class MixtureAbout:
    """What a mixture rests on."""

    method: str
    """rank or lp."""
    facts: Mapping[str, Any]
    """Of its manifest: merges_used, warning, converged, intervals, groups, ..."""
    merges: pl.DataFrame | None = None
    """merges.parquet: rank, token, text, why, category, expected, occurs."""
    sensitivity: pl.DataFrame | None = None
    """sensitivity.parquet: merges, category, share."""


@dataclass(frozen=True)
class ReportInputs:
    """Tables and figures; each part may be missing."""

    title: str
    names: Mapping[str, str]
    """Language code to its name in English, as far as known."""
    training: Mapping[str, Any] | None = None
    """pretokenizer, vocabulary, merges, rounds, mixture {language: share of bytes}, bytes, words, documents, seconds,
    engine, workers, failures."""
    premiums: pl.DataFrame | None = None
    """premiums.parquet: tokenizer, language, documents, characters, bytes, tokens, premium, low, high, ..."""
    examples: pl.DataFrame | None = None
    """examples.parquet: tokenizer, language, id, tokens (list of bytes) of one document in every language."""
    baseline: str | None = None
    """The language that premiums compare with."""
    mixture: pl.DataFrame | None = None
    """mixture.parquet: category, share, low, high, share_pairs, ..."""
    mixture_about: MixtureAbout | None = None
    curves: CurvesFound | None = None
    """Of one tokenizer."""
    sweep: CurvesFound | None = None
    """Of a tokenizer for each language."""
    compression: pl.DataFrame | None = None
    """language, documents, bytes, tokens of the re-tokenized corpus."""
    runs: pl.DataFrame | None = None
    """How the steps ran (`jobs.report.runs`)."""


def gather(settings: Report) -> tuple[ReportInputs, list[str]]:
    """The inputs, and the fingerprints of the outputs that they come from. Raises MissingResult, InvalidResult."""
    try:
        return _gathered(settings)
    except (KeyError, TypeError, AttributeError, ValueError, pl.exceptions.PolarsError) as error:
        raise InvalidResult(f"{type(error).__name__}: {' '.join(str(error).split())}") from error


def _gathered(settings: Report) -> tuple[ReportInputs, list[str]]:
    made: list[Manifest] = []

    def result(path: str | None, what: str) -> Manifest | None:
        if path is None:
            return None
        manifest = read_manifest(Path(path))
        if manifest is None or manifest.stage != what:
            raise MissingResult(path, what)
        made.append(manifest)
        return manifest

    tokenizer = result(settings.tokenizer, "tokenizer")
    premiums = result(settings.premiums, "premiums")
    mixture = result(settings.mixture, "mixture")
    tokens = result(settings.retokenized, "tokens")
    corpus = result(settings.corpus, "catalogs")
    curves, sweep = result(settings.curves, "curves"), result(settings.sweep, "sweep")
    inputs = ReportInputs(
        title=settings.title,
        names=_names(settings.corpus) if corpus else {},
        training=_training(Path(settings.tokenizer or ""), tokenizer) if tokenizer else None,
        premiums=pl.read_parquet(Path(settings.premiums or "") / PREMIUMS, glob=False) if premiums else None,
        examples=_table(settings.premiums, EXAMPLES),
        baseline=premiums.settings["baseline"] if premiums else None,
        mixture=pl.read_parquet(Path(settings.mixture or "") / MIXTURE, glob=False) if mixture else None,
        mixture_about=_about(settings.mixture, mixture) if mixture else None,
        curves=_curves(Path(settings.curves or ""), curves, "vocabulary", "target") if curves else None,
        sweep=_curves(Path(settings.sweep or ""), sweep, "chosen_vocabulary", "chosen_tokens") if sweep else None,
        compression=_compression(tokens) if tokens else None,
        runs=run_table(_directories(settings)),
    )
    return inputs, [manifest.fingerprint for manifest in made]


def _directories(settings: Report) -> list[tuple[str, Path]]:
    """Steps, and where each wrote how it ran."""
    words = [("count", f"{settings.tokenizer}/words")] if settings.tokenizer else []
    categories = [("count categories", f"{settings.mixture}/words")] if settings.mixture else []
    steps = [
        *words, ("train", settings.tokenizer), ("premiums", settings.premiums), ("curves", settings.curves),
        ("sweep", settings.sweep), *categories, ("mixture", settings.mixture), ("retokenize", settings.retokenized),
    ]  # fmt: skip
    return [(step, Path(directory)) for step, directory in steps if directory is not None]


def _table(directory: str | None, name: str) -> pl.DataFrame | None:
    """A table that a step may have written."""
    path = Path(directory or "") / name
    return pl.read_parquet(path, glob=False) if directory is not None and path.is_file() else None


def _about(directory: str | None, manifest: Manifest) -> MixtureAbout:
    tables = [_table(directory, name) if name in manifest.files else None for name in (MERGES, SENSITIVITY)]
    return MixtureAbout(manifest.settings["method"], manifest.facts, *tables)


def _curves(directory: Path, manifest: Manifest, vocabulary: str, tokens: str) -> CurvesFound:
    """`vocabulary`, `tokens`: the columns of the sizes that are marked."""
    name = "sizes.parquet" if manifest.stage == "curves" else "sweep.parquet"
    sizes = pl.read_parquet(directory / name, glob=False)
    measured = sizes.filter(~pl.col("extrapolated")) if "extrapolated" in sizes.columns else sizes
    marks = measured.select("language", vocabulary=pl.col(vocabulary).cast(pl.Float64), tokens=pl.col(tokens))
    curves = pl.read_parquet(directory / "curves.parquet", glob=False)
    return CurvesFound(curves, marks, manifest.facts["target"], sizes)


def _names(corpus: str | None) -> dict[str, str]:
    file = Path(corpus or "") / NAMES
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str]) if file.is_file() else {}


def _training(directory: Path, manifest: Manifest) -> dict[str, Any]:
    words = read_manifest(directory / "words")
    counted = words.facts["languages"] if words else {}
    used = [counted[language] for language in manifest.facts["mixture"] if language in counted]
    sums = {figure: sum(one[figure] for one in used) for figure in ("bytes", "words")}
    whole = words is not None and len(used) == len(counted)  # documents are not counted by language
    run, counting = read_run(directory), read_run(directory / "words")
    how = msgspec.to_builtins(run) if run else {}
    if counting is not None and run is not None:
        how["seconds"] = run.seconds + counting.seconds
    return {**manifest.facts, **sums, **how, "documents": words.facts["documents"] if words and whole else None}


def _compression(manifest: Manifest) -> pl.DataFrame:
    rows = [{"language": language, **figures} for language, figures in manifest.facts["languages"].items()]
    schema = {"language": pl.String, "documents": pl.Int64, "bytes": pl.Int64, "tokens": pl.Int64}
    return pl.DataFrame(rows, schema)
