"""Token ids and offsets, from numpy, Arrow, Polars and lists, to numpy arrays."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from operators.arrays import I64
from operators.errors import DataError, UsageError

Ids: TypeAlias = NDArray[np.integer[Any]] | Sequence[int] | pa.Array | pa.ChunkedArray
"""Whole numbers: a numpy array of any integer type, a sequence of int, or an Arrow array."""


class NotIds(UsageError):
    """Token ids, or offsets, of another type or shape."""

    what: str
    found: str
    message = "{what}: whole numbers in one dimension are expected, found {found}"


class BadOffsets(DataError):
    """Offsets that are not ascending, or reach beyond the ids."""

    reason: str
    message = "offsets: {reason}; give one more than there are documents, ascending, the last at most the number of ids"


def whole_numbers(what: str, values: Ids) -> I64:
    """Return the values as a one-dimensional array of the integer type they have. Raises NotIds; `what` is for it."""
    try:
        array = np.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise NotIds(what, str(error)) from None
    if not array.size and array.ndim == 1:
        return np.empty(0, np.int64)
    if array.ndim != 1 or array.dtype.kind not in "iu":
        raise NotIds(what, f"{array.dtype} in {array.ndim} dimensions")
    return array


def checked_offsets(values: Ids, ids: int) -> I64:
    """Return offsets into `ids` ids as int64[documents + 1]. Raises NotIds, BadOffsets."""
    offsets: I64 = whole_numbers("offsets", values).astype(np.int64)
    if not len(offsets):
        raise BadOffsets("there is none")
    if (np.diff(offsets) < 0).any():
        raise BadOffsets("they are not ascending")
    if offsets[0] < 0 or offsets[-1] > ids:
        raise BadOffsets(f"they go from {offsets[0]:,} to {offsets[-1]:,}, and there are {ids:,} ids")
    return offsets
