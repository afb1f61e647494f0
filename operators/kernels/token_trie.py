"""Finding given strings in texts: from left to right, at each place the longest."""

from typing import NamedTuple

import numpy as np

from operators.arrays import I32, I64, U8
from operators.kernels.kernel import kernel


class TokenTrie(NamedTuple):
    """Radix tree of byte strings. Chains of bytes are one edge, so it has at most two nodes a string."""

    classes: U8
    """uint8[256]: column of each byte that begins an edge; 0 for all other bytes."""
    branches: I32
    """int32[nodes, columns]: the node that an edge with this first byte leads to, 0 for none; the root is 0."""
    labels: U8
    """uint8: bytes of the edges behind their first bytes."""
    label_starts: I64
    """int64[nodes + 1]: the edge to node n has `labels[label_starts[n]:label_starts[n + 1]]` behind its first byte."""
    strings: I32
    """int32[nodes]: number of the string that ends at a node, -1 for none."""


@kernel
def find_literals(text: U8, starts: I64, trie: TokenTrie, begins: I64, ends: I64, which: I32) -> int:
    """Write the places of strings in documents, in order; return their number, also where there is no room for them.

    text: uint8; starts: int64[documents + 1]. begins, ends: int64, and which: int32, are written: places in `text`,
    numbers of strings.
    """
    classes, branches, labels, label_starts, strings = trie
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
                k, label_end = label_starts[node], label_starts[node + 1]
                if label_end - k > end - reached:
                    break
                while k < label_end and text[reached] == labels[k]:
                    k += 1
                    reached += 1
                if k < label_end:
                    break
                if strings[node] >= 0:
                    longest, last = strings[node], reached
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
