"""Second stage of training in one process, on one thread, with all text in memory and nothing cut."""

from dataclasses import replace

import numpy as np
import pyarrow as pa

from operators.shard import PairChanges, Shard
from operators.superwords.sequences import SecondStage
from operators.tokenizer import Merges, Tokenizer
from operators.training.extension import extend
from operators.training.reducer import Judge, Reducer, learn_rounds


def train_superwords(text: pa.LargeStringArray, stage: SecondStage, size: int, judge: Judge | None) -> Tokenizer:
    """Learn merges on the second-stage pieces of documents (no nulls), until there are `size` tokens.

    Fewer where no pair is left that `judge` allows. The list equals that of `babelmerge train --superwords`. Raises
    CountOverflow, ShardTooLarge.

    >>> first = Tokenizer("o200k", (), Merges.from_rows([]))
    >>> stage = SecondStage(first, r"[^.]+")
    >>> train_superwords(pa.array(["a b.a b"], pa.large_string()), stage, 258, None).tokens[256:]
    [b' b', b'a b']
    """
    ids, offsets, _ = stage.reader().read(text)
    pieces = np.ones(len(offsets) - 1, np.int64)
    shard = Shard.of_sequences(ids, offsets, pieces, len(stage.first.tokens))
    reducer = Reducer(stage.first, size, 1, None, judge)

    def apply(batch: Merges) -> list[PairChanges]:
        return [shard.apply(batch)]

    for _ in learn_rounds(reducer, [shard.initial_counts()], apply):
        pass  # the reducer keeps each round
    made, _ = extend(stage.first, reducer.merges)
    return replace(made, pretokenizer=stage.regex, ignore_merges=False)
