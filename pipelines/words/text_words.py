"""Distinct words of documents in memory."""

import pyarrow as pa

from operators.arrays import I64
from operators.text.pretokenize import Pretokenizer
from operators.word_table import WordCounter


def words_of(text: pa.LargeStringArray, pretokenizer: str) -> tuple[pa.LargeBinaryArray, I64]:
    """Return the distinct words of documents, and their counts (int64)."""
    counter = WordCounter()
    counter.add(Pretokenizer(pretokenizer).split(text), pa.repeat(pa.scalar("", pa.string()), len(text)))
    words, counts, _ = counter.table("").sorted()
    return words, counts
