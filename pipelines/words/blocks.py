"""Bootstrap blocks: groups of a category's documents, from which the variance of counts is estimated.

A bootstrap block is counted like a language of its own. Its label is the category's name, a separator and the block's
number. Consecutive documents are assigned in runs of up to LONGEST_RUN_BYTES: the text of a page or file stays
together, so that blocks vary as documents vary, not as words would.
"""

from typing import Final

import numpy as np
import pyarrow as pa

from operators.errors import DataError

BLOCKS: Final = 20
LONGEST_RUN_BYTES, SHORTEST_RUN_BYTES = 16_000, 500
RUNS: Final = 100
"""Least number of runs in a small file: five for each block."""
SEPARATOR: Final = "\x1f"


class BadCategoryName(DataError):
    """A category name that contains the separator of block labels."""

    name: str
    message = "category '{name}' holds a unit separator (U+001F); rename it"


def block_label(category: str, block: int) -> str:
    """`block_label("de", 7)` is "de", the separator, "07"."""
    return f"{category}{SEPARATOR}{block:02}"


def category_of(label: str) -> str:
    """Return the category of a label; a name without a separator is its own category."""
    return label.rpartition(SEPARATOR)[0] or label


def run_bytes(file_bytes: int | None) -> int:
    """Return the length of runs, in bytes, in a file of this size (None: not known)."""
    if file_bytes is None:
        return LONGEST_RUN_BYTES
    return min(LONGEST_RUN_BYTES, max(SHORTEST_RUN_BYTES, file_bytes // RUNS))


def block_labels(batch: pa.RecordBatch, first_byte: int, blocks: int, run: int) -> pa.StringArray:
    """Return the block label of each document of a batch (CORPUS_SCHEMA).

    The batch begins `first_byte` bytes of text into its file; runs are `run` bytes long.
    """
    text, names = batch.column("text"), batch.column("language").dictionary_encode()
    for name in names.dictionary.to_pylist():
        if SEPARATOR in name:
            raise BadCategoryName(name)
    offsets = np.frombuffer(text.buffers()[1], np.int64)[text.offset :][: len(text) + 1]
    place = (offsets[:-1] - offsets[0] + first_byte) // run % blocks
    labels = [block_label(name, block) for name in names.dictionary.to_pylist() for block in range(blocks)]
    return pa.array(labels, pa.string()).take(pa.array(names.indices.to_numpy().astype(np.int64) * blocks + place))
