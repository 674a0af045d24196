"""Accounts, their links and their sign-ins as they are stored and shown."""

import msgspec

KINDS = ("user", "machine", "service")
LINK_KINDS = {
    "idp_device": "strong",  # the identity provider's own device id or name
    "agent": "strong",  # an endpoint agent saw the account's processes on the device
    "kerberos_as": "strong",  # RFC 4120 §3.1: a ticket was given to who knew the secret
    "kerberos_tgs": "medium",  # the name comes from the reply
    "ntlm": "strong",
    "ntlm_claim": "medium",  # whether it was accepted was not seen
    "windows_logon": "strong",  # the host's own log: 4624, 4768, 4776
    "radius": "strong",
    "vpn": "strong",
    "co_occurrence": "medium",  # contacts with the identity provider, repeated beyond chance
    "ldap_bind": "medium",
    "rdp_cookie": "weak",  # cut after nine characters by old clients
}
"""Evidence for a link → its strength."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One reason to hold an account, a device and an address together, and how often it was seen."""

    account: str
    kind: str
    """One of LINK_KINDS."""
    strength: str
    device: str | None
    device_name: str | None
    site: str | None
    address: str | None
    first: str
    last: str
    count: int
    days: int
    """Different days of event time."""
    weight: float
    """0 to 1: 1 where it is certain. A shared address or device makes every link through it weaker."""
    expires: str
    shared: bool
    evidence: str
    """Where the last one was seen: input and record."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One account. `names` are other spellings under which it was met; `ids` those of identity providers."""

    name: str
    kind: str = "user"
    """One of KINDS."""
    names: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    links: tuple[Link, ...] = ()
    first_seen: str
    last_seen: str
    sightings: int


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict that later records changed."""

    ts: str
    from_: str = msgspec.field(name="from")
    to: str
    because: str


class SignIn(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in to a SaaS tenant, from whatever logs told of it. Its JSON is the program's outside."""

    ts: str
    account: str
    source: str
    ip: str | None
    country: str | None
    asn: int | None
    app: str | None
    result: str
    reason_code: str | None
    reason: str | None
    mfa: str
    device: str | None
    corroboration: str = "unknown"
    because: str = ""
    revisions: tuple[Revision, ...] = ()
    raw_id: str | None = None
    id: str = ""
    """Stable: a digest of the first record's source and id."""
    sources: tuple[str, ...] = ()
    raw_ids: tuple[str, ...] = ()
    """Of every record that told of it."""
    site: str | None = None
    city: str | None = None
    user_agent: str | None = None
    correlation_id: str | None = None
    session_id: str | None = None
    category: str | None = None
    """interactive, non_interactive, service_principal or managed_identity, where the source says so"""


class SignInSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A sign-in that began or changed in a tick, as detectors see it. One sign-in is seen again under the same id."""

    row: SignIn
    account: int
    """Row of its account, −1 where there is none."""
    device: int
    """Row of the device it came from, −1 where none is known."""
    site: int
    """Number of the site whose log told of it."""
    ts: int
    """ns"""
    begun: bool
    """It was not seen before."""
    revised: bool = False
    """Only the network's verdict changed."""
