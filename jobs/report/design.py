"""Design of a report: its tables, and the sentence on what a fair tokenizer costs those who pay for it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from jobs.report.wording import named, percent
from pipelines.design.tables import CHOSEN, FRONTIER, HYBRID, LANGUAGES
from pipelines.outputs import Manifest

MEASURES: Final = {"gini": "Gini coefficient", "worst": "worst premium"}
"""Figure of frontier.parquet to its title on an axis."""


@dataclass(frozen=True)
class DesignFound:
    """Tables and facts of a design."""

    frontier: pl.DataFrame
    languages: pl.DataFrame
    facts: Mapping[str, Any]

    @property
    def baseline(self) -> str:
        """The language that premiums compare with."""
        return str(self.facts["baseline"])


def read_design(directory: Path, manifest: Manifest) -> DesignFound:
    """Read the tables of a finished design."""
    frontier, languages = (pl.read_parquet(directory / name, glob=False) for name in (FRONTIER, LANGUAGES))
    return DesignFound(frontier, languages, manifest.facts)


def method_names(frontier: pl.DataFrame) -> list[str]:
    """Return the families of the methods, each once."""
    return sorted({family(method) for method in frontier["method"]})


def family(method: str) -> str:
    """Return what a chart calls a method: the chosen trial and hybrids are the design's, temperatures are one."""
    if method in (CHOSEN, HYBRID):
        return "design"
    return "temperature" if method.startswith("temperature") else method


def language_rows(found: DesignFound, names: Mapping[str, str]) -> pl.DataFrame:
    """Return languages.parquet with the column `name`, dearest before first."""
    labels = [named(language, names) for language in found.languages["language"]]
    table = found.languages.with_columns(name=pl.Series(labels, dtype=pl.String))
    return table.sort("premium_before", "language", descending=[True, False])


def cost(found: DesignFound, names: Mapping[str, str]) -> str:
    """Return one sentence: how much fairer, at which loss, and what it costs the languages that pay for it."""
    facts = found.facts
    fairer = (
        f"The fair tokenizer lowers the Gini coefficient of {facts['languages']:,} languages from "
        f"{facts['gini_before']:.3f} to {facts['gini']:.3f} and the worst premium from {facts['worst_before']:.2f} to "
        f"{facts['worst']:.2f}, for {percent(facts['loss'])} more tokens in total"
    )
    table = language_rows(found, names).sort("change", "language", descending=[True, False])
    paying = table.filter(pl.col("change") > 0)
    if paying.is_empty():
        return f"{fairer}; no language pays more than before."
    most = paying.row(0, named=True)
    mean = int(paying["tokens_after"].sum()) / int(paying["tokens_before"].sum()) - 1
    costs = f"{len(paying):,} of them pay for it with {percent(mean)} more tokens on average"
    costs += f", {most['name']} with {percent(most['change'])} the most"
    return f"{fairer}; {costs}."
