"""Modbus/TCP."""

import pytest

from sensor.errors import Malformed
from sensor.packets.modbus import Conversation
from tests.packets.handed import payload, say, told
from tests.packets.talks import modbus


def one(data, **common):
    (found,) = say(Conversation(), (True, data), **{"resp_p": 502} | common)
    return found


BASE = {"protocol": "modbus", "unit": 1, "is_response": False, "is_orig": True, "count": 1, "writes": False}


@pytest.mark.parametrize(
    ("function", "rest", "says"),
    [
        (3, b"\0\1\0\2", {"function": "READ_HOLDING_REGISTERS", "address": 1, "quantity": 2}),
        (6, b"\0\4\0\7", {"function": "WRITE_SINGLE_REGISTER", "address": 4, "quantity": 1, "writes": True}),
        (16, b"\0\4\0\2\4", {"function": "WRITE_MULTIPLE_REGISTERS", "address": 4, "quantity": 2, "writes": True}),
        (
            23,
            b"\0\1\0\2\0\3\0\4\x08",
            {"function": "READ_WRITE_MULTIPLE_REGISTERS", "address": 3, "quantity": 4, "writes": True},
        ),
        (8, b"\0\0", {"function": "DIAGNOSTICS"}),
        (8, b"\0\1\0\0", {"function": "DIAGNOSTICS", "writes": True}),
        (99, b"", {"function": "unknown-99"}),
    ],
)
def test_requests(function, rest, says):
    """Function, address and quantity; what changes the controller is marked."""
    assert BASE | says | {"code": function} == one(modbus(1, function, rest))


def test_answers_come_from_the_server_whoever_opened_the_flow():
    """A read's answer repeats no address; an exception says why, and changed nothing."""
    assert BASE | {"function": "READ_HOLDING_REGISTERS", "code": 3, "is_response": True} == one(
        modbus(1, 3, b"\2\0\7"), orig_p=502, resp_p=9
    )
    refused = one(modbus(1, 0x86, b"\2"))
    assert ("WRITE_SINGLE_REGISTER_EXCEPTION", "ILLEGAL_DATA_ADDRESS", False, True) == tuple(
        refused[name] for name in ("function", "exception", "writes", "is_response")
    )


def test_several_requests_of_a_segment_and_their_likes():
    """Each is written, with the count of the row."""
    found = Conversation().read(payload(modbus(1, 3, b"\0\1\0\2") + modbus(2, 5, b"\0\1\xff\0"), likes=9, resp_p=502))
    assert [(1, 3, 9), (2, 5, 9)] == [(one.unit, one.code, one.count) for one in found]


def test_missing_bytes_are_null():
    """A request cut behind its function."""
    (found,) = Conversation().read(payload(modbus(1, 3, b"\0\1\0\2")[:8], whole=False, resp_p=502))
    assert BASE | {"function": "READ_HOLDING_REGISTERS", "code": 3} == told(found)


def test_what_is_no_modbus_is_refused():
    """Its protocol identifier is 0."""
    with pytest.raises(Malformed):
        Conversation().read(payload(b"\0\1\0\7\0\6\1\3\0\1"))
