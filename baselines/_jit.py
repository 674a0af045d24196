"""The one home of what is compiled: kernels, entries, and the few loads that plain indexing cannot express.

Signatures are pinned where a kernel is called from Python, because each layout, alignment and read-only flag would
otherwise be compiled again. A pinned kernel is compiled or loaded at its first call, so imports stay quick. Loaded, it
needs no compiler: `baselines._native` keeps machine code, and numba is imported only where something is to be compiled
(half a second of every start otherwise). Therefore a kernel says its types as `baselines._kinds`, and what it sees in
its global names (helpers, loads) becomes numba's when numba asks.

With `NUMBA_DISABLE_JIT=1` everything here runs as plain Python, slowly and with the same results.
"""

import importlib
import importlib.util
import os
from collections.abc import Callable
from functools import cached_property, partial, update_wrapper, wraps
from pathlib import Path
from typing import Any, Literal, TypeVar, cast

import numpy as np

from baselines import _native
from baselines._cache import pinned
from baselines._kinds import Bare, Code, Column, Kind, Together, kind_of, pointer, rows
from baselines._plain import Pointer, Row

__all__ = [
    "JIT_DISABLED", "be16", "be32", "bind", "borrow", "byte", "caller", "compile_pinned", "ctz64", "entry",
    "is_compiled", "kernel", "kind_of", "le16", "le32", "marks", "pinned", "pointer", "prefetch", "put16", "put32",
    "put64", "row_loader", "rows", "ube32", "ube64", "ule32", "ule64",
]  # fmt: skip

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")

JIT_DISABLED: bool = os.environ.get("NUMBA_DISABLE_JIT", "").strip() not in {"", "0"}


def _named_after(wrapper: Any, function: Callable[..., Any]) -> None:
    """Give what stands in a function's place its name, module and docstring."""
    update_wrapper(wrapper, function)


class _Later:
    """An intrinsic, made when a kernel that names it is compiled. Not for Python to call."""

    def __init__(self, maker: str, *arguments: Any, **options: Any) -> None:
        self._maker, self._arguments, self._options = maker, arguments, options

    @cached_property
    def _made(self) -> Any:
        return getattr(importlib.import_module("baselines._intrinsics"), self._maker)(*self._arguments, **self._options)

    @cached_property
    def _numba_type_(self) -> Any:
        """What numba asks a global for."""
        from baselines._compiler import type_of

        return type_of(self._made)

    def __reduce__(self) -> Any:
        """Let numba tell kernels apart by what they hold in closures."""
        return partial(_Later, self._maker, *self._arguments, **self._options), ()

    def __call__(self, *_arguments: Any) -> Any:
        raise NotImplementedError(f"{self._maker} is for kernels alone")


class _Helper:
    """A function that kernels call, compiled for what they call it with; Python may call it too."""

    def __init__(self, function: Callable[..., Any], *, inline: bool, pin: tuple[Kind, ...]) -> None:
        self._function, self._inline, self._pin = function, inline, pin
        _named_after(self, function)

    @cached_property
    def dispatcher(self) -> Any:
        """What numba compiles for kernels. Held here, because numba's type of it does not hold it."""
        from baselines import _compiler

        if self._pin:
            return _compiler.pinned(self._function, self._pin)
        return _compiler.dispatcher(self._function, inline=self._inline, bare=True)

    @cached_property
    def _numba_type_(self) -> Any:
        from baselines import _compiler

        return _compiler.type_of(self.dispatcher)

    @cached_property
    def _for_python(self) -> Any:
        from baselines import _compiler

        return _compiler.dispatcher(self._function, inline=self._inline, bare=False)

    def __call__(self, *arguments: Any) -> Any:
        return self._for_python(*arguments)


