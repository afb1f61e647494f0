"""metrics.parquet and tokenizers.parquet: figures of a tokenizer and language, and of a tokenizer over languages."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl

from operators.metrics.efficiency import ratio
from operators.metrics.fairness import gini, worst_to_best
from operators.metrics.words import writes_words
from pipelines.premiums.settings import Premiums


def metric_table(
    premiums: pl.DataFrame, measures: Sequence[pl.DataFrame], figures: pl.DataFrame, settings: Premiums
) -> pl.DataFrame:
    """Return metrics.parquet: one row for each tokenizer and language; a figure that cannot be computed is null.

    `premiums`: the rows of premiums.parquet. `measures`: one table for each tokenizer, in the order of `premiums`.
    `figures`: figures of the vocabularies (`vocabulary_figures`).
    """
    tokens = pl.col("tokens_documents")
    named = pl.lit(settings.reference is not None) & (pl.col("tokenizer") == (settings.reference or ""))
    reference = premiums.filter(named).select("language", reference=tokens)
    pairs = zip(measures, _names(premiums), strict=True)
    measured = pl.concat([one.with_columns(tokenizer=pl.lit(name)) for one, name in pairs])
    joined = (
        premiums.join(measured, on=["tokenizer", "language"], maintain_order="left")
        .join(reference, on="language", how="left", maintain_order="left")
        .join(figures.select("tokenizer", "vocabulary"), on="tokenizer", maintain_order="left")
    )
    return joined.select(
        "tokenizer",
        "language",
        "script",
        "documents",
        "characters",
        "bytes",
        tokens=tokens,
        bytes_per_token=_ratio(pl.col("bytes"), tokens),
        characters_per_token=_ratio(pl.col("characters"), tokens),
        tokens_per_line=_ratio(tokens, pl.col("documents")),
        nsl=_ratio(tokens, pl.col("reference")),
        words=pl.col("words"),
        fertility=_ratio(tokens, pl.col("words")),
        continued_words=_ratio(pl.col("split_words"), pl.col("measured_words")),
        words_undefined=pl.Series([not writes_words(one) for one in joined["script"].to_list()], dtype=pl.Boolean),
        types=pl.col("types"),
        vocabulary_share=_ratio(pl.col("types"), pl.col("vocabulary")),
        whole_words=pl.col("whole_words"),
        whole_word_share=_ratio(pl.col("whole_words"), pl.col("types")),
        renyi_efficiency=pl.col("renyi_efficiency"),
        renyi_efficiency_vocabulary=pl.col("renyi_efficiency_vocabulary"),
        unknown_share=pl.col("unknown_share"),
        marked=pl.col("marked"),
    )


def _ratio(amount: pl.Expr, unit: pl.Expr) -> pl.Expr:
    """Divide; null where `unit` is 0."""
    return pl.when(unit > 0).then(amount / unit)


def _names(table: pl.DataFrame) -> list[str]:
    """Return the names of the tokenizers, in the order of the table."""
    return list(table["tokenizer"].unique(maintain_order=True))


def tokenizer_table(
    premiums: pl.DataFrame, metrics: pl.DataFrame, figures: pl.DataFrame, efficiencies: Sequence[float | None]
) -> pl.DataFrame:
    """Return tokenizers.parquet: one row for each tokenizer, over the languages that are not marked.

    `figures`: figures of the vocabularies (`vocabulary_figures`). `efficiencies`: Renyi efficiency of each tokenizer
    over all text together. Figures that need two languages are null if there are fewer.
    """
    rows = list[dict[str, Any]]()
    for name, efficiency in zip(_names(premiums), efficiencies, strict=True):
        own = metrics.filter(pl.col("tokenizer") == name)
        known = premiums.filter((pl.col("tokenizer") == name) & pl.col("premium").is_not_null())
        kept = known.filter(~pl.col("marked")).sort("premium", "language")
        lines, per_byte = kept["premium_documents"].to_numpy(), kept["tokens_per_byte"].to_numpy()
        enough = len(kept) > 1
        rows.append(
            {
                "tokenizer": name,
                "languages": len(kept),
                "marked_languages": int(own["marked"].sum()),
                "tokens": int(own["tokens"].sum()),
                "bytes_per_token": ratio(int(own["bytes"].sum()), int(own["tokens"].sum())),
                "mean_premium": float(np.exp(np.log(kept["premium"].to_numpy()).mean())) if len(kept) else None,
                "median_premium": kept["premium"].median(),
                "best_language": kept.item(0, "language") if enough else None,
                "worst_language": kept.item(-1, "language") if enough else None,
                "worst_to_best_lines": worst_to_best(lines) if enough else None,
                "worst_to_best_bytes": worst_to_best(per_byte) if enough else None,
                "gini_lines": gini(lines) if enough else None,
                "gini_bytes": gini(per_byte) if enough else None,
                "renyi_efficiency": efficiency,
            }
        )
    table = pl.DataFrame(rows, schema_overrides=_KINDS, infer_schema_length=None)
    return table.join(figures, on="tokenizer", maintain_order="left")


_KINDS: Final = {
    "best_language": pl.String, "worst_language": pl.String,
    **dict.fromkeys(
        ["bytes_per_token", "mean_premium", "median_premium", "worst_to_best_lines", "worst_to_best_bytes",
         "gini_lines", "gini_bytes", "renyi_efficiency"], pl.Float64,
    ),
}  # fmt: skip
