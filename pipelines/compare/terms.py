"""Tokens of the terms of a domain, from a list: one term a line."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import polars as pl
import pyarrow as pa

from operators.encoding.encode import Encoder
from operators.tokenizer import Tokenizer
from pipelines.compare.figures import Figure
from pipelines.compare.robustness import BEFORE
from pipelines.settings import BadSettings
from pipelines.token_lists import read_lines

TERMS: Final = "terms.parquet"
PER_TERM: Final = "tokens_per_term"


def read_terms(path: str) -> list[str]:
    """Read a file of terms, one a line, without blanks around them; a term that is repeated counts once.

    Raises BadSettings for a file that cannot be read, is no UTF-8, or holds no term.
    """
    lines = read_lines(path, "terms", "name a text file, one term a line")
    terms = [*dict.fromkeys(line.strip() for line in lines if line.strip())]
    if not terms:
        raise BadSettings("terms", f"{path} holds no term; write one a line")
    return terms


def term_table(terms: Sequence[str], named: Sequence[tuple[str, Tokenizer]]) -> pl.DataFrame:
    """Return terms.parquet: term, tokenizer, tokens (of the term alone), tokens_in_text (behind a word and a space)."""
    tables = []
    for name, tokenizer in named:
        encoder = Encoder(tokenizer)
        alone, behind = (
            encoder.count(pa.array([before + term for term in terms], pa.large_string()))
            for before in ("", f"{BEFORE} ")
        )
        inside = behind - encoder.count(pa.array([BEFORE], pa.large_string()))
        tables.append(pl.DataFrame({"term": terms, "tokenizer": name, "tokens": alone, "tokens_in_text": inside}))
    return pl.concat(tables)


def term_figure(table: pl.DataFrame, tokenizer: str) -> Figure:
    """Return the mean tokens of a term in text, each term a unit."""
    tokens = table.filter(pl.col("tokenizer") == tokenizer)["tokens_in_text"].to_numpy().astype(np.float64)
    return Figure(PER_TERM, tokens, np.ones(len(tokens)))
