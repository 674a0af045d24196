"""Networks of the story and where they are: sites, homes, carriers, hotels, relays, and those the intruder came from.

Addresses are of RFC 5737 and RFC 3849, AS numbers of RFC 5398. Three /24 are all the IPv4 there is, so a network has a
range of one of them, and some networks have IPv6 as well.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Network:
    """A network as an identity provider knows it."""

    asn: int
    country: str
    city: str
    state: str
    latitude: float
    longitude: float
    prefix: str
    low: int
    high: int
    prefix6: str = ""

    def address(self, rng: random.Random, share6: float = 0.0) -> str:
        """Draw one of its addresses, of IPv6 with a chance of `share6`."""
        if self.prefix6 and rng.random() < share6:
            parts = [rng.randrange(1, 0xFFFF) for _ in range(3)]
            return f"{self.prefix6}:{parts[0]:x}:{parts[1]:x}::{parts[2]:x}"
        return f"{self.prefix}.{rng.randint(self.low, self.high)}"


@dataclass(frozen=True)
class Place:
    """One address of a network, as a sign-in shows it."""

    ip: str
    network: Network


SYDNEY = ("AU", "Sydney", "New South Wales", -33.87, 151.21)
PERTH = ("AU", "Perth", "Western Australia", -31.95, 115.86)
DOC1, DOC2, DOC3 = "192.0.2", "198.51.100", "203.0.113"

EGRESS = {
    "SYD": Place(f"{DOC3}.10", Network(64496, *SYDNEY, DOC3, 10, 10)),
    "PER": Place(f"{DOC3}.20", Network(64497, *PERTH, DOC3, 20, 20)),
}
SECOND_PROVIDER = Place(f"{DOC2}.10", Network(64498, "AU", "Melbourne", "Victoria", -37.81, 144.96, DOC2, 10, 10))
"""Where Sydney leaves while its usual provider is down; registered in another city, as such lines often are."""
HOMES = {
    "SYD": (
        Network(64500, *SYDNEY, DOC3, 64, 94, "2001:db8:a000"),
        Network(64501, *SYDNEY, DOC2, 64, 94, "2001:db8:a100"),
    ),
    "PER": (
        Network(64500, *PERTH, DOC3, 95, 126, "2001:db8:a800"),
        Network(64501, *PERTH, DOC2, 95, 126, "2001:db8:a900"),
    ),
}
CARRIERS = {
    "SYD": Network(64502, *SYDNEY, DOC2, 128, 159, "2001:db8:c000"),
    "PER": Network(64502, *PERTH, DOC2, 160, 175, "2001:db8:c800"),
}
HOTELS = (
    Network(64503, "NZ", "Auckland", "Auckland", -36.85, 174.76, DOC1, 130, 139, "2001:db8:b100"),
    Network(64504, "SG", "Singapore", "", 1.35, 103.82, DOC1, 140, 149, "2001:db8:b200"),
    Network(64505, "JP", "Tokyo", "Tokyo", 35.68, 139.69, DOC1, 150, 159, "2001:db8:b300"),
    Network(64506, "GB", "London", "England", 51.51, -0.13, DOC1, 160, 169, "2001:db8:b400"),
    Network(64507, "ID", "Denpasar", "Bali", -8.65, 115.22, DOC1, 170, 179, "2001:db8:b500"),
    Network(64508, "US", "Denver", "Colorado", 39.74, -104.99, DOC1, 180, 189, "2001:db8:b600"),
    Network(64509, "FR", "Lyon", "Rhone", 45.76, 4.84, DOC1, 190, 199, "2001:db8:b700"),
)
AIRPORTS = Network(64510, "SG", "Singapore", "", 1.36, 103.99, DOC1, 200, 209)
RELAY = Network(65536, "US", "San Jose", "California", 37.34, -121.89, DOC1, 210, 219, "2001:db8:ea00")
"""What a phone's privacy relay shows to the world."""
BROWSER_VPN = Network(65537, "NL", "Amsterdam", "North Holland", 52.37, 4.9, DOC3, 140, 149)
INTRUDER = {
    0: (
        Network(65540, "US", "Dallas", "Texas", 32.78, -96.8, DOC3, 200, 203),
        Network(65540, "US", "Chicago", "Illinois", 41.88, -87.63, DOC3, 204, 207),
    ),
    2: (
        Network(65541, "DE", "Frankfurt am Main", "Hesse", 50.11, 8.68, DOC2, 210, 213),
        Network(65541, "DE", "Nuremberg", "Bavaria", 49.45, 11.08, DOC2, 214, 217),
    ),
    3: (
        Network(65542, "RO", "Bucharest", "Bucuresti", 44.43, 26.1, DOC3, 230, 233),
        Network(65542, "PL", "Warsaw", "Mazowieckie", 52.23, 21.01, DOC3, 234, 237),
    ),
    8: (
        Network(65543, "US", "Ashburn", "Virginia", 39.04, -77.49, DOC2, 240, 243),
        Network(65543, "CA", "Montreal", "Quebec", 45.5, -73.57, DOC2, 244, 247),
    ),
}
"""By day of the attack: the network in the first variant and in the second."""
SERVICE_ADDRESS = "2001:db8:365::a1"
"""Where Microsoft's own services act from on a mailbox: nobody's place."""
SITE_NETWORKS = {"SYD": "10.10", "PER": "10.20"}
