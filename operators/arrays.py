"""Names for the array types that cross module borders. All arrays are one-dimensional and contiguous."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

U8: TypeAlias = NDArray[np.uint8]
U16: TypeAlias = NDArray[np.uint16]
U32: TypeAlias = NDArray[np.uint32]
U64: TypeAlias = NDArray[np.uint64]
I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]
F64: TypeAlias = NDArray[np.float64]

PADDING = 64
"""Bytes behind the text of a batch that kernels may read, whatever they hold: they look at so many at once."""


def padded(data: U8, buffer_bytes: int) -> U8:
    """The same bytes, read-only, with PADDING behind them; a copy unless `buffer_bytes` lie from their start on."""
    if buffer_bytes - len(data) < PADDING:
        roomy = np.zeros(len(data) + PADDING, np.uint8)
        roomy[: len(data)] = data
        data = roomy[: len(data)]
    data.flags.writeable = False
    return data


def read_only(array: I64) -> I64:
    """A contiguous view that cannot be written to: numba compiles a version for each of the two, and one is enough."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return view


def word_buffers(words: "pa.LargeBinaryArray") -> tuple[I64, U8]:
    """The byte offsets (int64[n + 1]) and the bytes (uint8) of an Arrow array without nulls; views, always read-only.

    Numba compiles a version for each of read-only and writable arrays, and Arrow hands out both: one is enough.
    """
    offsets = np.zeros(1, np.int64)
    if len(words):
        offsets = np.frombuffer(words.buffers()[1], np.int64)[words.offset : words.offset + len(words) + 1]
    data = np.frombuffer(words.buffers()[2] or b"", np.uint8)
    offsets.flags.writeable = data.flags.writeable = False
    return offsets, data
