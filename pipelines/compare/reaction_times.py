"""Cognitive plausibility: how easily words are cut, against how fast and how rightly people recognize them."""

from collections.abc import Iterable
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from operators.encoding.encode import Encoder
from operators.statistics.correlation import pearson
from operators.tokenizer import Tokenizer
from pipelines.compare.figures import Figure, unknown
from pipelines.settings import BadSettings
from pipelines.word_lists import place, read_word_table

MEASURED: Final = {"reaction_time": "time", "accuracy": "accuracy"}
"""Column to its name in figures."""
KINDS: Final = {"words": ("word", "w"), "nonwords": ("nonword", "n")}
"""Name in figures to the values of the column lexicality, in any case."""
CORRELATIONS: Final = tuple(f"chunkability_{name}_{kind}" for kind in KINDS for name in MEASURED.values())
PLAUSIBILITY: Final = "cognitive_plausibility"
REACTIONS: Final = (*CORRELATIONS, PLAUSIBILITY)
_NONE: Final = np.empty(0)


def read_reactions(path: str) -> pl.DataFrame:
    """Read a table: word, kind (a key of KINDS), and reaction_time and accuracy (float64, null where not measured).

    Raises BadSettings for a file that is no such table.
    """
    table = read_word_table("reaction_times", path, ("word", "reaction_time"), ("accuracy", "lexicality"))
    kinds = pl.lit("word") if "lexicality" not in table.columns else pl.col("lexicality")
    columns = [pl.col(one) if one in table.columns else pl.lit(None).alias(one) for one in MEASURED]
    text = table.select(pl.col("word"), kinds.alias("kind"), *(one.cast(pl.String) for one in columns))
    named = {value: kind for kind, values in KINDS.items() for value in values}
    found = text.with_columns(
        pl.col("kind").str.to_lowercase().replace_strict(named, default=None, return_dtype=pl.String),
        *(pl.col(one).replace("", None).cast(pl.Float64, strict=False) for one in MEASURED),
    )
    given = text.select(pl.col(one).replace("", None) for one in MEASURED)
    rows = zip(found.iter_rows(), given.iter_rows(), strict=True)
    for number, ((word, kind, *numbers), values) in enumerate(rows, 1):
        if why := _why_not(word, kind, numbers, values):
            raise BadSettings("reaction_times", f"{place(path, number)}: {why}")
    return found


def _why_not(word: str | None, kind: str | None, numbers: Iterable[float | None], given: Iterable[str | None]) -> str:
    """Return why a row is unusable; nothing if it is not."""
    if not word:
        return "lacks its word"
    if kind is None:
        return "its lexicality is neither word nor nonword (w, n)"
    for column, number, text in zip(MEASURED, numbers, given, strict=True):
        if text is not None and (number is None or not np.isfinite(number)):
            return f"the {column} of {word!r} is no number: {text[:20]!r}; leave it empty if it was not measured"
    return ""


def reaction_figures(table: pl.DataFrame, tokenizer: Tokenizer) -> list[Figure]:
    """Return Pearson's correlations of chunkability with each measured column, for words and nonwords, and their mean.

    Chunkability is 1 - tokens / characters of the word alone. table: as `read_reactions` returns it.
    """
    tokens = Encoder(tokenizer).count(pa.array(table["word"].to_list(), pa.large_string()))
    table = table.with_columns(chunkability=1 - pl.Series(tokens) / table["word"].str.len_chars())
    found, values = list[Figure](), list[float]()
    names = iter(CORRELATIONS)
    for kind in KINDS:
        for column in MEASURED:
            own = table.filter(kind=kind).drop_nulls(column)
            value = pearson(own["chunkability"].to_numpy(), own[column].to_numpy())
            name = next(names)
            if value is None:
                found.append(unknown(name, f"too few {kind} with a value, or all alike: {len(own)}"))
            else:
                found.append(Figure(name, _NONE, _NONE, value, adds_up=False))
                values.append(abs(value))
    if len(values) < len(CORRELATIONS):
        return [*found, unknown(PLAUSIBILITY, "one of the four correlations is missing")]
    return [*found, Figure(PLAUSIBILITY, _NONE, _NONE, float(np.mean(values)), adds_up=False)]
