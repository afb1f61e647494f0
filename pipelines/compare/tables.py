"""compare.parquet and groups.parquet, from the figures that workers measured."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl

from operators.arrays import F64
from operators.statistics.bootstrap import DIFFERING, FEWEST, product_intervals
from pipelines.compare.counting import COUNTED, CountTask, use_figures
from pipelines.compare.derived import NSL, TOKENS
from pipelines.compare.figures import Figure, unknown
from pipelines.compare.groups import ALL

COMPARE: Final = "compare.parquet"
GROUPS: Final = "groups.parquet"
FIGURES: Final = (TOKENS, NSL, *COUNTED)
"""Figures that need no other setting, in the order of compare.parquet."""
SCHEMA: Final = {
    "group": pl.String,
    "tokenizer": pl.String,
    "figure": pl.String,
    **dict.fromkeys(("value", "low", "high", "ratio", "ratio_low", "ratio_high"), pl.Float64),
    "reason": pl.String,
}
"""Columns of compare.parquet: a figure with its interval, its ratio to the reference tokenizer's with the ratio's
interval, and the reason why one of them is missing."""
Measured = dict[str, dict[str, Figure]]
"""Group to figure to its sums, under one tokenizer."""
Row = dict[str, Any]
_NONE: Final = np.empty(0)


def read_measured(tasks: Iterable[CountTask], sizes: Mapping[str, float]) -> list[Measured]:
    """Read the scratch files of all tasks; return one entry for each tokenizer, with the group of all text."""
    of_place: dict[int, Measured] = defaultdict(dict)
    uses = dict[int, Any]()
    for task in tasks:
        for row in pl.read_parquet(task.figures, glob=False).iter_rows(named=True):
            figure = Figure(
                row["figure"], np.array(row["above"], np.float64), np.array(row["below"], np.float64), row["value"],
                row["adds_up"], row["reason"],
            )  # fmt: skip
            of_place[task.place].setdefault(row["group"], {})[figure.name] = figure
        own = pl.read_parquet(task.uses, glob=False)["uses"].to_numpy()
        uses[task.place] = uses.get(task.place, 0) + own
    measured = [of_place[place] for place in sorted(of_place)]
    for place, groups in enumerate(measured):
        if ALL not in groups:
            groups[ALL] = _of_all(groups, use_figures(uses[place], sum(sizes.values())))
    return measured


def _of_all(groups: Measured, values: Mapping[str, float | None]) -> dict[str, Figure]:
    """Return the figures of all text: sums of the groups', and what the occurrences of tokens say."""
    found = dict[str, Figure]()
    for name in dict.fromkeys(name for own in groups.values() for name in own):
        parts = [own[name] for own in groups.values() if name in own and own[name].reason is None]
        if name in values:
            found[name] = Figure(name, np.empty(0), np.empty(0), values[name], adds_up=False)
        elif not parts:
            found[name] = unknown(name, "no group has it")
        elif not all(one.adds_up for one in parts):
            found[name] = unknown(name, "is measured by group only; leave out --by")
        else:
            found[name] = Figure(name, _added([one.above for one in parts]), _added([one.below for one in parts]))
    return found


def _added(parts: Sequence[F64]) -> F64:
    """Add sums of groups unit by unit; a group of few documents has few units."""
    added = np.zeros(max(map(len, parts)))
    for part in parts:
        added[: len(part)] += part
    return added


def compare_table(
    measured: Sequence[Measured], tokenizers: Sequence[str], reference: int, resamples: int
) -> pl.DataFrame:
    """Return compare.parquet: the group of all text first, figures in the order in which they were measured.

    `measured`: one entry for each of `tokenizers`; `reference`: the place of the one that others are divided by.
    """
    rows = list[Row]()
    for group in sorted(measured[0], key=lambda one: (one != ALL, one)):
        rows += _rows(group, [groups[group] for groups in measured], tokenizers, reference, resamples)
    return pl.DataFrame(rows, SCHEMA)


def _rows(
    group: str, measured: Sequence[Mapping[str, Figure]], tokenizers: Sequence[str], reference: int, resamples: int
) -> list[Row]:
    """Return the rows of one group."""
    compared = [
        (tokenizers[place], own[name], measured[reference][name])
        for name in measured[reference]
        for place, own in enumerate(measured)
    ]
    alone = relative_bounds([(own.above, own.below) for _, own, _ in compared], resamples)
    both = [
        (own.above, own.below, *((base.below, base.above) if own.name != NSL else (_NONE, _NONE)))
        for _, own, base in compared
    ]
    beside = relative_bounds(both, resamples)
    rows = list[Row]()
    for (tokenizer, own, base), bounds, ratio_bounds in zip(compared, alone, beside, strict=True):
        value, other = own.total, None if own.name == NSL else base.total
        ratio = value / other if value is not None and other is not None and other > 0 else None
        rows.append(
            {
                "group": group,
                "tokenizer": tokenizer,
                "figure": own.name,
                "value": value,
                "low": _scaled(value, bounds.low),
                "high": _scaled(value, bounds.high),
                "ratio": ratio,
                "ratio_low": _scaled(ratio, ratio_bounds.low),
                "ratio_high": _scaled(ratio, ratio_bounds.high),
                "reason": own.reason or bounds.reason,
            }
        )
    return rows


def _scaled(value: float | None, bound: float | None) -> float | None:
    return None if value is None or bound is None else value * bound


@dataclass(frozen=True)
class Bounds:
    """Bounds of a 95 % interval over the value, and the reason where there are none."""

    low: float | None = None
    high: float | None = None
    reason: str | None = None


def relative_bounds(sums: Sequence[tuple[F64, ...]], resamples: int) -> list[Bounds]:
    """Return the interval of each product of sums over units, divided by its value.

    The first array of each is divided by the second; where there are four, times the third over the fourth. Arrays of
    one length see the same draws of units. Empty arrays have no interval.
    """
    found = [Bounds()] * len(sums)
    lengths = defaultdict[int, list[int]](list)
    for i, arrays in enumerate(sums):
        if min(map(len, arrays)):
            lengths[len(arrays[0])].append(i)
    for documents, places in lengths.items():
        matrices = [np.column_stack([sums[i][k] for i in places]) for k in range(len(sums[places[0]]))]
        estimate = product_intervals(matrices, (1, -1) * (len(matrices) // 2), resamples)
        for column, i in enumerate(places):
            value, low, high = (float(one[column]) for one in (estimate.value, estimate.low, estimate.high))
            if np.isfinite(low) and np.isfinite(high) and value:
                found[i] = Bounds(low / value, high / value)
            else:
                found[i] = Bounds(reason=_why_none(documents, float(estimate.differing[column])))
    return found


def _why_none(documents: int, differing: float) -> str:
    if documents < FEWEST:
        return f"no interval: {documents} units; an interval takes {FEWEST}"
    if differing < DIFFERING:
        return f"no interval: {differing:.0f} of {documents} units differ; an interval takes {DIFFERING}"
    return "no interval: too few units have it"
