"""RADIUS."""

import pytest

from sensor.flows.engine import FlowEngine
from sensor.packets.radius import Exchange, station
from tests.packets.handed import say
from tests.packets.reading_captures import messages_of
from tests.packets.talks import radius

ASKED = (True, radius(1, 7, (1, b"ben@example"), (31, b"00-11-22-AA-BB-CC:lobby"), (2, b"x" * 16)))
SAID = {"username": "ben@example", "mac": "00:11:22:aa:bb:cc"}


def test_a_request_is_written_with_its_answer():
    """The address that the answer gives belongs to it."""
    accept = (False, radius(2, 7, (8, bytes([10, 9, 8, 7]))))
    assert [SAID | {"framed_addr": "10.9.8.7", "result": "success"}] == say(Exchange(), ASKED, accept)
    assert [SAID | {"result": "failed"}] == say(Exchange(), ASKED, (False, radius(3, 7)))


def test_challenges_and_repeats_are_one_exchange():
    """EAP takes several turns; a lost answer makes the client ask again."""
    turns = [ASKED, (False, radius(11, 7)), ASKED, ASKED, (False, radius(2, 7))]
    assert [SAID | {"result": "success"}] == say(Exchange(), *turns)


def test_accounting_is_written_at_once():
    """RFC 2866: which account has which address since when."""
    start = radius(4, 9, (1, b"ben"), (40, b"\0\0\0\1"), (8, bytes([10, 0, 0, 5])))
    assert [{"username": "ben", "framed_addr": "10.0.0.5", "accounting": "start"}] == say(Exchange(), (True, start))


def test_what_nobody_answered_is_written_without_a_result():
    """At the end."""
    assert [SAID] == say(Exchange(), ASKED)


def test_an_address_to_be_chosen_is_none():
    """RFC 2865 §5.8: 255.255.255.254."""
    assert [{"username": "a"}] == say(Exchange(), (True, radius(1, 1, (1, b"a"), (8, b"\xff\xff\xff\xfe"))))


@pytest.mark.parametrize(
    ("text", "mac"),
    [
        ("0011.22aa.bbcc", True),
        ("001122AABBCC", True),
        ("00:11:22:aa:bb:cc", True),
        ("192.0.2.1", False),
        ("001122AABBCCDD", False),
    ],
)
def test_stations_are_hardware_addresses_in_several_forms(text, mac):
    """Other things (addresses, numbers) are none."""
    assert ("00:11:22:aa:bb:cc" if mac else None) == station(text)


def test_a_real_capture(data_dir):
    """An access by EAP with its station."""
    (found,) = messages_of(FlowEngine, data_dir / "network/tcpdump/RADIUS.pcap", "radius")
    assert ("John.McGuirk", "00:14:22:e9:54:5e", "success") == (found.username, found.mac, found.result)
