"""What a kernel writes of metadata rows is read as the Structs that plain Python makes of them."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model import metadata as m
from sensor.model.protocols import AnyMessage
from sensor.packets.messages import Packed, decode, packed
from sensor.packets.packing import FIXED_BYTES, GROWTH, PACKED
from tests.naive import packing as twin
from tests.packets import samples
from tests.packets.packed_rows import ODD, laid_out, read
from tests.packets.test_messages import rows_of

ADDRESS_FIELDS = {m.F_ANSWER_A, m.F_REQUESTED_ADDR, m.F_ASSIGNED_ADDR, m.F_CLIENT_ADDR, m.F_SERVER_ADDR}
NUMBER_FIELDS = {
    m.F_QTYPE, m.F_RCODE, m.F_FLAGS, m.F_TRANS_ID, m.F_TTL, m.F_STATUS_CODE, m.F_LEASE_TIME, m.F_MSG_TYPE,
    m.F_ERROR_CODE, m.F_REQUEST_TYPE,
}  # fmt: skip
WORDS = st.integers(0, 2**64 - 1)


def values(field):
    """What a field may hold."""
    if field in ADDRESS_FIELDS:
        return st.binary(min_size=4, max_size=4) | st.binary(min_size=16, max_size=16) | st.just(bytes(16))
    if field == m.F_REQUEST_TYPE:
        return st.integers(0, 40).map(lambda number: bytes([number]))
    if field in NUMBER_FIELDS:
        return st.sampled_from((0, 1, 2, 4)).flatmap(lambda size: st.binary(min_size=size, max_size=size))
    if field == m.F_MAC:
        return st.binary(min_size=6, max_size=6)
    return st.binary(max_size=40) | st.sampled_from(ODD)


FIELDS = st.integers(1, m.F_BANNER).flatmap(lambda field: st.tuples(st.just(field), values(field)))
ROWS = st.lists(
    st.tuples(st.sampled_from(PACKED), st.lists(FIELDS, max_size=24), st.booleans(), WORDS, WORDS), max_size=6
)


@settings(deadline=None)
@given(ROWS, st.integers(0, 300))
def test_the_kernel_writes_what_python_makes(found, source):
    """Any fields in any order, repeated, with text that is no UTF-8."""
    rows, arena = laid_out(found)

    assert (len(rows), twin.pack(rows, arena, source)) == read(rows, arena, source)


def test_every_sample_is_read_alike():
    """Messages as the parsers leave them."""
    tries = [one for one in samples.all_samples() if one[0] in PACKED]
    for is_orig in (0, 1):
        rows, arena = rows_of(*[(*one, is_orig) for one in tries])

        assert (len(rows), twin.pack(rows, arena)) == read(rows, arena)


def test_writing_stops_where_there_might_be_no_room():
    """At a row, and goes on there."""
    row = (m.K_SSH, [(m.F_BANNER, b"\xff" * 1000)], True, 0, 0)
    rows, arena = laid_out([row] * 5)
    needed = GROWTH * 1003 + FIXED_BYTES

    assert [0, 1, 1, 2] == [read(rows, arena, room=needed + more)[0] for more in (-1, 0, 1, needed)]


def test_a_message_never_outgrows_its_row():
    """Text of escapes, in as many fields as a row holds."""
    fields = [(m.F_ANSWER_TEXT, b"\xff")] * 2000
    rows, arena = laid_out([(m.K_DNS, fields, True, 2**64 - 1, 2**63)])
    n, found = read(rows, arena, room=GROWTH * 8000 + FIXED_BYTES)

    assert (1, twin.pack(rows, arena)) == (n, found)


def test_messages_of_python_stand_at_their_places():
    """What is read here among what the kernel wrote, in the order of rows, however it is cut."""
    tries = [(*one, 1) for one in samples.all_samples()] * 300
    rows, arena = rows_of(*tries)
    parts = list(packed(rows, arena))
    found = decode(rows, arena)

    assert len(parts) > 1
    assert list(range(len(tries))) == [one.offset for one in found]
    assert found == [one for part in parts for one in msgspec.msgpack.decode(part.encoded, type=list[AnyMessage])]
    assert found[:9] == Packed.of(found[:9]).messages()
