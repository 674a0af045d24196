"""EtherNet/IP and CIP."""

import struct

import pytest

from sensor.errors import Malformed
from sensor.flows.engine import FlowEngine
from sensor.packets.enip import Conversation
from tests.packets.handed import payload, say
from tests.packets.reading_captures import messages_of
from tests.packets.talks import cip, enip, path

BASE = {"protocol": "cip", "is_response": False, "is_orig": True, "count": 1, "writes": False}


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (b"\x0e" + path(1, 1), {"function": "Get Attributes Single", "code": 14, "unit": 1, "address": 1}),
        (b"\x10" + path(4, 2),
         {"function": "Set Attributes Single", "code": 16, "unit": 4, "address": 2, "writes": True}),
        (b"\x54" + path(6, 1), {"function": "Forward Open", "code": 0x54, "unit": 6, "address": 1}),
        (b"\x4d\4\x91\5speed\0\1", {"function": "Write Data", "code": 0x4D, "writes": True}),
        (b"\x90\0\x0f\0", {"function": "Set Attributes Single", "code": 16, "is_response": True, "exception": "0x0f"}),
        (b"\x4b" + path(0x67, 1) + b"\7" + bytes(6) + b"\x0f\0\1\0\xaa", {
            "function": "Execute PCCC Service", "code": 0x4B, "unit": 0x67, "address": 1, "writes": True}),
    ],
)  # fmt: skip
def test_messages(message, says):
    """Service, class and instance; what changes the device is marked, unless it was refused."""
    assert [BASE | says] == say(Conversation(), (True, cip(message)))
    assert [BASE | says] == say(Conversation(), (True, cip(message, 0x70, 0xB1)))


def test_what_is_carried_in_another_message_is_read():
    """Unconnected Send gives what it carries; a multiple request all of its parts."""
    inner = b"\x05" + path(1, 1)
    sent = b"\x52" + path(6, 1) + b"\5\5" + struct.pack("<H", len(inner)) + inner
    assert ["Reset"] == [found["function"] for found in say(Conversation(), (True, cip(sent)))]
    parts = [b"\x4c" + path(0x6B, 1), b"\x4d" + path(0x6B, 2)]
    several = b"\x0a" + path(2, 1) + struct.pack("<HHH", 2, 6, 6 + len(parts[0])) + b"".join(parts)
    found = say(Conversation(), (True, cip(several)))
    assert [("Multiple Service Packet", False), ("Read Data", False), ("Write Data", True)] == [
        (one["function"], one["writes"]) for one in found
    ]


def test_the_encapsulations_own_commands():
    """With its status; an unknown command is refused."""
    found = say(Conversation(), (True, enip(0x65, bytes(4))), (False, enip(0x65, bytes(4), 0x69)), resp_p=44818)
    assert [("Register Session", False, None), ("Register Session", True, "0x69")] == [
        (one["function"], one["is_response"], one.get("exception")) for one in found
    ]
    with pytest.raises(Malformed):
        Conversation().read(payload(enip(0x30)))


def test_a_real_restart(data_dir):
    """Somebody resets or changes the controller: something is marked as a write, and requests go to the controller."""
    found = messages_of(FlowEngine, data_dir / "network/iti-ics/EIP-RebootorRestart.pcap", "industrial")
    requests = [one for one in found if not one.is_response]
    asked = {one.resp_h if one.is_orig else one.orig_h for one in requests}
    assert ({"192.168.10.120"}, True) == (asked, any(one.writes for one in requests))
