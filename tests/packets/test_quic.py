"""QUIC's first flight: keys by the RFCs' examples, ClientHellos in any arrangement, real captures."""

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from sensor.flows.engine import FlowEngine
from sensor.packets.quic import VERSION_2, Connection, client_keys
from tests.packets import samples
from tests.packets.handed import payload, say, survives, told
from tests.packets.reading_captures import messages_of

CONNECTION = bytes.fromhex("8394c8f03e515708")
HELLO = samples.client_hello(
    [0x1301, 0x1302], [samples.sni("quic.example"), samples.alpn(b"h3"), samples.extension(57, bytes(40))]
)
SAYS = {"version": "1", "server_name": "quic.example", "alpn": ("h3",)}


def varint(value):
    return (value | 0x4000).to_bytes(2, "big")


def crypto(offset, data):
    return b"\x06" + varint(offset) + varint(len(data)) + data


def initial(frames, number=0, version=1, connection=CONNECTION, token=b""):
    """A client's Initial packet (RFC 9001 §5)."""
    keys = client_keys(version, connection)
    frames = frames.ljust(1100, b"\0")
    first = 0xC3 | (0x10 if version == VERSION_2 else 0)
    head = version.to_bytes(4, "big") + bytes([len(connection)]) + connection + b"\0" + bytes([len(token)]) + token
    head += varint(len(frames) + 20)
    plain = bytes([first]) + head + number.to_bytes(4, "big")
    nonce = (int.from_bytes(keys.iv, "big") ^ number).to_bytes(12, "big")
    sealed = AESGCM(keys.key).encrypt(nonce, frames, plain)
    mask = Cipher(algorithms.AES(keys.hp), modes.ECB()).encryptor().update(sealed[:16])  # noqa: S305
    masked = bytes(a ^ b for a, b in zip(plain[-4:], mask[1:], strict=False))
    return bytes([first ^ (mask[0] & 15)]) + head + masked + sealed


def test_keys_are_those_of_the_rfcs():
    """RFC 9001 appendix A.1 and RFC 9369 appendix A.1."""
    assert (
        "1f369613dd76d5467730efcbe3b1a22d",
        "fa044b2f42a3fd3b46fb255c",
        "9f50449e04a0e810283a1e9933adedd2",
    ) == tuple(part.hex() for part in client_keys(1, CONNECTION))
    assert (
        "8b1a0bc121284290a29e0971b5cd045d",
        "91f73e2351d8fa91660e909f",
        "45b95e15235d6f45a6b19cbcb0294ba9",
    ) == tuple(part.hex() for part in client_keys(VERSION_2, CONNECTION))


@pytest.mark.parametrize(
    ("version", "name"), [(1, "1"), (VERSION_2, "quicv2"), (0xFF00001D, "draft-29"), (0xFF000022, "draft-34")]
)
def test_a_hello_in_one_packet(version, name):
    """Every version has its salt and labels."""
    (found,) = say(Connection(), (True, initial(crypto(0, HELLO), version=version)))
    assert found.pop("ja4").startswith("q")
    assert SAYS | {"version": name} == found


def test_pieces_in_any_order_over_several_datagrams():
    """As browsers scatter them, with pings, padding and acknowledgements between."""
    third = len(HELLO) // 3
    late = b"\x02\x00\x00\x00\x00" + crypto(2 * third, HELLO[2 * third :])
    early = crypto(third, HELLO[third : 2 * third]) + b"\1\0\0" + crypto(0, HELLO[:third])
    reader = Connection()
    assert [] == reader.read(payload(initial(late)))
    (found,) = reader.read(payload(initial(early, 1)))
    assert "quic.example" == found.server_name
    assert [] == reader.read(payload(initial(early, 2))) + reader.flush()


def test_after_a_retry_the_keys_follow_the_new_id():
    """RFC 9001 §5.2: the server chose another connection id."""
    first, second = (
        initial(crypto(0, HELLO[:40])),
        initial(crypto(40, HELLO[40:]), 1, connection=b"12345678", token=b"tok"),
    )
    (found,) = say(Connection(), (True, first), (False, first), (True, second))
    assert "quic.example" == found["server_name"]


def test_what_does_not_authenticate_says_nothing():
    """A changed byte; a server's packet; one of another version's keys."""
    broken = bytearray(initial(crypto(0, HELLO)))
    broken[200] ^= 1
    assert [] == say(Connection(), (True, bytes(broken)), (False, initial(crypto(0, HELLO))))


def test_a_cut_packet_is_read_as_far_as_it_is_there():
    """The name, and no fingerprint of a part."""
    hello = samples.client_hello([0x1301], [samples.sni("cut.example"), samples.extension(57, bytes(300))])
    reader = Connection()
    assert [] == reader.read(payload(initial(crypto(0, hello))[:200], whole=False))
    assert [{"version": "1", "server_name": "cut.example"}] == [told(message) for message in reader.flush()]


@given(st.lists(st.tuples(st.binary(max_size=120), st.booleans()), max_size=4))
def test_any_frames_are_survived(frames):
    """Noise in genuine packets, whole or cut."""
    survives(Connection(), [(True, initial(data), whole) for data, whole in frames])


def test_real_captures(data_dir):
    """Chromium on a port of its own, Google's draft 29, and a packet that the capture cut."""
    cases = {
        "zeek-btest/Traces/quic/chromium-dpd-custom-port-4433.pcap": ("1", "api.cirrus-ci.com", ("h3",)),
        "ipfixprobe/inputs/quic_initial-sample.pcap": ("draft-29", "www.google.com", ("h3-29",)),
        "tcpdump/quic_handshake_truncated.pcap": ("1", "localhost", ("h3",)),
    }
    for path, expected in cases.items():
        (found,) = messages_of(FlowEngine, data_dir / "network" / path, "quic")
        assert expected == (found.version, found.server_name, found.alpn)
