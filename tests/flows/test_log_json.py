"""The JSON kernel of conn.log against its twin."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.flows.log_kernels import LogKernels
from sensor.flows.log_values import SLACK_BYTES
from tests.flows.conn_lines import any_json, columns, plain_json
from tests.flows.test_log_tsv import shown
from tests.naive.log_json import read_json

KERNELS = LogKernels()
PLAIN = {
    "ts": 1.5, "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": 1, "id.resp_h": "10.0.0.2", "id.resp_p": 2,
    "proto": "tcp", "conn_state": "SF",
}  # fmt: skip


def run(text):
    """Return rows, odd row numbers and where the kernel stopped."""
    raw = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    data = np.frombuffer(raw + b'"' * SLACK_BYTES, np.uint8).copy()
    rows, odd, stopped = KERNELS.read(data, 0, len(raw), None)
    return rows, [row for row, _ in odd], stopped


@given(st.data())
def test_lines_as_zeek_writes_them_are_read_as_the_twin_reads_them(data):
    """No such line is left over, and every column equals, in any order of keys."""
    lines = data.draw(st.lists(plain_json(data.draw(columns)), max_size=4))
    rows, odd, _ = run("".join(line + "\n" for line in lines))
    assert [] == odd
    assert read_json(lines) == [shown(row) for row in rows]


@settings(max_examples=400)
@given(st.data())
def test_what_the_kernel_finishes_the_twin_reads_alike(data):
    """Whatever the values, keys and damage, a finished row is right."""
    lines = data.draw(st.lists(any_json(data.draw(columns)), max_size=3))
    rows, odd, _ = run("".join(line + "\n" for line in lines))
    expected = read_json(lines)
    assert len(expected) == len(rows)
    for number, (wanted, row) in enumerate(zip(expected, rows, strict=True)):
        assert number in odd or wanted == shown(row)


@given(st.binary(max_size=200))
def test_any_bytes_end_and_each_line_is_a_row(raw):
    """The kernel returns on any bytes, with one row a line that is neither empty nor a directive."""
    rows, odd, stopped = run(b"{" + raw + b"\n")
    lines = (b"{" + raw + b"\n")[:stopped].split(b"\n")[:-1]
    assert sum(line not in {b"", b"\r"} for line in lines) == len(rows)
    assert len(odd) == len(rows)


@pytest.mark.parametrize(
    ("change", "is_plain"),
    [
        ({}, True),
        ({"_path": "conn"}, True),
        ({"_path": "dns"}, False),
        ({"conn_state": None}, False),
        ({"conn_state": None, "@stream": "conn"}, True),
        ({"message": "{}"}, False),
        ({"id": {"orig_h": "1.2.3.4"}}, False),
        ({"duration": 9.5367431640625e-07}, True),
        ({"local_orig": True, "tunnel_parents": ["C1", "C2"], "x": [1, 2.5e-3], "y": "z"}, True),
        ({"x": {}}, False),
        ({"x": "\\"}, False),
        ({"x": "é"}, False),
        ({"orig_bytes": -1}, False),
        ({"orig_bytes": "39"}, True),
        ({"orig_bytes": 39.5}, False),
        ({"ts": None}, False),
        ({"ts": "2020-04-30T00:06:38.899710Z"}, True),
    ],
)
def test_which_records_are_plain(change, is_plain):
    """Only flat conn records without escapes are finished; the rest is left to the judge."""
    _, odd, _ = run(json.dumps(PLAIN | change, ensure_ascii=False) + "\n")
    assert is_plain == (odd == [])


@pytest.mark.parametrize(
    "text", ['{"ts":01}', "{}", "{", "[]", '{"ts":1,}', '{"ts" 1}', '{"a":tru}', '{"a":[1 2]}', "null"]
)
def test_what_is_not_json_is_left_over(text):
    """Structure is checked, so that a finished row came from valid JSON."""
    assert [0] == run(text + "\n")[1]


def test_a_key_given_twice_is_left_over():
    """Which of the two counts is not the kernel's to say."""
    assert [0] == run(json.dumps(PLAIN)[:-1] + ',"ts":2}\n')[1]


def test_a_directive_stops_it():
    """A TSV header behind JSON lines stops the kernel."""
    line = json.dumps(PLAIN) + "\n"
    rows, _, stopped = run(line + "#fields\tts\n")
    assert (1, len(line)) == (len(rows), stopped)
