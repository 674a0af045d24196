"""BACnet/IP."""

import pytest

from sensor.errors import Malformed
from sensor.packets.bacnet import Conversation
from tests.packets.handed import payload, say
from tests.packets.talks import bacnet

BASE = {"protocol": "bacnet", "is_response": False, "is_orig": True, "count": 1, "writes": False}
OBJECT = b"\x0c\x02\0\0\7"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (bacnet(b"\0\5\1\x0c" + OBJECT), {"function": "read_property", "code": 12, "unit": 8, "address": 7}),
        (bacnet(b"\0\5\1\x0f" + OBJECT), {"function": "write_property", "code": 15, "unit": 8,
                                                "address": 7, "writes": True}),
        (bacnet(b"\x08\5\1\0\4\x14\0"), {"function": "reinitialized_device", "code": 20, "writes": True}),
        (bacnet(b"\x10\x08", 11), {"function": "who_is", "code": 8}),
        (bacnet(b"\x10\x06", 4, lead=bytes(6)), {"function": "time_synchronization", "code": 6, "writes": True}),
        (bacnet(b"\x20\1\x0f"), {"function": "write_property", "code": 15, "writes": True, "is_response": True}),
        (bacnet(b"\x50\1\x0f\x91\2\x91\x28"),
         {"function": "write_property", "code": 15, "is_response": True, "exception": "error"}),
        (bacnet(b"\x60\1\x09"), {"is_response": True, "exception": "reject-9"}),
        (bacnet(b"\0\5\1\x0c" + OBJECT, network=b"\1\x28\0\1\1\7\0\2\1\x08\xff"),
         {"function": "read_property", "code": 12, "unit": 8, "address": 7}),
        (bacnet(b"", 5, lead=b"\0\x3c", network=b""),
         {"function": "Register_Foreign_Device", "code": 5, "writes": True}),
    ],
)  # fmt: skip
def test_messages(data, says):
    """Service and object, behind addresses of the network layer; what changes the device is marked."""
    assert [BASE | says] == say(Conversation(), (True, data))


def test_routers_and_noise():
    """Messages between routers say nothing; another version is refused."""
    assert [] == say(Conversation(), (True, bacnet(b"\0", network=b"\1\x80")))
    with pytest.raises(Malformed):
        Conversation().read(payload(bacnet(b"\0", network=b"\2\0")))
