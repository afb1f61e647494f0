"""Tables of a design: its trials, the frontier of all methods, and what each language pays before and after."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import polars as pl

from operators.arrays import F64
from operators.fairness.intervals import Judged
from operators.metrics.premiums import Mask, ratios
from operators.statistics.bootstrap import product_intervals
from pipelines.design.search import Search
from pipelines.design.trials import Trial
from pipelines.outputs import replacing

DESIGN: Final = "design.parquet"
FRONTIER: Final = "frontier.parquet"
LANGUAGES: Final = "languages.parquet"
WEIGHTS: Final = "weights.yaml"
CHOSEN: Final = "chosen"
"""Method of the frontier's row of the tokenizer that was written."""
HYBRID: Final = "design, then parity"
"""Method of trials whose last merges are chosen by parity."""
_SHOWN: Final = ("loss", "gini", "gini_change", "worst")


@dataclass(frozen=True)
class Row:
    """Method of the frontier, and its figures on the judged half."""

    method: str
    trial: int | None
    bound: float | None
    judged: Judged


def design_table(trials: Sequence[Trial], search: Search, unweighted: Trial, languages: Sequence[str]) -> pl.DataFrame:
    """Return design.parquet: a row for each trial and language of the corpus.

    Figures are of the searched half; the expected ones are those that the search compares.
    """
    measured = replace(search, expectation=None)
    return pl.concat(
        pl.DataFrame(
            {
                "trial": np.full(len(languages), number, np.int64),
                "method": [one.method] * len(languages),
                "bound": pl.Series([one.loss] * len(languages), dtype=pl.Float64),
                "loss": np.full(len(languages), measured.loss(one, unweighted)),
                "objective": np.full(len(languages), measured.value(one)),
                "expected_loss": np.full(len(languages), search.loss(one, unweighted)),
                "expected_objective": np.full(len(languages), search.value(one)),
                "language": list(languages),
                "weight": one.weights,
                "tokens": one.tokens.astype(np.int64),
            }
        )
        for number, one in enumerate(trials)
    )


def frontier_table(rows: Sequence[Row], languages: Sequence[str]) -> pl.DataFrame:
    """Return frontier.parquet: a row for each method, fewest tokens first."""
    table = []
    for row in rows:
        figures: dict[str, Any] = {
            "method": row.method,
            "trial": row.trial,
            "chosen": row.method == CHOSEN,
            "bound": row.bound,
            "tokens": row.judged.tokens,
        }
        for name in _SHOWN:
            figure = getattr(row.judged, name)
            figures |= {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
        table.append(figures | {"worst_language": languages[row.judged.worst_language]})
    schema = {"trial": pl.Int64, "bound": pl.Float64}
    return (
        pl.DataFrame(table, schema_overrides=schema, infer_schema_length=None).fill_nan(None).sort("tokens", "method")
    )


def language_table(
    weights: Mapping[str, float], before: F64, after: F64, languages: Sequence[str], baseline: int, resamples: int
) -> pl.DataFrame:
    """Return languages.parquet from tokens (float64[documents, languages]) of unweighted training and of the design."""
    present: Mask = np.ones((len(before), len(languages)), np.bool_)
    old, new = ratios([before, after], present, baseline, resamples)
    change = product_intervals([after, before], (1, -1), resamples)
    return pl.DataFrame(
        {
            "language": list(languages),
            "weight": [weights[one] for one in languages],
            "documents": np.full(len(languages), len(before), np.int64),
            "tokens_before": before.sum(0).astype(np.int64),
            "tokens_after": after.sum(0).astype(np.int64),
            "premium_before": old.value, "premium_before_low": old.low, "premium_before_high": old.high,
            "premium_after": new.value, "premium_after_low": new.low, "premium_after_high": new.high,
            "change": change.value - 1, "change_low": change.low - 1, "change_high": change.high - 1,
        }
    ).fill_nan(None)  # fmt: skip


def write_weights(weights: Mapping[str, float], path: Path) -> None:
    """Write weights.yaml: the setting `weights` of train, for `--weights` and `--conf`."""
    names = {name: msgspec.json.encode(name).decode() for name in weights}
    lines = ["weights:", *(f"  {names[name]}: {float(weight)!r}" for name, weight in sorted(weights.items()))]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", "utf-8")
