"""The loads, stores and hints that plain indexing cannot express, in numba's intermediate representation.

Each function makes one intrinsic; `baselines._jit` says what they do, and has them made when a kernel is compiled.
"""

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from baselines._compiler import numba_type
from baselines._kinds import Kind

_BYTES = ir.IntType(8).as_pointer()


def _start(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """Return the address of the first byte of an array or of what a bare pointer points to."""
    data = context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
    return builder.bitcast(data, _BYTES)


def load(bits: int, *, big_endian: bool, unsigned: bool) -> Any:
    """Make `load(buf, offset)`."""
    result = types.uint64 if unsigned else types.int64

    @intrinsic
    def load(typing_context: Any, buf: Any, offset: Any) -> Any:  # noqa: ARG001 - numba's calling convention
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            start = _start(context, builder, sig.args[0], args[0])
            word = ir.IntType(bits)
            value = builder.load(builder.bitcast(builder.gep(start, [args[1]]), word.as_pointer()), align=1)
            if big_endian and bits > 8:
                swap = builder.module.declare_intrinsic("llvm.bswap", [word])
                value = builder.call(swap, [value])
            return builder.zext(value, ir.IntType(64)) if bits < 64 else value

        return result(buf, types.intp), generate

    return load


def store(bits: int) -> Any:
    """Make `store(buf, offset, value)`."""

    @intrinsic
    def store(typing_context: Any, buf: Any, offset: Any, value: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            word = ir.IntType(bits)
            start = builder.gep(_start(context, builder, sig.args[0], args[0]), [args[1]])
            builder.store(
                builder.trunc(args[2], word) if bits < 64 else args[2],
                builder.bitcast(start, word.as_pointer()),
                align=1,
            )
            return context.get_dummy_value()

        return types.void(buf, types.intp, types.int64), generate

    return store


def borrow() -> Any:
    """Make `borrow(array)`."""

    @intrinsic
    def borrow(typing_context: Any, array: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = context.make_array(sig.args[0])(context, builder, args[0]).data
            return builder.bitcast(data, _BYTES) if isinstance(sig.args[0].dtype, types.Record) else data

        item = types.uint8 if isinstance(array.dtype, types.Record) else array.dtype
        return types.CPointer(item)(array), generate

    return borrow


def row(dtype: np.dtype[Any]) -> Any:
    """Make `row(pointer, i)`."""
    record = numba.from_dtype(dtype)

    @intrinsic
    def row(typing_context: Any, pointer: Any, i: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            offset = builder.mul(args[1], ir.Constant(ir.IntType(64), dtype.itemsize))
            place = builder.gep(args[0], [offset])
            return builder.bitcast(place, context.get_value_type(record))

        return record(pointer, types.int64), generate

    return row


def marks() -> Any:
    """Make `marks(buf, offset, first, second)`."""

    @intrinsic
    def marks(typing_context: Any, buf: Any, offset: Any, first: Any, second: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            lanes = ir.VectorType(ir.IntType(8), 64)
            start = builder.gep(_start(context, builder, sig.args[0], args[0]), [args[1]])
            chunk = builder.load(builder.bitcast(start, lanes.as_pointer()), align=1)
            found = []
            for value in args[2:]:
                byte = builder.trunc(value, ir.IntType(8))
                seed = builder.insert_element(ir.Constant(lanes, ir.Undefined), byte, ir.Constant(ir.IntType(32), 0))
                shuffle = ir.Constant(ir.VectorType(ir.IntType(32), 64), [0] * 64)
                every = builder.shuffle_vector(seed, ir.Constant(lanes, ir.Undefined), shuffle)
                found.append(builder.icmp_unsigned("==", chunk, every))
            return builder.bitcast(builder.or_(*found), ir.IntType(64))

        return types.uint64(buf, types.intp, types.int64, types.int64), generate

    return marks


def ctz64() -> Any:
    """Make `ctz64(word)`."""

    @intrinsic
    def ctz64(typing_context: Any, word: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

        return types.int64(types.uint64), generate

    return ctz64


def prefetch() -> Any:
    """Make `prefetch(array, byte_offset)`."""

    @intrinsic
    def prefetch(typing_context: Any, array: Any, byte_offset: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            place = builder.gep(_start(context, builder, sig.args[0], args[0]), [args[1]])
            word = ir.IntType(32)
            signature = ir.FunctionType(ir.VoidType(), [_BYTES, word, word, word])
            function = builder.module.declare_intrinsic("llvm.prefetch", [_BYTES], signature)
            builder.call(function, [place, word(1), word(3), word(1)])
            return context.get_dummy_value()

        return types.void(array, types.intp), generate

    return prefetch


def call(*kinds: Kind) -> Any:
    """Make `call(address, …)`, in numba's calling convention: status back, exceptions handed on."""
    expected = [numba_type(kind) for kind in kinds]

    @intrinsic
    def call(typing_context: Any, address: Any, *arguments: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            given = [builder.extract_value(args[1], k) for k in range(len(sig.args[1]))]
            have = list(sig.args[1])
            values = [context.cast(builder, *item) for item in zip(given, have, expected, strict=True)]
            convention = context.call_conv
            shape = convention.get_function_type(types.none, expected)
            packed = context.get_arg_packer(expected).as_arguments(builder, values)
            slots = [cgutils.alloca_once(builder, kind.pointee) for kind in shape.args[:2]]
            entry = builder.inttoptr(args[0], shape.as_pointer())
            code = builder.call(entry, [*slots, *packed])
            status = convention._get_return_status(builder, code, builder.load(slots[1]))  # noqa: SLF001
            with cgutils.if_unlikely(builder, status.is_error):
                convention.return_status_propagate(builder, status)
            return context.get_dummy_value()

        return types.void(address, types.StarArgTuple.from_types(arguments)), generate

    return call
