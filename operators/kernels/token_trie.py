"""Finding given strings in texts: from left to right, at each place the longest."""

from typing import Any

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def find_literals(
    text: Any, starts: Any, classes: Any, branches: Any, found: Any, begins: Any, ends: Any, which: Any
) -> int:
    """Write where strings stand in documents, in order; returns how many there are, be there room for them or not.

    text: uint8; starts: int64[documents + 1]. classes: uint8[256], a byte's column in the tree of strings, 0 for bytes
    of none. branches: int32[nodes, columns], the node that a byte leads to, 0 for none; the root is 0. found:
    int32[nodes], the string that ends at a node, -1 for none. begins, ends: int64, and which: int32, are written:
    places in `text`, numbers of strings.
    """
    count = 0
    for document in range(len(starts) - 1):
        place, end = starts[document], starts[document + 1]
        while place < end:
            node = branches[0, classes[text[place]]]
            if node == 0:
                place += 1
                continue
            longest, reached, last = np.int32(-1), place + 1, place
            while True:
                if found[node] >= 0:
                    longest, last = found[node], reached
                if reached == end:
                    break
                node = branches[node, classes[text[reached]]]
                if node == 0:
                    break
                reached += 1
            if longest < 0:
                place += 1
                continue
            if count < len(begins):
                begins[count], ends[count], which[count] = place, last, longest
            count += 1
            place = last
    return count
