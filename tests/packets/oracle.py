"""What scapy says of the exchange that the crafted captures carry, to be found again in whatever it was wrapped in."""

import ipaddress
from functools import cache
from pathlib import Path

from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6

from tests.packets import frames

CRAFTED = Path(__file__).resolve().parents[2] / "pcaps" / "crafted"
BARE = {"both": "link-raw.pcap", "ipv4": "link-ipv4.pcap", "ipv6": "link-ipv6.pcap"}


def mapped(text):
    """An address as 16 bytes, IPv4 as ::ffff:a.b.c.d."""
    address = ipaddress.ip_address(text)
    return (b"" if address.version == 6 else bytes(10) + b"\xff\xff") + address.packed


def by_scapy(packet):
    """The essence of a scapy packet that begins with IP or IPv6."""
    ip = packet.getlayer(0)
    length = ip.len if isinstance(ip, IP) else ip.plen + 40
    proto = ip.proto if isinstance(ip, IP) else ip.nh
    head = (mapped(ip.src), mapped(ip.dst), proto, length)
    if TCP in packet:
        t = packet[TCP]
        return (*head, t.sport, t.dport, t.seq, t.ack, int(t.flags), bytes(t.payload))
    if UDP in packet:
        return (*head, packet[UDP].sport, packet[UDP].dport, 0, 0, 0, bytes(packet[UDP].payload))
    icmp = packet[ICMP]
    return (*head, icmp.type, 8 - icmp.type, 0, 0, 0, bytes(icmp.payload))


def essence(packet):
    """The same of a decoded packet."""
    p = packet
    return (p.src, p.dst, p.proto, p.ip_len, p.sport, p.dport, p.seq, p.ack, p.flags, p.payload)


@cache
def exchange(families):
    """The exchange by scapy: of both families, or of one."""
    found = []
    for _, octets, _, _ in frames.of_capture(CRAFTED / BARE[families]):
        found.append(by_scapy(IP(octets) if octets[0] >> 4 == 4 else IPv6(octets)))
    return found


def families_of(name):
    """Which families a crafted capture carries: see WRAPPED in pcaps/crafted/make.py."""
    if name in ("link-ipv4", "ip-in-ip"):
        return "ipv4"
    return "ipv6" if name in ("link-ipv6", "6in4", "teredo", "teredo-indications", "ayiya") else "both"
