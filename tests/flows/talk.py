"""Frames of small conversations, made with scapy: what the tests of the flow table feed it."""

from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether

from sensor.model.capture import LINK_ETHERNET

SECOND = 1_000_000_000
BEGIN = 1_700_000_000 * SECOND
CLIENT, SERVER = "10.0.0.1", "198.51.100.2"
ISN, PEER_ISN = 1000, 5000
ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
"""With its addresses given: scapy asks the network for those it is not told."""


def at(seconds, packet):
    """A frame a number of seconds after the beginning."""
    octets = bytes(packet)
    return BEGIN + round(seconds * SECOND), octets, len(octets), LINK_ETHERNET


def tcp(seconds, flags, seq=0, ack=0, payload=b"", *, back=False, sport=40000, dport=8443, window=8192):
    """A segment; numbers count from the initial ones, `back` from the server."""
    src, dst = (SERVER, CLIENT) if back else (CLIENT, SERVER)
    sport, dport = (dport, sport) if back else (sport, dport)
    mine, other = (PEER_ISN, ISN) if back else (ISN, PEER_ISN)
    header = TCP(
        sport=sport, dport=dport, flags=flags, seq=(mine + seq) % 2**32, window=window,
        ack=(other + ack) % 2**32 if "A" in flags else 0,
    )  # fmt: skip
    return at(seconds, ETHER / IP(src=src, dst=dst) / header / payload)


def udp(seconds, payload=b"x", *, sport=40000, dport=9999, back=False):
    """A datagram."""
    src, dst = (SERVER, CLIENT) if back else (CLIENT, SERVER)
    sport, dport = (dport, sport) if back else (sport, dport)
    return at(seconds, ETHER / IP(src=src, dst=dst) / UDP(sport=sport, dport=dport) / payload)


def handshake(**ports):
    """Three packets that open a connection at second 0."""
    return [
        tcp(0, "S", **ports),
        tcp(0.01, "SA", 0, 1, back=True, **ports),
        tcp(0.02, "A", 1, 1, **ports),
    ]


def closing(seconds, sent=1, received=1, **ports):
    """Four packets that close it from both sides."""
    return [
        tcp(seconds, "FA", sent, received, **ports),
        tcp(seconds + 0.01, "A", received, sent + 1, back=True, **ports),
        tcp(seconds + 0.02, "FA", received, sent + 1, back=True, **ports),
        tcp(seconds + 0.03, "A", sent + 1, received + 1, **ports),
    ]
