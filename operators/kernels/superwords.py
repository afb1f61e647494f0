"""Kernels of superwords: cutting text into parts that words never reach over, and words whose symbols are tokens.

A sequence is a word whose symbols are tokens: an array of uint32 ids. Its bytes stand in a word table as the bytes of a
word do (`operators.kernels.word_table`), and a shard lays it out a cell a token.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I32, I64, U32
from operators.kernels.bpe_windows import OVERLAP, WINDOW, merge_long, merge_window
from operators.kernels.intrinsics import folded
from operators.kernels.kernel import kernel
from operators.kernels.layout import BLOCK_BITS, Blocks

_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@kernel
def part_ends(data: Any, word_ends: Any, piece_ends: Any, crossed: Any, ends: Any, pieces: Any) -> int:
    """Cut pieces at the ends of words that no merge reaches over; return the number of parts.

    `word_ends` and `piece_ends` tile the same text. crossed (bool[65536]): true at 256 * x + y if a merge may join a
    token that ends with byte x and one that begins with y. The ends of the parts go to `ends`, and to `pieces`
    (int64[pieces + 1]) the number of parts up to the end of each piece.
    """
    word, n, last = 0, 0, np.int64(-1)
    pieces[0] = 0
    for piece in range(len(piece_ends)):
        stop = piece_ends[piece]
        while word < len(word_ends) and word_ends[word] < stop:
            at = word_ends[word]
            if at > last and not crossed[256 * np.int64(data[at - 1]) + np.int64(data[at])]:
                ends[n] = at
                n += 1
            word += 1
        ends[n] = stop
        n += 1
        last = stop
        pieces[piece + 1] = n
    return n


@kernel
def merge_pieces(
    ids: Any, offsets: Any, ranks: Any, table: Any, scratch: Any, out: Any, out_offsets: Any
) -> int:  # fmt: skip
    """Merge the tokens of each piece further, by rank; return how many tokens there are.

    ids: int32; offsets: int64[pieces + 1], where pieces begin and end in it. ranks, table: both forms of the merges
    (`operators.kernels.segmentation.Model`). `out` has space for all ids.
    """
    symbols = np.empty(1024, np.int64)
    n_out: Any = 0
    out_offsets[0] = 0
    for piece in range(len(offsets) - 1):
        first, n = offsets[piece], offsets[piece + 1] - offsets[piece]
        if n > len(symbols):
            symbols = np.empty(2 * n, np.int64)
        for i in range(n):
            symbols[i] = ids[first + i]
        if n < 2:
            for i in range(n):
                out[n_out] = symbols[i]
                n_out += 1
        elif n <= WINDOW:
            merge_window(symbols, 0, n, ranks, scratch)
            at = np.int64(scratch.links[0])
            while at <= n:
                out[n_out] = scratch.made[at]
                n_out += 1
                at = np.int64(scratch.links[at])
        else:
            n_out += merge_long(symbols, n, WINDOW, OVERLAP, ranks, table, scratch, out[n_out : n_out + n])
        out_offsets[piece + 1] = n_out
    return int(n_out)


class Sequences(NamedTuple):
    """Output of the kernels that write sequences."""

    ids: U32
    ends: I64
    """int64: where each sequence ends in `ids`."""
    documents: I64
    """int64[documents + 1]: sequences up to the end of each document."""


@kernel
def write_pairs(ids: Any, offsets: Any, documents: Any, written: Sequences) -> int:
    """Write each two neighbours in a piece as a sequence; return their number.

    offsets: int64[pieces + 1] into ids; documents: int64[documents + 1] into the pieces.
    """
    out, ends, out_documents = written
    n: Any = 0
    out_documents[0] = 0
    for document in range(len(documents) - 1):
        for piece in range(documents[document], documents[document + 1]):
            for i in range(offsets[piece] + 1, offsets[piece + 1]):
                out[2 * n], out[2 * n + 1] = ids[i - 1], ids[i]
                n += 1
                ends[n - 1] = 2 * n
        out_documents[document + 1] = n
    return int(n)


@kernel
def pair_home(table: Any, pair: Any) -> Any:
    """Return the place at which the search for a pair begins; the table's size is a power of two."""
    return np.int64(folded(np.uint64(pair), _FACTOR) & np.uint64(len(table) - 1))


@kernel
def put_pairs(pairs: Any, table: Any) -> None:
    """Put pairs (int64, `left << 32 | right`) into a table, which is -1 where it is empty, and never full."""
    for pair in pairs:
        at = pair_home(table, pair)
        while table[at] != -1 and table[at] != pair:
            at = (at + 1) & (len(table) - 1)
        table[at] = pair


