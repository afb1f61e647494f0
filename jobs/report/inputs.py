"""Inputs of a report, gathered from the outputs of other steps."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from jobs.report.design import DesignFound, read_design
from jobs.report.premium_runs import Reference, read_premium_runs
from jobs.report.settings import Report
from jobs.report.superwords import SuperwordsFound, read_superwords
from jobs.report.wording import named
from operators.errors import DataError, UsageError
from pipelines.mixture.step import MERGES, MIXTURE, SENSITIVITY
from pipelines.outputs import Manifest, read_manifest

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


class NothingToReport(UsageError):
    """A report without any result to draw."""

    message = (
        "report: there is nothing to draw; name the output of another command, as in --premiums DIR (or --tokenizer, "
        "--curves, --sweep, --design, --mixture, --retokenized)"
    )


class SeveralResults(UsageError):
    """A kind of result that is given more than once, of which a page shows one."""

    setting: str
    number: int
    paths: list[str]
    message = "{setting}: a report shows one of these, {number} were given ({paths}); make a report of each"


@dataclass(frozen=True)
class CurvesFound:
    """Tokens at every vocabulary size, and the sizes that were chosen."""

    curves: pl.DataFrame
    """curves.parquet: language, vocabulary, merges, tokens."""
    marks: pl.DataFrame
    """language, vocabulary, tokens: the sizes to mark."""
    target: int | None
    sizes: pl.DataFrame
    """sizes.parquet or sweep.parquet, for the table on the page."""


@dataclass(frozen=True)
class MixtureAbout:
    """Method, facts and companion tables of an inferred mixture."""

    method: str
    """rank or lp."""
    facts: Mapping[str, Any]
    """Facts of its manifest: merges_used, warning, converged, intervals, groups, ..."""
    merges: pl.DataFrame | None = None
    """merges.parquet: rank, token, text, why, category, expected, occurs."""
    sensitivity: pl.DataFrame | None = None
    """sensitivity.parquet: merges, category, share."""


@dataclass(frozen=True)
class ReportInputs:
    """Tables and figures of a report; each part may be missing."""

    title: str
    names: Mapping[str, str]
    """Language code to its name in English, where the corpus has names of its own; else the names are CLDR's."""
    training: Mapping[str, Any] | None = None
    """pretokenizer, vocabulary, merges, rounds, mixture {language: share of bytes}, bytes, words, documents.
    Nothing that depends on the clock or the machine: equal results give equal pages."""
    premiums: pl.DataFrame | None = None
    """premiums.parquet: tokenizer, language, documents, characters, bytes, tokens, premium, low, high, ..."""
    examples: pl.DataFrame | None = None
    """examples.parquet: tokenizer, language, id, tokens (list of bytes) of one document in every language."""
    changes: pl.DataFrame | None = None
    """changes.parquet: tokenizer, language, documents, old, new, change, low, high, method, verdict, old_tokenizer."""
    tokenizers: pl.DataFrame | None = None
    """tokenizers.parquet: tokenizer, languages, mean_premium, gini_lines, worst_language, best_language, ..."""
    baseline: str | None = None
    """The language that premiums compare with."""
    mixture: pl.DataFrame | None = None
    """mixture.parquet: category, share, low, high, share_pairs, ..."""
    mixture_about: MixtureAbout | None = None
    curves: CurvesFound | None = None
    """Curves of one tokenizer."""
    sweep: CurvesFound | None = None
    """Curves of a tokenizer for each language."""
    design: DesignFound | None = None
    superwords: SuperwordsFound | None = None
    """Superwords of the trained tokenizer."""
    references: tuple[Reference, ...] = ()
    """The compared tokenizers, or the one that was trained, which the page cuts text with."""
    steps: tuple[tuple[str, str], ...] = ()
    """Stage and fingerprint of each result that the page was made of."""
    compression: pl.DataFrame | None = None
    """language, documents, bytes, tokens of the re-tokenized corpus."""

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Code of each language and category on the page to its number, in the order of their names."""
        curves = [one.curves for one in (self.curves, self.sweep) if one is not None]
        design = [] if self.design is None else [self.design.languages]
        tables = [self.premiums, self.changes, self.compression, *curves, *design]
        codes = {code for table in tables if table is not None for code in table["language"].unique()}
        codes |= set([] if self.mixture is None else self.mixture["category"])
        ordered = sorted((code for code in codes if code is not None), key=lambda code: (named(code, self.names), code))
        return {code: place for place, code in enumerate(ordered)}

    @cached_property
    def tokenizer_places(self) -> Mapping[str, int]:
        """Name of each compared tokenizer to its number, in the order of the names."""
        names = [] if self.premiums is None else self.premiums["tokenizer"].unique().sort().to_list()
        return {name: place for place, name in enumerate(names)}


def gather(settings: Report) -> tuple[ReportInputs, list[str]]:
    """Return the inputs, and the fingerprints of the outputs that they come from.

    Raises NothingToReport, SeveralResults, MissingResult, DifferentBaselines, InvalidResult.
    """
    try:
        return _gathered(settings)
    except (KeyError, TypeError, AttributeError, ValueError, pl.exceptions.PolarsError) as error:
        raise InvalidResult(f"{type(error).__name__}: {' '.join(str(error).split())}") from error


def _gathered(settings: Report) -> tuple[ReportInputs, list[str]]:
    made: list[Manifest] = []

    def result(path: str, what: str) -> tuple[Path, Manifest]:
        manifest = read_manifest(Path(path))
        if manifest is None or manifest.stage != what:
            raise MissingResult(path, what)
        made.append(manifest)
        return Path(path), manifest

    def one(name: str, what: str) -> tuple[Path, Manifest] | None:
        paths = directories(getattr(settings, name))
        if len(paths) > 1:
            raise SeveralResults(name, len(paths), paths)
        return result(paths[0], what) if paths else None

    tokenizer = one("tokenizer", "tokenizer")
    runs = read_premium_runs([result(path, "premiums") for path in directories(settings.premiums)])
    mixture, tokens, corpus = one("mixture", "mixture"), one("retokenized", "tokens"), one("corpus", "catalogs")
    curves, sweep = one("curves", "curves"), one("sweep", "sweep")
    design = one("design", "design")
    if not made or made == [corpus and corpus[1]]:
        raise NothingToReport()
    inputs = ReportInputs(
        title=settings.title or "",
        names=_names(corpus[0]) if corpus else {},
        training=_training(*tokenizer) if tokenizer else None,
        premiums=runs.premiums,
        examples=runs.examples,
        changes=runs.changes,
        tokenizers=runs.tokenizers,
        baseline=runs.baseline,
        mixture=pl.read_parquet(mixture[0] / MIXTURE, glob=False) if mixture else None,
        mixture_about=_about(*mixture) if mixture else None,
        curves=_curves(*curves, "vocabulary", "target") if curves else None,
        sweep=_curves(*sweep, "chosen_vocabulary", "chosen_tokens") if sweep else None,
        superwords=read_superwords(tokenizer[0], tokenizer[1].facts, runs.references) if tokenizer else None,
        design=read_design(*design) if design else None,
        compression=_compression(tokens[1]) if tokens else None,
        steps=tuple((one.stage, one.fingerprint) for one in made),
        references=runs.references or _trained(tokenizer),
    )
    return inputs, [manifest.fingerprint for manifest in made]


def _trained(tokenizer: tuple[Path, Manifest] | None) -> tuple[Reference, ...]:
    return () if tokenizer is None else (Reference(tokenizer[0].resolve().name, str(tokenizer[0]), None),)


def directories(given: list[str] | str | None) -> list[str]:
    """Return the directories of a setting, each once, in their order."""
    return list(dict.fromkeys([given] if isinstance(given, str) else given or []))


def _about(directory: Path, manifest: Manifest) -> MixtureAbout:
    tables = [
        pl.read_parquet(directory / name, glob=False) if name in manifest.files else None
        for name in (MERGES, SENSITIVITY)
    ]
    return MixtureAbout(manifest.settings["method"], manifest.facts, *tables)


def _curves(directory: Path, manifest: Manifest, vocabulary: str, tokens: str) -> CurvesFound:
    """`vocabulary`, `tokens`: the columns of the sizes that are marked."""
    name = "sizes.parquet" if manifest.stage == "curves" else "sweep.parquet"
    sizes = pl.read_parquet(directory / name, glob=False)
    measured = sizes.filter(~pl.col("extrapolated")) if "extrapolated" in sizes.columns else sizes
    marks = measured.select("language", vocabulary=pl.col(vocabulary).cast(pl.Float64), tokens=pl.col(tokens))
    curves = pl.read_parquet(directory / "curves.parquet", glob=False)
    return CurvesFound(curves, marks, manifest.facts["target"], sizes)


def _names(corpus: Path) -> dict[str, str]:
    file = corpus / NAMES
    return msgspec.json.decode(file.read_bytes(), type=dict[str, str]) if file.is_file() else {}


def _training(directory: Path, manifest: Manifest) -> dict[str, Any]:
    words = read_manifest(directory / "words")
    counted = words.facts["languages"] if words else {}
    used = [counted[language] for language in manifest.facts["mixture"] if language in counted]
    sums = {figure: sum(one[figure] for one in used) for figure in ("bytes", "words")}
    whole = words is not None and len(used) == len(counted)  # documents are not counted by language
    return {**manifest.facts, **sums, "documents": words.facts["documents"] if words and whole else None}


def _compression(manifest: Manifest) -> pl.DataFrame:
    rows = [{"language": language, **figures} for language, figures in manifest.facts["languages"].items()]
    schema = {"language": pl.String, "documents": pl.Int64, "bytes": pl.Int64, "tokens": pl.Int64}
    return pl.DataFrame(rows, schema)
