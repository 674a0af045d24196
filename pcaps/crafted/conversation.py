"""The one exchange that most crafted captures carry, built with scapy: a DNS look-up, then a short HTTP download.

Every field that scapy would choose by itself or that a release might change is given here, so the bytes repeat.
"""

from dataclasses import dataclass

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.packet import Packet, Raw

CLIENT, SERVER, RESOLVER = "10.40.0.20", "198.51.100.10", "10.40.0.53"
CLIENT6, SERVER6, RESOLVER6 = "2001:db8:40::20", "2001:db8:ffff::10", "2001:db8:40::53"
CLIENT_MAC, SERVER_MAC = "54:e1:ad:40:00:20", "00:15:5d:40:00:10"
HOST = "www.example.com"
REQUEST = f"GET /index.html HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: crafted/1.0\r\nAccept: */*\r\n\r\n".encode()
HEADERS = b"Server: crafted\r\nContent-Type: text/plain\r\nContent-Length: 24\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\n" + HEADERS + b"\r\nA page of 24 characters."


@dataclass(frozen=True)
class Sent:
    """An IP packet and who sent it."""

    packet: Packet
    by_client: bool


def ip(orig: str, resp: str, number: int, *, ttl: int = 64) -> Packet:
    """Return an IP header of the addresses' family."""
    if ":" in orig:
        return IPv6(src=orig, dst=resp, hlim=ttl, tc=0, fl=0)
    return IP(src=orig, dst=resp, id=number, ttl=ttl, tos=0, flags="DF")


def dns(client: str = CLIENT, resolver: str = RESOLVER, answer: str = SERVER, *, port: int = 40053) -> list[Sent]:
    """Return a query for HOST and its answer."""
    kind = "AAAA" if ":" in answer else "A"
    question = DNSQR(qname=HOST, qtype=kind, qclass=1)
    query = DNS(id=0x4D2, rd=1, qd=question)
    reply = DNS(
        id=0x4D2, qr=1, rd=1, ra=1, qd=question, an=DNSRR(rrname=HOST, type=kind, rclass=1, ttl=60, rdata=answer)
    )
    return [
        Sent(ip(client, resolver, 1) / UDP(sport=port, dport=53) / query, by_client=True),
        Sent(ip(resolver, client, 2) / UDP(sport=53, dport=port) / reply, by_client=False),
    ]


def segment(
    by_client: bool,
    flags: str,
    seq: int,
    ack: int,
    octets: bytes = b"",
    *,
    client: str = CLIENT,
    server: str = SERVER,
    port: int = 40080,
) -> Sent:
    """Return one TCP segment between the client and the server's port 80; sequence numbers count from 1000 and 5000."""
    orig, resp = (client, server) if by_client else (server, client)
    ports = {"sport": port, "dport": 80} if by_client else {"sport": 80, "dport": port}
    mine, other = (1000, 5000) if by_client else (5000, 1000)
    header = TCP(**ports, seq=mine + seq, ack=other + ack if "A" in flags else 0, flags=flags, window=64240)
    packet = ip(orig, resp, 100 + seq % 1000) / header
    return Sent(packet / Raw(octets) if octets else packet, by_client)


def http(client: str = CLIENT, server: str = SERVER, *, port: int = 40080) -> list[Sent]:
    """Return a whole HTTP exchange: handshake, request, answer, both FINs (Zeek: SF, ShADadFf or alike)."""
    asked, said = 1 + len(REQUEST), 1 + len(ANSWER)
    steps = [
        (True, "S", 0, 0, b""),
        (False, "SA", 0, 1, b""),
        (True, "A", 1, 1, b""),
        (True, "PA", 1, 1, REQUEST),
        (False, "A", 1, asked, b""),
        (False, "PA", 1, asked, ANSWER),
        (True, "A", asked, said, b""),
        (False, "FA", said, asked, b""),
        (True, "FA", asked, said + 1, b""),
        (False, "A", said + 1, asked + 1, b""),
    ]
    return [segment(*step, client=client, server=server, port=port) for step in steps]


def ping(client: str = CLIENT, server: str = SERVER) -> list[Sent]:
    """Return an echo request and its reply (IPv4)."""
    octets = Raw(b"crafted echo payload")
    return [
        Sent(ip(client, server, 300) / ICMP(type=8, id=7, seq=1) / octets, by_client=True),
        Sent(ip(server, client, 301) / ICMP(type=0, id=7, seq=1) / octets, by_client=False),
    ]


def exchange() -> list[Sent]:
    """Return the IPv4 exchange: DNS, HTTP, ping."""
    return dns() + http() + ping()


def exchange6() -> list[Sent]:
    """Return the IPv6 exchange: DNS, HTTP."""
    return dns(CLIENT6, RESOLVER6, SERVER6) + http(CLIENT6, SERVER6)
