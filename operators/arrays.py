"""Aliases of the array types that cross module borders. All arrays are one-dimensional and contiguous."""

from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

U8: TypeAlias = NDArray[np.uint8]
U16: TypeAlias = NDArray[np.uint16]
U32: TypeAlias = NDArray[np.uint32]
U64: TypeAlias = NDArray[np.uint64]
I16: TypeAlias = NDArray[np.int16]
I32: TypeAlias = NDArray[np.int32]
I64: TypeAlias = NDArray[np.int64]
F64: TypeAlias = NDArray[np.float64]

AnyArray = TypeVar("AnyArray", bound=NDArray[Any])

PADDING = 64
"""Number of bytes behind the text of a batch that kernels may read: they read so many at once. Values do not matter."""


def padded(data: U8, buffer_bytes: int) -> U8:
    """Return the same bytes, read-only, with PADDING readable bytes behind them.

    A copy, unless the buffer has that many already: `buffer_bytes` is its size from the start of `data` on.
    """
    if buffer_bytes - len(data) < PADDING:
        copied = np.zeros(len(data) + PADDING, np.uint8)
        copied[: len(data)] = data
        data = copied[: len(data)]
    data.flags.writeable = False
    return data


def read_only(array: AnyArray) -> AnyArray:
    """Return a contiguous read-only view. Numba compiles one version for read-only and one for writable arrays."""
    view = np.ascontiguousarray(array).view()
    view.flags.writeable = False
    return cast("AnyArray", view)


def word_buffers(words: "pa.LargeBinaryArray") -> tuple[I64, U8]:
    """Return the byte offsets (int64[n + 1]) and the bytes (uint8) of an Arrow array without nulls; read-only views.

    Numba compiles a version for each of read-only and writable arrays, and Arrow hands out both: one is enough.
    """
    offsets = np.zeros(1, np.int64)
    if len(words):
        offsets = np.frombuffer(words.buffers()[1], np.int64)[words.offset : words.offset + len(words) + 1]
    data = np.frombuffer(words.buffers()[2] or b"", np.uint8)
    offsets.flags.writeable = data.flags.writeable = False
    return offsets, data
