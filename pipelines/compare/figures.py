"""Figures as two sums by unit of documents: the parts that workers measure and intervals are made of."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl

from operators.arrays import F64
from pipelines.outputs import replacing

SCHEMA: Final[dict[str, pl.DataType | type[pl.DataType]]] = {
    "group": pl.String,
    "figure": pl.String,
    "above": pl.List(pl.Float64),
    "below": pl.List(pl.Float64),
    "value": pl.Float64,
    "adds_up": pl.Boolean,
    "reason": pl.String,
}


@dataclass(frozen=True)
class Figure:
    """A figure of one group under one tokenizer: the ratio of two sums over documents."""

    name: str
    above: F64
    """float64[units]: sums over the documents of each unit; empty where the figure cannot be computed."""
    below: F64
    """float64[units]"""
    value: float | None = None
    """The figure over all text of the group, where the sums are of a sample; None: the ratio of the sums."""
    adds_up: bool = True
    """True if the sums of several groups add up to those of all text."""
    reason: str | None = None
    """Reason why there is no figure."""

    @property
    def total(self) -> float | None:
        """The figure over all text; None where it cannot be computed."""
        if self.reason is not None or self.value is not None:
            return self.value
        below = float(self.below.sum())
        return float(self.above.sum()) / below if below else None


def unknown(name: str, reason: str) -> Figure:
    """Return a figure that cannot be computed."""
    return Figure(name, np.empty(0), np.empty(0), reason=reason)


def counted(name: str, above: F64, below: F64, nothing: str) -> Figure:
    """Return the ratio of two counts by unit; without anything below, an unknown figure for the reason `nothing`."""
    return Figure(name, above, below) if below.sum() > 0 else unknown(name, nothing)


def write_figures(found: Iterable[tuple[str, Figure]], path: Path) -> None:
    """Write figures of groups as a scratch file (SCHEMA)."""
    rows = [
        {
            "group": group,
            "figure": one.name,
            "above": one.above.tolist(),
            "below": one.below.tolist(),
            "value": one.value,
            "adds_up": one.adds_up,
            "reason": one.reason,
        }
        for group, one in found
    ]
    with replacing(path, durable=False) as temporary:
        pl.DataFrame(rows, SCHEMA).write_parquet(temporary)


def scaled_share(flagged: F64, every: F64, uses: float, total: float) -> tuple[F64, F64]:
    """Return sums by unit whose ratio is `uses / total`, varying as the sample's `flagged / every`.

    Where the sample has none of the flagged tokens, they are dealt evenly.
    """
    above = flagged * (uses / flagged.sum()) if flagged.sum() else np.full(len(flagged), uses / max(1, len(flagged)))
    return above, every * (total / every.sum())
