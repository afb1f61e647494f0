"""Laying out a shard's words as symbols, and finding every pair in them.

A shard is one array of cells, uint16 while all tokens are below 65,535, else uint32. The largest value of the type is
no token; it stands in the first cell, behind every word and in unused cells. Between two of them a word of two bytes or
more takes a cell a byte. A token stands in the first and in the last cell of the bytes it covers, so both neighbours
of a pair are found without links.

Words are sorted by their counts. Where a count ends, the rest of its block of 64 cells is left empty: the count of any
cell's word is found by the cell's block alone, in a table that stays in the processor's cache. Where words are told
apart by language, they are sorted by language first, and a block's words have one language too.

A pair occurs at the first cell of its right token (int32): `cells[at - 1]` is its left token, `cells[at]` its right.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I16, I64, U8
from operators.kernels.intrinsics import prefetch
from operators.kernels.kernel import kernel

BLOCK_BITS = 6
MOST_CELLS = 2**31 - 1
AHEAD = 16  # words asked for before they are read


class CountedWords(NamedTuple):
    """Words with counts, and the order in which they are laid out."""

    data: U8
    offsets: I64
    """int64[words + 1]: where each begins and ends in `data`."""
    counts: I64
    languages: I16
    """int16[words], from 0; or int16[0], where languages are not told apart."""
    order: I64
    """int64[words]: sorts the words by language and count."""


@kernel
def count_cells(words: CountedWords) -> int:
    """Cells that `lay_out` fills; a multiple of a block."""
    offsets, counts, languages = words.offsets, words.counts, words.languages
    cells = 1
    previous, of_language = np.int64(-1), np.int64(-1)
    for word in words.order:
        length = offsets[word + 1] - offsets[word]
        if length > 1:
            language = np.int64(languages[word]) if len(languages) else np.int64(0)
            if counts[word] != previous or language != of_language:
                cells = ((cells - 1) >> BLOCK_BITS) + 1 << BLOCK_BITS
                previous, of_language = counts[word], language
            cells += length + 1
    return ((cells - 1) >> BLOCK_BITS) + 1 << BLOCK_BITS


class Blocks(NamedTuple):
    """Properties of the words in each block of cells."""

    counts: I64
    """int64[blocks]."""
    languages: I16
    """int16[blocks]; or int16[0], where languages are not told apart."""


@kernel
def lay_out(words: CountedWords, nothing: int, cells: Any, blocks: Blocks, hits: Any, totals: Any) -> None:
    """Fill `cells` with bytes, and the blocks' properties; count every pair of bytes.

    nothing: the value of cells without a token. hits: int64[65536], zero; it gets, at 256 * left + right, the pair's
    occurrences. totals: int64[65536 * languages], zero; it gets, at 65536 * language + 256 * left + right, their sum
    weighted by the words' counts.
    """
    data, offsets, counts, languages, order = words
    at = 1
    cells[0] = nothing
    previous, of_language = np.int64(-1), np.int64(-1)
    for i in range(len(order)):
        if i + AHEAD < len(order):
            prefetch(data, offsets[order[i + AHEAD]])
        word = order[i]
        first, end = offsets[word], offsets[word + 1]
        if end - first < 2:
            continue
        count = counts[word]
        language = np.int64(languages[word]) if len(languages) else np.int64(0)
        if count != previous or language != of_language:
            stop = ((at - 1) >> BLOCK_BITS) + 1 << BLOCK_BITS
            while at < stop:
                cells[at] = nothing
                at += 1
            previous, of_language = count, language
        for block in range(at >> BLOCK_BITS, ((at + end - first) >> BLOCK_BITS) + 1):
            blocks.counts[block] = count
            if len(languages):
                blocks.languages[block] = language
        left = np.int64(data[first])
        cells[at] = left
        at += 1
        for j in range(first + 1, end):
            right = np.int64(data[j])
            cells[at] = right
            at += 1
            hits[256 * left + right] += 1
            totals[65536 * language + 256 * left + right] += count
            left = right
        cells[at] = nothing
        at += 1
    while at < len(cells):
        cells[at] = nothing
        at += 1


@kernel
def place_byte_pairs(cells: Any, byte_ids: Any, cursor: Any, occurrences: Any) -> None:
    """Write where each pair of bytes occurs, in the order of the cells, and turn bytes into token ids.

    `cursor` (int64[65536]) holds where each pair's run begins, and is moved to where it ends.
    """
    nothing = np.int64(cells[0])
    left = nothing
    for at in range(1, len(cells)):
        right = np.int64(cells[at])
        if right != nothing:
            if left != nothing:
                pair = 256 * left + right
                occurrences[cursor[pair]] = at
                cursor[pair] += 1
            cells[at] = byte_ids[right]
        left = right
