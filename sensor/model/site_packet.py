"""What goes from a site to the hub: packets of reports, as they are gathered, and in their envelopes.

A packet is what one commit has to say of one kind; its body means nothing here. An envelope is a packet with its place
in the order of its site: who said it, and what was said before.
"""

from collections.abc import Collection, Sequence
from typing import Literal

import msgspec

Kind = Literal["incidents", "signals", "health", "state", "flows"]
KINDS: tuple[Kind, ...] = ("incidents", "signals", "health", "state", "flows")
"""The most valuable first, but for the newest health. An envelope names one by its place here: only add at the end."""
PACKET_MAX = 256 << 10
"""Bytes of a packet's body: a message of NATS is best of 64–256 KiB, and a site is a few of these a minute."""
SITE_MAX = 64
"""Bytes of a site's name."""


class Packet(msgspec.Struct, frozen=True):
    """What one commit has to say of one kind."""

    kind: Kind
    first_ns: int
    """Event time of the oldest it holds."""
    last_ns: int
    body: bytes
    """msgpack of its reports, PACKET_MAX at most."""


class Envelope(msgspec.Struct, frozen=True):
    """A packet with its place in the order of its site."""

    site: str
    epoch: int
    """Which life of the site's program wrote it, at random: a site that is put back from a backup uses its numbers
    again, and never an epoch."""
    sequence: int
    """From 1 on, a site, over all epochs."""
    began: int
    """The last sequence before this epoch."""
    previous: int
    """The last one before this that the site has not dropped; 0 where it holds nothing older."""
    kind: Kind
    first_ns: int
    last_ns: int
    raw_bytes: int
    """Of the body, unpacked."""
    body: bytes
    """The packet's, packed by zstandard."""


def problem(site: str) -> str | None:
    """Say why this cannot be a site's name in an envelope; None where it can."""
    if not site or len(site.encode(errors="replace")) > SITE_MAX:
        return f"a site's name has 1 to {SITE_MAX} bytes"
    return (
        None if site.isprintable() and not set(site) & set("=/") else "a site's name is printable, without '=' or '/'"
    )


def fleet_problem(site: str, sites: Collection[str], sources: Sequence[str], sinks: Sequence[str]) -> str | None:
    """Say what will not do about a hub or a site of it; None where nothing.

    Args:
        site: Name of what is configured.
        sites: Names of the other sites of the configuration.
        sources: Types of its sources.
        sinks: Types of its sinks.
    """
    if sinks.count("site") > 1:
        return "a site has one hub: one sink of type site"
    if sources.count("site") > 1:
        return "a hub has one source of type site"
    if "site" in sources and not sites:
        return "a source of type site needs the sites that may send: [sites.NAME], a table each, which may be empty"
    for name in (site,) if "site" in sinks else sites if "site" in sources else ():
        wrong = problem(name)
        if wrong is not None:
            return f"site {name!r}: {wrong}"
    return None
