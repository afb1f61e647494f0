"""Reader of word tables for training: the words of some partitions, summed over languages or apart by language."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from operators.arrays import I64
from operators.training.parity import LanguageWords
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


def read_language_words(
    paths: Sequence[Path], multipliers: Mapping[str, int] | None, languages: Sequence[str]
) -> LanguageWords:
    """Return the words of some partitions, each once for each of `languages`, whose places are their indices.

    `multipliers` as for `read_words`; other languages are left out.
    """
    indices = {language: i for i, language in enumerate(languages)}
    found = [LanguageWords(pa.array([], pa.large_binary()), np.empty(0, np.int64), np.empty(0, np.int16))]
    for path in paths:
        for batch in _rows(path).to_batches():
            for language, words, counts in by_language(batch):
                if language in indices:
                    factor = 1 if multipliers is None else multipliers[language]
                    found.append(
                        LanguageWords(words, counts * factor, np.full(len(words), indices[language], np.int16))
                    )
    return LanguageWords(
        pa.concat_arrays([one.words for one in found]),
        np.concatenate([one.counts for one in found]),
        np.concatenate([one.languages for one in found]),
    )


def _read_partition(path: Path, multipliers: Mapping[str, int] | None) -> tuple[pa.LargeBinaryArray, I64]:
    """Sum one partition over languages. No word is in two partitions, and a small table stays in the CPU cache."""
    rows = [
        (words, counts * (1 if multipliers is None else multipliers[language]))
        for language, words, counts in words_by_language(path)
        if multipliers is None or language in multipliers
    ]
    if len(rows) == 1:
        return rows[0]
    table = WordTable()
    for words, counts in rows:
        table.add_rows(words, counts)
    words, counts, _ = table.sorted()
    return words, counts


def words_by_language(path: Path) -> Iterator[tuple[str, pa.LargeBinaryArray, I64]]:
    """Yield the runs of one language in a partition: language, words, counts. A language may have several runs."""
    for batch in _rows(path).to_batches():
        yield from by_language(batch)


def _rows(path: Path) -> pa.Table:
    with pq.ParquetFile(path) as file:
        rows = file.read(["language", "word", "count"], use_threads=False)
        return rows if rows.schema.equals(WORDS_SCHEMA) else rows.cast(WORDS_SCHEMA)  # takes long to import
