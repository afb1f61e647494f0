"""LLVM intrinsics: unaligned 8-byte loads, 64x64->128-bit products, prefetch, compares of 32 and 64 lanes.

Here is a plain twin of each in Python, which runs when kernels are interpreted or bounds are checked. Else the code of
`operators.kernels.llvm` is compiled. Both give the same values on every little-endian machine; numba runs on no other.
"""

import os
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from operators.kernels.kernel import INTERPRETED, kernel
from operators.kernels.lanes import LANES, WIDE, Ranges

_PLAIN: Final = INTERPRETED or os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0")


class Intrinsic:
    """A function that kernels call, whose LLVM code is made when a kernel is compiled: numba is imported only then."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._made: Any = None

    @property
    def _numba_type_(self) -> Any:
        from operators.kernels.compiler import type_of_function

        if self._made is None:
            self._made = self._make()
        return type_of_function(self._made)


def intrinsic(plain: Callable[..., Any]) -> Any:
    """Turn a plain twin into the intrinsic of its name, or into a kernel where plain ones run."""

    def make() -> Any:
        from operators.kernels import llvm

        return getattr(llvm, f"_{plain.__name__}")

    return kernel(plain) if _PLAIN else Intrinsic(make)


def ascii_classifier(ranges: Ranges, rest: int) -> Any:
    """Make a kernel `classify_lanes(text, at, kinds, to)`.

    It writes LANES classes, and returns a bit for each byte over 127.
    `ranges`: (first byte, last byte, class), later ones over earlier ones; `rest` is the class of all others. The
    class written for a byte over 127 is meaningless.
    """

    def make() -> Any:
        from operators.kernels import llvm

        return llvm.classify_lanes(ranges, rest)

    return _plain_classifier(ranges, rest) if _PLAIN else Intrinsic(make)


def _plain_classifier(ranges: Ranges, rest: int) -> Any:
    """Make the plain twin of `ascii_classifier`."""
    table = np.full(256, rest, np.uint8)
    for first, last, kind in ranges:
        table[first : last + 1] = kind

    def classify(text: Any, at: int, kinds: Any, to: int) -> int:
        high = 0
        for lane in range(LANES):
            byte = text[at + lane] if at + lane < len(text) else 0  # values behind the end are meaningless
            kinds[to + lane] = table[byte]
            if byte >= 128:
                high |= 1 << lane
        return high

    return kernel(classify)


@intrinsic
def eight_bytes(data: Any, at: int) -> Any:
    """Return `data[at:at + 8]` (uint8) as a uint64, lowest byte first."""
    value = np.uint64(0)
    for i in range(min(8, len(data) - at)):  # values behind the end are meaningless
        value |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return value


@intrinsic
def folded(a: Any, b: Any) -> Any:
    """Return the xor of the two halves of the 128-bit product of two uint64."""
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    a0, a1, b0, b1 = a & low, a >> half, b & low, b >> half
    middle = a1 * b0 + (a0 * b0 >> half)
    other = a0 * b1 + (middle & low)
    return (a0 * b0 & low | other << half) ^ (a1 * b1 + (middle >> half) + (other >> half))


@intrinsic
def prefetch(array: Any, at: int) -> None:
    """Hint that `array[at]` will be read soon; `at` may be any number."""


@intrinsic
def lowest_bit(bits: int) -> int:
    """Return the place of the lowest set bit of an int64 that is not zero."""
    at = 0
    while not bits >> at & 1:
        at += 1
    return at


@intrinsic
def run_length(kinds: Any, at: int, mask: Any) -> int:
    """Return how many of `kinds[at:at + LANES]` (uint8), from the first on, share a bit with `mask` (uint8)."""
    length = 0
    while length < LANES and at + length < len(kinds) and kinds[at + length] & mask:
        length += 1
    return length


@intrinsic
def lanes_of(kinds: Any, at: int, mask: Any) -> Any:
    """Return a bit for each of `kinds[at:at + WIDE]` (uint8): 1 if it shares a bit with `mask` (uint8)."""
    bits = np.uint64(0)
    for lane in range(min(WIDE, len(kinds) - at)):
        if kinds[at + lane] & mask:
            bits |= np.uint64(1) << np.uint64(lane)
    return bits


@intrinsic
def lanes_equal(text: Any, at: int, byte: Any) -> Any:
    """Return a bit for each of `text[at:at + WIDE]` (uint8): 1 if it is `byte` (uint8)."""
    bits = np.uint64(0)
    for lane in range(min(WIDE, len(text) - at)):
        if text[at + lane] == byte:
            bits |= np.uint64(1) << np.uint64(lane)
    return bits


@intrinsic
def lanes_within(text: Any, at: int) -> Any:
    """Return a bit for each of `text[at:at + WIDE]` (uint8): 1 if it continues a UTF-8 character."""
    bits = np.uint64(0)
    for lane in range(min(WIDE, len(text) - at)):
        if text[at + lane] & 0xC0 == 0x80:
            bits |= np.uint64(1) << np.uint64(lane)
    return bits


@intrinsic
def copy_wide(source: Any, at: int, target: Any, to: int) -> None:
    """Copy `source[at:at + WIDE]` (uint8) to `target[to:to + WIDE]`."""
    for lane in range(WIDE):
        target[to + lane] = source[at + lane]


@intrinsic
def bit_count(bits: Any) -> int:
    """Return the number of set bits of a uint64."""
    count: Any = 0
    for i in range(64):
        count += np.int64(bits >> np.uint64(i) & np.uint64(1))
    return count


@intrinsic
def add_bits(a: Any, b: Any, carry: Any) -> Any:
    """Return a + b + carry of uint64, and the carry out of 64 bits."""
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)  # in halves, so that nothing wraps
    lower = (a & low) + (b & low) + carry
    upper = (a >> half) + (b >> half) + (lower >> half)
    return (upper & low) << half | lower & low, upper >> half


@intrinsic
def lowest_lanes(values: Any, at: int) -> Any:
    """Return the minimum of `values[at:at + 16]` (uint32)."""
    return values[at : at + 16].min()
