"""Morphemes of words, from a table that the user gives: borders that tokens share with them."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from operators.arrays import F64, I64
from operators.encoding.encode import Encoder
from operators.metrics.morphemes import Cuts, best_analyses, border_scores, cuts, morphscore_1, morphscore_2
from operators.metrics.token_borders import Borders, token_borders
from operators.metrics.token_pairs import UNITS
from operators.tokenizer import Tokenizer
from pipelines.compare.figures import Figure, counted, unknown
from pipelines.compare.groups import ALL
from pipelines.compare.probes import NOT_SPELLED
from pipelines.compare.robustness import BEFORE
from pipelines.morpheme_tables import SEPARATOR, read_morphemes
from pipelines.settings import BadSettings
from pipelines.word_lists import place

MORPHEMES: Final = "morphemes.parquet"
WORDS: Final = "morpheme_words"
_SEVERAL: Final = "no word of several morphemes"
_CUT: Final = "no word of several morphemes and several tokens"
_LACKS: Final = {
    "morpheme_border_precision": "no token begins inside a word",
    "morpheme_border_recall": _SEVERAL,
    "morpheme_border_f1": "no word of several morphemes or tokens",
    "morphscore_v1": "no word of two morphemes and several tokens",
    "morphscore_v2_recall": _SEVERAL,
    "morphscore_v2_precision": _SEVERAL,
    "morphscore_v2_recall_split": _CUT,
    "morphscore_v2_precision_split": _CUT,
}
"""Figure to the reason where no word counts for it."""
SCORES: Final = tuple(_LACKS)
FIGURES: Final = (WORDS, *SCORES)
"""Figures of this module, in order."""
_NONE: Final = np.empty(0)


def read_judged(path: str) -> pl.DataFrame:
    """Read a table of words as `read_morphemes` does. Raises BadSettings also for a language of the name `all`."""
    table = read_morphemes(path)
    for number, language in enumerate(table["language"], 1):
        if language == ALL:
            why = f"the language is named {ALL!r}, which stands for all words; give it another name"
            raise BadSettings("morphemes", f"{place(path, number)}: {why}")
    return table


class Analyses:
    """Words of a table and their analyses under one tokenizer."""

    def __init__(self, table: pl.DataFrame, tokenizer: Tokenizer) -> None:
        """table: as `read_morphemes` returns it."""
        encoder, tokens = Encoder(tokenizer), pa.array(tokenizer.tokens, pa.large_binary())
        self._table, self._encoded = table, dict[str, Cuts]()
        for before in ("", f"{BEFORE} "):
            text = pa.array([before + word for word in table["word"]], pa.large_string())
            ids, offsets = encoder.encode(text)
            self._borders = token_borders(text, ids, offsets, tokens)
            found = cuts(self._borders, np.diff(offsets), len(before), table["morphemes"].to_list())
            self._encoded[before] = found

    @property
    def table(self) -> pl.DataFrame:
        """Rows of morphemes.parquet, without the tokenizer."""
        inside = self._encoded[f"{BEFORE} "]
        return self._table.with_columns(
            pl.col("morphemes").list.join(SEPARATOR),
            pl.Series("tokens", _segmented(self._borders, len(BEFORE) + 1), pl.String),
            pl.Series("morpheme_borders", inside.gold),
            pl.Series("token_borders", inside.found),
            pl.Series("shared_borders", inside.shared),
        )

    def figures(self, language: str | None = None) -> list[Figure]:
        """Return the figures of the words of a language; None: of all words. Words are the units."""
        rows = np.arange(len(self._table)) if language is None else _rows_of(self._table, language)
        own = self._table[rows]
        words = own.select(pl.struct("language", "word").rank("dense")).to_series().to_numpy().astype(np.int64) - 1
        weights = np.zeros(int(words.max()) + 1)
        np.maximum.at(weights, words, own["count"].to_numpy())
        alone, inside = (best_analyses(one.take(rows), words) for one in self._encoded.values())
        number = Figure(WORDS, _NONE, _NONE, float(inside.spelled.sum()), adds_up=False)
        if not inside.spelled.any():
            return [number, *(unknown(name, NOT_SPELLED) for name in SCORES)]
        sums = [
            *border_scores(inside),
            morphscore_1(alone),
            *morphscore_2(alone, weights, single=True),
            *morphscore_2(alone, weights, single=False),
        ]
        scores = zip(_LACKS.items(), sums, strict=True)
        return [number, *(counted(name, _dealt(a), _dealt(b), lack) for (name, lack), (a, b) in scores)]


def _rows_of(table: pl.DataFrame, language: str) -> I64:
    return np.flatnonzero((table["language"] == language).fill_null(False).to_numpy())


def _dealt(sums: F64) -> F64:
    """Return sums over units, to which words are dealt in turn."""
    dealt = np.bincount(np.arange(len(sums)) % UNITS, weights=sums)
    return dealt.astype(np.float64)


def _segmented(borders: Borders, before: int) -> list[str | None]:
    """Return each word cut at the borders of tokens; bytes of split characters as \\xNN; None: it is not spelled."""
    data, found = borders.text.tobytes(), list[str | None]()
    for i, (start, end) in enumerate(pairwise(borders.starts.tolist())):
        places = [start + before, *(np.flatnonzero(borders.at[start + before + 1 : end]) + start + before + 1), end]
        parts = [data[a:b].decode(errors="backslashreplace") for a, b in pairwise(places)]
        found.append(SEPARATOR.join(parts) if borders.spelled[i] else None)
    return found


def morpheme_figures(
    table: pl.DataFrame, named: Sequence[tuple[str, Tokenizer]], by_language: bool
) -> tuple[pl.DataFrame, list[dict[str, list[Figure]]]]:
    """Return morphemes.parquet, and for each tokenizer the figures by group: all words, and languages on request."""
    languages = table["language"].drop_nulls().unique().sort().to_list() if by_language else []
    tables, found = list[pl.DataFrame](), list[dict[str, list[Figure]]]()
    for name, tokenizer in named:
        analyses = Analyses(table, tokenizer)
        tables.append(analyses.table.insert_column(0, pl.lit(name).alias("tokenizer")))
        found.append({ALL: analyses.figures(), **{one: analyses.figures(one) for one in languages}})
    return pl.concat(tables), found
