"""numba, imported only where something must be compiled: dispatchers for kernels, and machine code out of them.

Kernels are compiled with `nogil=True` and never with fastmath: NaN means "no data" here. A helper that only kernels
call has no entry for Python: numba would make two for each, which cost as much to compile as a small helper itself.
"""

import ctypes
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite import binding, ir
from numba import types
from numba.core import serialize
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.compiler_lock import global_compiler_lock
from numba.core.registry import cpu_target

from baselines._cache import numba_folder
from baselines._kinds import (
    ARRAY_DATA,
    ARRAY_SHAPE,
    ARRAY_STRIDES,
    FAILURE_WORD,
    FIRST_ARGUMENT,
    RESULT_WORDS,
    UNUSED,
    Bare,
    Code,
    Column,
    Kind,
    Together,
    flat,
)

_WORD, _BYTE = ir.IntType(64), ir.IntType(8)
_RESULTS = {types.int64: "int64", types.uint64: "uint64", types.float64: "float64", types.boolean: "bool"}


def _refresh_without_scipy() -> None:
    """Let numba set itself up now, with scipy out of sight.

    At the first kernel numba imports scipy.linalg where it is installed, for `np.linalg` and `@` inside kernels. None
    of ours uses them, and it takes 0.2 to 0.4 s of every start.
    """
    if "scipy" in sys.modules:
        return
    sys.modules["scipy"] = None  # type: ignore[assignment]  # the documented way to make an import fail
    try:
        cpu_target.target_context.refresh()
    finally:
        del sys.modules["scipy"]


_refresh_without_scipy()


class _Silent:
    """Numba's code generator, to whom nobody has given anything to run."""

    def __init__(self, codegen: Any) -> None:
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, environment: object) -> None:
        """Do nothing: only what calls back into Python reads its environment."""


class _Linked(JITCodeLibrary):
    """Code that only goes into other kernels, or into an object of our own: no machine code is made of it by itself.

    numba makes machine code of each helper by itself and runs none of it: a quarter of the time of compilation.
    """

    @property
    def codegen(self) -> Any:
        return _Silent(self._codegen)

    def _finalize_final_module(self) -> None:
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:  # noqa: ARG002 - numba's signature
        self._ensure_finalized()
        return 0

    def needed(self) -> list[str]:
        """Return the functions that the code calls and does not hold."""
        functions = self._final_module.functions
        return [one.name for one in functions if one.is_declaration and not one.name.startswith("llvm.")]

    def machine_code(self) -> bytes:
        """Return an object file."""
        return bytes(self._codegen._tm.emit_object(self._final_module))  # noqa: SLF001 - numba's own target


class _Taking(_Linked):
    """A kernel as Python calls it: with what takes its arguments from a block of words."""

    def __init__(self, version: Any, kinds: tuple[Kind, ...]) -> None:
        """Link the two; see `baselines._kinds` for the block."""
        self.symbol = f"spanline.{version.fndesc.llvm_func_name}"
        super().__init__(cpu_target.target_context.codegen(), self.symbol)  # type: ignore[no-untyped-call]
        self.add_ir_module(_taker(version, self.symbol, kinds))
        self.add_linking_library(version.library)
        with global_compiler_lock:
            self.finalize()

    def _optimize_final_module(self) -> None:
        """Leave it: the kernel is optimised, and made a part of the other (tried) it is not faster."""


class _Bare(Compiler):
    """Compile for other kernels alone."""

    def compile_extra(self, func: Callable[..., Any]) -> Any:
        self.state.library = _Linked(self.state.targetctx.codegen(), func.__qualname__)
        return super().compile_extra(func)  # type: ignore[no-untyped-call]


def numba_type(kind: Kind) -> Any:
    """Return numba's type of a kind."""
    if isinstance(kind, str):
        return types.boolean if kind == "bool" else getattr(types, kind)
    if isinstance(kind, Column):
        return types.Array(numba.from_dtype(kind.dtype), kind.ndim, "A" if kind.strided else "C")
    if isinstance(kind, Bare):
        return types.CPointer(numba.from_dtype(kind.dtype))
    assert isinstance(kind, Together)  # noqa: S101 - the last of the four
    return types.BaseTuple.from_types([numba_type(item) for item in kind.kinds], kind.made)


def type_of(made: Any) -> Any:
    """Return numba's type of a dispatcher or an intrinsic, as kernels see it in a global name."""
    cpu_target.typing_context.refresh()
    return cpu_target.typing_context.resolve_value_type(made)


def dispatcher(function: Callable[..., Any], *, inline: bool, bare: bool) -> Any:
    """Make numba's dispatcher of a helper, which is compiled for what it is called with.

    Args:
        function: The helper.
        inline: Always inline into its callers.
        bare: For kernels alone, without entries for Python.
    """
    njit: Any = numba.njit  # whose own type information leaves out options
    if bare:
        options = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "pipeline_class": _Bare}
        return njit(nogil=True, forceinline=inline, **options)(function)
    folder = numba_folder(Path(function.__code__.co_filename).resolve())
    numba.config.CACHE_DIR = folder  # type: ignore[attr-defined]  # read by numba as it makes the cache
    return njit(nogil=True, cache=True, forceinline=inline)(function)


