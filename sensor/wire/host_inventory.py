"""What a document in the Elastic Common Schema says of the host that its agent runs on: addresses, MACs, system, side.

https://www.elastic.co/docs/reference/ecs/ecs-host. The host is the agent's: where events are collected for others
(Windows event forwarding), whether it is the event's own machine is for the caller to check.
"""

from sensor.wire.details import present
from sensor.wire.fields import Fields, read_address
from sensor.wire.macs import read_mac

ADDRESSES_MAX = 64
"""Addresses of one host that are kept: a container host may list hundreds."""
_NOT_OWN = ("127.", "169.254.", "fe80:")
"""Loopback (RFC 1122 §3.2.1.3) and link-local addresses (RFC 3927, RFC 4291 §2.5.6), which every host has."""


def addresses(record: Fields) -> list[str]:
    """Return all addresses of the host in their usual form, loopback ones among them."""
    found = (read_address(text)[0] for text in record.texts("host.ip")[:ADDRESSES_MAX])
    return [one for one in found if one is not None]


def inventory(record: Fields) -> dict[str, object]:
    """Return `addresses`, `macs` and `os_version` as an event's detail has them, where the document names any."""
    own = [one for one in addresses(record) if one != "::1" and not one.startswith(_NOT_OWN)]
    macs = [read_mac(text) for text in record.texts("host.mac")[:ADDRESSES_MAX]]
    version = record.text("host.os.full")
    if version is None:
        version = " ".join(filter(None, (record.text("host.os.name"), record.text("host.os.version"))))
    return present(addresses=own, macs=[mac for mac in macs if mac is not None], os_version=version)


def initiated(record: Fields) -> bool | None:
    """Tell whether the host opened the document's connection; None where it does not say."""
    return _DIRECTIONS.get((record.text("network.direction") or "").lower())


_DIRECTIONS = {"egress": True, "outbound": True, "ingress": False, "inbound": False}
"""https://www.elastic.co/docs/reference/ecs/ecs-network#field-network-direction; the other words name no side."""
