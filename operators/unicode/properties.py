"""Properties of code points as `tokenizers` has them: runs of equal category, script and flags."""

import base64
import zlib
from functools import cache
from typing import Final

import numpy as np

from operators.arrays import I64, U8
from operators.unicode.properties_table import PACKED

WORD: Final = 1
"""Flag of `\\w`."""
DIGIT_STEP: Final = 2
"""Flag of what the pre-tokenizer Digits takes for a digit."""
PUNCTUATION_STEP: Final = 4
"""Flag of what the pre-tokenizer Punctuation takes for punctuation."""
BLANK: Final = 8
"""Flag of `\\s`."""


@cache
def runs() -> tuple[I64, U8, U8, U8]:
    """Return where runs of code points of equal properties begin, and the category, script and flags of each."""
    packed = np.frombuffer(zlib.decompress(base64.b85decode(PACKED)), np.uint8)
    count = len(packed) // 7
    lengths = np.ascontiguousarray(packed[: 4 * count].reshape(4, count).T).view("<u4")[:, 0].astype(np.int64)
    categories, scripts, flags = packed[4 * count :].reshape(3, count)
    return np.cumsum(lengths) - lengths, categories, scripts, flags
