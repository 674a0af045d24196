"""Machine code of kernels: kept in files, loaded by LLVM alone, called without numba.

numba compiles; what comes out is an object file, the same that its own cache holds. With numba a warm start took half a
second more, most of it for importing the compiler and setting it up. A file here holds the object, whose one routine
takes the kernel's arguments from a block of 64-bit words, and what is needed to call it. It is written beside and moved
into place, so that any number of processes may do so at once, and a checksum tells damage: a file that is not whole is
compiled again. Its name carries the processor and its features, and the versions of Python and LLVM.

The cache is trusted as the program is: whoever can write there runs code as this user.
"""

import ctypes
import hashlib
import json
import logging
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from baselines._cache import folder, settings
from baselines._kinds import (
    FAILURE_WORD,
    FIRST_ARGUMENT,
    RESULT_WORDS,
    UNUSED,
    Code,
    Kind,
    Together,
    result,
    width,
    word_of,
    words,
)

_LIMIT_BYTES = 1 << 26
"""A file above this is none of ours: the largest has 300 kB."""
_LOG = logging.getLogger(__name__)
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)


@cache
def _machine() -> str:
    """Name what machine code depends on besides its text."""
    about = (
        sys.version, llvmlite.__version__, llvm.get_process_triple(), llvm.get_host_cpu_name(),
        llvm.get_host_cpu_features().flatten(), settings(),
    )  # fmt: skip
    return hashlib.blake2b("\n".join(about).encode(), digest_size=8).hexdigest()


def place(module: Path, name: str) -> Path:
    """Return the file of a kernel of a module, for this processor."""
    return folder(module) / f"{name}-{_machine()}.code"


def store(path: Path, code: Code) -> None:
    """Keep a kernel. Where that cannot be, say so: it is then compiled at every start."""
    header = json.dumps({"symbol": code.symbol, "returns": code.returns}).encode()
    body = len(header).to_bytes(4, "little") + header + code.machine
    content = hashlib.blake2b(body, digest_size=16).digest() + body
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}")
        try:
            beside.write_bytes(content)
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
    except OSError as error:
        _LOG.warning("kernel_not_kept path=%s reason=%s", path, error.strerror)


def stored(path: Path) -> Code | None:
    """Return a kernel that was kept; None where there is none, or it is damaged."""
    try:
        with path.open("rb") as file:
            content = file.read(_LIMIT_BYTES)
    except OSError:
        return None
    body = content[16:]
    if hashlib.blake2b(body, digest_size=16).digest() != content[:16]:
        return None
    begin = 4 + int.from_bytes(body[:4], "little")
    about = json.loads(body[4:begin])
    returns = about["returns"]
    return Code(body[begin:], about["symbol"], tuple(returns) if isinstance(returns, list) else returns)


_LOADED: list[Any] = []
"""Engines, which own the machine code: it stays for as long as the process runs."""


def load(code: Code) -> int:
    """Load a kernel, and return the address of what is called.

    Each has an engine of its own: names of helpers are the same from kernel to kernel, and their code may not be.
    """
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    if not llvm.address_of_symbol(UNUSED):
        llvm.add_symbol(UNUSED, ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value)
    triple = llvm.get_process_triple()
    reloc = "static" if triple.startswith(("x86", "i386", "i686")) else "default"
    target = llvm.Target.from_triple(triple).create_target_machine(reloc=reloc, codemodel="jitdefault", jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code.machine))
    engine.finalize_object()
    _LOADED.append(engine)
    return int(engine.get_function_address(code.symbol))


