"""The TSV kernel of conn.log against its twin."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.flows.log_kernels import ROWS, LogKernels
from sensor.flows.log_tsv import WINDOW_BYTES
from sensor.flows.log_values import SLACK_BYTES
from sensor.model.flow import FLOW
from tests.flows.conn_lines import COLUMNS, any_line, columns, plain_line
from tests.naive.log_tsv import read_tsv

KERNELS = LogKernels()
PLAIN = "1.5\tC1\t10.0.0.1\t1\t10.0.0.2\t2\ttcp"
SHORT = ("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto")


def run(text, order, separator="\t", unset="-", empty="(empty)", lead=0):
    """Return rows, odd row numbers and where the kernel stopped."""
    raw = text.encode()
    data = np.frombuffer(raw + b"7" * SLACK_BYTES, np.uint8).copy()
    plan = LogKernels.plan(tuple(order), lead, separator.encode(), unset.encode(), empty.encode())
    rows, odd, stopped = KERNELS.read(data, 0, len(raw), plan)
    return rows, [row for row, _ in odd], stopped


def shown(row):
    """Return a FLOW row's columns that a log sets."""
    skip = {"tunnel", "tunnel_id", "size_sq", "gap_sq", "why", "input", "offset"}
    return {name: row[name].item() for name in FLOW.names if name not in skip}


@given(st.data())
def test_lines_as_zeek_writes_them_are_read_as_the_twin_reads_them(data):
    """No such line is left over, and every column equals, in any order of columns."""
    order = data.draw(columns)
    lines = data.draw(st.lists(plain_line(order), max_size=5))
    rows, odd, stopped = run("".join(line + "\n" for line in lines), order)
    assert [] == odd
    assert read_tsv(lines, order) == [shown(row) for row in rows]
    assert stopped == sum(len(line.encode()) + 1 for line in lines)


@settings(max_examples=400)
@given(st.data())
def test_what_the_kernel_finishes_the_twin_reads_alike(data):
    """Whatever the fields hold, a finished row is right; what is no record is left over."""
    order = data.draw(columns)
    lines = data.draw(st.lists(any_line(order), max_size=4))
    rows, odd, _ = run("".join(line + "\n" for line in lines), order)
    expected = read_tsv(lines, order)
    assert len(expected) == len(rows)
    for number, (wanted, row) in enumerate(zip(expected, rows, strict=True)):
        assert number in odd or wanted == shown(row)


@given(st.binary(max_size=200))
def test_any_bytes_end_and_each_line_is_a_row(raw):
    """The kernel returns on any bytes, with one row a line that is neither empty nor a directive."""
    data = np.frombuffer(raw + b"\n" + b"\t" * SLACK_BYTES, np.uint8).copy()
    plan = LogKernels.plan(SHORT, 0, b"\t", b"-", b"(empty)")
    rows, _, stopped = KERNELS.read(data, 0, len(raw) + 1, plan)
    lines = (raw + b"\n")[:stopped].split(b"\n")[:-1]
    assert stopped == len(raw) + 1 or (raw + b"\n")[stopped : stopped + 1] == b"#"
    assert sum(line not in {b"", b"\r"} for line in lines) == len(rows)
    assert all(line[:1] != b"#" for line in lines)


def test_a_directive_stops_it():
    """It stops at the first byte of a line that begins with #."""
    rows, odd, stopped = run(f"{PLAIN}\n#close\n{PLAIN}\n", SHORT)
    assert (1, [], len(PLAIN) + 1) == (len(rows), odd, stopped)


def test_empty_lines_are_no_records():
    """Empty lines are passed over, with either line end."""
    rows, odd, _ = run(f"\n\r\n{PLAIN}\r\n\n", SHORT)
    assert (1, []) == (len(rows), odd)


def test_a_line_longer_than_the_window_is_left_over():
    """It does not stop the lines around it from being read."""
    long = PLAIN.replace("C1", "C" * WINDOW_BYTES)
    rows, odd, _ = run(f"{PLAIN}\n{long}\n{PLAIN}\n", SHORT)
    assert (3, [1]) == (len(rows), odd)


def test_a_line_across_windows_is_whole():
    """Lines that straddle the end of a window lose nothing."""
    lines = [PLAIN.replace("C1", f"C{number}") for number in range(2000)]
    rows, odd, _ = run("\n".join(lines) + "\n", SHORT)
    assert [] == odd
    assert [f"C{number}".encode() for number in range(2000)] == rows["uid"].tolist()


def test_room_for_rows_ends_a_call():
    """A call fills its rows and says where to go on."""
    rows, odd, stopped = run("x\n" * (ROWS + 3), SHORT)
    assert (ROWS, ROWS, 2 * ROWS) == (len(rows), len(odd), stopped)


def test_other_separators_and_markers():
    """The separator and both markers are the header's."""
    line = "1.5|C1|10.0.0.1|1|10.0.0.2|2|tcp|NONE|NIL"
    rows, odd, _ = run(line + "\n", (*SHORT, "service", "orig_bytes"), "|", unset="NIL", empty="NONE")
    assert [] == odd
    assert (b"", -1) == (rows["service"][0], rows["orig_bytes"][0])


def test_columns_before_the_headers():
    """A shipper's columns before Zeek's are passed over."""
    rows, odd, _ = run(f"host\tconn\t{PLAIN}\n", SHORT, lead=2)
    assert ([], b"C1") == (odd, rows["uid"][0])


def test_no_plan_without_a_column_that_a_flow_needs():
    """Such lines cannot be flows, and are not given to the kernel."""
    assert LogKernels.plan(SHORT[:-1], 0, b"\t", b"-", b"(empty)") is None
    assert LogKernels.plan(SHORT, 0, b"||", b"-", b"(empty)") is None


def test_every_column_of_the_widest_header_is_known():
    """The strategies above cover every column that the kernel reads."""
    from sensor.flows.log_rows import OPS

    assert set(OPS) | {"tunnel_parents"} == set(COLUMNS)