@kernel
def write_sequences(ids: Any, offsets: Any, documents: Any, joined: Any, written: Sequences) -> int:
    """Write the sequences of two tokens and more that are left when pieces are cut between pairs not in `joined`.

    Arguments as for `write_pairs`; joined: a table of `put_pairs`. Returns the number of sequences.
    """
    out, ends, out_documents = written
    n: Any = 0
    to: Any = 0
    out_documents[0] = 0
    for document in range(len(documents) - 1):
        for piece in range(documents[document], documents[document + 1]):
            begin = to
            for i in range(offsets[piece], offsets[piece + 1]):
                if to > begin:
                    pair = np.int64(ids[i - 1]) << 32 | np.int64(ids[i])
                    at = pair_home(joined, pair)
                    while joined[at] != -1 and joined[at] != pair:
                        at = (at + 1) & (len(joined) - 1)
                    if joined[at] == -1:
                        if to - begin > 1:
                            ends[n] = to
                            n += 1
                        else:
                            to = begin
                        begin = to
                out[to] = ids[i]
                to += 1
            if to - begin > 1:
                ends[n] = to
                n += 1
            else:
                to = begin
        out_documents[document + 1] = n
    return int(n)


@kernel
def count_sequence_cells(offsets: Any, counts: Any, order: Any) -> int:
    """Count the cells that `lay_out_sequences` fills; a multiple of a block. offsets: int64, in symbols."""
    cells, previous = np.int64(1), np.int64(-1)
    for word in order:
        length = offsets[word + 1] - offsets[word]
        if length > 1:
            if counts[word] != previous:
                cells = ((cells - 1) >> BLOCK_BITS) + 1 << BLOCK_BITS
                previous = counts[word]
            cells += length + 1
    return int(((cells - 1) >> BLOCK_BITS) + 1 << BLOCK_BITS)


@kernel
def lay_out_sequences(
    ids: Any, offsets: Any, counts: Any, order: Any, nothing: Any, cells: Any, blocks: Blocks
) -> None:  # fmt: skip
    """Fill `cells` with the sequences' ids, and the blocks with counts, as `operators.kernels.layout` says."""
    cells[:] = nothing
    at, previous = np.int64(1), np.int64(-1)
    for word in order:
        first, end = offsets[word], offsets[word + 1]
        if end - first < 2:
            continue
        if counts[word] != previous:
            at = ((at - 1) >> BLOCK_BITS) + 1 << BLOCK_BITS
            previous = counts[word]
        for block in range(at >> BLOCK_BITS, ((at + end - first) >> BLOCK_BITS) + 1):
            blocks.counts[block] = previous
        for i in range(first, end):
            cells[at] = ids[i]
            at += 1
        at += 1


class PairRuns(NamedTuple):
    """Distinct pairs in the order of (left, right), and where each begins among the occurrences."""

    left: I32
    right: I32
    first: I32
    length: I32
    weight: I64
    """int64: the counts of the sequences, summed over the occurrences."""


@kernel
def sort_pairs(cells: Any, symbols: int, occurrences: Any) -> int:
    """Write the cells of the right tokens of all pairs, sorted by (left, right, cell); return the number of runs.

    Two passes of counting sort, by right and then by left. `occurrences` has space for one a cell.
    """
    nothing = np.int64(cells[0])
    rights, lefts = np.zeros(symbols + 1, np.int64), np.zeros(symbols + 1, np.int64)
    for at in range(1, len(cells)):
        left, right = np.int64(cells[at - 1]), np.int64(cells[at])
        if left != nothing and right != nothing:
            rights[right + 1] += 1
            lefts[left + 1] += 1
    for i in range(symbols):
        rights[i + 1] += rights[i]
        lefts[i + 1] += lefts[i]
    n = rights[symbols]
    by_right = np.empty(n, np.int32)
    for at in range(1, len(cells)):
        left, right = np.int64(cells[at - 1]), np.int64(cells[at])
        if left != nothing and right != nothing:
            by_right[rights[right]] = at
            rights[right] += 1
    for i in range(n):
        left = np.int64(cells[by_right[i] - 1])
        occurrences[lefts[left]] = by_right[i]
        lefts[left] += 1
    runs = 0
    left, right = np.int64(-1), np.int64(-1)
    for i in range(n):
        at = occurrences[i]
        if np.int64(cells[at - 1]) != left or np.int64(cells[at]) != right:
            left, right = np.int64(cells[at - 1]), np.int64(cells[at])
            runs += 1
    return int(runs)


@kernel
def list_runs(cells: Any, occurrences: Any, blocks: Blocks, runs: PairRuns) -> None:
    """Write the runs of `sort_pairs`; occurrences: as many as there are pairs."""
    run = -1
    left, right = np.int64(-1), np.int64(-1)
    for i in range(len(occurrences)):
        at = occurrences[i]
        if np.int64(cells[at - 1]) != left or np.int64(cells[at]) != right:
            left, right = np.int64(cells[at - 1]), np.int64(cells[at])
            run += 1
            runs.left[run], runs.right[run], runs.first[run] = left, right, i
            runs.length[run], runs.weight[run] = 0, 0
        runs.length[run] += 1
        runs.weight[run] += blocks.counts[at >> BLOCK_BITS]
