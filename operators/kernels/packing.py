"""Packing of documents into rows of one length, and gathering of documents in another order."""

from typing import Any

import numpy as np

from operators.kernels.kernel import kernel

_GROUP = 64


@kernel
def best_fit(lengths: Any, capacity: int, rows: Any) -> int:
    """Put each piece into the fullest row that still has room for it; return the number of rows.

    lengths: int64, from the longest to the shortest, each 1 to `capacity`. rows: int64, filled with the row of each
    piece. Rows with equal room are a stack, so the row that got that room last is taken. Best-fit decreasing: Johnson
    (1974), at most 11/9 of the fewest rows, and 4.
    """
    top = np.full(capacity + 1, -1, np.int64)  # the last row with this room
    counts = np.zeros(capacity // _GROUP + 1, np.int64)  # rows with room in each group of 64 sizes
    below = np.empty(len(lengths), np.int64)
    made = 0
    for piece in range(len(lengths)):
        length = lengths[piece]
        room = length
        while room <= capacity and top[room] < 0:
            if room % _GROUP == 0 and counts[room // _GROUP] == 0:
                room += _GROUP
            else:
                room += 1
        if room > capacity:
            row, room = made, capacity
            made += 1
        else:
            row = top[room]
            top[room] = below[row]
            counts[room // _GROUP] -= 1
        rows[piece] = row
        left = room - length
        if left:
            below[row] = top[left]
            top[left] = row
            counts[left // _GROUP] += 1
    return made


@kernel
def copy_pieces(ids: Any, starts: Any, lengths: Any, targets: Any, out: Any) -> None:
    """Copy pieces: out[targets[i]:][:lengths[i]] = ids[starts[i]:][:lengths[i]]. The caller has checked all bounds."""
    for i in range(len(starts)):
        start, target = starts[i], targets[i]
        for j in range(lengths[i]):
            out[target + j] = ids[start + j]


@kernel
def with_boundaries(ids: Any, offsets: Any, begin: int, end: int, out: Any) -> None:
    """Copy documents with one more id in front and behind; -1: none.

    Document i is ids[offsets[i]:offsets[i + 1]]. out: room for all.
    """
    at = 0
    for i in range(len(offsets) - 1):
        if begin >= 0:
            out[at] = begin
            at += 1
        for j in range(offsets[i], offsets[i + 1]):
            out[at] = ids[j]
            at += 1
        if end >= 0:
            out[at] = end
            at += 1
