"""Hosts' own names, as they announce or defend them: multicast DNS, LLMNR, the NetBIOS name and datagram services.

RFC 6762 §8.3 and §10 (announcements and answers), RFC 4795 §2.1, RFC 1002 §4.2 (registration, refresh, answer), §4.4
(datagrams: the sender's name is in each). A name counts as the sender's own where the message gives it an address and
that is the sender's, or gives none: answers about others (proxies, responders of every name) give the addresses they
claim, and it is for the reader to judge. Services are those that mDNS announces (RFC 6763). Queries say nothing.
"""

from collections.abc import Iterator
from typing import NamedTuple

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Name
from sensor.packets.octets import Octets, address, until_damage
from sensor.packets.payload import Payload

MDNS, LLMNR, NBNS, NBDGM = 5353, 5355, 137, 138
A, PTR, AAAA, NB, SRV = 1, 12, 28, 32, 33
"""Record types (RFC 1035 §3.2.2, RFC 3596, RFC 1002 §4.2.1.3, RFC 2782)."""
RECORDS_MAX = 64
"""Records of one message."""
LABELS_MAX, JUMPS_MAX = 32, 16
"""Labels of a name, and pointers followed (RFC 1035 §4.1.4 sets no limit; each goes backwards here)."""
NAMES_MAX = 16
"""Names of one message; a printer announces one, a hypervisor's host up to four."""
GROUP = 0x8000
"""NB_FLAGS: a group's name (RFC 1002 §4.2.1.3)."""
WORKSTATION, SERVER = 0x00, 0x20
"""NetBIOS suffixes of a host's own name."""
DATAGRAMS = range(0x10, 0x13)
"""Datagram types that carry a source name: direct unique, direct group, broadcast (RFC 1002 §4.4.1)."""


class _Record(NamedTuple):
    name: list[bytes]
    kind: int
    data: bytes
    start: int


class Announcements:
    """What one endpoint says of names."""

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a message of DNS' form."""
        ports = (payload.common["orig_p"], payload.common["resp_p"])
        if NBNS in ports:
            return _netbios(payload)
        return _multicast(payload, "mdns" if MDNS in ports else "llmnr")

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []


class Datagrams:
    """NetBIOS datagrams of one endpoint: its name, told once."""

    def __init__(self) -> None:
        """Begin with no name told."""
        self._told: set[str] = set()

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a datagram (RFC 1002 §4.4.2)."""
        at = Octets(payload.data)
        if at.big(1) not in DATAGRAMS:
            raise Malformed("not_netbios")
        at.skip(3)
        sender = at.take(4)
        at.skip(6)
        name = netbios_name(_labels(payload.data, at.at)[0])
        if (
            name is None
            or name[1] not in (WORKSTATION, SERVER)
            or name[0] in self._told
            or len(self._told) >= NAMES_MAX
        ):
            return []
        self._told.add(name[0])
        return [Name(**payload.common, protocol="nbdgm", name=name[0], addresses=(address(sender),))]  # type: ignore[arg-type]

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []


def _labels(data: bytes, at: int) -> tuple[list[bytes], int]:
    """Read a name: its labels, and where what follows begins (RFC 1035 §4.1.4)."""
    found: list[bytes] = []
    end = -1
    jumps = 0
    while True:
        if at >= len(data) or len(found) > LABELS_MAX:
            raise Malformed("bad_name")
        size = data[at]
        if size >= 0xC0:
            if at + 1 >= len(data) or jumps >= JUMPS_MAX:
                raise Malformed("bad_name")
            target = (size & 0x3F) << 8 | data[at + 1]
            end = end if end >= 0 else at + 2
            if target >= at:
                raise Malformed("bad_name")
            at, jumps = target, jumps + 1
            continue
        if size >= 0x40 or at + 1 + size > len(data):
            raise Malformed("bad_name")
        if size == 0:
            return found, end if end >= 0 else at + 1
        found.append(data[at + 1 : at + 1 + size])
        at += 1 + size


def _records(data: bytes) -> Iterator[_Record]:
    """Read the records of a message behind its questions."""
    at = Octets(data)
    at.skip(4)
    questions = at.big(2)
    count = at.big(2) + at.big(2) + at.big(2)
    for _ in range(min(questions, RECORDS_MAX)):
        at.at = _labels(data, at.at)[1] + 4
    for _ in range(min(count, RECORDS_MAX)):
        name, at.at = _labels(data, at.at)
        kind = at.big(2)
        at.skip(6)
        size = at.big(2)
        start = at.at
        yield _Record(name, kind, at.take(size), start)


def _text(labels: list[bytes]) -> str:
    return ".".join(label.decode("utf-8", "backslashreplace") for label in labels)


def _multicast(payload: Payload, protocol: str) -> list[AnyMessage]:
    hosts: dict[str, list[str]] = {}
    services: list[str] = []
    for record in until_damage(_records(payload.data)):
        if record.kind in (A, AAAA) and record.name:
            host = _text(record.name).lower()
            if len(record.data) in (4, 16) and (host in hosts or len(hosts) < NAMES_MAX):
                hosts.setdefault(host, []).append(address(record.data))
        elif record.kind in (PTR, SRV):
            service = _service(record)
            if service is not None and service not in services:
                services.append(service)
        if record.kind == SRV and len(record.data) > 6:
            try:
                target = _text(_labels(payload.data, record.start + 6)[0]).lower()
            except Malformed:
                continue
            if target and len(hosts) < NAMES_MAX:
                hosts.setdefault(target, [])
    if not hosts and services:
        return [Name(**payload.common, protocol=protocol, services=tuple(services))]  # type: ignore[arg-type]
    return [
        Name(**payload.common, protocol=protocol, name=host, addresses=tuple(found), services=tuple(services))  # type: ignore[arg-type]
        for host, found in hosts.items()
    ]


def _service(record: _Record) -> str | None:
    """Return the type of service a record is about: _ipp._tcp."""
    for k, label in enumerate(record.name):
        if label in (b"_tcp", b"_udp") and k:
            if record.name[k - 1] == b"_dns-sd" or not record.name[k - 1].startswith(b"_"):
                return None
            return _text(record.name[k - 1 : k + 1])
    return None


def netbios_name(labels: list[bytes]) -> tuple[str, int] | None:
    """Decode a name of half-bytes (RFC 1001 §14.1): the name, and its suffix; None where it is none, or `*`."""
    if not labels or len(labels[0]) != 32:
        return None
    halves = [octet - 0x41 for octet in labels[0]]
    if any(not 0 <= half <= 15 for half in halves):
        return None
    octets = bytes(halves[k] << 4 | halves[k + 1] for k in range(0, 32, 2))
    name = octets[:15].rstrip(b" \0").decode("cp437")
    return (name, octets[15]) if name and not name.startswith(("*", "\1")) else None


def _netbios(payload: Payload) -> list[AnyMessage]:
    found: dict[str, list[str]] = {}
    for record in until_damage(_records(payload.data)):
        name = netbios_name(record.name)
        if record.kind != NB or name is None or name[1] not in (WORKSTATION, SERVER):
            continue
        for k in range(0, len(record.data) - 5, 6):
            if int.from_bytes(record.data[k : k + 2], "big") & GROUP:
                continue
            found.setdefault(name[0], []).append(address(record.data[k + 2 : k + 6]))
    return [
        Name(**payload.common, protocol="nbns", name=name, addresses=tuple(where))  # type: ignore[arg-type]
        for name, where in list(found.items())[:NAMES_MAX]
    ]
