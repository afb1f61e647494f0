"""How often each merge's pair occurs when it is its turn, told by encoding each distinct word once.

Encoding a word takes all occurrences of the pair of the lowest rank, again and again. Before each step the occurrences
of that pair, overlapping ones included ("aaa" holds two of (a, a), as trainers count), are what the word adds to the
count of that merge.
"""

from typing import Any

import numpy as np
from numba import njit

from operators.kernels.bpe import NO_MERGE, pair_value, spell


@njit(cache=True, nogil=True)
def count_merges(
    offsets: Any, data: Any, rows: Any, label: Any, count: Any, spelling: Any, table: Any, counts: Any, pairs: Any
) -> None:  # fmt: skip
    """Add every word's emissions to `counts` (int64[merges, labels]) and its pairs before any merge to `pairs`
    (int64[labels]).

    Word w is data[offsets[w]:offsets[w + 1]]; rows[w]:rows[w + 1] are its rows in `label` (int64) and `count` (int64).
    Merges from `len(counts)` on are neither counted nor applied.
    """
    room = np.int64(1)
    for word in range(len(rows) - 1):
        room = max(room, offsets[word + 1] - offsets[word])
    symbols, values = np.empty(room, np.int64), np.empty(room, np.int64)
    last = np.int64(len(counts)) << 32
    for word in range(len(rows) - 1):
        if offsets[word + 1] <= offsets[word]:
            continue
        n = spell(data, offsets[word], offsets[word + 1], spelling, symbols)
        for row in range(rows[word], rows[word + 1]):
            pairs[label[row]] += count[row] * (n - 1)
        for i in range(n - 1):
            values[i] = pair_value(table, symbols[i], symbols[i + 1])
        while n > 1:
            best, occurs = NO_MERGE, np.int64(0)
            for i in range(n - 1):
                if values[i] < best:
                    best, occurs = values[i], np.int64(0)
                if values[i] == best:
                    occurs += 1
            if best >= last:
                break
            rank = best >> 32
            for row in range(rows[word], rows[word + 1]):
                counts[rank, label[row]] += count[row] * occurs
            kept, i = 0, 0
            while i < n:
                if i + 1 < n and values[i] == best:
                    symbols[kept] = best & 0xFFFFFFFF
                    i += 2
                else:
                    symbols[kept] = symbols[i]
                    i += 1
                kept += 1
            n = kept
            for i in range(n - 1):
                values[i] = pair_value(table, symbols[i], symbols[i + 1])
