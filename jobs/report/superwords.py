"""Superwords of a trained tokenizer: the longest and the most used, and the tokens that they save in each language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from jobs.report.premium_runs import Reference
from jobs.report.wording import named, percent, token_text
from pipelines.tokenizers import MERGES

SHOWN: Final = 20
"""Superwords of each kind in the table."""
FIRST: Final = Path("superwords", "first")
"""Tokenizer of the first stage, in the directory of the whole one."""


@dataclass(frozen=True)
class SuperwordsFound:
    """Superwords of a tokenizer, and the compared tokenizers that tell what they save."""

    merges: pl.DataFrame
    """token_bytes, words, count: the merges whose tokens span words."""
    vocabulary: int
    compared: tuple[str, str] | None
    """Name of the tokenizer and of the one without superwords, where both are in the premiums."""


def read_superwords(
    directory: Path, facts: Mapping[str, Any], references: Sequence[Reference]
) -> SuperwordsFound | None:
    """Read the superwords of a finished tokenizer; None where no token spans words."""
    if not (directory / MERGES).is_file():
        return None
    merges = pl.read_parquet(directory / MERGES, glob=False)
    if "words" not in merges.columns:
        return None
    merges = merges.filter(pl.col("words") > 1).select("token_bytes", "words", "count")
    return SuperwordsFound(merges, facts["vocabulary"], _compared(directory, references)) if len(merges) else None


def _compared(directory: Path, references: Sequence[Reference]) -> tuple[str, str] | None:
    """The other one is the first stage, or the only other tokenizer."""
    paths = {one.name: Path(one.path or "").resolve() for one in references}
    own = next((name for name, path in paths.items() if path == directory.resolve()), None)
    first = next((name for name, path in paths.items() if path == directory.resolve() / FIRST), None)
    others = [name for name in paths if name != own]
    other = first or (others[0] if len(others) == 1 else None)
    return None if own is None or other is None else (own, other)


def saved_table(found: SuperwordsFound | None, premiums: pl.DataFrame | None, names: Mapping[str, str]) -> pl.DataFrame:
    """Return language, name, before, tokens, saved (share of the tokens without superwords); the most saved first."""
    if found is None or found.compared is None or premiums is None:
        return pl.DataFrame()
    own, other = (
        premiums.filter(pl.col("tokenizer") == name, pl.col("tokens") > 0).select("language", "tokens")
        for name in found.compared
    )
    table = own.join(other.rename({"tokens": "before"}), on="language")
    table = table.with_columns(
        saved=1 - pl.col("tokens") / pl.col("before"),
        name=pl.Series([named(code, names) for code in table["language"]], dtype=pl.String),
    )
    return table.sort("saved", "language", descending=[True, False])


def superword_table(found: SuperwordsFound | None) -> pl.DataFrame:
    """Return kind, text, words, bytes, count: the longest superwords, then those that training counted most."""
    if found is None:
        return pl.DataFrame()
    bytes_ = pl.col("token_bytes").bin.size().alias("bytes")
    table = found.merges.with_columns(
        bytes_, text=pl.col("token_bytes").map_elements(token_text, return_dtype=pl.String)
    )
    longest = table.sort("words", "bytes", "text", descending=[True, True, False]).head(SHOWN)
    used = table.sort("count", "text", descending=[True, False]).head(SHOWN)
    kinds = [one.with_columns(kind=pl.lit(kind)) for one, kind in ((longest, "longest"), (used, "most used"))]
    return pl.concat(kinds).select("kind", "text", "words", "bytes", pl.col("count").replace(-1, None))


def gain(found: SuperwordsFound, saved: pl.DataFrame) -> str:
    """Return one sentence: how many tokens span words, and what they save."""
    most = int(found.merges["words"].max())  # type: ignore[arg-type]
    said = f"{len(found.merges):,} of {found.vocabulary:,} tokens span words, up to {most} of them"
    if saved.is_empty() or found.compared is None:
        return f"{said}."
    whole = 1 - int(saved["tokens"].sum()) / int(saved["before"].sum())
    first, last = saved.row(0, named=True), saved.row(-1, named=True)
    between = f", from {percent(last['saved'])} in {last['name']} to {percent(first['saved'])} in {first['name']}"
    where = between if len(saved) > 1 else ""
    return f"{said}; against {found.compared[1]} they save {percent(whole)} of all tokens{where}."
