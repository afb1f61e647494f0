"""LLVM code of `operators.kernels.intrinsics`, by the same names behind an underscore. It imports numba."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from operators.kernels.lanes import LANES, WIDE, Ranges

_I1, _I8, _I32, _I64, _I128 = (ir.IntType(bits) for bits in (1, 8, 32, 64, 128))
_VECTOR = ir.VectorType(_I8, LANES)
_WIDE = ir.VectorType(_I8, WIDE)


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


def classify_lanes(ranges: Ranges, rest: int) -> Any:
    """Make the intrinsic of `operators.kernels.intrinsics.ascii_classifier`."""

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

    return classify
