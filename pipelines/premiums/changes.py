"""changes.parquet: premiums against those of an earlier run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from operators.errors import DataError
from operators.metrics.premiums import changes
from pipelines.outputs import read_manifest
from pipelines.premiums.settings import Premiums
from pipelines.premiums.tables import DOCUMENTS, PREMIUMS, matrices

CHANGES: Final = "changes.parquet"
BETTER: Final = "better"
WORSE: Final = "worse"
SAME: Final = "same"
ROUNDING: Final = 1e-9
"""Largest relative difference from 1 that counts as no change."""


class NotComparable(DataError):
    """An earlier run that the new run cannot be compared with."""

    path: str
    reason: str
    message = "--against {path}: {reason}"


@dataclass(frozen=True)
class OldRun:
    """An earlier output of `premiums`."""

    directory: Path
    fingerprint: str
    tokenizers: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    """Places of the tokenizers to compare: in the new run, in the old run."""


def read_old_run(directory: Path, out: Path, tokenizers: Sequence[str], baseline: str) -> OldRun:
    """Return the earlier run in `directory`, with the pairs of tokenizers to compare.

    Tokenizers of the same name are compared. If each run has only one tokenizer, these two are compared, whatever their
    names. Raises NotComparable if `directory` holds no finished run of premiums, if that run has another baseline or
    none of the tokenizers, or if `directory` is `out`, which the new run overwrites.
    """
    if directory == out:
        raise NotComparable(str(directory), "is the output directory, which this run overwrites; name another --out")
    manifest = read_manifest(directory)
    if manifest is None or manifest.stage != "premiums":
        raise NotComparable(str(directory), "holds no finished run of premiums; name the output directory of one")
    if manifest.settings["baseline"] != baseline:
        reason = f"its baseline is {manifest.settings['baseline']}, not {baseline}; name a run with the same baseline"
        raise NotComparable(str(directory), reason)
    old = tuple(name for name, _ in manifest.settings["tokenizers"])
    pairs = tuple((i, old.index(name)) for i, name in enumerate(tokenizers) if name in old)
    if not pairs and len(old) == len(tokenizers) == 1:
        pairs = ((0, 0),)
    if not pairs:
        raise NotComparable(
            str(directory), f"has none of these tokenizers, but {', '.join(old)}; tokenizers are compared by name"
        )
    return OldRun(directory, manifest.fingerprint, old, pairs)


def change_table(
    premiums: pl.DataFrame, documents: pl.DataFrame, tokenizers: Sequence[str], run: OldRun, settings: Premiums
) -> pl.DataFrame:
    """Return changes.parquet: one row for each tokenizer and language that both runs have.

    `change` is the new premium divided by the old one. Both premiums are ratios of sums over the documents that both
    runs counted. The interval is from a bootstrap that draws the same documents for both runs (`method` "documents").
    If the old run has no counts of documents, or the runs share no document of the baseline, `method` is "intervals":
    the premiums are those of the two tables, and a difference is a change if their intervals do not overlap.
    `verdict`: better, worse or same; null if there is no interval.
    """
    path = run.directory / DOCUMENTS
    old_documents = pl.read_parquet(path, glob=False) if path.is_file() else None
    old_premiums = pl.read_parquet(run.directory / PREMIUMS, glob=False)
    tables = []
    for new, old in run.pairs:
        table = None
        if old_documents is not None:
            both = documents.select("language", "id", new=f"tokens_{new}").join(
                old_documents.select("language", "id", old=f"tokens_{old}"),
                on=["language", "id"],
                maintain_order="left",
            )
            table = _by_documents(both, settings)
        if table is None:
            table = _by_intervals(premiums, tokenizers[new], old_premiums, run.tokenizers[old])
        named = pl.lit(tokenizers[new]).alias("tokenizer"), pl.lit(run.tokenizers[old]).alias("old_tokenizer")
        tables.append(table.select(named[0], pl.all(), named[1]))
    return pl.concat(tables)


def _by_documents(both: pl.DataFrame, settings: Premiums) -> pl.DataFrame | None:
    """Return the changes over the documents of both runs; None if the baseline has none of these documents."""
    languages = both["language"].unique().sort().to_list()
    if settings.baseline not in languages:
        return None
    amounts, there = matrices(both, languages, ["new", "old"])
    baseline = languages.index(settings.baseline)
    shared = there & there[:, [baseline]]
    estimate = changes(amounts["new"], amounts["old"], there, baseline, settings.resamples)
    sums = {name: (one * shared).sum(0) for name, one in amounts.items()}
    against = {name: (one[:, [baseline]] * shared).sum(0) for name, one in amounts.items()}
    table = pl.DataFrame(
        {
            "language": languages,
            "documents": shared.sum(0),
            "old": sums["old"] / against["old"],
            "new": sums["new"] / against["new"],
            "change": estimate.value,
            "low": estimate.low,
            "high": estimate.high,
        }
    ).with_columns(pl.selectors.float().fill_nan(None))
    return table.with_columns(
        method=pl.lit("documents"), verdict=_verdict(pl.col("high") < 1 - ROUNDING, pl.col("low") > 1 + ROUNDING)
    )


def _by_intervals(premiums: pl.DataFrame, new: str, old_premiums: pl.DataFrame, old: str) -> pl.DataFrame:
    """Return the changes between two premium tables; `low` and `high` of the change are null."""
    names = ["language", "documents", "premium", "low", "high"]
    before = old_premiums.filter(pl.col("tokenizer") == old).select(names)
    after = premiums.filter(pl.col("tokenizer") == new).select(
        "language", "documents", premium="premium_documents", low="low_documents", high="high_documents"
    )
    return after.join(before, on="language", suffix="_old", maintain_order="left").select(
        "language",
        pl.min_horizontal("documents", "documents_old").alias("documents"),
        pl.col("premium_old").alias("old"),
        pl.col("premium").alias("new"),
        (pl.col("premium") / pl.col("premium_old")).alias("change"),
        pl.lit(None, pl.Float64).alias("low"),
        pl.lit(None, pl.Float64).alias("high"),
        pl.lit("intervals").alias("method"),
        _verdict(pl.col("high") < pl.col("low_old"), pl.col("low") > pl.col("high_old")),
    )


def _verdict(better: pl.Expr, worse: pl.Expr) -> pl.Expr:
    """Return the column `verdict`; null where `better` or `worse` is null."""
    named = pl.when(better).then(pl.lit(BETTER)).when(worse).then(pl.lit(WORSE)).otherwise(pl.lit(SAME))
    return pl.when(better.is_not_null() & worse.is_not_null()).then(named).alias("verdict")