class Routine:
    """A loaded kernel as Python calls it. The interpreter is free for other threads while it runs."""

    def __init__(self, name: str, parameters: tuple[str, ...], kinds: tuple[Kind, ...], code: Code) -> None:
        """Load it.

        Args:
            name: The kernel's.
            parameters: Names of its parameters.
            kinds: What they take.
            code: What was compiled.
        """
        self.name, self._kinds, self._returns = name, kinds, code.returns
        self._parameters = parameters
        self._function = _PROTOTYPE(load(code))
        places = [FIRST_ARGUMENT]
        for kind in kinds:
            places.append(places[-1] + width(kind))
        self._places = [slice(a, b) for a, b in pairwise(places)]
        self._single = [None if isinstance(kind, Together) else word_of(kind) for kind in kinds]
        self.block = ctypes.c_int64 * places[-1]
        """Makes room for the words of one call."""
        self._plain = None if None in self._single else tuple(single for single in self._single if single is not None)
        """What lays out each argument, where each is one word: most kernels' are, and their calls are many."""
        self._idle: list[Any] = []
        """Blocks of calls that are over; two threads never take the same."""

    def __call__(self, *arguments: Any) -> Any:
        """Call it. Raises TypeError where arguments are not of its kinds."""
        plain = self._plain
        if len(arguments) != len(self._kinds):
            raise self.miscounted(len(self._kinds), len(arguments))
        if plain is not None:
            try:
                laid = [lay(value) for lay, value in zip(plain, arguments, strict=True)]
            except TypeError as error:
                raise TypeError(f"{self.name}: {error}") from None
            idle = self._idle
            block = idle.pop() if idle else self.block()
            block[FIRST_ARGUMENT:] = laid
            found = self.run(block)
            idle.append(block)  # one that a failure was told in is not used again
            return found
        block = self.block()
        for k, value in enumerate(arguments):
            self.fill(block, k, value)
        return self.run(block)

    def fill(self, block: Any, k: int, value: Any) -> None:
        """Lay out argument `k`. Raises TypeError where it is not of its kind."""
        single, place = self._single[k], self._places[k]
        try:
            if single is not None:
                block[place.start] = single(value)
            else:
                block[place] = words(self._kinds[k], value)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}") from None

    def laying(self, k: int) -> tuple[int, int, Callable[[Any], int] | None]:
        """Return the argument's number, its first word, and what lays it out where it is one word."""
        return k, self._places[k].start, self._single[k]

    def miscounted(self, wanted: int, given: int) -> TypeError:
        """Return what is raised where the number of arguments is wrong."""
        return TypeError(f"{self.name} takes {wanted} arguments, {given} were given")

    def run(self, block: Any) -> Any:
        """Run it on arguments that are laid out."""
        status = self._function(block)
        if status:
            from baselines._compiler import failure

            raise failure(self.name, status, block[FAILURE_WORD])
        return None if self._returns is None else result(self._returns, block[:RESULT_WORDS])

    def bound(self, leading: tuple[Any, ...], fixed: dict[str, Any]) -> "Bound":
        """Return the kernel with some arguments given, the first ones or by name."""
        given = dict(zip(self._parameters, leading, strict=False)) | fixed
        if len(given) != len(leading) + len(fixed) or not given.keys() <= set(self._parameters):
            raise TypeError(f"{self.name} has the parameters {', '.join(self._parameters)}")
        return Bound(self, self._parameters, given)


class Bound:
    """A kernel some of whose arguments are given, laid out once; for one thread.

    It holds on to them, and to what it was last called with: what comes again is not laid out again. So the shape of an
    array must not be changed in place in between.
    """

    def __init__(self, routine: Routine, parameters: tuple[str, ...], given: dict[str, Any]) -> None:
        """Lay out what is given, by name."""
        self._routine, self._given = routine, given
        self._block = routine.block()
        for k, name in enumerate(parameters):
            if name in given:
                routine.fill(self._block, k, given[name])
        self._free = [routine.laying(k) for k, name in enumerate(parameters) if name not in given]
        self._last: list[Any] = [self] * len(self._free)

    def __call__(self, *rest: Any) -> Any:
        """Call it with the other arguments. Raises TypeError where they are not of its kinds."""
        if len(rest) != len(self._free):
            raise self._routine.miscounted(len(self._free), len(rest))
        last = self._last
        for place, value in enumerate(rest):
            if value is not last[place]:
                k, word, lay = self._free[place]
                if lay is None:
                    self._routine.fill(self._block, k, value)
                else:
                    try:
                        self._block[word] = lay(value)
                    except TypeError as error:
                        raise TypeError(f"{self._routine.name}: {error}") from None
                last[place] = value
        return self._routine.run(self._block)
