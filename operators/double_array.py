"""Double arrays of texts, as `operators.kernels.pieces` looks them up."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from operators.arrays import I32, I64
from operators.kernels.pieces import put_pieces

BLOCK: Final = 256


def double_array(texts: Sequence[bytes], ids: I32) -> tuple[I64, I32]:
    """Return links, int64[slots], and the ids that end at them, int32[slots]; texts are distinct and not empty."""
    order = sorted(range(len(texts)), key=texts.__getitem__)
    data = np.frombuffer(b"".join(texts[i] for i in order), np.uint8)
    ends = np.cumsum([len(texts[i]) for i in order], dtype=np.int64)
    sorted_ids = np.ascontiguousarray(ids[order], np.int32)
    slots = BLOCK * (2 + len(data) // BLOCK)
    while True:
        links, found = np.empty(slots, np.int64), np.empty(slots, np.int32)
        if put_pieces(data, ends, sorted_ids, links, found):
            break
        slots *= 2
    used = BLOCK * (1 + int(np.flatnonzero(links != -1)[-1]) // BLOCK)
    return links[:used].copy(), found[:used].copy()
