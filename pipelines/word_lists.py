"""Tables of words that the user gives: .tsv, .csv or .parquet."""

import hashlib
from pathlib import Path

import polars as pl

from pipelines.settings import BadSettings


def read_word_table(setting: str, path: str, columns: tuple[str, ...], optional: tuple[str, ...]) -> pl.DataFrame:
    """Read these columns of a table as text, without the `optional` ones that it lacks; it has a row at least.

    Raises BadSettings, about `setting`, for a file that is no such table.
    """
    named = " and ".join(columns)
    table = _read(setting, path, named)
    for column in columns:
        if column not in table.columns:
            raise BadSettings(setting, f"{path}: has no column {column}; it takes the columns {named}")
    if not len(table):
        raise BadSettings(setting, f"{path}: has no words; write one a row")
    found = table.select(one for one in (*columns, *optional) if one in table.columns)
    for column in found.columns:
        try:
            found = found.with_columns(pl.col(column).cast(pl.String))
        except pl.exceptions.PolarsError as error:
            raise BadSettings(
                setting, f"{path}: the column {column} is neither text nor numbers; write it so"
            ) from error
    return found


def digest(path: str) -> str:
    """Return what a kept result is of: a digest of a table that was read."""
    return hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest()


def language_column(table: pl.DataFrame) -> pl.Expr:
    """Return the column of languages as text; null where the table has none."""
    return pl.col("language") if "language" in table.columns else pl.lit(None, pl.String).alias("language")


def place(path: str, number: int) -> str:
    """Return the place of row `number`, from 1, in words: the line of a text file, the row of others."""
    return f"{path}, row {number}" if path.endswith(".parquet") else f"{path}, line {number + 1}"


def _read(setting: str, path: str, columns: str) -> pl.DataFrame:
    file = Path(path).expanduser()
    separators = {".csv": ",", ".tsv": "\t"}
    if file.suffix not in (*separators, ".parquet"):
        raise BadSettings(setting, f"{path}: is no .tsv, .csv or .parquet file; name one")
    try:
        data = file.read_bytes()
        if file.suffix == ".parquet":
            return pl.read_parquet(data)
        return pl.read_csv(data, separator=separators[file.suffix], infer_schema=False)
    except OSError as error:
        raise BadSettings(setting, f"{path}: {error.strerror}; name a table of words") from error
    except pl.exceptions.PolarsError as error:
        reason = str(error).splitlines()[0][:120]
        raise BadSettings(setting, f"{path}: is no table ({reason}); give the columns {columns}") from error
