"""Words that a second stage cuts, though it is there to join them: it costs tokens where it does.

The rule of SuperBPE's authors sets runs of two and more characters apart that are no letters, digits or blanks. Marks
are such characters: it cuts words of Hindi, Khmer and Thai inside.
"""

import numpy as np
import pyarrow as pa

from operators.arrays import I64
from operators.text.pretokenize import Pretokenizer


def count_cut_words(words: pa.LargeBinaryArray, counts: I64, second: Pretokenizer) -> int:
    """Return how often words (no nulls, UTF-8) stand that a second stage's pre-tokenizer cuts. counts: int64.

    Words are looked at alone: an expression that looks ahead may cut a few otherwise in text.

    >>> words = pa.array([b" mat", b"..."], pa.large_binary())
    >>> count_cut_words(words, np.array([2, 3]), Pretokenizer(r"\\p{L}+"))
    2
    """
    pieces = np.diff(second.split(words.cast(pa.large_string())).documents)
    return int(counts[pieces > 1].sum())
