"""Formats of a table for people and programs: aligned text, Markdown, CSV."""

from typing import Any, Final

import polars as pl

from jobs.report.wording import UNKNOWN_FIGURE, printable, token_text

GAP: Final = "  "
LONGEST: Final = 60
"""Largest number of characters of a cell in aligned text."""


def as_csv(table: pl.DataFrame) -> str:
    """Return the table as CSV (RFC 4180) with a heading; bytes as `token_text` writes them, lists joined by spaces."""
    nested = [name for name, kind in table.schema.items() if kind == pl.Binary or kind.is_nested()]
    plain = [pl.Series(name, [_text(value) for value in table[name].to_list()], dtype=pl.String) for name in nested]
    return table.with_columns(plain).write_csv().rstrip("\n")


def as_markdown(table: pl.DataFrame) -> str:
    """Return the table as Markdown; bars in cells are escaped."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in _cells(table)]
    heads = [name.replace("|", "\\|") for name in table.columns]
    line = [("--:" if kind.is_numeric() else "---") for kind in table.dtypes]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, line, *rows])


def as_text(table: pl.DataFrame, width: int) -> str:
    """Return the table with aligned columns, as many as fit into `width`, and a remark on those that do not."""
    rows = [[_cut(cell) for cell in row] for row in _cells(table)]
    columns = [list(column) for column in zip(table.columns, *rows, strict=True)]
    widths = [max(map(len, column)) for column in columns]
    fitting, used = 0, 0
    while fitting < len(widths) and (used + widths[fitting] <= width or fitting == 0):
        used += widths[fitting] + len(GAP)
        fitting += 1
    numbers = [kind.is_numeric() for kind in table.dtypes]
    lines = [
        GAP.join(
            cell.rjust(widths[i]) if numbers[i] else cell.ljust(widths[i]) for i, cell in enumerate(row[:fitting])
        ).rstrip()
        for row in [table.columns, *rows]
    ]
    if (more := len(columns) - fitting) > 0:
        lines.append(f"({more} more columns in --format md or csv: {', '.join(table.columns[fitting:])})")
    return "\n".join(lines)


def _cells(table: pl.DataFrame) -> list[list[str]]:
    return [[_text(value) for value in row] for row in table.iter_rows()]


def _text(value: Any) -> str:
    """Return a cell: floats to six significant digits, on one line, without characters that cannot be shown."""
    match value:
        case None:
            return UNKNOWN_FIGURE
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.6g}"
        case bytes():
            return token_text(value)
        case list():
            return " ".join(_text(one) for one in value)
        case dict():
            return " ".join(f"{name}={_text(one)}" for name, one in value.items())
        case _:
            return printable(str(value))


def _cut(cell: str) -> str:
    return cell if len(cell) <= LONGEST else f"{cell[: LONGEST - 1]}…"
