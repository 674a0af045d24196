"""The kernels' room is used again; what they return is not."""

import numpy as np

from sensor.flows.log_kernels import LogKernels
from sensor.flows.log_values import SLACK_BYTES
from tests.flows.test_log_tsv import PLAIN, SHORT


def test_rows_and_odd_lines_outlive_the_next_call():
    """Nothing that a call returned changes when the room is used again."""
    kernels = LogKernels()
    plan = LogKernels.plan(SHORT, 0, b"\t", b"-", b"(empty)")

    def read(text):
        data = np.frombuffer(text.encode() + bytes(SLACK_BYTES), np.uint8).copy()
        return kernels.read(data, 0, len(text), plan)

    rows, odd, _ = read(f"{PLAIN}\nodd\n")
    read(f"odd\n{PLAIN.replace('C1', 'C2')}\n")
    assert (b"C1", [(1, len(PLAIN) + 1)]) == (rows["uid"][0], odd)


def test_reading_begins_and_ends_where_it_is_told():
    """Bytes outside are not read as records."""
    text = f"zzz\n{PLAIN}\n{PLAIN}\n"
    data = np.frombuffer(text.encode() + b"#" * SLACK_BYTES, np.uint8).copy()
    plan = LogKernels.plan(SHORT, 0, b"\t", b"-", b"(empty)")
    rows, odd, stopped = LogKernels().read(data, 4, 5 + len(PLAIN), plan)
    assert (1, [], 5 + len(PLAIN)) == (len(rows), odd, stopped)
