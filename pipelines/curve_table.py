"""Table of curves (curves.parquet), which `curves` and `sweep` write."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import polars as pl

from operators.arrays import I64
from operators.curves.tokens_by_size import Curve

CURVES: Final = "curves.parquet"


def curve_table(curves: Mapping[str, Curve], sizes: Mapping[str, I64]) -> pl.DataFrame:
    """Return curves.parquet (language, vocabulary, merges, tokens): one row wherever the number of tokens changes.

    sizes: vocabulary size after each number of merges (int64), of each language's tokenizer.
    """
    parts = [
        pl.DataFrame(
            {"vocabulary": sizes[language][np.minimum(curve.merges, len(sizes[language]) - 1)],
             "merges": curve.merges, "tokens": curve.tokens}
        ).select(pl.lit(language).alias("language"), pl.all())
        for language, curve in sorted(curves.items())
    ]  # fmt: skip
    return pl.concat(parts)
