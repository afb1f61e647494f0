"""Lines that the command prints of a comparison: the tokenizers, best first."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from operators.redaction import shown
from pipelines.compare.groups import ALL

FIRST: Final = "bytes_per_token"
"""Figure that the ranking is sorted by."""
HEADS: Final = {
    FIRST: "bytes/token",
    "nsl": "NSL",
    "unigram_bits_per_byte": "bits/byte",
    "bigram_bits_per_byte": "by pairs",
    "renyi_efficiency_2.5": "Renyi",
}
"""Figure to its heading."""


def ranking_lines(table: pl.DataFrame, reference: str) -> list[str]:
    """Return the tokenizers by bytes a token over all text, most first, with further figures beside.

    table: compare.parquet. The last column is bytes a token over the reference's, with its interval.
    """
    rows = table.filter(pl.col("group") == ALL)
    of_figure = {
        figure: {row["tokenizer"]: row for row in rows.filter(figure=figure).iter_rows(named=True)} for figure in HEADS
    }
    names = sorted(of_figure[FIRST], key=lambda one: -(of_figure[FIRST][one]["value"] or 0))
    figures = [one for one, own in of_figure.items() if any(row["value"] is not None for row in own.values())]
    cells = [["", *(HEADS[one] for one in figures), f"text a token, against {shown(reference)}"]]
    for name in names:
        beside = "" if name == reference else _against(of_figure[FIRST][name])
        cells.append([shown(name), *(_number(of_figure[one][name]["value"]) for one in figures), beside])
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join([own[0].ljust(widths[0]), *map(str.rjust, own[1:-1], widths[1:]), own[-1]]).rstrip() for own in cells
    ]
    return [*lines, *_ends(table.filter(pl.col("group") != ALL), names)]


def _ends(table: pl.DataFrame, tokenizers: Sequence[str]) -> list[str]:
    """Return for each tokenizer the groups whose text a token holds least and most of; none without groups."""
    rows, lines = table.filter(figure=FIRST).drop_nulls("value").sort("value", "group"), list[str]()
    for tokenizer in tokenizers:
        own = rows.filter(tokenizer=tokenizer)
        if len(own) < 2:
            continue
        least, most = (_group(own.row(place, named=True)) for place in (0, -1))
        lines.append(f"{shown(tokenizer)}: of {len(own):,} groups, least bytes a token in {least}, most in {most}")
    return lines


def _group(row: Mapping[str, Any]) -> str:
    name = f"{row['name']} ({row['group']})" if row.get("name") else row["group"]
    return f"{shown(name)} {row['value']:.3f}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _against(row: Mapping[str, Any]) -> str:
    """Return the text a token holds, over the reference's, in percent and with its interval."""
    ratio, low, high = row["ratio"], row["ratio_low"], row["ratio_high"]
    if ratio is None:
        return ""
    interval = "" if low is None or high is None else f" ({100 * (low - 1):+.1f} to {100 * (high - 1):+.1f})"
    return f"{100 * (ratio - 1):+.1f} %{interval}"
