"""A site's envelope: the same after a round trip, and refused whatever is wrong with it."""

import hashlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.site_packet import KINDS, PACKET_MAX, Envelope, problem
from sensor.wire import site_envelope
from sensor.wire.site_envelope import cut, decode, encode, unpack
from tests.wire.envelopes import envelope

NS = st.integers(-(1 << 63), (1 << 63) - 1)
NUMBER = st.integers(1, (1 << 63) - 1)


def signed(head):
    """Return an envelope of these bytes with the digest that they ought to have."""
    return head + hashlib.blake2b(head, digest_size=32).digest()


@st.composite
def envelopes(draw):
    """Make any envelope that a site may write."""
    sequence, body = draw(NUMBER), draw(st.binary(max_size=2000))
    before = st.integers(0, sequence - 1)
    first, last = sorted([draw(NS), draw(NS)])
    site = draw(st.text(min_size=1, max_size=20).filter(lambda text: problem(text) is None))
    return Envelope(
        site, draw(NUMBER), sequence, draw(before), draw(before), draw(st.sampled_from(KINDS)), first, last, len(body),
        zstandard.compress(body),
    )  # fmt: skip


@given(st.lists(envelopes(), max_size=4))
@settings(deadline=None)
def test_what_is_written_is_read_back(found):
    """One by one and cut out of a stream, with the body that was packed."""
    written = [encode(one) for one in found]

    assert found == [decode(one) for one in written]
    assert written == cut(b"".join(written), 4)
    assert [one.raw_bytes for one in found] == [len(unpack(one)) for one in found]


def test_every_flipped_bit_is_refused():
    """Wherever it is: in the head, the body or the digest."""
    written = encode(envelope())
    for at in range(len(written) * 8):
        flipped = bytearray(written)
        flipped[at // 8] ^= 1 << at % 8
        with pytest.raises(Malformed):
            decode(bytes(flipped))


def test_every_cut_and_every_addition_is_refused():
    """An envelope is all of its bytes and nothing else."""
    written = encode(envelope())
    for length in range(len(written)):
        with pytest.raises(Malformed):
            decode(written[:length])
        if length:
            with pytest.raises(Malformed):
                cut(written + written[:length], 9)
    with pytest.raises(Malformed):
        decode(written + b"\0")
    with pytest.raises(Malformed, match="more than 2"):
        cut(written * 3, 2)


@given(st.binary(max_size=400))
@settings(deadline=None)
def test_garbage_is_malformed_and_nothing_else(garbage):
    """Bytes that nobody wrote raise Malformed, also behind a true beginning."""
    for content in (garbage, encode(envelope())[:8] + garbage):
        with pytest.raises(Malformed):
            decode(content)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"previous": 1}, "cannot be"), ({"began": 1}, "before it begins"), ({"first_ns": 21}, "before it begins"),
        ({"epoch": 1 << 63}, "cannot be"), ({"sequence": 1 << 63, "previous": 0}, "cannot be"),
        ({"site": "a/b"}, "printable"), ({"raw_bytes": PACKET_MAX + 1}, "longer"),
        ({"body": bytes(site_envelope.BODY_MAX + 1)}, "longer"),
    ],
)  # fmt: skip
def test_what_no_site_says_is_refused(fields, told):
    """A digest that is right makes nothing true."""
    with pytest.raises(Malformed, match=told):
        decode(encode(envelope(**fields)))


def test_fields_that_are_not_for_everybody_are_refused():
    """An unknown kind, a byte that is to be zero, a name that is no UTF-8, a newer version."""
    head = bytearray(encode(envelope())[:-32])
    site_at = head.index(b"SYD")
    for at, value, told in ((5, 9, "cannot be"), (7, 1, "cannot be"), (site_at, 0xFF, "UTF-8"), (4, 2, "version 2")):
        wrong = bytearray(head)
        wrong[at] = value
        with pytest.raises(Malformed, match=told):
            decode(signed(bytes(wrong)))


@pytest.mark.parametrize(
    "body",
    [
        zstandard.compress(bytes(PACKET_MAX * 8)), zstandard.compress(b"x" * 12), b"no zstandard", b"",
        zstandard.compress(b"what happened")[:-2], zstandard.compress(b"what happened") + b"more",
        zstandard.ZstdCompressor(write_content_size=False).compress(b"what happened"),
        zstandard.compress(b"what happened") * 2,
    ],
)  # fmt: skip
def test_a_body_unpacks_to_what_the_head_says_or_not_at_all(body):
    """Bombs, wrong lengths, unknown lengths, cut and doubled frames."""
    with pytest.raises(Malformed):
        unpack(decode(encode(envelope(raw_bytes=13, body=body))))


def test_a_frame_that_lies_about_its_length_is_refused():
    """The frame's head says 13 bytes, as the envelope does; its blocks hold more."""
    body = bytearray(zstandard.compress(bytes(200)))
    assert body[5] == 200
    body[5] = 13
    with pytest.raises(Malformed):
        unpack(envelope(raw_bytes=13, body=bytes(body)))
