"""An office of twelve with its sensor, for `takeovers`: who they are, where they are, and what Zeek writes of them.

Zeek's own ASCII logs (`#fields`, tabs), an hour's pause at noon, laptops that stay in the dock overnight and ask for
updates, phones that are not on the office's network. Nothing is shared with the other stories.
"""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

START = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday."""
AHEAD = timedelta(hours=10)
"""Brisbane has no summer time."""
DOMAIN = "kelp.example"


class Spot(NamedTuple):
    """An address, and what databases say of it."""

    ip: str
    asn: int
    org: str
    code: str
    country: str
    city: str
    lat: float
    lon: float


OFFICE = Spot("203.0.113.40", 1221, "Telstra", "AU", "Australia", "Brisbane", -27.47, 153.02)
SPARE = Spot("198.51.100.90", 4764, "Aussie Broadband", "AU", "Australia", "Melbourne", -37.81, 144.96)
CARRIER = Spot("192.0.2.33", 4804, "Optus Mobile", "AU", "Australia", "Sydney", -33.87, 151.21)
CHICAGO = Spot("198.51.100.201", 64511, "Lakeside Hosting", "US", "United States", "Chicago", 41.88, -87.63)
FRANKFURT = Spot("198.51.100.222", 64512, "Main Data", "DE", "Germany", "Frankfurt", 50.11, 8.68)
BUCHAREST = Spot("192.0.2.140", 64513, "Dambovita Net", "RO", "Romania", "Bucharest", 44.43, 26.1)
DALLAS = Spot("192.0.2.171", 64514, "Lone Star Servers", "US", "United States", "Dallas", 32.78, -96.8)
SINGAPORE = Spot("192.0.2.60", 3758, "SingNet", "SG", "Singapore", "Singapore", 1.35, 103.82)
TOKYO = Spot("192.0.2.90", 2516, "KDDI", "JP", "Japan", "Tokyo", 35.68, 139.69)
RELAY = Spot("192.0.2.112", 13335, "Cloudflare", "US", "United States", "San Jose", 37.34, -121.89)
VPN = Spot("198.51.100.140", 9009, "M247", "NL", "Netherlands", "Amsterdam", 52.37, 4.9)
FAMILIES = ("Abbott", "Byrne", "Chan", "Dyer", "Evans", "Farah", "Grant", "Hale", "Irwin", "Joshi", "Kaur", "Lund")
GIVEN = ("ada", "ben", "cleo", "dan", "eve", "fay", "gus", "hal", "ivy", "jack", "kim", "leo")
TEAMS = ("design", "sales", "works")
NAMES = tuple(f"{word}.example" for word in (
    "abacus", "banyan", "cobalt", "delta", "ember", "fjord", "garnet", "harbor", "indigo", "juniper", "krill", "lotus",
    "mango", "nectar", "onyx", "pepper", "quartz", "raven", "saffron", "tundra", "umber", "velvet", "willow", "yarrow",
))  # fmt: skip
FIELDS = {
    "conn": "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto service duration orig_bytes resp_bytes conn_state "
    "local_orig local_resp missed_bytes history orig_pkts orig_ip_bytes resp_pkts resp_ip_bytes",
    "dns": "ts uid id.orig_h id.orig_p id.resp_h id.resp_p proto trans_id query qtype_name rcode rcode_name answers "
    "TTLs",
    "ssl": "ts uid id.orig_h id.orig_p id.resp_h id.resp_p version cipher server_name resumed established",
    "dhcp": "ts uids client_addr server_addr mac host_name assigned_addr lease_time msg_types duration",
    "kerberos": "ts uid id.orig_h id.orig_p id.resp_h id.resp_p request_type client service success till",
}


class Person:
    """Somebody with a laptop, most with a phone."""

    def __init__(self, number: int, rng: random.Random) -> None:
        self.number, self.team = number, TEAMS[number % 3]
        self.upn = f"{GIVEN[number]}.{FAMILIES[number].lower()}@{DOMAIN}"
        self.guid = f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4{rng.getrandbits(12):03x}-9{number:03x}-" \
            f"{rng.getrandbits(48):012x}"  # fmt: skip
        self.host, self.address = f"KELP-{GIVEN[number].upper()}", f"10.61.4.{50 + number}"
        self.mac = f"8c:16:45:0a:{number:02x}:{rng.getrandbits(8):02x}"
        self.device = f"{rng.getrandbits(128):032x}" if number % 4 else ""
        """The provider's id; every fourth laptop is not registered."""
        minor = 120 + number % 3
        self.laptop = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{minor}.0.0.0 Safari/537.36"  # noqa: E501
        self.phone = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_{number % 4} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1"  # noqa: E501
        self.home = Spot(
            f"203.0.113.{100 + number}", (1221, 7545, 4764)[number % 3], "an ISP", "AU", "Australia", "Brisbane",
            -27.5, 153.0,
        )  # fmt: skip
        self.favourites = rng.sample(NAMES, 10)


