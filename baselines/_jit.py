"""The one home of numba's options, and the few loads that plain indexing cannot express.

Kernels are compiled with `cache=True, nogil=True` and never with fastmath: NaN means "no data" here. Signatures
are pinned where a kernel is called from Python, because each layout, alignment and read-only flag would otherwise
be compiled again.

numba's cache looks only at the file that defines a kernel, not at the helpers it inlines from other files. So each
module's cache folder carries a fingerprint of that module and of all of ours that it imports.

With `NUMBA_DISABLE_JIT=1` everything here runs as plain Python, slowly and with the same results.
"""

import hashlib
import importlib.util
import os
import re
import sys
from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core.registry import cpu_target
from numba.extending import intrinsic
from numpy.typing import DTypeLike

from baselines._plain import Pointer, Row

F = TypeVar("F", bound=Callable[..., Any])

_ROOT = Path(__file__).resolve().parent.parent
_IMPORT = re.compile(r"^(?:from|import) ((?:sensor|baselines)[.\w]*)(?: import ([^#\n(]*|\([^)]*\)))?", re.MULTILINE)


@cache
def _imports(path: Path) -> frozenset[Path]:
    """Return the modules of ours that `path` imports, directly or through others, itself included."""
    seen: set[Path] = set()
    todo = [path]
    while todo:
        here = todo.pop()
        if here in seen:
            continue
        seen.add(here)
        for module, names in _IMPORT.findall(here.read_text(encoding="utf-8")):
            parts = module.split(".")
            candidates = [_ROOT.joinpath(*parts).with_suffix(".py")]
            candidates += [_ROOT.joinpath(*parts, f"{name}.py") for name in re.findall(r"\w+", names)]
            todo += [candidate for candidate in candidates if candidate.is_file()]
    return frozenset(seen)


@cache
def _cache_dir(path: Path) -> str:
    """Return the cache folder for the kernels of one module: it belongs to exactly this text of it and its imports."""
    base = os.environ.get("SPANLINE_KERNEL_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "spanline", "kernels"
    )
    digest = hashlib.blake2b(f"{numba.__version__} {np.__version__}".encode(), digest_size=8)
    for module in sorted(_imports(path)):
        digest.update(module.name.encode() + module.read_bytes())
    return os.path.join(base, f"{path.stem}-{digest.hexdigest()}")


def is_compiled(module: str) -> bool:
    """Tell, without importing it, whether the cache holds kernels of a module as its text is now."""
    if JIT_DISABLED:
        return True
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no module {module!r}")
    path = Path(spec.origin).resolve()
    folder = os.environ.get("NUMBA_CACHE_DIR") or _cache_dir(path)
    return any(Path(folder).rglob(f"{path.stem}.*.nbi"))


JIT_DISABLED: bool = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]  # made by numba as it is imported


def _refresh_without_scipy() -> None:
    """Let numba set itself up now, with scipy out of sight.

    At the first kernel numba imports scipy.linalg where it is installed, for `np.linalg` and `@` inside kernels. None
    of ours uses them, and it takes 0.2 to 0.4 s of every start.
    """
    if JIT_DISABLED or "scipy" in sys.modules:
        return
    sys.modules["scipy"] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        cpu_target.target_context.refresh()
    finally:
        del sys.modules["scipy"]


_refresh_without_scipy()


def _enter_cache(function: Any) -> None:
    if not os.environ.get("NUMBA_CACHE_DIR"):
        folder = _cache_dir(Path(function.__code__.co_filename).resolve())
        numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]  # read by numba as it makes the cache


def kernel(*signature: Any, inline: bool = False, pin: tuple[Any, ...] = ()) -> Callable[[F], F]:
    """Compile a function over columns: nogil, cached, no fastmath.

    Args:
        signature: numba types of the arguments (or their names), which pin the one version that is compiled (at
            import, or loaded from the cache). Without it the kernel is compiled at its first call; leave it out for
            helpers that only other kernels call.
        inline: Always inline into its callers: for small helpers of an inner loop, which LLVM leaves as calls
            when they come from another module.
        pin: numba types of the arguments of a helper that only kernels call: one version instead of one for each
            literal argument, and no entry for Python, which costs as much to compile as a small helper itself.
    """

    def wrap(function: F) -> F:
        if JIT_DISABLED:
            return cast("F", _wrapping(function)) if signature else function
        _enter_cache(function)
        if signature:
            pinned = tuple(getattr(types, kind) if isinstance(kind, str) else kind for kind in signature)
            return cast("F", _compiled_at_call(function, pinned))
        if pin:
            return cast("F", _pinned_later(function, pin))
        return cast("F", numba.njit(nogil=True, cache=True, forceinline=inline)(function))

    return wrap


