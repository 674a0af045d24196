"""ClientHellos in plain Python, against the kernel that reads them over TCP."""

from hypothesis import given
from hypothesis import strategies as st

from sensor.model import metadata as m
from sensor.packets.client_hello import Hello, parse_hello
from sensor.packets.messages import ja4_hash
from tests.packets import samples
from tests.packets.payloads import run

GREASE = samples.extension(0x1A1A, b"\0")
HELLOS = [
    samples.chrome_hello(),
    samples.client_hello([0x1301], [samples.sni("Example.COM."), samples.alpn(b"h3")]),
    samples.client_hello([0x0A0A, 0xC02F], [GREASE], version=0x0301),
    samples.client_hello([5], None),
]


def kernel(hello):
    """What the kernel reads of it in TLS records."""
    _, _, _, fields = run(m.K_TLS_CLIENT, samples.records(hello), 6)
    return {
        "server_name": fields.get(m.F_SERVER_NAME, [None])[0],
        "alpn": fields.get(m.F_ALPN, []),
        "ja4": ja4_hash(fields[m.F_JA4_TEXT][0]),
    }


def test_a_hello_says_the_same_over_any_transport():
    """Name, protocols and JA4 are the kernel's, but for the letter of the transport."""
    for hello in HELLOS:
        found, expected = parse_hello(hello, "t"), kernel(hello)
        name = (found.server_name or "").encode() or None
        assert expected == {"server_name": name, "alpn": [a.encode() for a in found.alpn], "ja4": found.ja4}
        assert "q" + found.ja4[1:] == parse_hello(hello, "q").ja4


def test_a_cut_hello_has_no_fingerprint():
    """A part would have another one."""
    hello = samples.client_hello([0x1301], [samples.sni("a.example"), samples.alpn(b"h3")])
    assert Hello("a.example", (), None) == parse_hello(hello[:-3], "q")
    assert parse_hello(b"\2" + hello[1:], "q") is None


@given(
    st.integers(0, 3), st.lists(st.tuples(st.integers(0, 600), st.integers(0, 255)), max_size=5), st.integers(0, 600)
)
def test_damaged_hellos_are_read_without_errors(which, changes, size):
    """Whatever is changed or cut, there is an answer."""
    hello = bytearray(HELLOS[which])
    for at, value in changes:
        hello[at % len(hello)] = value
    assert isinstance(parse_hello(bytes(hello[:size]), "q"), Hello | None)
