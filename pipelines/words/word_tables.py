"""Reader of word tables for training: the words of some partitions, with counts summed over languages."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import I64
from operators.word_table import WORDS_SCHEMA, WordTable, by_language


def read_words(paths: Sequence[Path], multipliers: Mapping[str, int] | None) -> tuple[pa.LargeBinaryArray, I64]:
    """Return distinct words of some partitions and their counts (int64). The order depends on the words alone.

    `multipliers` of None reads every language unchanged, else the languages it names, with counts multiplied.
    """
    words: list[pa.LargeBinaryArray] = [pa.array([], pa.large_binary())]
    counts: list[I64] = [np.empty(0, np.int64)]
    for path in paths:
        own_words, own_counts = _read_partition(path, multipliers)
        words.append(own_words)
        counts.append(own_counts)
    return pa.concat_arrays(words), np.concatenate(counts)


def _read_partition(path: Path, multipliers: Mapping[str, int] | None) -> tuple[pa.LargeBinaryArray, I64]:
    """Sum one partition over languages. No word is in two partitions, and a small table stays in the CPU cache."""
    rows = [
        (words, counts * (1 if multipliers is None else multipliers[language]))
        for batch in _rows(path).to_batches()
        for language, words, counts in by_language(batch)
        if multipliers is None or language in multipliers
    ]
    if len(rows) == 1:
        return rows[0]
    table = WordTable()
    for words, counts in rows:
        table.add_rows(words, counts)
    words, counts, _ = table.sorted()
    return words, counts


def _rows(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        return file.read(["language", "word", "count"], use_threads=False).cast(WORDS_SCHEMA)
