"""premiums.parquet from counts of documents: ratios of sums, of joined texts, of documents, each with an interval."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from operators.arrays import F64, I64
from operators.metrics.premiums import Mask, Spread, document_ratios, ratios
from operators.statistics.bootstrap import DIFFERING, FEWEST, Estimate, median_ranks
from pipelines.premiums.counting import CountTask, measures_name, tokens_name
from pipelines.premiums.describing import described_name
from pipelines.premiums.settings import Premiums

PREMIUMS: Final = "premiums.parquet"
DOCUMENTS: Final = "documents.parquet"
ALIKE: Final = "nearly all documents have one ratio"
"""Beginning of the reason why texts that are nearly the same have no interval."""
MARKED_ABOVE: Final = 0.1
"""Share of characters that become unknown tokens above which a language is left out of averages (Petrov et al.)."""


@dataclass(frozen=True)
class Counted:
    """Counts of all tasks together."""

    documents: pl.DataFrame
    """language, id, characters, bytes, tokens_0, tokens_1, ... (int64): one row for each language and document, sorted
    by language, then in the baseline's order."""
    measures: list[pl.DataFrame]
    """One table for each tokenizer: `pipelines.premiums.counting.MEASURES` and `script`; rows sorted by language."""


def gather_counts(selected: Path, tasks: Sequence[CountTask]) -> Counted:
    """Read the scratch files of all counting and describing tasks; the groups of languages do not matter."""
    documents = pl.read_parquet(selected, glob=False)
    sizes = dict(documents.group_by("language", maintain_order=True).len().iter_rows())
    starts = dict(zip(sizes, np.cumsum([0, *sizes.values()]), strict=False))
    columns, measures = [], []
    for place in sorted({task.place for task in tasks}):
        tokens, rows = np.empty(len(documents), np.int64), []
        for task in tasks:
            if task.place == place:
                counts = pl.read_parquet(task.into / tokens_name(task.place, task.group), glob=False)[
                    "tokens"
                ].to_numpy()
                first = 0
                for language in task.languages:
                    size = sizes[language]
                    tokens[starts[language] :][:size] = counts[first : first + size]
                    first += size
                measured = pl.read_parquet(task.into / measures_name(task.place, task.group), glob=False)
                scripts = pl.read_parquet(
                    task.into / described_name(task.group), columns=["language", "script"], glob=False
                )
                rows.append(measured.join(scripts, on="language", maintain_order="left"))
        columns.append(pl.Series(f"tokens_{place}", tokens))
        measures.append(pl.concat(rows).sort("language"))
    return Counted(documents.drop("place").with_columns(columns), measures)


def premium_table(counted: Counted, tokenizers: Sequence[str], settings: Premiums) -> pl.DataFrame:
    """Return premiums.parquet: one row for each tokenizer and language."""
    languages = counted.measures[0]["language"].to_list()
    names = ["bytes", "characters", *(f"tokens_{i}" for i in range(len(tokenizers)))]
    amounts, there = matrices(counted.documents, languages, names)
    baseline = languages.index(settings.baseline)
    both = there & there[:, [baseline]]
    sums = {name: np.where(both, one, 0).sum(0).astype(np.int64) for name, one in amounts.items()}
    estimates = dict(zip(names, ratios(list(amounts.values()), there, baseline, settings.resamples), strict=True))
    tables = []
    for i, tokenizer in enumerate(tokenizers):
        spread = document_ratios(amounts[f"tokens_{i}"], there, baseline)
        estimate, joined = estimates[f"tokens_{i}"], counted.measures[i]["joined"].to_numpy().astype(np.float64)
        ways = {
            "documents": (sums[f"tokens_{i}"].astype(np.float64), estimate.value, estimate.low, estimate.high),
            "joined": (joined, *_moved(estimate, joined / joined[baseline])),
            "per-document": (sums[f"tokens_{i}"].astype(np.float64), spread.median, spread.low, spread.high),
        }
        documents = both.sum(0)
        why = _median_reasons(documents) if settings.aggregation == "per-document" else _reasons(documents, estimate)
        tables.append(
            pl.DataFrame(
                {
                    "tokenizer": [tokenizer] * len(languages),
                    "language": languages,
                    "documents": documents,
                    "characters": sums["characters"],
                    "bytes": sums["bytes"],
                    **dict(zip(("tokens", "premium", "low", "high"), ways[settings.aggregation], strict=True)),
                    "reason": pl.Series(why, dtype=pl.String),
                    "tokens_per_byte": sums[f"tokens_{i}"] / sums["bytes"],
                    "premium_bytes": estimates["bytes"].value,
                    "premium_characters": estimates["characters"].value,
                    **_all_ways(ways, spread),
                    "unknown_share": counted.measures[i]["unknown_characters"] / sums["characters"],
                }
            ).with_columns(marked=pl.col("unknown_share") > MARKED_ABOVE)
        )
    known = pl.concat(tables).with_columns(pl.selectors.float().fill_nan(None))
    return known.with_columns(pl.col("tokens", "tokens_documents", "tokens_joined").cast(pl.Int64))


