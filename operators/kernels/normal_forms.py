"""Quick check of Unicode normalization (Unicode annex 15, section 9): find the documents that a form may change."""

from typing import Any

import numpy as np

from operators.kernels.kernel import kernel

UNSURE = 255
"""The class of a code point that the form changes, or may change beside others."""


@kernel
def mark_unsure(text: Any, starts: Any, classes: Any, unsure: Any) -> None:
    """Write True for each document that the form may change.

    text: uint8, UTF-8; starts: int64[documents + 1]. classes: uint8, canonical combining classes by code point, or
    UNSURE; code points beyond its end are unsure. unsure: bool[documents], written.
    """
    for document in range(len(starts) - 1):
        place, end = starts[document], starts[document + 1]
        last, found = np.uint8(0), False
        while place < end and not found:
            byte = np.int64(text[place])
            if byte < 0x80:
                last = np.uint8(0)
                place += 1
                continue
            if byte < 0xE0:
                code, size = byte & 0x1F, 2
            elif byte < 0xF0:
                code, size = byte & 0x0F, 3
            else:
                code, size = byte & 0x07, 4
            for i in range(1, size):
                code = code << 6 | np.int64(text[place + i]) & 0x3F
            place += size
            if code >= len(classes):
                found = True
            else:
                combining = classes[code]
                found = combining == UNSURE or (combining != 0 and combining < last)
                last = combining
        unsure[document] = found
