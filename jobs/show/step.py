"""The step `show`: print the tables of finished outputs."""

import shutil
from pathlib import Path
from typing import Final

import polars as pl

from jobs.show.formats import as_csv, as_markdown, as_text
from jobs.show.settings import Show
from jobs.show.tables import LEADING, NoResult, Tables
from operators.redaction import shown
from pipelines.context import Context
from pipelines.outputs import read_manifest
from pipelines.results import ShowResult
from pipelines.settings import BadSettings

ROWS: Final = 20
"""Rows of each table, unless told otherwise."""
NAMED: Final = 12
"""Largest number of names of further tables that are printed."""
NARROWEST: Final = 80


def show(settings: Show, context: Context) -> ShowResult:
    """Return the text of the tables. Raises NoResult, NoSuchTable, BadSettings."""
    if not settings.results:
        raise BadSettings("results", "is missing; name the output directory of a command")
    if settings.format == "csv" and len(settings.results) > 1:
        raise BadSettings("format", f"csv holds one table, {len(settings.results)} results are named; name one")
    parts, last = [], None
    for path in settings.results:
        directory = Path(path).expanduser().resolve()
        manifest = read_manifest(directory)
        if manifest is None:
            raise NoResult(path)
        parts.append(_shown(Tables(directory, manifest), settings))
        last = directory, manifest
    assert last is not None
    return ShowResult(*last, kept=True, summary="\n\n".join(parts))


def _shown(tables: Tables, settings: Show) -> str:
    """Return the tables of one output in the format that the settings ask for."""
    names = tables.main if settings.table is None else [settings.table.removesuffix(".parquet")]
    if settings.format == "csv":
        return as_csv(tables.read(names[0], settings.rows)[0])
    rows = ROWS if settings.rows is None and settings.table is None else settings.rows
    parts = []
    for name in names:
        table, number = tables.read(name, rows)
        text = as_markdown(table) if settings.format == "md" else as_text(_led(table, name), _width())
        more = number - len(table)
        rest = f"\n\n({more:,} more rows: --table {name})" if more else ""
        parts.append(f"{'## ' if settings.format == 'md' else ''}{name}: {number:,} rows\n\n{text}{rest}")
    others = [name for name in tables.names if name not in names]
    if settings.table is None and others:
        some = ", ".join(map(shown, others[:NAMED])) + (", ..." if len(others) > NAMED else "")
        parts.append(f"{len(others)} more tables, each by --table NAME: {some}")
    return "\n\n".join(parts)


def _led(table: pl.DataFrame, name: str) -> pl.DataFrame:
    first = [column for column in LEADING.get(name, ()) if column in table.columns]
    return table.select(*first, *(column for column in table.columns if column not in first))


def _width() -> int:
    return max(NARROWEST, shutil.get_terminal_size().columns)