def _reasons(documents: I64, estimate: Estimate) -> list[str | None]:
    """Return why each language has no interval; None where it has one."""
    reasons = list[str | None]()
    for number, low, differing in zip(documents.tolist(), estimate.low, estimate.differing, strict=True):
        if np.isfinite(low):
            reasons.append(None)
        elif number < FEWEST:
            reasons.append(f"{number} documents; an interval takes {FEWEST}")
        elif differing < DIFFERING:
            reasons.append(f"{ALIKE}: {differing:.0f} of {number} differ; an interval takes {DIFFERING}")
        else:
            reasons.append("too few documents with tokens")
    return reasons


def _median_reasons(documents: I64) -> list[str | None]:
    """Return why each language's median has no interval; None where it has one."""
    none = [number if median_ranks(number) is None else None for number in documents.tolist()]
    return [None if number is None else f"{number} documents; the interval of a median takes 6" for number in none]


def _all_ways(ways: dict[str, tuple[F64, F64, F64, F64]], spread: Spread) -> dict[str, F64]:
    """Return the columns of every aggregation, which do not depend on the chosen one."""
    columns = {"tokens_documents": ways["documents"][0], "tokens_joined": ways["joined"][0]}
    for name, (_, premium, low, high) in ways.items():
        short = name.replace("-", "_")
        columns |= {f"premium_{short}": premium, f"low_{short}": low, f"high_{short}": high}
    return columns | {"lower_quartile": spread.lower_quartile, "upper_quartile": spread.upper_quartile}


def _moved(estimate: Estimate, value: F64) -> tuple[F64, F64, F64]:
    """Return `value` with the interval of `estimate`, scaled to it: joining texts adds no randomness of its own."""
    return value, estimate.low * value / estimate.value, estimate.high * value / estimate.value


def matrices(documents: pl.DataFrame, languages: list[str], names: list[str]) -> tuple[dict[str, F64], Mask]:
    """Return columns as matrices float64[documents, languages], and bool[documents, languages] of present documents.

    Rows are in the order of the sorted ids.
    """
    ids = documents["id"].unique().sort()
    rows = pl.DataFrame({"id": ids, "row": np.arange(len(ids))})
    columns = pl.DataFrame({"language": languages, "column": np.arange(len(languages))})
    placed = documents.join(rows, on="id", maintain_order="left").join(columns, on="language", maintain_order="left")
    at = (placed["row"].to_numpy(), placed["column"].to_numpy())
    there = np.zeros((len(ids), len(languages)), np.bool_)
    there[at] = True
    amounts = {}
    for name in names:
        matrix = np.zeros(there.shape)
        matrix[at] = placed[name].to_numpy()
        amounts[name] = matrix
    return amounts, there


def example_table(counted: Counted, tokenizers: Sequence[str], document: str) -> pl.DataFrame:
    """Return examples.parquet: the tokens (bytes) of one document, in order, by tokenizer and language."""
    return pl.concat(
        [
            measured.filter(pl.col("example").is_not_null()).select(
                pl.lit(name).alias("tokenizer"), "language", pl.lit(document).alias("id"), tokens="example"
            )
            for name, measured in zip(tokenizers, counted.measures, strict=True)
        ]
    )
