"""A flow record of Suricata's EVE log as a FLOW row (https://docs.suricata.io/en/latest/output/eve/eve-json-format.html).

Suricata counts whole frames (`bytes_toserver` is the sum of captured lengths): 14 bytes of Ethernet a packet, and 4 for
each VLAN tag, are taken off to give IP bytes. On a link without Ethernet headers that is 14 a packet too few. What IP
bytes and flags do not say is `sensor.wire.flow_rows`'.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sensor.errors import Malformed
from sensor.model import addresses
from sensor.model.flow import ENDINGS, FLOW, ICMP, ICMPV6, TCP, UDP
from sensor.wire.fields import Fields
from sensor.wire.flow_rows import blank, bounded, conn_state, icmp_ports, payload

ETHERNET, TAG = 14, 4
"""Bytes of an Ethernet header (IEEE 802.3 §3.1.1, without the FCS) and of a VLAN tag (IEEE 802.1Q §9.3)."""
UNKNOWN_PROTO = 255
"""IANA's reserved number, where the protocol's name is not known."""
PROTOS = {
    "tcp": TCP, "udp": UDP, "icmp": ICMP, "ipv6-icmp": ICMPV6, "icmpv6": ICMPV6, "sctp": 132, "gre": 47, "esp": 50,
    "ah": 51, "igmp": 2, "pim": 103, "ospf": 89, "ospfigp": 89, "vrrp": 112, "ipv6": 41, "ipip": 4, "ipencap": 4,
}  # fmt: skip
"""IP protocols by the names of /etc/protocols, which Suricata writes in upper case; others it writes as a number."""
SERVICES = {
    "tls": "ssl", "krb5": "krb", "ike": "ipsec", "ikev2": "ipsec", "failed": "", "unknown": "", "ldap": "ldap_tcp",
    "bittorrent-dht": "bittorrent", "http1": "http", "http2": "http2", "doh2": "http2",
}  # fmt: skip
"""Zeek's name of a service where it is not Suricata's."""
_WHY = {"timeout": "timeout", "forced": "evicted", "shutdown": "end_of_input"}
_SERVICE_BYTES, _UID_BYTES = FLOW["service"].itemsize, FLOW["uid"].itemsize


def protocol(record: Fields) -> int:
    """Return the IP protocol's number."""
    name = (record.text("proto") or "").lower()
    number = PROTOS.get(name)
    if number is None:
        number = int(name) if name.isascii() and name.isdigit() and len(name) <= 3 else UNKNOWN_PROTO
    return number & 0xFF


def uid(record: Fields) -> str:
    """Return the flow's number as text; Suricata writes it into every record about the flow."""
    return (record.text("flow_id") or "")[:_UID_BYTES]


def endpoints(record: Fields, *, flipped: bool = False) -> tuple[str, int, str, int]:
    """Return orig_h, orig_p, resp_h, resp_p; ICMP's type stands for a port. Raises Malformed: `missing_<column>`."""
    from_h, _ = record.address("src_ip")
    to_h, _ = record.address("dest_ip")
    if from_h is None or to_h is None:
        raise Malformed("missing_orig_h" if from_h is None else "missing_resp_h")
    from_p, to_p = record.number("src_port"), record.number("dest_port")
    kind = record.number("icmp_type")
    if kind is not None and from_p is None:
        from_p, to_p = icmp_ports(protocol(record), kind, record.number("icmp_code") or 0)
    sides = (from_h, _port(from_p)), (to_h, _port(to_p))
    orig, resp = sides[::-1] if flipped else sides
    return *orig, *resp


def _port(number: int | None) -> int:
    return number if number is not None and 0 <= number <= 65_535 else 0


def flow(record: Fields) -> NDArray[np.void]:
    """Read an `event_type: flow` record: one row, dtype FLOW, shape (1,). Raises Malformed."""
    made = blank(1)
    row = made[0]
    row["ts"] = start = record.time("flow.start")
    if record.value("flow.end") is not None:
        row["duration"] = bounded(max(0, record.time("flow.end") - start))
    orig_h, row["orig_p"], resp_h, row["resp_p"] = endpoints(record)
    row["orig_hi"], row["orig_lo"] = orig = addresses.parse(orig_h)
    row["resp_hi"], row["resp_lo"] = addresses.parse(resp_h)
    row["uid"], row["proto"] = uid(record).encode()[:_UID_BYTES], protocol(record)
    tags = [tag & 0xFFF for tag in map(_whole, record.texts("vlan")) if tag is not None][:2]
    row["vlan"], row["inner_vlan"] = (*tags, 0, 0)[:2]
    _count(row, record, ETHERNET + TAG * len(tags), v4=addresses.is_v4(*orig))
    app = (record.text("app_proto") or "").lower()
    row["service"] = SERVICES.get(app, app).encode()[:_SERVICE_BYTES]
    row["why"] = ENDINGS.index(_WHY.get((record.text("flow.reason") or "").lower(), "ended"))
    for side, key in (("orig_l2", "ether.src_mac"), ("resp_l2", "ether.dest_mac")):
        row[side] = _mac(record, key)
    return made


def _count(row: np.void, record: Fields, frame: int, *, v4: bool) -> None:
    """Set packets, bytes and the state they tell."""
    proto, packets = int(row["proto"]), []
    for side, way in (("orig", "toserver"), ("resp", "toclient")):
        pkts = bounded(record.number(f"flow.pkts_{way}"))
        frames = bounded(record.number(f"flow.bytes_{way}"))
        ip_bytes = -1 if frames < 0 or pkts < 0 else max(0, frames - frame * pkts)
        row[f"{side}_pkts"], row[f"{side}_ip_bytes"] = pkts, ip_bytes
        row[f"{side}_bytes"] = payload(ip_bytes, pkts, proto, v4=v4)
        packets.append(max(0, pkts))
    flags = _flags(record, "tcp.tcp_flags_ts"), _flags(record, "tcp.tcp_flags_tc")
    row["conn_state"] = conn_state(proto, flags, (packets[0], packets[1]))


def _flags(record: Fields, path: str) -> int | None:
    """Read flags, which Suricata writes as two hexadecimal digits."""
    text = record.text(path)
    try:
        return None if text is None else int(text, 16) & 0xFF
    except ValueError:
        return None


def _mac(record: Fields, path: str) -> int:
    """Read a link-layer address; a flow has a list of those seen (`src_macs`), whose first is taken. 0 = not known."""
    found = record.value(path, f"{path}s")
    text = found[0] if isinstance(found, list) and found else found
    try:
        return 0 if isinstance(text, Mapping) or not text else addresses.parse_mac(str(text))
    except ValueError:
        return 0


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 5 else None
