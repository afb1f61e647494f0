"""What the tokens of each tokenizer are, and which of them the compared text used."""

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
    """One tokenizer, after all groups of languages were counted with it."""

    name: str
    tokenizer: Tokenizer
    place: int
    groups: int
    into: Path


def vocabulary_name(place: int) -> str:
    """Scratch: a part of vocabulary.parquet."""
    return f"vocabulary-{place:03}.parquet"


def describe_vocabulary(task: VocabularyTask) -> int:
    """Write the rows of one tokenizer; returns how many."""
    kinds = token_kinds(task.tokenizer)
    parts = [pl.read_parquet(task.into / uses_name(task.place, group), glob=False) for group in range(task.groups)]
    uses = np.sum([part["uses"].to_numpy() for part in parts], axis=0)
    table = pl.DataFrame(
        {
            "token": np.arange(len(kinds.texts), dtype=np.int32),
            "bytes": kinds.texts,
            "script": pl.Series(kinds.script, dtype=pl.Categorical),
            "characters": kinds.characters,
            "part_of_utf8": kinds.part,
            "undecodable": kinds.undecodable,
            "unreachable": kinds.unreachable & (uses == 0),  # what was used was reached
            "uses": uses,
        }
    ).filter(pl.col("bytes").bin.size() > 0)
    named = table.select(
        pl.lit(task.name).alias("tokenizer"),
        pl.all().exclude("script", "characters"),
        pl.col("script").cast(pl.String),
        pl.when(pl.col("characters") >= 0).then("characters"),
    )
    with replacing(task.into / vocabulary_name(task.place), durable=False) as part:
        named.write_parquet(part)
    return len(named)


def script_table(vocabulary: pl.DataFrame) -> pl.DataFrame:
    """scripts.parquet: how many tokens of each vocabulary are of which script, and how many of these were used."""
    return (
        vocabulary.group_by("tokenizer", "script", maintain_order=True)
        .agg(tokens=pl.len().cast(pl.Int64), used=(pl.col("uses") > 0).sum().cast(pl.Int64), uses=pl.col("uses").sum())
        .with_columns(share=pl.col("tokens") / pl.col("tokens").sum().over("tokenizer"))
        .sort("tokens", "script", descending=[True, False])
        .sort("tokenizer", maintain_order=True)
        .select("tokenizer", "script", "tokens", "share", "used", "uses")
    )


def vocabulary_figures(vocabulary: pl.DataFrame) -> pl.DataFrame:
    """How many tokens of each vocabulary are what; a row a tokenizer, in the order of `vocabulary`."""
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
