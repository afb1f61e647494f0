"""Tables of words and their morphemes that the user gives."""

from typing import Final

import polars as pl

from pipelines.settings import BadSettings
from pipelines.word_lists import language_column, place, read_word_table

SEPARATOR: Final = "|"
"""Stands between the morphemes of a word."""
_WEIGHTS: Final = ("count", "frequency")


def read_morphemes(path: str) -> pl.DataFrame:
    """Read a table of words; a row: word, morphemes (list of text), language (null: none), count (float64, 1 if none).

    Raises BadSettings for a file that is no such table, and for morphemes that do not spell their word.
    """
    table = read_word_table("morphemes", path, ("word", "morphemes"), ("language", *_WEIGHTS))
    weight = next((one for one in _WEIGHTS if one in table.columns), None)
    count = pl.lit(1.0) if weight is None else pl.col(weight).cast(pl.Float64, strict=False)
    found = table.select(
        pl.col("word"), pl.col("morphemes").str.split(SEPARATOR),
        language_column(table), count.alias("count"),
    )  # fmt: skip
    for number, (word, morphemes, _, value) in enumerate(found.iter_rows(), 1):
        if why := _why_not(word, morphemes, value):
            raise BadSettings("morphemes", f"{place(path, number)}: {why}")
    return found


def _why_not(word: str | None, morphemes: list[str] | None, count: float | None) -> str | None:
    """Return why a row is unusable; None if it is not."""
    if not word or not morphemes:
        return "lacks its word or its morphemes"
    if "".join(morphemes) != word or "" in morphemes:
        listed = SEPARATOR.join(morphemes)
        return f"{listed!r} does not spell {word!r}; write the word's parts as they stand, with {SEPARATOR} between"
    if count is None or not 0 <= count < float("inf"):
        return f"the count of {word!r} is no number from 0"
    return None