def _wrapping(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let 64-bit words wrap without a word, as they do when compiled."""

    @wraps(function)
    def called(*arguments: Any) -> Any:
        with np.errstate(over="ignore"):
            return function(*arguments)

    return called


_PENDING: dict[str, list[Callable[[], object]]] = {}
"""By module, what compiles its pinned kernels and entries, or loads them from the cache."""


def compile_pinned(module: str) -> None:
    """Compile, or load, every kernel and entry of an imported module that has a pinned signature."""
    for ready in _PENDING.get(module, []):
        ready()


def _compiled_at_call(function: Callable[..., Any], signature: tuple[Any, ...]) -> Any:
    """Make a kernel of one version that is compiled, or loaded, at its first call: imports stay quick."""
    dispatcher: Any = numba.njit(nogil=True, cache=True)(function)
    choose = dispatcher.get_call_template

    def ready() -> Any:
        if not dispatcher.overloads:
            dispatcher.compile(signature)
            dispatcher.disable_compile()
        return next(iter(dispatcher.overloads.values())).entry_point

    def called(*_arguments: Any, **_keywords: Any) -> Any:
        if dispatcher.overloads:
            raise TypeError(f"{function.__qualname__}: arguments are not of the pinned types {signature}")
        return ready()

    def chosen(arguments: Any, keywords: Any) -> Any:
        ready()
        return choose(arguments, keywords)

    dispatcher._compile_for_args = called  # noqa: SLF001 - what numba's C code calls for types it has not seen
    dispatcher.get_call_template = chosen
    _PENDING.setdefault(function.__module__, []).append(ready)
    return dispatcher


def _pinned_later(function: Callable[..., Any], pin: tuple[Any, ...]) -> Any:
    """Make a helper of one version that is compiled, or loaded, only when a caller that is compiled asks for it.

    A kernel that comes from the cache holds its helpers already: loading sixty of them took 0.3 s of every start.
    """
    # numba's own type information leaves out the two options.
    njit: Any = numba.njit
    dispatcher = njit(nogil=True, cache=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)
    choose = dispatcher.get_call_template

    def chosen(arguments: Any, keywords: Any) -> Any:
        if not dispatcher.overloads:
            dispatcher.compile(pin)
            dispatcher.disable_compile()
        return choose(arguments, keywords)

    dispatcher.get_call_template = chosen
    return dispatcher


def caller(*signature: Any) -> Any:
    """Make `call(address, …)`: a call of the `entry` at that address, from kernels; void.

    Through it a kernel uses another without holding a copy of it. numba links a kernel with all that it calls and
    optimises the whole once more at each level of calls; cut here, the two halves compile in a third of the time.
    """
    if JIT_DISABLED:
        return lambda function, *arguments: function(*arguments)
    kinds = [getattr(types, kind) if isinstance(kind, str) else kind for kind in signature]

    @intrinsic
    def call(typing_context: Any, address: Any, *arguments: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            given = zip(_unpack(builder, sig, args), _kinds(sig), kinds, strict=True)
            values = [context.cast(builder, value, have, want) for value, have, want in given]
            shape = ir.FunctionType(ir.VoidType(), [context.get_value_type(kind) for kind in kinds])
            builder.call(builder.inttoptr(args[0], shape.as_pointer()), values)
            return context.get_dummy_value()

        return types.void(address, types.StarArgTuple.from_types(arguments)), generate

    return call


def _unpack(builder: Any, sig: Any, args: Any) -> list[Any]:
    return [builder.extract_value(args[1], k) for k in range(len(sig.args[1]))]


def _kinds(sig: Any) -> list[Any]:
    return list(sig.args[1])


class _Entry:
    """A function that is called by its address; compiled, or loaded, when that is asked for."""

    def __init__(self, function: Callable[..., Any], signature: Any) -> None:
        self._function, self._signature = function, signature
        self._made: Any = None
        _PENDING.setdefault(function.__module__, []).append(lambda: self.address)

    @property
    def address(self) -> int:
        if self._made is None:
            _enter_cache(self._function)
            self._made = numba.cfunc(self._signature, cache=True)(self._function)
        return int(self._made.address)


def entry(*signature: Any) -> Callable[[F], Any]:
    """Compile a void function that kernels call by its `address`; arguments are scalars and bare pointers."""
    kinds = [getattr(types, kind) if isinstance(kind, str) else kind for kind in signature]

    def wrap(function: F) -> Any:
        if JIT_DISABLED:
            return function
        _enter_cache(function)
        cfunc: Any = numba.cfunc  # whose own type information leaves out `nopython`
        return cfunc(types.void(*kinds), nopython=True, cache=True)(function)

    return wrap


def rows(dtype: DTypeLike) -> Any:
    """Return the numba type of a writable C-contiguous 1-D array of `dtype` (plain or structured)."""
    return types.Array(numba.from_dtype(np.dtype(dtype)), 1, "C")


def _load(bits: int, *, big_endian: bool, unsigned: bool) -> Any:
    """Make `load(buf, offset)`: an unaligned read of `bits` from a byte array, zero-extended to 64 bits."""
    result = types.uint64 if unsigned else types.int64

    if JIT_DISABLED:
        order: Literal["big", "little"] = "big" if big_endian else "little"

        def plain(buf: Any, offset: int) -> Any:
            octets = bytes(buf[offset : offset + bits // 8]) if offset >= 0 else b""
            if len(octets) * 8 != bits:
                raise IndexError(f"a kernel reads {bits} bits at {offset}")
            value = int.from_bytes(octets, order)
            return np.uint64(value) if unsigned else value

        return plain

    @intrinsic
    def load(typing_context: Any, buf: Any, offset: Any) -> Any:  # noqa: ARG001 - numba's calling convention
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = args[0]
            if isinstance(sig.args[0], types.Array):
                data = context.make_array(sig.args[0])(context, builder, args[0]).data
            start = builder.bitcast(data, ir.IntType(8).as_pointer())
            word = ir.IntType(bits)
            value = builder.load(builder.bitcast(builder.gep(start, [args[1]]), word.as_pointer()), align=1)
            if big_endian and bits > 8:
                swap = builder.module.declare_intrinsic("llvm.bswap", [word])
                value = builder.call(swap, [value])
            return builder.zext(value, ir.IntType(64)) if bits < 64 else value

        return result(buf, types.intp), generate

    return load


byte = _load(8, big_endian=False, unsigned=False)
be16 = _load(16, big_endian=True, unsigned=False)
be32 = _load(32, big_endian=True, unsigned=False)
le16 = _load(16, big_endian=False, unsigned=False)
le32 = _load(32, big_endian=False, unsigned=False)
ule32 = _load(32, big_endian=False, unsigned=True)
ube32 = _load(32, big_endian=True, unsigned=True)
ube64 = _load(64, big_endian=True, unsigned=True)
ule64 = _load(64, big_endian=False, unsigned=True)


def _store(bits: int) -> Any:
    """Make `store(buf, offset, value)`: an unaligned little-endian write of the low `bits` of an int64."""
    if JIT_DISABLED:

        def plain(buf: Any, offset: int, value: int) -> None:
            for i in range(bits // 8):
                buf[offset + i] = int(value) >> 8 * i & 255

        return plain

    @intrinsic
    def store(typing_context: Any, buf: Any, offset: Any, value: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = args[0]
            if isinstance(sig.args[0], types.Array):
                data = context.make_array(sig.args[0])(context, builder, args[0]).data
            word = ir.IntType(bits)
            start = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [args[1]])
            builder.store(
                builder.trunc(args[2], word) if bits < 64 else args[2],
                builder.bitcast(start, word.as_pointer()),
                align=1,
            )
            return context.get_dummy_value()

        return types.void(buf, types.intp, types.int64), generate

    return store


put16 = _store(16)
put32 = _store(32)
put64 = _store(64)


if JIT_DISABLED:

    def borrow(array: Any) -> Any:
        """Return a bare pointer to an array's items; in plain Python what counts like one."""
        return Pointer(array)

else:

    @intrinsic
    def borrow(typing_context: Any, array: Any) -> Any:  # noqa: ARG001
        """Return a bare pointer to an array's items, for passing to helpers that are called per record.

        An array handed to a helper is reference-counted at every call, atomically: 130 counts a row made a parser
        seven times slower. The pointer is valid while the kernel that borrowed it runs. It can be indexed and loaded
        from; it knows no length, so nothing checks bounds or wraps negative indices.
        """

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = context.make_array(sig.args[0])(context, builder, args[0]).data
            if isinstance(sig.args[0].dtype, types.Record):
                return builder.bitcast(data, ir.IntType(8).as_pointer())
            return data

        item = types.uint8 if isinstance(array.dtype, types.Record) else array.dtype
        return types.CPointer(item)(array), generate


def row_loader(dtype: np.dtype[Any]) -> Any:
    """Make `row(pointer, i)`: row i of borrowed structured rows, as a record that can be read and written.

    The record is a pointer into the array; like it, it is valid while the kernel that borrowed the array runs.
    """
    if JIT_DISABLED:
        return Row
    record = numba.from_dtype(dtype)

    @intrinsic
    def row(typing_context: Any, pointer: Any, i: Any) -> Any:  # noqa: ARG001
        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            offset = builder.mul(args[1], ir.Constant(ir.IntType(64), dtype.itemsize))
            place = builder.gep(args[0], [offset])
            return builder.bitcast(place, context.get_value_type(record))

        return record(pointer, types.int64), generate

    return row


if JIT_DISABLED:

    def marks(buf: Any, offset: int, first: int, second: int) -> Any:
        """Mark, one bit a byte, which of the 64 bytes at `offset` equal one of two values."""
        pieces = enumerate(buf[offset : offset + 64].tolist())
        return np.uint64(sum(1 << i for i, byte in pieces if byte in {int(first), int(second)}))

else:

    @intrinsic
    def marks(typing_context: Any, buf: Any, offset: Any, first: Any, second: Any) -> Any:  # noqa: ARG001
        """Mark, one bit a byte, which of the 64 bytes at `offset` equal one of two values."""

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = args[0]
            if isinstance(sig.args[0], types.Array):
                data = context.make_array(sig.args[0])(context, builder, args[0]).data
            lanes = ir.VectorType(ir.IntType(8), 64)
            start = builder.gep(builder.bitcast(data, ir.IntType(8).as_pointer()), [args[1]])
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


if JIT_DISABLED:

    def ctz64(word: Any) -> int:
        """Count the zero bits below the lowest set bit of a 64-bit word; 64 for zero."""
        value = int(word)
        return (value & -value).bit_length() - 1 if value else 64

else:

    @intrinsic
    def ctz64(typing_context: Any, word: Any) -> Any:  # noqa: ARG001
        """Count the zero bits below the lowest set bit of a 64-bit word; 64 for zero."""

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:  # noqa: ARG001
            return builder.cttz(args[0], ir.Constant(ir.IntType(1), 0))

        return types.int64(types.uint64), generate


if JIT_DISABLED:

    def prefetch(array: Any, byte_offset: int) -> None:
        """Do nothing: there is no cache line to fetch in plain Python."""

else:

    @intrinsic
    def prefetch(typing_context: Any, array: Any, byte_offset: Any) -> Any:  # noqa: ARG001
        """Ask for the cache line at `byte_offset` of `array`, for writing."""

        def generate(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            data = args[0]
            if isinstance(sig.args[0], types.Array):
                data = context.make_array(sig.args[0])(context, builder, args[0]).data
            pointer = ir.IntType(8).as_pointer()
            word = ir.IntType(32)
            signature = ir.FunctionType(ir.VoidType(), [pointer, word, word, word])
            function = builder.module.declare_intrinsic("llvm.prefetch", [pointer], signature)
            builder.call(function, [builder.gep(builder.bitcast(data, pointer), [args[1]]), word(1), word(3), word(1)])
            return context.get_dummy_value()

        return types.void(array, types.intp), generate
