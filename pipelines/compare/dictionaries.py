"""Distinct tokens in use that are a morpheme (%Pure) or a word of a dictionary (%TR), after Bayram et al. 2025."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import polars as pl

from operators.arrays import I64
from operators.tokenizer import Tokenizer
from pipelines.compare.counting import CountTask
from pipelines.compare.figures import Figure, unknown
from pipelines.compare.groups import ALL
from pipelines.settings import BadSettings
from pipelines.word_lists import language_column, read_word_table

PURE: Final = "pure_tokens"
VALID: Final = "dictionary_tokens"
_NONE: Final = np.empty(0)


def read_dictionary(path: str) -> pl.DataFrame:
    """Read a table of words: word, language (null: none). Raises BadSettings for a file that is no such table."""
    table = read_word_table("dictionary", path, ("word",), ("language",))
    found = table.select(pl.col("word"), language_column(table)).filter(pl.col("word") != "")
    if not len(found):
        raise BadSettings("dictionary", f"{path}: has no words; write one a row")
    return found


class Listed:
    """Words or morphemes of a table, by language."""

    def __init__(self, words: pl.Series, languages: pl.Series, by_language: bool) -> None:
        """by_language: groups are languages, of which each has words of its own if `languages` has any."""
        self._all, self._of = set(words), dict[str, set[str]]()
        self._apart = by_language and languages.null_count() < len(languages)
        if self._apart:
            table = pl.DataFrame({"word": words, "language": languages}).drop_nulls()
            self._of = {str(name): set(own["word"]) for (name,), own in table.group_by("language")}

    def of(self, group: str) -> set[str]:
        """Return the words that count for a group."""
        return self._of.get(group, set()) if self._apart and group != ALL else self._all


def used_tokens(tasks: Iterable[CountTask]) -> list[dict[str, I64]]:
    """Return for each tokenizer the ids that each group uses, and ALL: the scratch files of the tasks."""
    found = defaultdict[int, dict[str, I64]](dict)
    for task in tasks:
        for group, ids in pl.read_parquet(task.types, glob=False).iter_rows():
            found[task.place][group] = np.array(ids, np.int64)
    for own in found.values():
        own.setdefault(ALL, np.unique(np.concatenate([*own.values()])))
    return [found[place] for place in sorted(found)]


def type_figures(used: Mapping[str, I64], tokenizer: Tokenizer, lists: Mapping[str, Listed]) -> dict[str, list[Figure]]:
    """Return for each group the share of the tokens it uses that are listed, a figure for each of `lists`."""
    texts = [_text(token) for token in tokenizer.tokens]
    return {
        group: [_share(name, [texts[i] for i in ids.tolist()], listed.of(group)) for name, listed in lists.items()]
        for group, ids in used.items()
    }


def _text(token: bytes) -> str | None:
    """Return a token's text without a space before it; None where it is no whole characters."""
    try:
        return token.decode().removeprefix(" ")
    except UnicodeDecodeError:
        return None


def _share(name: str, tokens: Sequence[str | None], listed: set[str]) -> Figure:
    if not listed:
        return unknown(name, "the table has no words of this language")
    if not tokens:
        return unknown(name, "no tokens")
    number = sum(one is not None and (one in listed or one.lower() in listed) for one in tokens)
    return Figure(name, _NONE, _NONE, number / len(tokens), adds_up=False)
