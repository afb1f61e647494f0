"""Reading word tables for training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa


def read_words(
    paths: Sequence[Path], multipliers: Mapping[str, int] | None
) -> tuple[pa.LargeBinaryArray, np.ndarray[tuple[int], np.dtype[np.int64]]]:
    """The distinct words of some partitions and their counts over all languages, in a fixed order."""
    table = pl.read_parquet(list(paths), glob=False)
    if multipliers is not None:
        scale = pl.DataFrame(
            {"language": list(multipliers), "by": list(multipliers.values())}, {"language": pl.String, "by": pl.Int64}
        )
        table = table.join(scale, on="language").with_columns(pl.col("count") * pl.col("by"))
    table = table.group_by("word").agg(pl.col("count").sum()).sort("word")
    words = table["word"].to_arrow().cast(pa.large_binary())
    return words, np.array(table["count"].to_numpy())
