"""DHCP servers on Unix: ISC dhcpd, Kea and dnsmasq, one syslog line a message.

Read: `DHCPACK on 192.0.2.5 to 00:11:22:33:44:55 (host) via eth0` and its kin (ISC DHCP 4.4, server/dhcp.c); dnsmasq's
`DHCPACK(eth0) 192.0.2.5 00:11:22:33:44:55 host`; Kea's `DHCP4_LEASE_ALLOC [hwtype=1 …]: lease … has been allocated for
… seconds` (https://kea.readthedocs.io, "Kea Messages").

An acknowledgement is a lease, a release ends it, a refusal is a failed one; what a client only asks for is `other`. The
leases file is `dhcpd_leases`.
"""

import re

from sensor.model.event import Event
from sensor.wire.details import present
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields, read_address
from sensor.wire.macs import read_mac

SOURCE = "dhcpd"
_ISC = re.compile(
    r"(DHCP(?:ACK|NAK|OFFER|REQUEST|DISCOVER|RELEASE|DECLINE|INFORM|EXPIRE))(?:\(([^)\s]{1,32})\))? "
    r"(?P<rest>\S.{0,500})"
)
_MAC = re.compile(r"(?<![0-9A-Fa-f:])([0-9A-Fa-f]{1,2}(?::[0-9A-Fa-f]{1,2}){5})(?![0-9A-Fa-f:])")
_IP = re.compile(r"(?:^|\b(?:on|for|of|to|from) )(\d{1,3}(?:\.\d{1,3}){3})\b")
_HOST = re.compile(r"\(([^()\s]{1,255})\) via ")
_KEA = re.compile(
    r"(?:(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,9})?) )?(?:[A-Z]+ +)?\[kea-dhcp[46]\.[\w.-]{1,64}(?:/[\d.]+)?\] "
    r"(DHCP[46]_\w{1,64}) (.{0,1000})"
)
_KEA_LEASE = re.compile(r"\b(?:lease|address) ([0-9A-Fa-f.:]{2,45}) ")
_KEA_TIME = re.compile(r"allocated for (\d{1,10}) seconds")
_ENDS = ("RELEASE", "EXPIRE")


def claims(record: Fields) -> bool:
    """Tell whether a line is a DHCP server's."""
    text = record.text("message")
    return text is not None and (_ISC.match(text) is not None or _KEA.match(text) is not None)


def read(record: Fields) -> list[Event]:
    """Read one line. Raises Malformed: `missing_time`, `bad_time`."""
    text = record.text("message") or ""
    kea = _KEA.match(text)
    if kea:
        ts = read_time(kea[1]) if kea[1] else record.time("syslog.timestamp")
        return [_event(ts, kea[2], _KEA_LEASE.search(kea[3]), _MAC.search(kea[3]), None, _KEA_TIME.search(kea[3]))]
    found = _ISC.match(text)
    if found is None:
        return []
    rest = found["rest"]
    mac = _MAC.search(rest)
    host = _HOST.search(rest)
    name = host[1] if host else None
    if found[2] and mac:  # dnsmasq: address, MAC, host
        name = next(iter(rest[mac.end() :].split()), None)
    if name is not None and read_mac(name):
        name = None
    return [_event(record.time("syslog.timestamp"), found[1], _IP.search(rest), mac, name, None)]


def _event(
    ts: int,
    action: str,
    ip: re.Match[str] | None,
    mac: re.Match[str] | None,
    name: str | None,
    lasts: re.Match[str] | None,
) -> Event:
    address = read_address(ip[1])[0] if ip else None
    ended = any(word in action for word in _ENDS)
    given = action == "DHCPACK" or "LEASE_ALLOC" in action or "LEASE_RENEW" in action
    refused = action in {"DHCPNAK", "DHCPDECLINE"} or action.endswith("_FAILED") or "_FAIL" in action
    hardware = read_mac(":".join(part.zfill(2) for part in mac[1].split(":"))) if mac else None
    return Event(
        ts=ts,
        source=SOURCE,
        kind="lease" if given or ended or refused else "other",
        action=action,
        outcome="failure" if refused else "success" if given or ended else "unknown",
        ip=address,
        device_name=name,
        detail=present(
            mac=hardware,
            host_name=name,
            assigned_addr=None if refused else address,
            lease_time_s=int(lasts[1]) if lasts else None,
            ended=ended or None,
        ),
    )
