"""Polling is handed over once a minute, and at powers of 16 in between; what differs in meaning always is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model import metadata as m
from sensor.packets.sameness import PLACES
from tests.naive import sameness as twin
from tests.naive.claims import claim
from tests.packets.door import Door
from tests.packets.talks import cip, dnp3, modbus, path, rpc_bind, rpc_request, s7, s7_item

TCP = 6
SECOND = 1_000_000_000
POLLS = {
    m.K_MODBUS: [
        modbus(1, 3, b"\0\1\0\2"), modbus(1, 3, b"\0\1\0\2", number=9), modbus(2, 3, b"\0\1\0\2"),
        modbus(1, 4, b"\0\1\0\2"),
        modbus(1, 6, b"\0\1\0\2"), modbus(1, 6, b"\0\2\0\2"), modbus(1, 6, b"\0\1\0\3"), modbus(1, 0x83, b"\2"),
        modbus(1, 0x83, b"\3"), modbus(1, 16, b"\0\1\0\1\2\0\7"), modbus(1, 16, b"\0\1\0\1\2\0\x08"),
        modbus(1, 3, b"\0\1\0\2") + modbus(1, 5, b"\0\1\xff\0"),
        modbus(1, 3, b"\0\1\0\2") + modbus(1, 5, b"\0\2\xff\0"),
    ],
    m.K_DNP3: [dnp3(b"\xc0\1"), dnp3(b"\xc1\1"), dnp3(b"\xc0\1", target=2), dnp3(b"\xc0\2\x50\1\0\7\7\0"),
               dnp3(b"\xc0\2\x50\1\0\x08\x08\0"), dnp3(b"\xc0\x0d")],
    m.K_S7: [s7(1, b"\4\1" + s7_item(1, 2, 3)), s7(1, b"\4\1" + s7_item(1, 9, 3)), s7(1, b"\5\1" + s7_item(1, 2, 3)),
             s7(1, b"\5\1" + s7_item(1, 9, 3)), s7(3, b"\4\1", b"\xff", b"\0\0"), s7(1, b"\x29" + bytes(9)),
             s7(7, b"\0\1\x12\4\x11\x44\1\0"), s7(7, b"\0\1\x12\4\x11\x44\1\7"), s7(7, b"\0\1\x12\4\x11\x47\2\7"),
             s7(2, b"")],
    m.K_ENIP: [cip(b"\x4c" + path(4, 1)), cip(b"\x4c" + path(4, 2)), cip(b"\x4d" + path(4, 1) + b"\1"),
               cip(b"\x4d" + path(4, 1) + b"\2"), cip(b"\xcc\0\0\0"), cip(b"\xcc\0\5\0"),
               cip(b"\x4c" + path(4, 1), 0x70, 0xB1),

               cip(b"\x52" + path(6, 1) + b"\5\5\6\0\x10\2\x20\4\x24\1")],
    m.K_DCE_RPC: [rpc_request(3), rpc_request(4), rpc_request(3, context=1), rpc_bind(), rpc_bind()],
}  # fmt: skip
PORTS = {m.K_MODBUS: 502, m.K_ENIP: 44818}


def handed(door, kind, data, **options):
    """How many likes a payload stands for as it is handed over, 0 where it is not."""
    return door.handed(data, TCP, ports=(PORTS.get(kind, 20000), 40000), **options)[2]


@pytest.mark.parametrize("kind", POLLS)
@given(data=st.data())
def test_kernel_and_twin_agree_on_what_is_the_same(kind, data):
    """Over any order of payloads, ends and times, the same are handed over, with the same counts."""
    door, likes = Door(), twin.Likes()
    now = 0
    steps = st.tuples(
        st.sampled_from(POLLS[kind]), st.integers(1, 2), st.sampled_from([0, 1, 31, 61]), st.integers(0, 3)
    )
    for content, end, seconds, cut in data.draw(st.lists(steps, max_size=30)):
        now += seconds * SECOND
        payload = content[: len(content) - cut] if kind != m.K_DCE_RPC else content
        if claim(payload, TCP, (PORTS.get(kind, 20000), 40000), len(payload)) != kind:
            continue  # too short to be recognised
        said = twin.saying(kind, payload)
        expected = 1 if said is None else likes.count((end, said), now)
        assert expected == handed(door, kind, payload, end=end, ts=now)


def test_a_minute_of_polling_is_three_rows_and_then_one():
    """The first, the 16th and the 256th of a minute; the next minute's first counts what was left."""
    door = Door()
    counts = [handed(door, m.K_MODBUS, POLLS[m.K_MODBUS][0], ts=k * SECOND // 10) for k in range(700)]
    assert {0: 1, 15: 15, 255: 240, 600: 345, 615: 15} == {k: count for k, count in enumerate(counts) if count}


def test_time_that_goes_back_is_handed_over_anew():
    """A clock that was set back does not silence a controller."""
    door = Door()
    assert [1, 1] == [handed(door, m.K_MODBUS, POLLS[m.K_MODBUS][0], ts=ts * SECOND) for ts in (500, 100)]


def test_more_sayings_than_there_is_room_for_are_handed_over_again():
    """The memory stays as it is in size; nothing is lost."""
    door = Door()
    polls = [modbus(unit, 6, bytes([register, 0, 0, 0])) for unit in range(64) for register in range(2 * PLACES // 64)]
    assert len(polls) == sum(handed(door, m.K_MODBUS, poll) for poll in polls)
    assert 0 < sum(handed(door, m.K_MODBUS, poll) > 0 for poll in polls) <= len(polls)
