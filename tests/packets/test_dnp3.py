"""DNP3."""

import pytest

from sensor.packets.dnp3 import Conversation
from tests.packets.handed import say
from tests.packets.talks import dnp3


def names(*turns):
    return [(f["function"], f["unit"], f["writes"], f["is_response"]) for f in say(Conversation(), *turns)]


def test_requests_and_answers_name_the_outstation():
    """The target of a request, the source of an answer."""
    answer = dnp3(b"\xc0\x81\0\0", source=1, target=3, control=0x44)
    assert [("READ", 1, False, False), ("RESPONSE", 1, False, True)] == names((True, dnp3(b"\xc0\1")), (False, answer))


@pytest.mark.parametrize(
    ("objects", "point"),
    [
        (b"\x0c\x01\x28\1\0\7\0" + bytes(11), (7, 1)),  # a control relay block, index prefixed
        (b"\x50\x01\x00\7\7\0", (7, 1)),  # internal indications, start and stop
        (b"\x3c\x02\x06", (None, None)),  # all points
        (b"\x0c", (None, None)),
    ],
)
def test_commands_name_the_first_point(objects, point):
    """Index and number, where the qualifier has them."""
    (found,) = say(Conversation(), (True, dnp3(b"\xc0\x05" + objects)))
    assert ("DIRECT_OPERATE", True, point) == (
        found["function"],
        found["writes"],
        (found.get("address"), found.get("quantity")),
    )


def test_link_management_and_later_segments_say_nothing():
    """No user data; no first segment."""
    later = bytearray(dnp3(b"\xc0\1"))
    later[10] = 0
    assert [] == names((True, dnp3(b"\xc0\1", control=0xC9)), (True, bytes(later)))


def test_data_across_blocks_is_put_together():
    """CRCs stand every sixteen bytes."""
    two = dnp3(b"\xc0\2" + b"\x50\1\0\7\7\0" * 4) + dnp3(b"\xc0\x0d")
    assert ["WRITE", "COLD_RESTART"] == [found[0] for found in names((True, two))]
