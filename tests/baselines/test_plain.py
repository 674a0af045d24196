"""Without compilation numbers count as compiled ones do, and bounds are checked."""

import os
import subprocess
import sys

import numpy as np
import pytest

from baselines._plain import Pointer, Row
from tests.shape.tree import ROOT

PAIR = np.dtype([("a", np.uint32), ("b", np.int8), ("c", np.uint64), ("d", np.float64), ("e", np.uint16, (3,))])


def test_narrow_integers_widen_as_they_are_loaded():
    """One below zero, one beyond the top, a shift beyond the width: as with 64 bits."""
    octets = Pointer(np.array([0, 255, 9], np.uint8))
    assert (-1, 256, 512) == (octets[0] - 1, octets[1] + 1, 1 << octets[2])


def test_what_is_stored_is_cut_to_its_place():
    """Modulo the width, signed or not."""
    octets, signed = np.zeros(3, np.uint8), np.zeros(2, np.int8)
    for k, value in enumerate((256 + 7, -1, np.int64(513))):
        Pointer(octets)[k] = value
    for k, value in enumerate((128, -129)):
        Pointer(signed)[k] = value
    assert ([7, 255, 1], [-128, 127]) == (octets.tolist(), signed.tolist())


def test_64_bit_words_stay_what_they_are():
    """Kernels say themselves how those count."""
    words = Pointer(np.array([2**64 - 1], np.uint64))
    assert isinstance(words[0], np.uint64)
    with np.errstate(over="ignore"):
        assert np.uint64(1) == words[0] + np.uint64(2)


def test_rows_are_read_and_written_by_name():
    """Integers, floats and arrays within the row; the array itself changes, and no other row."""
    rows = np.zeros(3, PAIR)
    row = Row(Pointer(rows), np.int64(1))
    row.a -= 1
    row.b = 200
    row.d += 0.5
    row.e[2] = 70_000
    row["c"] = np.uint64(5)
    assert (2**32 - 1, -56, 5, 0.5, [0, 0, 4464]) == (*rows[1].tolist()[:4], rows[1]["e"].tolist())
    assert (5, 4464) == (row["c"], row.e[2])
    assert [(0, 0, 0, 0.0)] * 2 == [rows[k].tolist()[:4] for k in (0, 2)]


@pytest.mark.parametrize("at", [-1, 3, 2**40])
def test_an_index_out_of_bounds_is_an_error(at):
    """A kernel that has one would read or write what is not its own."""
    pointer = Pointer(np.zeros(3, PAIR))
    for attempt in (lambda: pointer[at], lambda: Row(pointer, at), lambda: Pointer(np.zeros(3)).__setitem__(at, 1)):
        with pytest.raises(IndexError):
            attempt()


ENGINE_WITHOUT_JIT = """
import pathlib
from baselines._jit import JIT_DISABLED
from tests.flows.driving import compared, expected, flows
from tests.packets.frames import of_capture
assert JIT_DISABLED
for name in ("tcp-states", "tcp-gap", "vxlan", "fragments", "erspan-3", "tcp-sequence-wrap", "checksums", "arp"):
    frames = of_capture(pathlib.Path("pcaps/crafted") / f"{name}.pcap")
    assert expected(frames) == [compared(row) for row in flows(frames, max_flows=64)], name
"""


def test_the_flow_engine_gives_the_same_without_compilation():
    """Captures of several kinds through decoder, table and parsers as plain Python, which knows every bound."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ENGINE_WITHOUT_JIT],
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
