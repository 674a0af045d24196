"""Signatures stay pinned, helpers are for kernels, and what is compiled once is loaded without a compiler."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from baselines import _jit

compiled = pytest.mark.skipif(_jit.JIT_DISABLED, reason="plain Python is not compiled")


@compiled
def test_a_helper_pinned_without_an_entry_serves_kernels_alone() -> None:
    """Kernels call it; there is one version of it, whatever literal it is given."""

    @_jit.kernel(pin=("int64", "int64"))
    def add(a, b):
        return a + b

    @_jit.kernel()
    def call(a):
        return add(a, 1) + add(a, np.uint8(2))

    assert 23 == call(10)
    assert 1 == len(add.dispatcher.signatures)


def test_a_kernel_calls_an_entry_by_its_address() -> None:
    """The arguments arrive, cast to the entry's types, and what it writes stands in the caller's array."""
    kinds = (_jit.pointer(np.int64), "int64")
    call = _jit.caller(*kinds)

    @_jit.entry(*kinds)
    def double(column, i):
        column[i] *= 2

    address = double if _jit.JIT_DISABLED else double.address

    @_jit.kernel()
    def twice(column, where):
        call(where, _jit.borrow(column), np.uint8(1))
        call(where, _jit.borrow(column), 2)

    column = np.array([3, 4, 5], np.int64)
    twice(column, address)
    assert [3, 8, 10] == column.tolist()


def _worked_out(column, base, halve):
    if halve:
        return column[0] // base, np.uint64(base)
    return column[1], np.uint64(0) - np.uint64(1)


work_out = _jit.kernel(_jit.rows(np.int64), "int64", "bool")(_worked_out)


def test_a_pinned_kernel_returns_what_the_function_does() -> None:
    """A tuple of scalars, signed and unsigned, at both ends of their range."""
    column = np.array([7, -(2**63)], np.int64)
    assert (3, 2) == work_out(column, 2, True)
    assert (-(2**63), 2**64 - 1) == tuple(int(part) for part in work_out(column, 2, False))


@compiled
def test_a_pinned_kernel_refuses_other_types() -> None:
    """One version is compiled; a column of another type, layout or shape is an error, not a second compilation."""
    columns = (
        np.array([1.0, 2.0]), np.arange(4, dtype=np.int64)[::2], np.zeros((2, 2), np.int64), [1, 2],
        np.array([1, 2], ">i8"), np.frombuffer(bytes(16), np.int64),
    )  # fmt: skip
    for column in columns:
        with pytest.raises(TypeError, match="_worked_out: "):
            work_out(column, 1, True)
    with pytest.raises(TypeError, match="_worked_out: "):
        work_out(np.zeros(2, np.int64), 1.5, True)
    with pytest.raises(TypeError, match="takes 3 arguments, 2 were given"):
        work_out(np.zeros(2, np.int64), 1)


@compiled
def test_an_exception_in_a_pinned_kernel_is_raised() -> None:
    """A division by zero is the one that Python raises."""
    with pytest.raises(ZeroDivisionError):
        work_out(np.array([1, 2], np.int64), 0, True)


def test_a_bound_kernel_has_its_arguments_laid_out() -> None:
    """The first ones, or some by name; what is written to a bound array counts."""
    column = np.array([8, 9], np.int64)
    leading, named = _jit.bind(work_out, column), _jit.bind(work_out, halve=True)
    assert (4, 2) == leading(2, True)
    column[0] = 12
    assert (6, 2) == leading(2, True)
    assert (9, 2**64 - 1) == tuple(int(part) for part in leading(2, False))
    assert (3, 4) == named(column, 4)
    assert (5, 4) == named(np.array([20, 0], np.int64), 4)


@compiled
def test_a_bound_kernel_has_only_its_own_parameters() -> None:
    """A name that it has not, or one given twice, is an error at once."""
    for leading, fixed in ((), {"nothing": 1}), ((np.zeros(2, np.int64),), {"column": np.zeros(2, np.int64)}):
        with pytest.raises(TypeError, match="has the parameters column, base, halve"):
            _jit.bind(work_out, *leading, **fixed)


@compiled
def test_a_pinned_kernel_allocates_nothing() -> None:
    """What needs numba's memory at run time cannot be loaded without numba: it is refused, saying so."""

    @_jit.kernel("int64")
    def total(n):
        return np.zeros(n, np.int64)[:3].sum()

    with pytest.raises(TypeError, match="such a kernel needs numba as it runs"):
        total(5)


@compiled
def test_kernels_of_one_name_in_closures_are_told_apart() -> None:
    """What a function holds in its closure is not in its text, so it is compiled each time."""

    def adder(step):
        @_jit.kernel("int64")
        def add(a):
            return a + step

        return add

    assert [11, 12] == [adder(step)(10) for step in (1, 2)]


SMALL = """
import sys
import numpy as np
from baselines import prefixes
inside = np.ones(3, np.bool_)
prefixes.match(np.arange(3, dtype=np.uint64), np.zeros(3, np.uint64), np.array([[2, 0, 2, 0]], np.uint64), inside)
print(inside.tolist(), "numba" in sys.modules)
"""


def _run(cache: Path) -> str:
    environment = os.environ | {"SPANLINE_KERNEL_CACHE": str(cache)}
    done = subprocess.run([sys.executable, "-c", SMALL], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@compiled
def test_what_was_compiled_is_loaded_without_numba(tmp_path: Path) -> None:
    """The first process compiles, the second does not import the compiler; a damaged file is compiled again."""
    assert "[False, False, True] True" == _run(tmp_path)
    assert "[False, False, True] False" == _run(tmp_path)
    (kept,) = tmp_path.glob("prefixes-*/match-*.code")
    whole = kept.read_bytes()
    for damaged in (whole[:-1], whole[:200] + b"\x00" + whole[201:], b"", b"\xff" * len(whole)):
        kept.write_bytes(damaged)
        assert "[False, False, True] True" == _run(tmp_path)
        assert "[False, False, True] False" == _run(tmp_path)


@compiled
def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path) -> None:
    """The kernel works all the same, compiled each time."""
    (tmp_path / "file").write_text("no folder")
    assert "[False, False, True] True" == _run(tmp_path / "file")
