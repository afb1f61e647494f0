"""LLVM intrinsics: unaligned 8-byte loads, 64x64->128-bit products, prefetch, compares of 32 and 64 lanes.

Each has a plain twin in Python, which runs when kernels are interpreted or bounds are checked. Both give the same
values on every little-endian machine; numba runs on no other.
"""

from typing import Any, Final, TypeAlias

import numba
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

LANES: Final = 32
"""Number of bytes that `classify_lanes` and `run_length` read together: so many must be readable from any index on."""

WIDE: Final = 64
"""Number of bytes that become the bits of a uint64."""

_PLAIN: Final = bool(numba.config.DISABLE_JIT or numba.config.BOUNDSCHECK)
_I1, _I8, _I32, _I64, _I128 = (ir.IntType(bits) for bits in (1, 8, 32, 64, 128))
_VECTOR = ir.VectorType(_I8, LANES)
_WIDE = ir.VectorType(_I8, WIDE)
_LOW: Final = (1 << 64) - 1


def _splat(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * LANES)


def _address(context: Any, builder: Any, kind: Any, place: Any, target: Any) -> Any:
    array, index = place
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), target.as_pointer())


def _load_lanes(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    loaded = builder.load(_address(context, builder, kind, (array, index), _VECTOR))
    loaded.align = 1
    return loaded


def _mask(builder: Any, lanes: Any) -> Any:
    """Return one bit a lane, int64."""
    return builder.zext(builder.bitcast(lanes, ir.IntType(LANES)), _I64)


@intrinsic
def _eight_bytes(typingctx: Any, data: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        loaded = builder.load(_address(context, builder, signature.args[0], arguments, _I64))
        loaded.align = 1
        return loaded

    return types.uint64(data, types.int64), generate


@intrinsic
def _folded(typingctx: Any, a: Any, b: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        product = builder.mul(*(builder.zext(one, _I128) for one in arguments))
        high = builder.trunc(builder.lshr(product, ir.Constant(_I128, 64)), _I64)
        return builder.xor(builder.trunc(product, _I64), high)

    return types.uint64(types.uint64, types.uint64), generate


@intrinsic
def _prefetch(typingctx: Any, array: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _I8.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _I32, _I32, _I32])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        address = _address(context, builder, signature.args[0], arguments, _I8)
        builder.call(function, [address, *(ir.Constant(_I32, one) for one in (0, 3, 1))])
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@intrinsic
def _lowest_bit(typingctx: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], ir.Constant(_I1, 0))

    return types.int64(types.int64), generate


@intrinsic
def _run_length(typingctx: Any, kinds: Any, at: Any, mask: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        one = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), arguments[2], ir.Constant(_I32, 0))
        zeros = ir.Constant(ir.VectorType(_I32, LANES), [0] * LANES)
        masks = builder.shuffle_vector(one, ir.Constant(_VECTOR, ir.Undefined), zeros)
        lanes = builder.and_(_load_lanes(context, builder, signature.args[0], *arguments[:2]), masks)
        outside = _mask(builder, builder.icmp_unsigned("==", lanes, _splat(0)))
        return builder.cttz(builder.or_(outside, ir.Constant(_I64, 1 << LANES)), ir.Constant(_I1, 1))

    return types.int64(kinds, types.int64, types.uint8), generate


