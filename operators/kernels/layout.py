"""Laying out a shard's words as symbols, and finding every pair in them.

A shard is one int32 array. Each word of two bytes or more takes two header cells and a cell a byte, and one more cell
closes the last word:

    header high (< 0), header low, symbol, symbol, ..., header high (< 0), ...

The header holds the word's count: `-1 - (count >> 31)` and `count & 0x7FFFFFFF`; a negative cell is thus where a word
ends. A token stands in the first and in the last cell of the bytes it covers, so both neighbours of a pair are found
without links: 4 bytes a byte of text and 8 a word.

An occurrence is one int64: `first cell of the word << OFFSET_BITS | cells from there to the pair's left token`.
"""

from typing import Any

import numpy as np
from numba import njit

OFFSET_BITS = 28
LONGEST_WORD = (1 << OFFSET_BITS) - 1
LOW_BITS = 31
LOW_MASK = (1 << LOW_BITS) - 1


@njit(cache=True, nogil=True)
def count_cells(offsets: Any) -> int:
    """Cells that `lay_out` fills for words given by their byte offsets (int64[n + 1])."""
    cells = 1
    for word in range(len(offsets) - 1):
        length = offsets[word + 1] - offsets[word]
        if length > 1:
            cells += length + 2
    return cells


@njit(cache=True, nogil=True)
def lay_out(data: Any, offsets: Any, counts: Any, cells: Any) -> None:
    """Fill `cells` (int32[count_cells(offsets)]) with the words' headers and byte values."""
    at = 0
    for word in range(len(offsets) - 1):
        first, end = offsets[word], offsets[word + 1]
        if end - first < 2:
            continue
        cells[at] = -1 - (counts[word] >> LOW_BITS)
        cells[at + 1] = counts[word] & LOW_MASK
        at += 2
        for i in range(first, end):
            cells[at] = data[i]
            at += 1
    cells[at] = -1


@njit(cache=True, nogil=True)
def count_byte_pairs(cells: Any) -> Any:
    """Occurrences of every pair of bytes, int64[65536], at 256 * left + right."""
    hits = np.zeros(65536, np.int64)
    at = 0
    while at < len(cells) - 1:
        at += 2
        while cells[at + 1] >= 0:
            hits[256 * cells[at] + cells[at + 1]] += 1
            at += 1
        at += 1
    return hits


@njit(cache=True, nogil=True)
def find_byte_pairs(cells: Any, byte_ids: Any, cursor: Any, occurrences: Any, totals: Any) -> None:
    """Write each pair's occurrences in the order of the text, add up totals, and turn byte values into token ids.

    `cursor` (int64[65536]) holds where each pair's run begins and is moved to where it ends; `totals` (int64[65536])
    must be zero and gets the pairs' counts, each word weighed by its own.
    """
    at = 0
    while at < len(cells) - 1:
        count = (np.int64(-1 - cells[at]) << LOW_BITS) | cells[at + 1]
        at += 2
        first = at
        while cells[at + 1] >= 0:
            pair = 256 * cells[at] + cells[at + 1]
            totals[pair] += count
            occurrences[cursor[pair]] = (np.int64(first) << OFFSET_BITS) | (at - first)
            cursor[pair] += 1
            cells[at] = byte_ids[cells[at]]
            at += 1
        cells[at] = byte_ids[cells[at]]
        at += 1
