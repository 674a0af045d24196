"""What is handed to the parsers in Python: recognised by its header, against the twin; the rest is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model import metadata as m
from tests.naive import claims as twin
from tests.naive import identify
from tests.packets.door import Door
from tests.packets.talks import TALKS, dnp3, enip, framed, ldap, modbus, smb2

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58
PROTO = {
    m.K_CLDAP: UDP, m.K_RADIUS: UDP, m.K_DNP3_UDP: UDP, m.K_ENIP_UDP: UDP, m.K_BACNET: UDP, m.K_DATAGRAM: UDP,
    m.K_QUIC: UDP, m.K_CARRIED: ICMP,
}  # fmt: skip
PORTS = {
    m.K_CLDAP: 389, m.K_RADIUS: 1812, m.K_ENIP_UDP: 44818, m.K_DATAGRAM: 138, m.K_MODBUS: 502, m.K_ENIP: 44818,
}  # fmt: skip
AMONG = (m.K_DATAGRAM, m.K_CARRIED, m.K_STRATUM)
QUIC = b"\xc0\0\0\0\1\x08" + bytes(1200)
CASES = [(kind, data) for kind, turns in TALKS.items() for _, data in turns if kind < m.K_NAME or kind in AMONG]
CASES += [
    (m.K_QUIC, QUIC),
    (m.K_QUIC, b"\xd0\x6b\x33\x43\xcf\x08" + bytes(100)),
    (m.K_QUIC, b"\xc3\xff\0\0\x1d" + bytes(100)),
]


@pytest.mark.parametrize(("kind", "data"), CASES, ids=[f"{kind}-{k}" for k, (kind, _) in enumerate(CASES)])
def test_a_payload_is_recognised(kind, data):
    """Whatever it says goes to the parser of its protocol, as it is."""
    known = kind if kind in (m.K_SMTP, m.K_FTP) else 0
    ports = (8, 0) if kind == m.K_CARRIED else (PORTS.get(kind, 40000), 50000)
    found, payload, count = Door().handed(data, PROTO.get(kind, TCP), ports=ports, known=known)
    assert (kind, data[:2048], 1) == (found, payload, count)


def damaged():
    """A recognisable payload with some bytes changed or cut off."""
    return st.tuples(
        st.sampled_from(CASES),
        st.lists(st.tuples(st.integers(0, 130), st.integers(0, 255)), max_size=4),
        st.integers(0, 300),
    )


def outcome(data, proto, ports, wire, known):
    """The kind, and whether the payload was handed over, where no kernel's parser takes it."""
    words, blob = Door().read(data, proto, ports=ports, wire=wire, known=known)
    return words["kind"], bool(blob)


def test_mail_on_a_controllers_port_stays_mail():
    """What is no EtherNet/IP there is judged as on any other port."""
    assert m.K_SMTP == Door().handed(bytes(2) + b"\xff\xff" + bytes(30), TCP, ports=(44818, 40000), known=m.K_SMTP)[0]


@given(damaged(),
       st.sampled_from([(40000, 50000), (502, 40000), (44818, 44818), (389, 9), (138, 138), (1812, 8), (8, 0)]),
       st.sampled_from([0, 0, m.K_SMTP, m.K_FTP]), st.sampled_from([0, 5]), st.booleans())  # fmt: skip
def test_kernel_and_twin_recognise_the_same(case, ports, known, missing, is_udp):
    """Kind and worth of damaged payloads are the twin's, on any port."""
    (kind, data), changes, size = case
    changed = bytearray(data)
    for at, value in changes:
        changed[at % len(changed)] = value
    content = bytes(changed[: max(1, len(changed) - size % 40)])
    proto = UDP if is_udp else PROTO.get(kind, TCP)
    wire = len(content) + missing
    if identify.identify(content, wire, proto, *ports) != m.K_NONE:
        return  # a kernel's parser is asked first
    found = twin.claim(content, proto, ports, wire, known)
    worth = found != m.K_NONE and twin.wanted(found, content)
    assert (found, worth) == outcome(content, proto, ports, wire, known)