@intrinsic
def _lanes_of(typingctx: Any, kinds: Any, at: Any, mask: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = _load_wide(context, builder, signature.args[0], *arguments[:2])
        masked = builder.and_(lanes, _spread(builder, arguments[2]))
        return builder.bitcast(builder.icmp_unsigned("!=", masked, ir.Constant(_WIDE, [0] * WIDE)), _I64)

    return types.uint64(kinds, types.int64, types.uint8), generate


@intrinsic
def _lanes_equal(typingctx: Any, text: Any, at: Any, byte: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = _load_wide(context, builder, signature.args[0], *arguments[:2])
        return builder.bitcast(builder.icmp_unsigned("==", lanes, _spread(builder, arguments[2])), _I64)

    return types.uint64(text, types.int64, types.uint8), generate


@intrinsic
def _lanes_within(typingctx: Any, text: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = _load_wide(context, builder, signature.args[0], *arguments)
        return builder.bitcast(builder.icmp_signed("<", lanes, ir.Constant(_WIDE, [0xC0] * WIDE)), _I64)

    return types.uint64(text, types.int64), generate


@intrinsic
def _copy_wide(typingctx: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        lanes = _load_wide(context, builder, signature.args[0], *arguments[:2])
        place = _address(context, builder, signature.args[2], arguments[2:], _WIDE)
        builder.store(lanes, place).align = 1
        return context.get_dummy_value()

    return types.void(source, types.int64, target, types.int64), generate


@intrinsic
def _bit_count(typingctx: Any, bits: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@intrinsic
def _add_bits(typingctx: Any, a: Any, b: Any, carry: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        first = builder.uadd_with_overflow(*arguments[:2])
        second = builder.uadd_with_overflow(builder.extract_value(first, 0), arguments[2])
        over = builder.or_(builder.extract_value(first, 1), builder.extract_value(second, 1))
        parts = builder.extract_value(second, 0), builder.zext(over, _I64)
        return context.make_tuple(builder, signature.return_type, parts)

    word = types.uint64
    return types.UniTuple(word, 2)(word, word, word), generate


@intrinsic
def _lowest_lanes(typingctx: Any, values: Any, at: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        vector = ir.VectorType(_I32, 16)
        loaded = builder.load(_address(context, builder, signature.args[0], arguments, vector))
        loaded.align = 4
        kind = ir.FunctionType(_I32, [vector])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.vector.reduce.umin.v16i32")
        return builder.call(function, [loaded])

    return types.uint32(values, types.int64), generate


def _load_wide(context: Any, builder: Any, kind: Any, array: Any, index: Any) -> Any:
    loaded = builder.load(_address(context, builder, kind, (array, index), _WIDE))
    loaded.align = 1
    return loaded


def _spread(builder: Any, byte: Any) -> Any:
    """Return a wide vector with the same byte in every lane."""
    undefined = ir.Constant(_WIDE, ir.Undefined)
    zeros = ir.Constant(ir.VectorType(_I32, WIDE), [0] * WIDE)
    return builder.shuffle_vector(builder.insert_element(undefined, byte, ir.Constant(_I32, 0)), undefined, zeros)


Ranges: TypeAlias = tuple[tuple[int, int, int], ...]


def ascii_classifier(ranges: Ranges, rest: int) -> Any:
    """Make a kernel `classify_lanes(text, at, kinds, to)`.

    It writes LANES classes, and returns a bit for each byte over 127.
    `ranges`: (first byte, last byte, class), later ones over earlier ones; `rest` is the class of all others. The
    class written for a byte over 127 is meaningless.
    """

    @intrinsic
    def classify(typingctx: Any, text: Any, at: Any, kinds: Any, to: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            lanes = _load_lanes(context, builder, signature.args[0], *arguments[:2])
            found = _splat(rest)
            for first, last, kind in ranges:
                offset = builder.sub(lanes, _splat(first))
                within = builder.icmp_unsigned("<=", offset, _splat(last - first))
                found = builder.select(within, _splat(kind), found)
            target = _address(context, builder, signature.args[2], arguments[2:], _VECTOR)
            builder.store(found, target).align = 1
            return _mask(builder, builder.icmp_signed("<", lanes, _splat(0)))

        return types.int64(text, types.int64, kinds, types.int64), generate

    return plain_classifier(ranges, rest) if _PLAIN else classify


def plain_classifier(ranges: Ranges, rest: int) -> Any:
    """Make the plain twin of `ascii_classifier`."""
    table = np.full(256, rest, np.uint8)
    for first, last, kind in ranges:
        table[first : last + 1] = kind

    @njit
    def classify(text: Any, at: int, kinds: Any, to: int) -> int:
        high = 0
        for lane in range(LANES):
            byte = text[at + lane] if at + lane < len(text) else 0  # values behind the end are meaningless
            kinds[to + lane] = table[byte]
            if byte >= 128:
                high |= 1 << lane
        return high

    return classify


@njit
def _plain_eight_bytes(data: Any, at: int) -> Any:
    value = np.uint64(0)
    for i in range(min(8, len(data) - at)):  # values behind the end are meaningless
        value |= np.uint64(data[at + i]) << np.uint64(8 * i)
    return value


@njit
def _plain_folded(a: Any, b: Any) -> Any:
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)
    a0, a1, b0, b1 = a & low, a >> half, b & low, b >> half
    middle = a1 * b0 + (a0 * b0 >> half)
    other = a0 * b1 + (middle & low)
    return (a0 * b0 & low | other << half) ^ (a1 * b1 + (middle >> half) + (other >> half))


@njit
def _plain_prefetch(array: Any, at: int) -> None:
    pass


@njit
def _plain_lowest_bit(bits: int) -> int:
    at = 0
    while not bits >> at & 1:
        at += 1
    return at


@njit
def _plain_run_length(kinds: Any, at: int, mask: Any) -> int:
    length = 0
    while length < LANES and at + length < len(kinds) and kinds[at + length] & mask:
        length += 1
    return length


@njit
def _plain_lanes_of(kinds: Any, at: int, mask: Any) -> Any:
    bits = np.uint64(0)
    for lane in range(min(WIDE, len(kinds) - at)):
        if kinds[at + lane] & mask:
            bits |= np.uint64(1) << np.uint64(lane)
    return bits


@njit
def _plain_lanes_equal(text: Any, at: int, byte: Any) -> Any:
    bits = np.uint64(0)
    for lane in range(min(WIDE, len(text) - at)):
        if text[at + lane] == byte:
            bits |= np.uint64(1) << np.uint64(lane)
    return bits


@njit
def _plain_lanes_within(text: Any, at: int) -> Any:
    bits = np.uint64(0)
    for lane in range(min(WIDE, len(text) - at)):
        if text[at + lane] & 0xC0 == 0x80:
            bits |= np.uint64(1) << np.uint64(lane)
    return bits


@njit
def _plain_copy_wide(source: Any, at: int, target: Any, to: int) -> None:
    for lane in range(WIDE):
        target[to + lane] = source[at + lane]


@njit
def _plain_bit_count(bits: Any) -> int:
    count: Any = 0
    for i in range(64):
        count += np.int64(bits >> np.uint64(i) & np.uint64(1))
    return count


@njit
def _plain_add_bits(a: Any, b: Any, carry: Any) -> Any:
    half, low = np.uint64(32), np.uint64(0xFFFFFFFF)  # in halves, so that nothing wraps
    lower = (a & low) + (b & low) + carry
    upper = (a >> half) + (b >> half) + (lower >> half)
    return (upper & low) << half | lower & low, upper >> half


@njit
def _plain_lowest_lanes(values: Any, at: int) -> Any:
    return values[at : at + 16].min()


eight_bytes: Any = _plain_eight_bytes if _PLAIN else _eight_bytes
"""Return `data[at:at + 8]` (uint8) as a uint64, lowest byte first."""
folded: Any = _plain_folded if _PLAIN else _folded
"""Return the xor of the two halves of the 128-bit product of two uint64."""
prefetch: Any = _plain_prefetch if _PLAIN else _prefetch
"""Hint that `array[at]` will be read soon; `at` may be any number."""
lowest_bit: Any = _plain_lowest_bit if _PLAIN else _lowest_bit
"""Return the place of the lowest set bit of an int64 that is not zero."""
run_length: Any = _plain_run_length if _PLAIN else _run_length
"""Return how many of `kinds[at:at + LANES]` (uint8), from the first on, share a bit with `mask` (uint8)."""
lanes_of: Any = _plain_lanes_of if _PLAIN else _lanes_of
"""Return a bit for each of `kinds[at:at + WIDE]` (uint8): 1 if it shares a bit with `mask` (uint8)."""
lanes_equal: Any = _plain_lanes_equal if _PLAIN else _lanes_equal
"""Return a bit for each of `text[at:at + WIDE]` (uint8): 1 if it is `byte` (uint8)."""
lanes_within: Any = _plain_lanes_within if _PLAIN else _lanes_within
"""Return a bit for each of `text[at:at + WIDE]` (uint8): 1 if it continues a UTF-8 character."""
copy_wide: Any = _plain_copy_wide if _PLAIN else _copy_wide
"""Copy `source[at:at + WIDE]` (uint8) to `target[to:to + WIDE]`."""
bit_count: Any = _plain_bit_count if _PLAIN else _bit_count
"""Return the number of set bits of a uint64."""
add_bits: Any = _plain_add_bits if _PLAIN else _add_bits
"""Return a + b + carry of uint64, and the carry out of 64 bits."""
lowest_lanes: Any = _plain_lowest_lanes if _PLAIN else _lowest_lanes
"""Return the minimum of `values[at:at + 16]` (uint32)."""
