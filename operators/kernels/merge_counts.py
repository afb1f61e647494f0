"""Count each merge's pair occurrences at the moment it is applied, by encoding each distinct word once.

Encoding a word merges all occurrences of the pair of the lowest rank, again and again. The occurrences of that pair
before each step, overlapping ones included ("aaa" holds two of (a, a), as trainers count), are what the word adds to
the count of that merge.
"""

from typing import Any, NamedTuple

import numpy as np

from operators.arrays import I64
from operators.kernels.bpe import NO_MERGE, pair_value, spell
from operators.kernels.kernel import kernel


class WordRows(NamedTuple):
    """The rows of a table of distinct words: how often each occurs under each label."""

    ends: I64
    """int64[words + 1]: word w has the rows ends[w]:ends[w + 1]."""
    labels: I64
    counts: I64


@kernel
def count_merges(offsets: Any, data: Any, rows: Any, spelling: Any, table: Any, counts: Any, pairs: Any) -> None:
    """Add the occurrences of each merge's pair to `counts` (int64[merges, labels]).

    `pairs` (int64[labels]) gets the pairs before any merge. Word w is data[offsets[w]:offsets[w + 1]]; rows: WordRows.
    Merges from `len(counts)` on are neither counted nor applied.
    """
    ends, label, count = rows.ends, rows.labels, rows.counts
    longest = np.int64(1)
    for word in range(len(ends) - 1):
        longest = max(longest, offsets[word + 1] - offsets[word])
    symbols, values = np.empty(longest, np.int64), np.empty(longest, np.int64)
    last = np.int64(len(counts)) << 32
    for word in range(len(ends) - 1):
        if offsets[word + 1] <= offsets[word]:
            continue
        n = spell(data, offsets[word], offsets[word + 1], spelling, symbols)
        for row in range(ends[word], ends[word + 1]):
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
            for row in range(ends[word], ends[word + 1]):
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
