"""What was learned of a site that its configuration does not say: proposed, never applied."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from sensor.entities.entities import Entities
from sensor.model import addresses

Proposal = dict[str, str]
"""site, key, value and why; without key where the configuration has none for it, and it is only worth knowing."""


def proposals(entities: Entities, egress: Mapping[str, Sequence[str]]) -> Iterator[Proposal]:
    """Give what could be configured.

    Args:
        entities: Who is who.
        egress: Configured public addresses by site.
    """
    yield from _egress(entities, list(egress))
    for site, prefixes in entities.places.learned.items():
        for prefix in prefixes:
            why = "advertised by a router as on its link"
            yield {"site": site, "key": "local_networks", "value": prefix, "why": why}
    for number, network, hosts in entities.places.speaking():
        why = f"at least {hosts} hosts speak ARP there"
        yield {"site": entities.site_name(number), "key": "local_networks", "value": _prefix(network), "why": why}
    pools = Counter((site, lo >> 8) for site, hi, lo in _tunnelled(entities) if addresses.is_v4(hi, lo))
    for (number, network), count in sorted(pools.items()):
        why = f"{count} addresses of VPN leases"
        yield {"site": entities.site_name(number), "value": _prefix(network), "why": why}


def _egress(entities: Entities, configured: list[str]) -> Iterator[Proposal]:
    identity = entities.identity
    for site, address, tally in sorted(identity.contacts.proposed(), key=lambda one: (one[0], one[1])):
        if identity.site_of_egress(address, configured) is None:
            yield {
                "site": entities.site_name(site), "key": "egress", "value": address,
                "why": f"{tally.hits} of {tally.trials} sign-ins from it came within two minutes of a device there"
                f" contacting the identity provider, on {tally.days} days; {tally.shifted} at other times",
            }  # fmt: skip


def _tunnelled(entities: Entities) -> list[list[int]]:
    """Return [site, hi, lo] of each address that a tunnel was the last to have."""
    known = entities.devices.map
    keys: list[list[int]] = known.columns["keys"][: len(known)][known.columns["tunnel"][: len(known)] == 1].tolist()
    return keys


def _prefix(network: int) -> str:
    """Write the first 24 bits of an IPv4 address as a network."""
    return addresses.text(0, addresses.V4_PREFIX | network << 8) + "/24"
