"""What was learned of a site that its configuration does not say: proposed, never applied."""

from collections.abc import Iterator, Mapping, Sequence

from sensor.entities.entities import Entities

Proposal = dict[str, str]


def proposals(entities: Entities, egress: Mapping[str, Sequence[str]]) -> Iterator[Proposal]:
    """Give what could be configured: site, key, value and why.

    Args:
        entities: Who is who.
        egress: Configured public addresses by site.
    """
    identity = entities.identity
    for site, address, tally in sorted(identity.contacts.proposed(), key=lambda one: (one[0], one[1])):
        name = entities.site_name(site)
        if identity.site_of_egress(address, list(egress)) is None:
            yield {
                "site": name, "key": "egress", "value": address,
                "why": f"{tally.hits} of {tally.trials} sign-ins from it came within two minutes of a device there"
                f" contacting the identity provider, on {tally.days} days; {tally.shifted} at other times",
            }  # fmt: skip
    yield from entities.proposals()
