"""Remote desktop."""

import struct

import pytest

from sensor.flows.engine import FlowEngine
from sensor.packets.rdp import Connection
from tests.packets.handed import say
from tests.packets.reading_captures import messages_of
from tests.packets.talks import rdp_core, x224

ASK = (True, x224(0xE0, b"Cookie: mstshash=corp\\ben\r\n"))


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b"", {"security_protocol": "RDP"}),
        (struct.pack("<BBHI", 2, 0, 8, 2), {"security_protocol": "HYBRID", "result": "encrypted"}),
        (struct.pack("<BBHI", 3, 0, 8, 5), {"result": "HYBRID_REQUIRED_BY_SERVER"}),
    ],
)
def test_a_request_and_its_answer(answer, says):
    """Account of the cookie, protocol that was chosen or the reason for none."""
    assert [{"cookie": "corp\\ben"} | says] == say(Connection(), ASK, (False, x224(0xD0, answer)))


def test_the_clients_own_data():
    """Name, build and keyboard, where no TLS hides them."""
    assert [{"client_name": "PC1", "client_build": "19041", "keyboard_layout": "1033"}] == say(
        Connection(), (True, rdp_core("PC1"))
    )


def test_what_nobody_answered():
    """The account is known."""
    assert [{"cookie": "corp\\ben"}] == say(Connection(), ASK)


def test_a_real_capture(data_dir):
    """A desktop behind a proxy: an older server."""
    found = messages_of(FlowEngine, data_dir / "network/arkime/socks5-rdp.pcap", "rdp")
    assert [("XXX", "RDP")] == [(one.cookie, one.security_protocol) for one in found]