@pytest.mark.parametrize(
    ("data", "ports"),
    [
        (framed(smb2(9, bytes(60))), (445, 40000)),  # a write that is no call
        (framed(smb2(0, bytes(60))), (445, 40000)),  # negotiation
        (ldap(3, 0x64, b"entry"), (389, 40000)),
        (b"\5\0\2\3\x10\0\0\0" + b"\x40\0" + bytes(60), (135, 40000)),  # an RPC answer
    ],
)
def test_what_says_nothing_is_not_copied(data, ports):
    """Bulk data, results and negotiations settle the protocol, no more."""
    kind, payload, _ = Door().handed(data, TCP, ports=ports)
    assert (True, None) == (kind >= m.K_QUIC, payload)


@pytest.mark.parametrize(
    ("data", "ports"),
    [
        (modbus(1, 3, b"\0\1\0\2"), (40000, 50000)),  # its header proves little
        (b"\0\1\0\5\0\6\1\3\0\1\0\2", (502, 40000)),  # protocol identifier not 0
        (b"\x05\x64\x03\xc4" + bytes(20), (20000, 40000)),  # shorter than a link header
        (enip(0x65)[:20], (44818, 40000)),
        (b"USER ben\r\n", (110, 40000)),  # POP3
        (b"\x03\0\0\x20\2\xf0\x80\x7f", (3389, 40000)),  # MCS, cut before what tells it
        (b"EHLOX me\r\n", (25, 40000)),
        (b"\x30\x05\x02\x01\x01\x04\x00", (389, 40000)),  # SNMP's form
        (dnp3(b"\xc0\1")[:6], (20000, 40000)),
    ],
)
def test_what_only_looks_alike_is_left_alone(data, ports):
    """Each of these fails one condition."""
    assert 0 == Door().handed(data, TCP, ports=ports)[0]


@pytest.mark.parametrize(("flags", "port", "speaks"), [
    (0x8400, 5353, True), (0, 5353, False), (0x8000, 5355, True), (0, 5355, False),
    (0x2910, 137, True), (0x8500, 137, True), (0x8503, 137, False), (0x0110, 137, False), (0x4000, 137, True),
    (0x8180, 53, False),
])  # fmt: skip
def test_messages_that_tell_their_senders_name(flags, port, speaks):
    """Answers, registrations and refreshes do; questions and refusals do not."""
    name = b"\x20" + b"EB" * 16 + b"\0" if port == 137 else b"\4host\5local\0"
    data = b"\0\1" + flags.to_bytes(2, "big") + b"\0\1\0\0\0\0\0\0" + name + b"\0\1\0\1"
    assert speaks == bool(Door().read(data, UDP, ports=(port, 40000))[0]["again"])


@pytest.mark.parametrize(
    ("proto", "ports", "kind"),
    [(ICMP, (8, 0), m.K_CARRIED), (ICMP, (0, 8), m.K_CARRIED), (ICMPV6, (128, 129), m.K_CARRIED),
     (ICMP, (3, 1), m.K_NONE), (ICMP, (11, 0), m.K_NONE), (ICMPV6, (1, 4), m.K_NONE), (UDP, (8, 0), m.K_NONE)],
)  # fmt: skip
@pytest.mark.parametrize("behind", [0, 28, 119, 127])
def test_ssh_is_found_in_echo_alone(proto, ports, kind, behind):
    """An error quotes what it is about, which may be an SSH packet and is no tunnel."""
    data = bytes(behind) + b"SSH-2.0-x\r\n"
    found = Door().handed(data, proto, ports=ports)[0]
    assert (kind, twin.claim(data, proto, ports, len(data))) == (found, found)


@pytest.mark.parametrize(
    "data", [bytes(129) + b"SSH-2.0-x\r\n", b"SSH-3.0-x\r\n", b"SSH-2,0-x\r\n", b"SSH-2.0", bytes(56)]
)
def test_other_pings_are_left_alone(data):
    """Too far in, of no version, or too short."""
    assert m.K_NONE == Door().handed(data, ICMP, ports=(8, 0))[0]


@pytest.mark.parametrize(
    "data",
    [b'{"jsonrpc":"2.0","method":"echo","params":["x"]}', b' {"method":"mining.subscribe","id":1}',
     b'{"method":"mining"}', b'{"id":1,"method":"eth_getBalance","params":[]}'],
)  # fmt: skip
def test_other_calls_are_left_alone(data):
    """JSON-RPC has many users."""
    assert m.K_NONE == Door().handed(data, TCP)[0]
