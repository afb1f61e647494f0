"""Vocabulary tables: the tokens of each tokenizer, their kinds and scripts, and their uses in the compared text."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from operators.metrics.vocabulary import BYTES, SPECIAL, token_kinds
from operators.tokenizer import Tokenizer
from pipelines.outputs import replacing
from pipelines.premiums.counting import uses_name


@dataclass(frozen=True)
class VocabularyTask:
    """One tokenizer to describe, after all groups of languages are counted with it."""

    name: str
    tokenizer: Tokenizer
    place: int
    groups: int
    into: Path


def vocabulary_name(place: int) -> str:
    """Return the name of a scratch file: the rows of one tokenizer in vocabulary.parquet."""
    return f"vocabulary-{place:03}.parquet"


def describe_vocabulary(task: VocabularyTask) -> int:
    """Worker task: write the rows of one tokenizer; return their number."""
    kinds = token_kinds(task.tokenizer)
    counts = [pl.read_parquet(task.into / uses_name(task.place, group), glob=False) for group in range(task.groups)]
    uses = np.sum([table["uses"].to_numpy() for table in counts], axis=0)
    table = pl.DataFrame(
        {
            "token": np.arange(len(kinds.texts), dtype=np.int32),
            "bytes": kinds.texts,
            "script": pl.Series(kinds.script, dtype=pl.Categorical),
            "characters": kinds.characters,
            "part_of_utf8": kinds.part,
            "undecodable": kinds.undecodable,
            "unreachable": kinds.unreachable & (uses == 0),  # a used token is reachable
            "uses": uses,
        }
    ).filter(pl.col("bytes").bin.size() > 0)
    named = table.select(
        pl.lit(task.name).alias("tokenizer"),
        pl.all().exclude("script", "characters"),
        pl.col("script").cast(pl.String),
        pl.when(pl.col("characters") >= 0).then("characters"),
    )
    with replacing(task.into / vocabulary_name(task.place), durable=False) as temporary:
        named.write_parquet(temporary)
    return len(named)


def script_table(vocabulary: pl.DataFrame) -> pl.DataFrame:
    """Return scripts.parquet: tokens of each vocabulary by script, and the number of these that the text used."""
    return (
        vocabulary.group_by("tokenizer", "script", maintain_order=True)
        .agg(tokens=pl.len().cast(pl.Int64), used=(pl.col("uses") > 0).sum().cast(pl.Int64), uses=pl.col("uses").sum())
        .with_columns(share=pl.col("tokens") / pl.col("tokens").sum().over("tokenizer"))
        .sort("tokens", "script", descending=[True, False])
        .sort("tokenizer", maintain_order=True)
        .select("tokenizer", "script", "tokens", "share", "used", "uses")
    )


def vocabulary_figures(vocabulary: pl.DataFrame) -> pl.DataFrame:
    """Count the tokens of each vocabulary by kind: one row for each tokenizer, in the order of `vocabulary`."""
    text = pl.col("script") != SPECIAL
    return vocabulary.group_by("tokenizer", maintain_order=True).agg(
        vocabulary=pl.len().cast(pl.Int64),
        special_tokens=(~text).sum().cast(pl.Int64),
        single_character_tokens=(pl.col("characters") == 1).sum().cast(pl.Int64),
        partial_utf8_tokens=pl.col("part_of_utf8").sum().cast(pl.Int64),
        undecodable_tokens=(pl.col("script") == BYTES).sum().cast(pl.Int64),
        unreachable_tokens=pl.col("unreachable").sum().cast(pl.Int64),
        unused_tokens=(text & (pl.col("uses") == 0)).sum().cast(pl.Int64),
    )
