"""Characters that each of Unicode's normalization forms may change, by code point."""

import unicodedata
from functools import cache
from typing import Final, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import U8
from operators.kernels.normal_forms import UNSURE, mark_unsure
from operators.text.arrow_text import bytes_and_starts

Form = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: Final[tuple[Form, ...]] = ("NFC", "NFD", "NFKC", "NFKD")
_CODE_POINTS: Final = 0x20000
"""Code points from here on, rare ideographs nearly all, are not worth a place in the tables."""
_VOWELS_AND_FINALS: Final = (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))
"""Hangul's letters that join with what stands before them."""


@cache
def classes(form: Form) -> U8:
    """uint8[131,072]: the combining class of each code point that the form leaves alone, UNSURE for all others.

    Python's Unicode may be older or newer than that of `tokenizers`. This does no harm: all later versions normalize
    the characters of an older one as it does, and a version leaves characters alone that it has not assigned.
    """
    known = np.full(_CODE_POINTS, UNSURE, np.uint8)
    for code in range(_CODE_POINTS):
        char = chr(code)
        if unicodedata.is_normalized(form, char) and unicodedata.category(char) not in ("Cn", "Cs"):
            known[code] = unicodedata.combining(char)
    if form in ("NFC", "NFKC"):
        known[list(_VOWELS_AND_FINALS)] = UNSURE
        for code in range(_CODE_POINTS):
            parts = unicodedata.decomposition(chr(code)).split()
            if len(parts) == 2 and not parts[0].startswith("<") and int(parts[1], 16) < _CODE_POINTS:
                known[int(parts[1], 16)] = UNSURE  # joins with what stands before it
    return known


def may_change(text: pa.LargeStringArray, forms: tuple[Form, ...]) -> NDArray[np.bool_]:
    """bool[documents]: whether one of the forms may change a document."""
    data, starts = bytes_and_starts(text)
    changed = np.zeros(len(text), np.bool_)
    unsure = np.empty(len(text), np.bool_)
    for form in forms:
        mark_unsure(data, starts, classes(form), unsure)
        changed |= unsure
    return changed
