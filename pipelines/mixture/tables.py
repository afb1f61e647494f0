"""Tables of an inferred mixture: mixture.parquet, merges.parquet, sensitivity.parquet."""

from typing import Any, Final

import numpy as np
import polars as pl

from operators.arrays import I64
from operators.mixture.estimate import RankMixture
from operators.mixture.evidence import Evidence
from operators.mixture.program import Mixture
from operators.tokenizer import Tokenizer

NONE_OF_THESE: Final = "(none of these)"
"""Name of the category for the share that no category explains."""
UNEXPLAINED_ROWS: Final = 1000
"""Largest number of unexplained merges in merges.parquet."""


def program_table(found: Mixture, figures: dict[str, dict[str, int]]) -> pl.DataFrame:
    """Return mixture.parquet of the linear program; `low` and `high` are null."""
    return pl.DataFrame(
        {
            "category": found.categories,
            "share": found.share,
            "low": pl.Series([None] * len(found.categories), dtype=pl.Float64),
            "high": pl.Series([None] * len(found.categories), dtype=pl.Float64),
            "share_pairs": found.share_pairs,
            "share_characters": found.share_characters,
            **{unit: [figures[name][unit] for name in found.categories] for unit in ("bytes", "characters")},
        }
    )


def rank_table(found: RankMixture, evidence: Evidence) -> pl.DataFrame:
    """Return mixture.parquet of the estimate by ranks; nearly identical categories have the same number in `group`."""
    group: list[int | None] = [None] * len(found.categories)
    for number, members in enumerate(found.groups, 1):
        for place in members:
            group[place] = number
    table = pl.DataFrame(
        {
            "category": found.categories,
            "share": found.share,
            "low": found.low,
            "high": found.high,
            "share_pairs": found.share_pairs,
            "share_characters": found.share_characters,
            "bytes": evidence.text_bytes.sum(axis=0),
            "characters": evidence.characters.sum(axis=0),
            "group": pl.Series(group, dtype=pl.Int64),
            "group_share": [
                None if one is None else float(found.share[[i for i, g in enumerate(group) if g == one]].sum())
                for one in group
            ],
        },
        schema_overrides={"group_share": pl.Float64},
    ).with_columns(pl.col("low", "high").fill_nan(None))
    if found.unknown is None:
        return table
    rest = found.unknown
    row = {"category": NONE_OF_THESE, "share": rest.share, "low": rest.low, "high": rest.high}
    kinds = dict.fromkeys(("share", "low", "high"), pl.Float64)
    return pl.concat([table, pl.DataFrame([row], schema_overrides=kinds)], how="diagonal")


def sensitivity_table(found: RankMixture) -> pl.DataFrame:
    """Return sensitivity.parquet: shares as estimated from fewer or more merges (merges, category, share).

    The share that no category explains is that of the whole estimate throughout.
    """
    known = 1.0 if found.unknown is None else 1.0 - found.unknown.share
    rows = [
        {"merges": merges, "category": name, "share": float(share[i]) * known}
        for merges, share in sorted(found.by_merges.items())
        for i, name in enumerate(found.categories)
    ]
    return pl.DataFrame(rows, schema={"merges": pl.Int64, "category": pl.String, "share": pl.Float64})


def merges_table(found: RankMixture, evidence: Evidence, tokenizer: Tokenizer, scored: I64) -> pl.DataFrame:
    """Return merges.parquet: the most informative merges (rank, token, text, why, category, expected, occurs).

    `why` is "unexplained" for merges that are far too rare in all categories, or "evidence" for the merges that decide
    a category's share most. `expected` and `occurs` are occurrences in a million bytes of the mixture.
    `scored`: ranks, in the merge list, of the merges in `evidence`.
    """
    size = evidence.text_bytes.sum(axis=0).astype(np.float64)
    rates = evidence.counts.sum(axis=0) / size
    height = rates[: found.merges_used] @ found.fit.share
    rows: list[dict[str, Any]] = []

    def add(place: int, why: str, category: str | None) -> None:
        rank = int(scored[place])
        token = tokenizer.tokens[int(tokenizer.merges.token[rank])]
        rows.append({
            "rank": rank, "token": token, "text": token.decode("utf-8", "replace"), "why": why, "category": category,
            "expected": float(found.fit.curve[place]) * 1e6, "occurs": float(height[place]) * 1e6,
        })  # fmt: skip

    for place in found.check.unexplained[:UNEXPLAINED_ROWS].tolist():
        add(place, "unexplained", None)
    for name, places in zip(found.categories, found.evidence, strict=True):
        for place in places:
            add(place, "evidence", name)
    schema = {"rank": pl.Int64, "token": pl.Binary, "text": pl.String, "why": pl.String, "category": pl.String,
              "expected": pl.Float64, "occurs": pl.Float64}  # fmt: skip
    return pl.DataFrame(rows, schema=schema)
