"""What a device is, by the marks it shows: services, vendor, hostname, DHCP vendor class, user agents.

Each mark gives points to a role and says why; the role with the most points wins, if it has POINTS_MIN. One plain mark
is not enough where anybody could show it (a hostname); a protocol that only such a device answers is. The points are an
order of trust, not probabilities. Not here: counting.
"""

import re
from collections.abc import Callable, Mapping

import msgspec

POINTS_MIN = 2

Points = tuple[str, int, str]


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a device."""

    answered: Mapping[str, int] = {}
    asked: Mapping[str, int] = {}
    clients: float = 0.0
    vendor: str = ""
    name: str = ""
    vendor_class: str = ""
    systems: tuple[str, ...] = ()
    is_router: bool = False
    is_proxy: bool = False
    gives_leases: bool = False
    users: int = 0
    shared: str | None = None


_MARKED: dict[str, dict[str, tuple[int, str]]] = {
    "router": {
        "vendor": (
            1,
            r"mikrotik|juniper|cisco|fortinet|palo alto|ubiquiti|ruckus|aruba|netgear|tp-link|draytek|zyxel",
        ),
        "DHCP class": (1, r"cisco systems|ubnt|mikrotik"),
    },
    "domain controller": {"hostname": (1, r"^(dc|adc|pdc)[-_]?\d*$|[-_]dc[-_]?\d*$")},
    "server": {"hostname": (1, r"srv|server|^(sql|web|app|file|mail|exch)[-_]?\d+")},
    "workstation": {
        "hostname": (
            1,
            r"^(desktop|laptop|ws|wks|pc|nb|workstation)[-_]?\w+|[-_](pc|laptop|desktop)$|macbook|imac",
        ),
        "DHCP class": (1, r"^msft 5\.0"),
    },
    "printer": {
        "vendor": (1, r"brother|canon|epson|lexmark|kyocera|ricoh|xerox|zebra tech|konica|oki electric|sharp corp"),
        "hostname": (2, r"^(npi[0-9a-f]{6}|brn\w{12}|brw\w{12}|epson\w{6}|hp[0-9a-f]{6})$|print|laserjet"),
        "DHCP class": (2, r"jetdirect|hewlett-packard|mfg="),
    },
    "camera": {
        "vendor": (
            2,
            r"hikvision|dahua|axis comm|vivotek|hanwha|mobotix|reolink|amcrest|foscam|avigilon|bosch security",
        ),
        "hostname": (1, r"^(ip)?cam(era)?[-_\d]|axis-[0-9a-f]{12}"),
        "DHCP class": (2, r"hikvision|dahua|axis,network camera|ipcam"),
    },
    "phone": {
        "vendor": (2, r"polycom|yealink|grandstream|snom|avaya|mitel|aastra|gigaset"),
        "hostname": (1, r"iphone|ipad|^android|galaxy|pixel-|oneplus|^sep[0-9a-f]{12}$"),
        "DHCP class": (2, r"^android-dhcp|^dhcpcd.*android|polycom|yealink|cisco.*phone|avaya|snom"),
    },
    "NAS": {
        "vendor": (2, r"synology|qnap|netapp|buffalo|asustor|terramaster"),
        "hostname": (1, r"nas\b|diskstation|synology|qnap"),
    },
    "PLC": {
        "vendor": (
            2,
            (
                r"siemens|rockwell|allen-bradley|schneider|telemecanique|beckhoff|wago|phoenix contact|omron"
                r"|mitsubishi electric|b&r industrial|\babb\b|emerson|moxa|honeywell|yokogawa"
            ),
        ),
        "hostname": (1, r"\bplc"),
    },
    "HMI": {"hostname": (1, r"\bhmi|scada")},
    "IoT": {
        "vendor": (
            2,
            (
                r"espressif|tuya|belkin|wemo|philips lighting|signify|sonos|nest labs|ring llc|ecobee|shelly|itead"
                r"|smarter|edimax|osram|ikea|withings|fitbit|roku|amazon tech|lumi united|google|raspberry|arlo"
                r"|texas instruments|murata|microchip|home control|d-link|homematic|eq-3|avm"
            ),
        ),
        "hostname": (1, r"^esp[_-]?[0-9a-f]{6}|^wemo|chromecast|sonos|^ring-|hue[-_]|smart"),
        "DHCP class": (1, r"^udhcp|^dhcpcd|espressif"),
    },
}
"""Role → what a mark in words gives it, and in which words: as vendors, systems and administrators write them."""
_CONTROL = ("modbus", "s7", "enip", "dnp3", "bacnet", "opcua")


def role(marks: Marks) -> tuple[str | None, tuple[str, ...]]:
    """Return a device's role and what speaks for it; (None, ()) where too little does."""
    found = [point for rule in _RULES for point in rule(marks)]
    totals: dict[str, int] = {}
    for name, points, _ in found:
        totals[name] = totals.get(name, 0) + points
    if not totals:
        return None, ()
    best = max(totals, key=lambda name: (totals[name], name))
    if totals[best] < POINTS_MIN:
        return None, ()
    return best, tuple(dict.fromkeys(why for name, _, why in found if name == best))


