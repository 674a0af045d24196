"""S7comm."""

import pytest

from sensor.flows.engine import FlowEngine
from sensor.packets.s7comm import Conversation
from tests.packets.handed import say
from tests.packets.reading_captures import messages_of
from tests.packets.talks import iso, s7, s7_item

BASE = {"protocol": "s7comm", "is_response": False, "is_orig": True, "count": 1, "writes": False}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (
            s7(1, b"\4\1" + s7_item(7, 12, 3)),
            {"function": "Read Variable", "code": 4, "unit": 7, "address": 12, "quantity": 3},
        ),
        (
            s7(1, b"\5\1" + s7_item(7, 0, 1)),
            {"function": "Write Variable", "code": 5, "unit": 7, "address": 0, "quantity": 1, "writes": True},
        ),
        (s7(1, b"\x29" + bytes(5)), {"function": "PLC Stop", "code": 0x29, "writes": True}),
        (s7(1, b"\xf0\0" + bytes(6)), {"function": "Setup Communication", "code": 0xF0}),
        (
            s7(3, b"\5\1", b"\xff", b"\0\0"),
            {"function": "Write Variable", "code": 5, "writes": True, "is_response": True},
        ),
        (
            s7(3, b"\5\1", b"", b"\x81\4"),
            {"function": "Write Variable", "code": 5, "exception": "0x8104", "is_response": True},
        ),
        (s7(7, b"\0\1\x12\4\x11\x47\2\0"), {"function": "Time Functions", "code": 2, "writes": True}),
        (s7(7, b"\0\1\x12\x08\x12\x84\1\0"), {"function": "CPU Functions", "code": 1, "is_response": True}),
    ],
)
def test_jobs_answers_and_user_data(data, says):
    """Function and, of a job, the first variable; an error changed nothing."""
    assert [BASE | says] == say(Conversation(), (True, data))


def test_packets_follow_each_other():
    """And S7comm-plus is told apart."""
    found = say(Conversation(), (True, s7(1, b"\x1d" + bytes(9)) + iso(b"\x72\1\0\0")), resp_p=102)
    assert ["s7comm", "s7comm-plus"] == [one["protocol"] for one in found]


def test_a_real_capture(data_dir):
    """Arkime's sample: every message has a function's name."""
    found = messages_of(FlowEngine, data_dir / "network/arkime/s7comm_synthetic.pcap", "industrial")
    assert 20 == len(found)
    assert [] == [
        one for one in found if one.protocol == "s7comm" and (one.function or "unknown").startswith("unknown")
    ]
