"""Word tables: what is left of a corpus after pre-tokenization, (language, word, count)."""

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow as pa

from operators.arrays import I64
from operators.kernels.words import add_words
from operators.pretokenize import Pieces
from operators.shard import word_buffers

WORDS_SCHEMA: Final = pa.schema(
    [
        pa.field("language", pa.string(), nullable=False),
        pa.field("word", pa.large_binary(), nullable=False),
        pa.field("count", pa.int64(), nullable=False),
    ]
)


class WordCounter:
    """Counts words, per language."""

    def __init__(self) -> None:
        self._tables: dict[str, _Table] = {}

    @property
    def memory_bytes(self) -> int:
        """Bytes held by all tables."""
        return sum(table.memory_bytes for table in self._tables.values())

    def add(self, pieces: Pieces, languages: pa.StringArray, weight: int = 1) -> None:
        """Count the pieces of a batch; `languages` (no nulls) has one entry a document, `weight` multiplies counts."""
        names = languages.dictionary_encode()
        codes = names.indices.to_numpy(zero_copy_only=False)
        changes = np.flatnonzero(np.diff(codes)) + 1
        for first, last in zip([0, *changes.tolist()], [*changes.tolist(), len(codes)], strict=True):
            if first < last:
                language = names.dictionary[int(codes[first])].as_py()
                self._tables.setdefault(language, _Table()).add(pieces, first, last, weight)

    def tables(self, partitions: int) -> Iterator[tuple[int, pa.Table]]:
        """(partition, its rows), but for empty partitions; a word's partition is its hash modulo `partitions`."""
        parts: dict[int, list[pa.Table]] = {}
        for language in sorted(self._tables):
            for partition, rows in self._tables[language].rows(language, partitions):
                parts.setdefault(partition, []).append(rows)
        for partition in sorted(parts):
            yield partition, pa.concat_tables(parts[partition])


class _Table:
    """The words of one language; see `operators.kernels.words`."""

    def __init__(self) -> None:
        self._slots = np.full(1 << 12, -1, np.int64)
        self._hashes, self._counts = np.empty(2048, np.uint64), np.empty(2048, np.int64)
        self._begins, self._arena = np.zeros(2049, np.int64), np.empty(1 << 15, np.uint8)
        self._words = 0

    @property
    def memory_bytes(self) -> int:
        arrays = (self._slots, self._hashes, self._counts, self._begins, self._arena)
        return sum(array.nbytes for array in arrays)

    def add(self, pieces: Pieces, first: int, last: int, weight: int) -> None:
        self._slots, self._hashes, self._begins, self._counts, self._arena, self._words = add_words(
            pieces.data, pieces.starts, pieces.ends, pieces.documents, first, last, weight,
            self._slots, self._hashes, self._begins, self._counts, self._arena, self._words,
        )  # fmt: skip

    def rows(self, language: str, partitions: int) -> Iterator[tuple[int, pa.Table]]:
        words, n = self._as_arrow(), self._words
        partition = (self._hashes[:n] >> np.uint64(32)) % np.uint64(partitions)
        for one in range(partitions):
            chosen = np.flatnonzero(partition == one)
            if len(chosen):
                columns = [
                    pa.array([language]).take(pa.array(np.zeros(len(chosen), np.int64))),
                    words.take(pa.array(chosen)),
                    pa.array(self._counts[chosen]),
                ]
                yield one, pa.Table.from_arrays(columns, schema=WORDS_SCHEMA)

    def _as_arrow(self) -> pa.LargeBinaryArray:
        offsets, data = self._begins[: self._words + 1], self._arena[: self._begins[self._words]]
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.LargeBinaryArray.from_buffers(pa.large_binary(), self._words, buffers)


def text_sizes(words: pa.LargeBinaryArray, counts: I64) -> tuple[int, int]:
    """(bytes, characters) of the text that words with counts came from: code points begin where no 0b10 byte stands."""
    offsets, data = word_buffers(words)
    first = offsets[0]
    begun = np.concatenate([np.zeros(1, np.int64), np.cumsum((data[first : offsets[-1]] & 0xC0) != 0x80)])
    characters = begun[offsets[1:] - first] - begun[offsets[:-1] - first]
    return int(np.dot(np.diff(offsets), counts)), int(np.dot(characters, counts))
