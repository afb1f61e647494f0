"""Lines that the command prints of finished tables: the ranking of languages, and those that changed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from operators.redaction import shown
from operators.unicode.language_names import named
from pipelines.premiums.changes import BETTER, CHANGES, WORSE
from pipelines.premiums.tables import PREMIUMS

UNKNOWN: Final = 0.01
"""Share of unknown characters from which a ranking tells it: a text that is half unknown has few tokens."""
ENDS: Final = 3
"""Languages shown from each end of a ranking."""
MOST_TOKENIZERS: Final = 6
"""Tokenizers whose ranking is shown."""
Row = Mapping[str, Any]


def ranking_lines(directory: Path, tokenizers: pl.DataFrame) -> list[str]:
    """Return for each tokenizer its means over languages, then its dearest, middle and cheapest languages.

    `tokenizers`: tokenizers.parquet of the run in `directory`. Marked languages are left out, as from the means.
    """
    premiums = pl.read_parquet(directory / PREMIUMS, glob=False).filter(~pl.col("marked"))
    lines = list[str]()
    for row in tokenizers.head(MOST_TOKENIZERS).iter_rows(named=True):
        own = premiums.filter((pl.col("tokenizer") == row["tokenizer"]) & pl.col("premium").is_not_null())
        lines += [_of_tokenizer(row), *_ranked(own.sort("premium", "language", descending=[True, False]))]
    if (more := len(tokenizers) - MOST_TOKENIZERS) > 0:
        lines.append(f"and {more:,} more tokenizers, in tokenizers.parquet")
    return lines


def _of_tokenizer(row: Row) -> str:
    """Return the tokenizer's mean premium, Gini coefficient and dearest language in one line."""
    line = f"{shown(row['tokenizer'])}: {row['languages']:,} languages"
    if row["mean_premium"] is not None:
        line += f", mean premium {row['mean_premium']:.2f}"
    if row["gini_lines"] is not None:
        line += f", Gini {row['gini_lines']:.3f}, worst {shown(named(row['worst_language']))}"
    return line


def _ranked(table: pl.DataFrame) -> list[str]:
    """Return the first and last ENDS rows and the middle one, each with its rank; all rows of a short table."""
    number = len(table)
    middle = number // 2
    shown_places = range(number)
    if number > 2 * ENDS + 1:
        shown_places = [*range(ENDS), middle, *range(number - ENDS, number)]  # type: ignore[assignment]
    lines = list[str]()
    for place in shown_places:
        row = table.row(place, named=True)
        rank = f"{place + 1:>{len(str(number))}}"
        remark = "  (middle)" if place == middle and number > 2 else ""
        if row["unknown_share"] >= UNKNOWN:
            remark += f"  ({100 * row['unknown_share']:.0f} % of its characters are unknown)"
        lines.append(f"  {rank}. {row['premium']:7.3f}  {_interval(row):18}  {shown(named(row['language']))}{remark}")
    return lines


def _interval(row: Row) -> str:
    low, high = row["low"], row["high"]
    return "(no interval)" if low is None or high is None else f"({low:.3f} to {high:.3f})"


def change_lines(directory: Path) -> list[str]:
    """Return the languages that got better and worse since the earlier run, the largest changes first.

    Empty where the run was not compared with an earlier one.
    """
    if not (path := directory / CHANGES).is_file():
        return []
    table, lines = pl.read_parquet(path, glob=False), list[str]()
    several = table["tokenizer"].n_unique() > 1
    for verdict, falls in ((BETTER, True), (WORSE, False)):
        own = table.filter(pl.col("verdict") == verdict).sort("change", "language", descending=[not falls, False])
        if own.is_empty():
            continue
        lines.append(f"{len(own):,} got {verdict}:")
        for row in own.head(ENDS).iter_rows(named=True):
            which = f" with {shown(row['tokenizer'])}" if several else ""
            lines.append(f"  {row['old']:7.3f} to {row['new']:.3f}  {shown(named(row['language']))}{which}")
        if (more := len(own) - ENDS) > 0:
            lines.append(f"  and {more:,} more, in {CHANGES}")
    return lines