class _Pinned:
    """A function of one version that is compiled, or loaded, when it is first needed."""

    def __init__(self, function: Callable[..., Any], kinds: tuple[Kind, ...], *, by_address: bool) -> None:
        code = function.__code__
        if code.co_argcount != len(kinds):
            raise TypeError(f"{function.__qualname__} has {code.co_argcount} parameters, {len(kinds)} kinds are given")
        for kind in kinds:
            if not isinstance(kind, str | Column | Bare | Together):
                raise TypeError(
                    f"{function.__qualname__}: {kind!r} is no kind; they are said without numba: 'int64', 'uint64', "
                    "'float64', 'bool', rows(np.int64), rows(np.float64, 2), pointer(np.uint8)"
                )
        self._function, self._kinds, self._by_address = function, kinds, by_address
        self._parameters = code.co_varnames[: code.co_argcount]
        _named_after(self, function)
        _PENDING.setdefault(function.__module__, []).append(self.ready)

    def ready(self) -> None:
        """Compile or load it."""
        raise NotImplementedError

    @cached_property
    def dispatcher(self) -> Any:
        """What numba compiles."""
        from baselines import _compiler

        return _compiler.pinned(self._function, self._kinds)

    @cached_property
    def _numba_type_(self) -> Any:
        from baselines import _compiler

        return _compiler.type_of(self.dispatcher)

    def code(self) -> Code:
        """Return its machine code, which is kept from then on; not of a closure, which is not its text alone."""
        place = None if self._function.__closure__ else _place(self._function)
        code = _native.stored(place) if place is not None else None
        if code is None:
            from baselines import _compiler

            code = _compiler.compiled(self.dispatcher, self._kinds, by_address=self._by_address)
            if place is not None:
                _native.store(place, code)
        return code


class _Kernel(_Pinned):
    """A pinned function that Python calls."""

    @cached_property
    def routine(self) -> _native.Routine:
        """The loaded kernel."""
        return _native.Routine(self._function.__qualname__, self._parameters, self._kinds, self.code())

    def ready(self) -> None:
        assert self.routine  # noqa: S101 - made at its first mention

    def __call__(self, *arguments: Any) -> Any:
        return self.routine(*arguments)


class _Entry(_Pinned):
    """A pinned function that kernels call by its address."""

    @cached_property
    def address(self) -> int:
        """Where its machine code begins."""
        return _native.load(self.code())

    def ready(self) -> None:
        assert self.address  # noqa: S101 - loaded at its first mention


def _place(function: Callable[..., Any]) -> Path:
    return _native.place(Path(function.__code__.co_filename).resolve(), function.__qualname__.replace("<locals>.", ""))


def kernel(*signature: Kind, inline: bool = False, pin: tuple[Kind, ...] = ()) -> Callable[[F], F]:
    """Compile a function over columns: nogil, cached, no fastmath.

    Args:
        signature: Kinds of the arguments, which pin the one version that is compiled. It is called from Python, or
            loaded without a compiler where that was done before; so it must not allocate. Leave it out for helpers
            that only other kernels call: they are compiled for what they are called with.
        inline: Always inline into its callers: for small helpers of an inner loop, which LLVM leaves as calls
            when they come from another module.
        pin: Kinds of the arguments of a helper that only kernels call: one version instead of one for each
            literal argument.
    """

    def wrap(function: F) -> F:
        if JIT_DISABLED:
            return cast("F", _wrapping(function)) if signature else function
        if signature:
            return cast("F", _Kernel(function, signature, by_address=False))
        return cast("F", _Helper(function, inline=inline, pin=pin))

    return wrap


def _wrapping(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let 64-bit words wrap without a word, as they do when compiled."""

    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        with np.errstate(over="ignore"):
            return function(*arguments, **named)

    return called


def bind(function: Callable[..., R], *leading: Any, **fixed: Any) -> Callable[..., R]:
    """Return a pinned kernel with some arguments given, the first ones or by name; the others are given at each call.

    Laying out an array costs a microsecond a call, and the flow table has twenty; see `baselines._native.Bound` for
    what it returns.
    """
    if isinstance(function, _Kernel):
        return function.routine.bound(leading, fixed)
    return partial(function, *leading, **fixed)


_PENDING: dict[str, list[Callable[[], None]]] = {}
"""By module, what compiles its pinned kernels and entries, or loads them."""


def compile_pinned(module: str) -> None:
    """Compile, or load, every kernel and entry of an imported module that has a pinned signature."""
    for ready in _PENDING.get(module, []):
        ready()


def is_compiled(module: str) -> bool:
    """Tell, without importing it, whether machine code of a module's kernels is kept for its text as it is now."""
    if JIT_DISABLED:
        return True
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"no module {module!r}")
    path = Path(spec.origin).resolve()
    return all(_native.place(path, name).is_file() for name in pinned(path))


