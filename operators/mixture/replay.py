"""Replaying a merge list over the words of one category, with a record of every change of a pair count."""

import numpy as np
import polars as pl
import pyarrow as pa

from operators.arrays import I32, I64
from operators.mixture.program import PairRecord
from operators.shard import PairChanges, Shard
from operators.tokenizer import Merges
from operators.word_table import text_sizes


def record_changes(category: str, words: pa.LargeBinaryArray, counts: I64, byte_ids: I32, merges: Merges) -> PairRecord:
    """The record of one category's words (no nulls, distinct, with int64 `counts`) under the whole of `merges`.

    Unlike training, a merge takes the count of its own pair away, for after it the pair occurs no more.
    """
    shard = Shard(words, counts, byte_ids)
    initial = shard.initial_counts()
    changes = [initial, shard.apply(merges)]
    step, left, right = (np.concatenate([getattr(one, name) for one in changes]) for name in ("step", "left", "right"))
    change = np.concatenate([one.change for one in changes])
    spent = _spent(step, left, right, change, merges)
    size, characters = text_sizes(words, counts)
    return PairRecord(
        category=category,
        text_bytes=size,
        characters=characters,
        pairs=int(initial.change.sum()),
        step=np.concatenate([step, spent.step]),
        left=np.concatenate([left, spent.left]),
        right=np.concatenate([right, spent.right]),
        change=np.concatenate([change, spent.change]),
    )


def _spent(step: I32, left: I32, right: I32, change: I64, merges: Merges) -> PairChanges:
    """What each merge takes from the count of its own pair: all that was there when it was (first) applied."""
    rows = pl.DataFrame({"step": step, "left": left, "right": right, "change": change})
    chosen = pl.DataFrame(
        {"at": np.arange(len(merges), dtype=np.int32), "left": merges.left, "right": merges.right}
    ).unique(["left", "right"], keep="first")
    left_over = (
        rows.join(chosen, on=["left", "right"])
        .filter(pl.col("step") <= pl.col("at"))
        .group_by("at", "left", "right")
        .agg(-pl.col("change").sum())
        .filter(pl.col("change") != 0)
        .sort("at")
    )
    return PairChanges(
        np.array(left_over["at"].to_numpy()),
        np.array(left_over["left"].to_numpy()),
        np.array(left_over["right"].to_numpy()),
        np.array(left_over["change"].to_numpy()),
    )