def _network(marks: Marks) -> list[Points]:
    found: list[Points] = []
    if marks.is_router:
        found.append(("router", 6, "other hosts' addresses stand behind its MAC"))
    if marks.is_proxy:
        found.append(("proxy", 6, "clients ask it to CONNECT to others"))
    if marks.gives_leases:
        found.append(("DHCP server", 4, "it gives DHCP leases"))
    return found


def _services(marks: Marks) -> list[Points]:
    answered, clients = marks.answered, round(marks.clients)
    found: list[Points] = []
    if "kerberos" in answered and "ldap" in answered:
        found.append(("domain controller", 8, "it answers Kerberos and LDAP"))
    elif "kerberos" in answered:
        found.append(("domain controller", 4, "it answers Kerberos"))
    if "dns" in answered:
        found.append(("DNS resolver", 4 if clients > 1 else 2, f"it answered {answered['dns']:,} DNS flows"))
    if "print" in answered:
        found.append(("printer", 4, "it answers a printer's ports"))
    if "rtsp" in answered:
        found.append(("camera", 4, "it answers RTSP"))
    if "sip" in answered or "sip" in marks.asked:
        found.append(("phone", 2, "it speaks SIP"))
    if answered.keys() & {"nfs", "afp"}:
        found.append(("NAS", 2, "it answers NFS or AFP"))
    if "smb" in answered and re.search("synology|qnap|netapp|buffalo", marks.vendor.lower()):
        found.append(("NAS", 2, "it answers SMB"))
    if "proxy" in answered and clients > 1:
        found.append(("proxy", 1, f"about {clients} hosts use its proxy ports"))
    servable = answered.keys() & {"web", "ssh", "smb", "smtp", "database", "rdp", "vpn", "syslog"}
    if servable and clients > 1:
        what = ", ".join(sorted(servable))
        found.append(("server", 2 if clients < 3 else 3, f"it answers {what} for about {clients} hosts"))
    return found


def _control(marks: Marks) -> list[Points]:
    served = [name for name in _CONTROL if name in marks.answered]
    asked = [name for name in _CONTROL if name in marks.asked]
    if served:
        return [("PLC", 6, f"it answers {', '.join(served)}")]
    return [("HMI", 4, f"it asks controllers by {', '.join(asked)}")] if asked else []


def _client(marks: Marks) -> list[Points]:
    found: list[Points] = []
    if marks.users and not marks.shared:
        found.append(("workstation", 2, f"{marks.users} account{'s' * (marks.users > 1)} of people logged on there"))
    for system in marks.systems:
        if system.startswith(("Windows NT", "Mac OS X", "X11", "CrOS", "Ubuntu")):
            found.append(("workstation", 2, f"its user agents say {system}"))
        elif system.startswith(("Android", "iPhone", "CPU OS")):
            found.append(("phone", 3, f"its user agents say {system}"))
    if "kerberos" in marks.asked and not marks.answered.keys() & {"kerberos", "ldap"}:
        found.append(("workstation", 1, "it asks for Kerberos tickets"))
    if "mqtt" in marks.asked or (
        marks.asked.keys() & {"ssdp", "mdns"} and not marks.answered.keys() - {"web", "other"}
    ):
        found.append(("IoT", 1, "it speaks MQTT, SSDP or mDNS and little else"))
    return found


def _words(marks: Marks) -> list[Points]:
    said = {"vendor": marks.vendor, "hostname": marks.name, "DHCP class": marks.vendor_class}
    return [
        (name, points, f"{what} {said[what][:64]}")
        for name, by_mark in _MARKED.items()
        for what, (points, wanted) in by_mark.items()
        if said[what] and re.search(wanted, said[what][:255].lower())
    ]


_RULES: tuple[Callable[[Marks], list[Points]], ...] = (_network, _services, _control, _client, _words)
