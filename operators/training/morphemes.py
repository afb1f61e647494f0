"""Words cut at the borders of their morphemes, so that no merge crosses one."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from operators.arrays import I64
from operators.word_table import WordTable


def cut_words(
    words: pa.LargeBinaryArray, counts: I64, borders: Mapping[bytes, Sequence[int]]
) -> tuple[pa.LargeBinaryArray, I64]:
    """Return distinct words and counts in which each pre-token that is a word of `borders` is replaced by its parts.

    borders: where a word is to be cut, in bytes, ascending. A pre-token is a word also behind one space, which stays
    with the first part.
    """
    parts, own_counts, stay = list[bytes](), list[int](), np.ones(len(words), np.bool_)
    for i, pretoken in enumerate(words.to_pylist()):
        before = pretoken not in borders and pretoken[:1] == b" "
        own = borders.get(pretoken[before:])
        if own is not None:
            stay[i] = False
            ends = [0, *(before + end for end in own), len(pretoken)]
            parts += [pretoken[begin:end] for begin, end in pairwise(ends)]
            own_counts += [int(counts[i])] * (len(ends) - 1)
    table = WordTable()
    table.add_rows(words.filter(pa.array(stay)), counts[stay])
    table.add_rows(pa.array(parts, pa.large_binary()), np.array(own_counts, np.int64))
    return table.sorted()[:2]
