"""Tables of an output directory: which there are, and which come first."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import polars as pl

from operators.errors import DataError, UsageError
from operators.unicode.language_names import nearest
from pipelines.named_tables import with_names
from pipelines.outputs import Manifest

MAIN: Final[Mapping[str, tuple[str, ...]]] = {
    "premiums": ("premiums", "tokenizers", "changes"),
    "compare": ("compare", "groups"),
    "privacy": ("attacks", "scores"),
    "mixture": ("mixture",),
    "curves": ("sizes",),
    "sweep": ("sweep", "superwords", "model"),
    "tokenizer": ("merges",),
}
"""Kind of output to the tables that are shown unless another is named."""
ORDER: Final[Mapping[str, str]] = {"premiums": "premium", "mixture": "share", "sizes": "tokens", "sweep": "premium"}
"""Table to the column that its rows are sorted by, the largest first; other tables are as they were written."""
LEADING: Final[Mapping[str, tuple[str, ...]]] = {
    "premiums": ("tokenizer", "language", "name", "premium", "low", "high", "tokens", "reason"),
    "tokenizers": ("tokenizer", "languages", "mean_premium", "gini_lines", "worst_language", "best_language"),
    "changes": ("tokenizer", "language", "name", "verdict", "old", "new", "change", "low", "high"),
    "sizes": ("language", "name", "tokens", "target", "vocabulary", "low", "high", "extrapolated", "reason"),
    "sweep": ("language", "name", "premium", "low", "high", "chosen_vocabulary", "chosen_premium"),
}
"""Table to the columns that come first where not all fit."""
LANGUAGES: Final = "languages"
"""Table of the manifest's figures of each language, where it has such figures."""
FIGURES: Final = "figures"
"""Table of the manifest's other figures, which every output has."""


class NoResult(DataError):
    """A directory that holds no finished output."""

    path: str
    message = "{path}: holds no finished output of a command; name the directory that --out named"


class NoSuchTable(UsageError):
    """A table that an output does not have."""

    path: str
    table: str
    tables: list[str]

    def __str__(self) -> str:
        near = ", ".join(nearest(self.table, self.tables))
        return f"--table {self.table}: {self.path} has no such table; the nearest of {len(self.tables)} are {near}"


class Tables:
    """Tables of one finished output. `names`: of all of them, the main ones first."""

    def __init__(self, directory: Path, manifest: Manifest) -> None:
        self._directory = directory
        self._facts = manifest.facts
        files = [name.removesuffix(".parquet") for name in manifest.files if name.endswith(".parquet")]
        derived = [LANGUAGES] if isinstance(manifest.facts.get(LANGUAGES), dict) else []
        self.main = [name for name in MAIN.get(manifest.stage, ()) if name in files] or derived or [FIGURES]
        self.names = [*self.main, *(name for name in [*files, *derived, FIGURES] if name not in self.main)]

    def read(self, name: str, rows: int | None) -> tuple[pl.DataFrame, int]:
        """Return the first rows of a table (None: all), and the number of rows it has. Raises NoSuchTable."""
        if name not in self.names:
            raise NoSuchTable(str(self._directory), name, self.names)
        if name == LANGUAGES and isinstance(self._facts.get(LANGUAGES), dict):
            table = with_names(pl.DataFrame([{"language": one, **own} for one, own in self._facts[LANGUAGES].items()]))
        elif name == FIGURES:
            table = _figures(self._facts)
        else:
            lazy = pl.scan_parquet(self._directory / f"{name}.parquet", glob=False)
            if name in ORDER:
                lazy = lazy.sort(ORDER[name], descending=True, nulls_last=True, maintain_order=True)
            number = int(lazy.select(pl.len()).collect().item())
            return (lazy if rows is None else lazy.head(rows)).collect(), number
        return (table if rows is None else table.head(rows)), len(table)


def _figures(facts: Mapping[str, Any]) -> pl.DataFrame:
    """Return figure, value of a manifest's facts that are one number or text each."""
    plain = {name: value for name, value in facts.items() if isinstance(value, str | int | float)}
    return pl.DataFrame({"figure": [*plain], "value": [str(value) for value in plain.values()]})
