"""Tables of a sweep: premiums at equal and at chosen sizes, predictors of the tokens, and linear models of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import polars as pl

from operators.arrays import F64
from operators.curves.equal_tokens import choose_sizes
from operators.metrics.premiums import ratios
from operators.statistics.bootstrap import product_intervals
from operators.statistics.linear_model import Explained, explain
from operators.unicode.script_names import script_name
from pipelines.curve_table import curve_table
from pipelines.named_tables import with_names
from pipelines.outputs import write_table

if TYPE_CHECKING:
    from pipelines.sweep.language_sweep import LanguageSweep, SuperwordTokens
    from pipelines.sweep.settings import Sweep

SWEEP: Final = "sweep.parquet"
PREDICTORS: Final = "predictors.parquet"
MODEL: Final = "model.parquet"
SUPERWORDS: Final = "superwords.parquet"
_MODELLED: Final = ("script", "byte_premium", "mean_token_length", "whitespace_share", "token_overlap")
_COMBINED: Final = ("mean_token_length", "whitespace_share", "token_overlap")
"""Predictors that Arnett et al. combine in one model."""


def write_sweep(found: "Mapping[str, LanguageSweep]", settings: "Sweep", directory: Path) -> dict[str, Any]:
    """Write all tables; return the figures for the manifest."""
    names = sorted(found)
    write_table(
        curve_table({name: found[name].curve for name in names}, {name: found[name].sizes for name in names}),
        directory / "curves.parquet",
    )
    choice = choose_sizes(
        {name: (found[name].curve, found[name].sizes) for name in names}, settings.smallest_size, settings.vocab_size
    )
    amounts = np.stack([found[name].tokens for name in names], axis=1).astype(np.float64)
    baseline = names.index(settings.baseline)
    [premium] = ratios([amounts], np.ones(amounts.shape, np.bool_), baseline, settings.resamples)
    tokens = amounts.sum(0)
    table = pl.DataFrame(
        {
            "language": names,
            "documents": [len(found[name].tokens) for name in names],
            "characters": [found[name].characters for name in names],
            "bytes": [found[name].bytes for name in names],
            "train_bytes": [found[name].train_bytes for name in names],
            "vocabulary": [int(found[name].sizes[-1]) for name in names],
            "tokens": tokens.astype(np.int64),
            "premium": premium.value,
            "low": premium.low,
            "high": premium.high,
            "chosen_vocabulary": choice.sizes,
            "chosen_tokens": choice.tokens,
            "chosen_premium": choice.tokens / choice.tokens[baseline],
            "reached": choice.tokens <= choice.target,
        }
    ).with_columns(pl.col("premium", "low", "high").fill_nan(None))
    write_table(with_names(table), directory / SWEEP)
    predictors = _predictors(found, names, settings.baseline)
    write_table(with_names(predictors), directory / PREDICTORS)
    write_table(_models(predictors, settings.resamples), directory / MODEL)
    gained = {name: own for name in names if (own := found[name].superwords) is not None}
    return {
        "vocabulary": settings.vocab_size,
        "target": choice.target,
        "variance_before": float(tokens.var()),
        "variance_after": choice.variance,
        "short_of_vocabulary": int((table["vocabulary"] < settings.vocab_size).sum()),
    } | ({"superwords": _write_superwords(gained, amounts, settings.resamples, directory)} if gained else {})


def _write_superwords(
    gained: "Mapping[str, SuperwordTokens]", words: F64, resamples: int, directory: Path
) -> dict[str, float]:
    """Write superwords.parquet: one row for each language; return the mean and the variance over the languages.

    words: float64[documents, languages], the tokens of the tokenizers of words, in the order of `gained`.
    """
    amounts = np.stack([one.tokens for one in gained.values()], axis=1).astype(np.float64)
    ratio = product_intervals([amounts, words], (1, -1), resamples)
    before, after = words.sum(0), amounts.sum(0)
    table = pl.DataFrame(
        {
            "language": list(gained),
            "vocabulary": [one.vocabulary for one in gained.values()],
            "tokens_words": before.astype(np.int64),
            "tokens_superwords": after.astype(np.int64),
            "saved": 1 - ratio.value,
            "low": 1 - ratio.high,
            "high": 1 - ratio.low,
            "words_cut": [one.words_cut for one in gained.values()],
        }
    ).with_columns(pl.col("saved", "low", "high").fill_nan(None))
    write_table(with_names(table), directory / SUPERWORDS)
    named = {"words": before, "superwords": after}
    return {f"mean_{name}": float(tokens.mean()) for name, tokens in named.items()} | {
        f"variance_{name}": float(tokens.var()) for name, tokens in named.items()
    }


def _predictors(found: "Mapping[str, LanguageSweep]", names: list[str], baseline: str) -> pl.DataFrame:
    """Return predictors.parquet: one row for each language; a figure that cannot be computed is null."""
    rows = []
    for name in names:
        one = found[name]
        tokens = int(one.tokens.sum())
        rows.append(
            {
                "language": name,
                "script": script_name(name),
                "byte_premium": one.bytes / found[baseline].bytes,
                "mean_token_length": one.characters / tokens if tokens else None,
                "whitespace_share": one.whitespace / one.characters if one.characters else None,
                "token_overlap": one.overlap,
                "tokens": tokens,
            }
        )
    return pl.DataFrame(rows)


def _models(table: pl.DataFrame, resamples: int) -> pl.DataFrame:
    """Return model.parquet: one row for each model and predictor.

    Models: each predictor alone, the combination of Arnett et al., and all predictors.
    """
    table = table.drop_nulls()
    tokens = table["tokens"].to_numpy().astype(np.float64)
    models = {**{name: (name,) for name in _MODELLED}, "combined": _COMBINED, "all": _MODELLED}
    rows: list[dict[str, Any]] = []
    for model, names in models.items():
        values: dict[str, F64 | list[str]] = {
            name: table[name].to_list() if name == "script" else table[name].to_numpy().astype(np.float64)
            for name in names
        }
        rows += _rows(model, names, explain(tokens, values, resamples) if len(table) else None, len(table))
    kinds = dict.fromkeys(("r2", "r2_low", "r2_high", "coefficient", "low", "high"), pl.Float64)
    table = pl.DataFrame(rows, schema_overrides=kinds | {"reason": pl.String})
    return table.with_columns(pl.selectors.float().fill_nan(None))


def _rows(model: str, names: tuple[str, ...], found: Explained | None, languages: int) -> list[dict[str, Any]]:
    common: dict[str, Any] = {"model": model, "languages": languages}
    if found is None:
        reason = "too few languages for so many columns, or nothing varies"
        nothing = dict.fromkeys(("r2", "r2_low", "r2_high", "coefficient", "low", "high"))
        return [common | {"predictor": name} | nothing | {"reason": reason} for name in names]
    common |= {"r2": found.r2, "r2_low": found.r2_low, "r2_high": found.r2_high}
    return [
        common | {"predictor": name, "coefficient": value, "low": low, "high": high, "reason": None}
        for name, (value, low, high) in zip(names, found.coefficients.tolist(), strict=True)
    ]
