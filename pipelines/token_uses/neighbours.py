"""Entropy of the tokens on either side of a token, over whole documents (LiteToken, 2602.04706)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from operators.arrays import F64, I64
from operators.encoding.encode import Encoder
from operators.tokenizer import Tokenizer
from pipelines.context import Context
from pipelines.corpus.bad_records import BadRecords, OnBadRecord
from pipelines.corpus.records import read_batches
from pipelines.corpus.sources import InputFile

BATCH_BYTES: Final = 1 << 23


@dataclass(frozen=True)
class NeighbourTask:
    """One file, and the tokens whose neighbours are counted."""

    file: InputFile
    tokenizer: Tokenizer
    wanted: tuple[int, ...]
    languages: tuple[str, ...] | None
    """Languages whose text counts; None: all."""
    on_bad_record: OnBadRecord

    @property
    def path(self) -> str:
        """Path of the file, for messages."""
        return self.file.path


def count_neighbours(task: NeighbourTask) -> tuple[I64, I64]:
    """Worker task: count pairs of neighbours with a wanted token; distinct pairs (left << 32 | right), and counts."""
    bad, encoder = BadRecords(task.on_bad_record), Encoder(task.tokenizer)
    wanted = np.zeros(len(task.tokenizer.tokens), np.bool_)
    wanted[list(task.wanted)] = True
    found = []
    for batch in read_batches(task.file, bad, BATCH_BYTES, with_ids=False):
        if task.languages is not None:
            batch = batch.filter(pc.is_in(batch.column("language"), pa.array(task.languages, pa.string())))
        ids, offsets = encoder.encode(batch.column("text"))
        inside = np.ones(max(0, len(ids) - 1), np.bool_)
        borders = offsets[1:-1]
        inside[borders[(borders > 0) & (borders < len(ids))] - 1] = False
        places = np.flatnonzero(inside & (wanted[ids[:-1]] | wanted[ids[1:]]))
        found.append(np.unique(ids[places].astype(np.int64) << 32 | ids[places + 1], return_counts=True))
    return _added_up(found)


def neighbour_entropies(
    files: Sequence[InputFile], tokenizer: Tokenizer, wanted: I64, context: Context,
    languages: Sequence[str] | None = None,
) -> F64:  # fmt: skip
    """Return the entropy in bits of the tokens left and right of each wanted token, float64[2, tokens].

    NaN for a token that has no neighbour on that side, and for tokens that are not wanted. languages: those whose text
    counts; None: all.
    """
    entropies = np.full((2, size := len(tokenizer.tokens)), np.nan)
    if not len(wanted):
        return entropies
    chosen = None if languages is None else tuple(languages)
    tasks = [NeighbourTask(file, tokenizer, tuple(wanted.tolist()), chosen, context.on_bad_record) for file in files]
    found = []
    with context.progress.stage("count neighbours", len(tasks), "files") as advance:
        for _, one in context.engine.run(count_neighbours, tasks):
            found.append(one)
            advance(1)
    pairs, counts = _added_up(found)
    left, right = pairs >> 32, pairs & 0xFFFFFFFF
    entropies[0, wanted] = _entropies(right, counts, size)[wanted]
    entropies[1, wanted] = _entropies(left, counts, size)[wanted]
    return entropies


def _entropies(tokens: I64, counts: I64, size: int) -> F64:
    """Return the entropy of the counts of each token, float64[size]; each pair is one row of its token."""
    totals = np.bincount(tokens, counts, size)
    sums = np.bincount(tokens, counts * np.log2(np.maximum(counts, 1)), size)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy: F64 = np.log2(totals) - sums / totals
    return np.where(totals > 0, np.maximum(entropy, 0), np.nan)


def _added_up(found: Sequence[tuple[I64, I64]]) -> tuple[I64, I64]:
    """Return distinct pairs, rising, and the sums of their counts."""
    pairs = np.concatenate([np.empty(0, np.int64), *(one for one, _ in found)])
    counts = np.concatenate([np.empty(0, np.int64), *(number for _, number in found)])
    distinct, which = np.unique(pairs, return_inverse=True)
    totals = np.zeros(len(distinct), np.int64)
    np.add.at(totals, which, counts)
    return distinct, totals