class Site:
    """The office's sensor."""

    def __init__(self, rng: random.Random) -> None:
        self.rng, self.rows = rng, {name: [] for name in FIELDS}

    def uid(self, letter: str) -> str:
        """Return what Zeek calls a connection."""
        return f"{letter}{self.rng.getrandbits(90):018x}"

    def morning(self, person: Person, ts: datetime) -> None:
        """A lease renewed, and a ticket: the domain's, not the provider's."""
        at = ts.timestamp()
        self.rows["dhcp"].append((
            at, self.uid("D"), person.address, "10.61.4.1", person.mac, person.host, person.address, 43200.0,
            "REQUEST,ACK", 0.02,
        ))  # fmt: skip
        self.rows["kerberos"].append((
            at + 15, self.uid("C"), person.address, 51_000, "10.61.4.2", 88, "AS",
            f"{person.upn.partition('@')[0]}/KELP.EXAMPLE", "krbtgt/KELP.EXAMPLE", "T", at + 36_000,
        ))  # fmt: skip

    def visit(self, person: Person, ts: datetime, name: str, down: int = 0) -> None:
        """A name asked for, and a connection to it."""
        rng, at, uid = self.rng, ts.timestamp(), self.uid("C")
        server = f"192.0.2.{200 + sum(name.encode()) % 50}"
        orig = (person.address, rng.randint(49_200, 65_000))
        self.rows["dns"].append((
            at - 0.08, self.uid("C"), *orig, "10.61.4.2", 53, "udp", rng.getrandbits(16), name, "A", 0, "NOERROR",
            server, "120.000000",
        ))  # fmt: skip
        up, down = rng.randint(700, 8000) + down // 16, down or rng.randint(3000, 300_000)
        self.rows["conn"].append((
            at, uid, *orig, server, 443, "tcp", "ssl", f"{rng.uniform(0.5, 60):.6f}", up, down, "SF", "T", "F", 0,
            "ShADadFf", 9 + up // 1000, up + 500, 12 + down // 1000, down + 700,
        ))  # fmt: skip
        self.rows["ssl"].append((
            at + 0.02, uid, *orig, server, 443, "TLSv13", "TLS_AES_128_GCM_SHA256", name, "F", "T",
        ))  # fmt: skip

    def write(self, folder: Path, first: float = 0.0, last: float = 1e12) -> None:
        """Write what began between two times."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in self.rows.items():
            some = sorted(row for row in rows if first <= row[0] < last)
            fields = "\t".join(FIELDS[name].split())
            head = f"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{name}\n"
            lines = "".join("\t".join((f"{row[0]:.6f}", *map(str, row[1:]))) + "\n" for row in some)
            if some:
                (folder / f"{name}.log").write_text(f"{head}#fields\t{fields}\n{lines}")


def at(day: int, hour: float) -> datetime:
    """Return a time of a day, as clocks show it in the office."""
    return START + timedelta(days=day, hours=hour) - AHEAD
