"""Who is in the story: people with their laptops, phones, homes, hours and habits, drawn from a seed.

Nobody here exists. Names of web sites are of the TLD `example` (RFC 2606); only the identity providers have their own,
because being known by name is what they are looked for.
"""

import random
from dataclasses import dataclass, field

from story.places import CARRIERS, HOMES, SITE_NETWORKS, Place

DOMAIN = "example.com.au"
REALM = "EXAMPLE.COM.AU"
TENANT_ID = "5a0c2f4e-7d1b-4b8e-9c3a-2f6d1e8b7a90"
_FIRST = """
Amelia Arjun Bronwyn Caleb Chloe Dimitri Elena Farid Freya Gordon Hana Hugo Imogen Isaac Jasmine Jonas Keira Kofi
Lachlan Leila Mateo Mei Nadia Nikhil Olive Oscar Petra Quentin Rosa Ruben Saskia Simon Tahlia Tomas Uma Victor Wanda
Wei Yara Zane Ada Bao Cyrus Dalia Emre Fiona Gita Henrik Ines Jude Kemal Lotte Marek Noor Otis Pia Rafi Sunita Theo
Vera
"""
_LAST = """
Abbott Baker Castellano Dang Eriksen Farrell Gupta Hartmann Ibrahim Jansen Kowalski Laurent Mercer Nakamura Okafor
Petrov Quigley Rossi Sandoval Tran Ueda Varga Whitlock Xu Yilmaz Zeller Ashworth Brennan Cho Delgado Engel Fonseca
Greer Haddad Iyer Jovanovic Keller Lindgren Moreau Novak Oliveira Park Reyes Schuster Tanaka Underwood Vance Walsh
Young Zhou Adler Boyd Crane Dixon Ellis Frost Gale Hobbs Irwin Judd
"""
TEAMS = ("Finance", "Sales", "Engineering", "People", "Operations", "Legal")
_WORDS = """
amber birch cedar delta ember fjord grove harbor indigo juniper kelp lunar maple nimbus ocean pixel quartz river
summit tidal umbra velvet willow xenon yonder zephyr atlas beacon cobalt drift echo flint glade haven iris jade karma
lotus merit north
"""
_TRADES = (
    "news shop travel weather forum maps docs video bank sport food games music learn jobs health house cars photo wiki"
)
BACKGROUND = (
    "telemetry.osvendor.example", "push.mailclient.example", "signatures.antivirus.example", "sync.filestore.example",
    "updates.browser.example", "time.osvendor.example", "presence.chat.example", "crl.certs.example",
)  # fmt: skip
"""What a laptop asks when nobody touches it."""
OFFICE = ("outlook.officesuite.example", "files.officesuite.example", "chat.officesuite.example")
_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
_CHROME = _WINDOWS + " Chrome/{}.0.0.0 Safari/537.36"
_EDGE = _CHROME + " Edg/{}.0.0.0"
MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/{} "
    "Safari/605.1.15"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 "
    "Mobile/15E148 Safari/604.1"
)
ANDROID = (
    "Mozilla/5.0 (Linux; Android 15; SM-S931B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Mobile "
    "Safari/537.36"
)


@dataclass(eq=False)
class Device:
    """A laptop, phone or tablet as the network and the identity provider know it."""

    name: str
    mac: str
    os: str
    agent: str
    browser: str
    entra_id: str = ""
    is_handheld: bool = False
    session: str = ""

    @property
    def is_managed(self) -> bool:
        """Whether the identity provider knows it."""
        return bool(self.entra_id)


@dataclass(eq=False)
class Person:
    """One employee."""

    first: str
    last: str
    upn: str
    user_id: str
    site: str
    team: str
    laptop: Device
    phone: Device
    home: Place
    arrives: float
    """Usual hour of local time; `leaves` too."""
    leaves: float
    office_days: frozenset[int]
    favourites: list[str]
    ip: str
    """Address of the laptop at its site; `tunnel_ip` in the VPN."""
    tunnel_ip: str
    has_vpn: bool
    is_docked: bool = False
    """The laptop stays in the office, switched on, day and night."""
    first_day: int = 0
    folders: list[str] = field(default_factory=list)

    @property
    def display(self) -> str:
        """Name as a person writes it."""
        return f"{self.first} {self.last}"

    @property
    def sam(self) -> str:
        """Name before the @."""
        return self.upn.partition("@")[0]