def pinned(function: Callable[..., Any], kinds: tuple[Kind, ...]) -> Any:
    """Make a dispatcher for kernels alone, of one version, which is compiled when a caller asks for it."""
    made = dispatcher(function, inline=False, bare=True)
    choose = made.get_call_template

    def chosen(arguments: Any, keywords: Any) -> Any:
        _ready(made, kinds)
        return choose(arguments, keywords)

    made.get_call_template = chosen
    return made


def _ready(made: Any, kinds: tuple[Kind, ...]) -> Any:
    if not made.overloads:
        made.compile(tuple(numba_type(kind) for kind in kinds))
        made.disable_compile()
    return next(iter(made.overloads.values()))


def compiled(made: Any, kinds: tuple[Kind, ...], *, by_address: bool) -> Code:
    """Compile a pinned dispatcher to machine code.

    Args:
        made: From `pinned`.
        kinds: Of its arguments.
        by_address: Kernels call it, with numba's own convention; otherwise Python does, with a block of words.

    Raises:
        TypeError: Its result is none that we can hand on, or it needs numba at run time (it allocates).
    """
    version = _ready(made, kinds)
    name, qualname, library = version.fndesc.llvm_func_name, version.fndesc.qualname, version.library
    returns = _returns(version.signature.return_type, qualname)
    if not by_address:
        library = _Taking(version, kinds)
        name = library.symbol
    for needed in library.needed():
        if needed != UNUSED and not hasattr(ctypes.CDLL(None), needed):
            raise TypeError(f"{qualname} needs {needed}: such a kernel needs numba as it runs")
    return Code(library.machine_code(), name, returns)


def _returns(kind: Any, name: str) -> tuple[str, ...] | str | None:
    if isinstance(kind, types.Literal):
        kind = kind.literal_type
    if kind is types.none:
        return None
    if kind in _RESULTS:
        return _RESULTS[kind]
    if isinstance(kind, types.BaseTuple) and 0 < len(kind) <= RESULT_WORDS:
        items: Any = kind
        parts = tuple(_RESULTS.get(item, "") for item in items)
        if all(parts) and "bool" not in parts:
            return parts
    raise TypeError(f"{name} returns {kind}, which is no scalar of 64 bits nor {RESULT_WORDS} of them")


def _taker(version: Any, symbol: str, kinds: tuple[Kind, ...]) -> Any:
    """Make what takes a kernel's arguments from a block of words: result, failure, then each argument's words."""
    context = cpu_target.target_context
    shape = context.call_conv.get_function_type(version.signature.return_type, version.signature.args)
    module = ir.Module(symbol)
    module.triple = binding.get_process_triple()
    kernel = ir.Function(module, shape, version.fndesc.llvm_func_name)
    taker = ir.Function(module, ir.FunctionType(ir.IntType(32), [_WORD.as_pointer()]), symbol)
    builder = ir.IRBuilder(taker.append_basic_block())
    block = taker.args[0]

    def at(word: int) -> Any:
        return builder.gep(block, [_WORD(word)])

    parts: list[Any] = []
    for k, kind in enumerate(flat(kinds)):
        word = builder.load(at(FIRST_ARGUMENT + k))
        parts += _array(builder, word, kind) if isinstance(kind, Column) else [word]
    if len(shape.args) != 2 + len(parts):
        raise TypeError(f"{version.fndesc.qualname}: arguments are not laid out as expected")
    given = [builder.bitcast(at(0), shape.args[0]), builder.bitcast(at(FAILURE_WORD), shape.args[1])]
    for part, wanted in zip(parts, shape.args[2:], strict=True):
        if isinstance(wanted, ir.PointerType):
            given.append(builder.inttoptr(part, wanted))
        elif isinstance(wanted, ir.DoubleType):
            given.append(builder.bitcast(part, wanted))
        else:
            given.append(builder.trunc(part, wanted) if wanted.width < 64 else part)
    builder.ret(builder.call(kernel, given))
    return module


def _array(builder: Any, word: Any, kind: Column) -> list[Any]:
    """Read an array's object as numba passes arrays: no owner, count, item size, bytes, shape, strides."""

    def field(start: Any, offset: int) -> Any:
        place = builder.add(start, _WORD(offset))
        return builder.load(builder.inttoptr(place, _WORD.as_pointer()))

    shape, strides = field(word, ARRAY_SHAPE), field(word, ARRAY_STRIDES)
    lengths = [field(shape, 8 * k) for k in range(kind.ndim)]
    count = _WORD(1)
    for length in lengths:
        count = builder.mul(count, length)
    steps = [field(strides, 8 * k) for k in range(kind.ndim)]
    return [_WORD(0), _WORD(0), count, _WORD(kind.dtype.itemsize), field(word, ARRAY_DATA), *lengths, *steps]


def failure(name: str, status: int, address: int) -> BaseException:
    """Return the exception that a kernel ended with.

    Args:
        name: The kernel's.
        status: What it returned.
        address: Of numba's note of the exception; 0 where there is none.
    """
    if not address:
        return SystemError(f"{name} ended with status {status}")

    class Note(ctypes.Structure):
        _fields_ = (("data", ctypes.c_void_p), ("size", ctypes.c_int32), ("digest", ctypes.c_void_p))

    note = Note.from_address(address)
    told = serialize._numba_unpickle(  # noqa: SLF001 - as numba's own entries do
        note.data, ctypes.string_at(note.data, note.size), ctypes.string_at(note.digest, 20)
    )
    made = told[0](*(told[1] or ()))
    return made if isinstance(made, BaseException) else SystemError(f"{name}: {made!r}")
