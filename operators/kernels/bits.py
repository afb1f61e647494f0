"""Bits of arrays of uint64: bit i stands for byte i of a block of text."""

from typing import Any

import numpy as np

from operators.kernels.intrinsics import lowest_bit
from operators.kernels.kernel import kernel

_ONE = np.uint64(1)


@kernel
def is_set(bits: Any, at: int) -> bool:
    """Return True if bit `at` is set."""
    return bool(bits[at >> 6] >> np.uint64(at & 63) & _ONE)


@kernel
def set_bit(bits: Any, at: int) -> None:
    """Set bit `at`."""
    bits[at >> 6] |= _ONE << np.uint64(at & 63)


@kernel
def clear_bit(bits: Any, at: int) -> None:
    """Clear bit `at`."""
    bits[at >> 6] &= ~(_ONE << np.uint64(at & 63))


@kernel
def next_bit(bits: Any, at: int) -> int:
    """Return the place of the first set bit behind `at`; there must be one."""
    at += 1
    word = bits[at >> 6] >> np.uint64(at & 63) << np.uint64(at & 63)
    number = at >> 6
    while word == 0:
        number += 1
        word = bits[number]
    return number * 64 + lowest_bit(np.int64(word))
