"""Tables of a smaller vocabulary: the new ids of all tokens, and tokens at every size."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from operators.arrays import I64
from operators.pruning.pruned import PrunedTokenizer
from operators.tokenizer import Tokenizer

IDS: Final = "ids.parquet"
FRAGMENTATION: Final = "fragmentation.parquet"


def ids_table(tokenizer: Tokenizer, found: PrunedTokenizer, order: I64, used: I64, made: I64) -> pl.DataFrame:
    """Return ids.parquet, one row for each old id: old_id, new_id (null: removed), token (its bytes), count (its
    occurrences in the corpus), made (how often encoding makes it, merged further or not), order (its place in the order
    of removal, 0 first; null: it cannot be removed), pieces (new ids of a removed token's text; null for others).
    """
    size = len(tokenizer.tokens)
    place = np.full(size, -1, np.int64)
    place[order] = np.arange(len(order))
    pieces = [found.pieces.get(i) for i in range(size)]
    columns = {
        "old_id": np.arange(size), "new_id": found.new_ids, "token": tokenizer.tokens, "count": used, "made": made,
        "order": place,
    }  # fmt: skip
    table = pl.DataFrame(columns).with_columns(pl.Series("pieces", pieces, pl.List(pl.Int64)))
    return table.with_columns(pl.when(pl.col(name) >= 0).then(pl.col(name)).alias(name) for name in ("new_id", "order"))


def fragmentation_table(fragments: Mapping[str, I64], vocabulary: int) -> pl.DataFrame:
    """Return fragmentation.parquet (language, vocabulary, tokens): a row wherever the number of tokens changes.

    With `vocabulary` tokens or fewer, down to the next row, the text of the language has `tokens` tokens.
    """
    parts = []
    for language, tokens in sorted(fragments.items()):
        changes = np.flatnonzero(np.diff(tokens, prepend=-1))
        columns = {"vocabulary": vocabulary - changes, "tokens": tokens[changes]}
        parts.append(pl.DataFrame(columns).select(pl.lit(language).alias("language"), pl.all()))
    return pl.concat(parts)