def caller(*signature: Kind) -> Any:
    """Make `call(address, …)`: a call of the `entry` at that address, from kernels; void.

    Through it a kernel uses another without holding a copy of it. numba links a kernel with all that it calls and
    optimises the whole once more at each level of calls; cut here, the two halves compile in a third of the time.
    """
    if JIT_DISABLED:
        return _wrapping(lambda function, *arguments: function(*arguments))
    return _Later("call", *signature)


def entry(*signature: Kind) -> Callable[[F], Any]:
    """Compile a void function that kernels call by its `address`; arguments are scalars and bare pointers."""

    def wrap(function: F) -> Any:
        return _wrapping(function) if JIT_DISABLED else _Entry(function, signature, by_address=True)

    return wrap


def _intrinsic(plain: F) -> F:
    """Give kernels the intrinsic of the same name in `baselines._intrinsics`; what stands here is for plain Python."""
    return plain if JIT_DISABLED else cast("F", _Later(plain.__name__))


def _load(bits: int, *, big_endian: bool, unsigned: bool) -> Any:
    """Make `load(buf, offset)`: an unaligned read of `bits` from a byte array, zero-extended to 64 bits."""
    if not JIT_DISABLED:
        return _Later("load", bits, big_endian=big_endian, unsigned=unsigned)
    order: Literal["big", "little"] = "big" if big_endian else "little"

    def plain(buf: Any, offset: int) -> Any:
        octets = bytes(buf[offset : offset + bits // 8]) if offset >= 0 else b""
        if len(octets) * 8 != bits:
            raise IndexError(f"a kernel reads {bits} bits at {offset}")
        value = int.from_bytes(octets, order)
        return np.uint64(value) if unsigned else value

    return plain


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
    if not JIT_DISABLED:
        return _Later("store", bits)

    def plain(buf: Any, offset: int, value: int) -> None:
        for i in range(bits // 8):
            buf[offset + i] = int(value) >> 8 * i & 255

    return plain


put16 = _store(16)
put32 = _store(32)
put64 = _store(64)


@_intrinsic
def borrow(array: Any) -> Any:
    """Return a bare pointer to an array's items, for passing to helpers that are called per record.

    An array handed to a helper is reference-counted at every call, atomically: 130 counts a row made a parser
    seven times slower. The pointer is valid while the kernel that borrowed it runs. It can be indexed and loaded
    from; it knows no length, so nothing checks bounds or wraps negative indices. (In plain Python it does.)
    """
    return Pointer(array)


def row_loader(dtype: np.dtype[Any]) -> Any:
    """Make `row(pointer, i)`: row i of borrowed structured rows, as a record that can be read and written.

    The record is a pointer into the array; like it, it is valid while the kernel that borrowed the array runs.
    """
    return Row if JIT_DISABLED else _Later("row", dtype)


@_intrinsic
def marks(buf: Any, offset: int, first: int, second: int) -> Any:
    """Mark, one bit a byte, which of the 64 bytes at `offset` equal one of two values."""
    pieces = enumerate(buf[offset : offset + 64].tolist())
    return np.uint64(sum(1 << i for i, byte in pieces if byte in {int(first), int(second)}))


@_intrinsic
def ctz64(word: Any) -> Any:
    """Count the zero bits below the lowest set bit of a 64-bit word; 64 for zero."""
    value = int(word)
    return (value & -value).bit_length() - 1 if value else 64


@_intrinsic
def prefetch(array: Any, byte_offset: int) -> None:
    """Ask for the cache line at `byte_offset` of `array`, for writing. There is none in plain Python."""
