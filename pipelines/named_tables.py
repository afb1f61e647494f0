"""English names of languages beside their codes, in tables that have a row a language."""

from typing import Final

import polars as pl

from operators.unicode.language_names import language_name

NAME_OF: Final = {
    "language": "name",
    "category": "name",
    "best_language": "best_name",
    "worst_language": "worst_name",
}
"""Column of codes to the column of their names."""


def with_names(table: pl.DataFrame) -> pl.DataFrame:
    """Add a column of names behind each column of codes (NAME_OF); null where a code is no language that is known."""
    columns = list[pl.Series]()
    for column in table.iter_columns():
        columns.append(column)
        if (title := NAME_OF.get(column.name)) is not None:
            distinct = column.unique().drop_nulls().to_list()
            names = {code: language_name(code) for code in distinct}
            columns.append(column.replace_strict(names, default=None, return_dtype=pl.String).rename(title))
    return pl.DataFrame(columns)
