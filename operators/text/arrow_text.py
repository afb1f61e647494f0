"""Arrow's arrays of texts as the kernels read them."""

import numpy as np
import pyarrow as pa

from operators.arrays import I64, U8, padded


def bytes_and_starts(text: pa.LargeStringArray) -> tuple[U8, I64]:
    """The bytes of exactly these documents, with PADDING behind them, and their offsets from 0 on, both read-only."""
    _, offsets, values = text.buffers()
    if len(text) == 0 or values is None:
        data, starts, follows = np.empty(0, np.uint8), np.zeros(len(text) + 1, np.int64), 0
    else:
        absolute = np.frombuffer(offsets, np.int64, len(text) + 1, text.offset * 8)
        first, last = int(absolute[0]), int(absolute[-1])
        data, starts, follows = (
            np.frombuffer(values, np.uint8, last - first, first),
            absolute - first,
            values.size - first,
        )
    starts.flags.writeable = False
    return padded(data, follows), starts