def guid(rng: random.Random) -> str:
    """Draw a GUID."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-4{text[13:16]}-a{text[17:20]}-{text[20:]}"


def websites(rng: random.Random, count: int = 700) -> list[str]:
    """Draw names of web sites, the most popular first."""
    words, trades = _WORDS.split(), _TRADES.split()
    every = [f"{host}.{one}{two}.example" for one in words for two in trades for host in ("www", "cdn")]
    return rng.sample(every, count)


def people(rng: random.Random, count: int, sites: tuple[str, ...], names: list[str]) -> list[Person]:
    """Draw the staff: two thirds at the first site.

    Args:
        rng: Where chance comes from.
        count: How many.
        sites: Names of sites.
        names: Web sites, from which each gets favourites.
    """
    first, last = _FIRST.split(), _LAST.split()
    rng.shuffle(first)
    rng.shuffle(last)
    found = []
    for number in range(count):
        site = sites[0] if len(sites) == 1 or number % 3 < 2 else sites[1]
        found.append(_person(rng, number, first[number % len(first)], last[number % len(last)], site, names))
    return found


def _person(rng: random.Random, number: int, first: str, last: str, site: str, names: list[str]) -> Person:
    home = rng.choice(HOMES[site])
    here = SITE_NETWORKS[site]
    in_office = frozenset(rng.sample(range(5), rng.choice((3, 4, 4, 5, 5))))
    return Person(
        first=first,
        last=last,
        upn=f"{first}.{last}@{DOMAIN}".lower(),
        user_id=guid(rng),
        site=site,
        team=TEAMS[number % len(TEAMS)],
        laptop=laptop(rng, site, number),
        phone=phone(rng, first),
        home=Place(home.address(rng, 0.3), home),
        arrives=rng.uniform(7.6, 9.4),
        leaves=rng.uniform(16.4, 18.2),
        office_days=in_office,
        favourites=rng.sample(names[:80], 12) + rng.sample(names, 24),
        ip=f"{here}.20.{number + 11}",
        tunnel_ip=f"{here}.200.{number + 11}",
        has_vpn=rng.random() < 0.35,
        folders=rng.sample(["Projects", "Suppliers", "Board", "Travel", "Invoices", "Personal"], 2),
    )


def laptop(rng: random.Random, site: str, number: int, *, is_managed: bool | None = None) -> Device:
    """Draw a laptop; most are known to the identity provider."""
    version = rng.choice((131, 132, 133))
    kind = rng.random()
    agent, browser, system = (
        (_EDGE.format(version, version), f"Edge {version}.0.0", "Windows 11") if kind < 0.55
        else (_CHROME.format(version), f"Chrome {version}.0.0", "Windows 11") if kind < 0.85
        else (MAC.format(rng.choice(("17.6", "18.3"))), "Safari 18.3", "MacOs")
    )  # fmt: skip
    managed = rng.random() < 0.75 if is_managed is None else is_managed
    return Device(
        name=f"{site}-LT-{200 + number * 7 + rng.randrange(7):04d}",
        mac="3c:18:a0:" + ":".join(f"{rng.randrange(256):02x}" for _ in range(3)), os=system, agent=agent,
        browser=browser, entra_id=guid(rng) if managed else "", session=guid(rng),
    )  # fmt: skip


def phone(rng: random.Random, owner: str) -> Device:
    """Draw a phone; hardly any is enrolled, and its MAC is random."""
    is_apple = rng.random() < 0.6
    mac = f"{rng.choice((0x1A, 0x2E, 0x76, 0xD2)):02x}:" + ":".join(f"{rng.randrange(256):02x}" for _ in range(5))
    return Device(
        name="iPhone" if is_apple else f"{owner}-s-Galaxy-S25", mac=mac, os="Ios 18.3" if is_apple else "Android 15",
        agent=IPHONE if is_apple else ANDROID, browser="Mobile Safari" if is_apple else "Chrome Mobile 133.0.0",
        entra_id=guid(rng) if rng.random() < 0.15 else "", is_handheld=True, session=guid(rng),
    )  # fmt: skip


def on_carrier(rng: random.Random, person: Person) -> Place:
    """Draw where a person's phone is when it is on its carrier: another address nearly each time."""
    carrier = CARRIERS[person.site]
    return Place(carrier.address(rng, 0.5), carrier)
