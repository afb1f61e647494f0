"""Findings of `inspect` on the tokens of a tokenizer."""

from dataclasses import dataclass, field
from typing import Any

import polars as pl


@dataclass
class Findings:
    """Columns of tokens, facts and tables that the merges, a corpus or embeddings tell."""

    columns: dict[str, pl.Series] = field(default_factory=dict)
    """Column of all ids, by its name."""
    faults: dict[str, pl.Expr] = field(default_factory=dict)
    """Fault to the tokens that have it, from the columns of vocabulary.parquet."""
    tables: dict[str, pl.DataFrame] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
