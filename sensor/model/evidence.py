"""Evidence: one number that is unusual, how unusual, for whom, against what, and the records behind it.

The JSON of these Structs is the program's outside: fields may be added, none renamed or dropped.
"""

import msgspec

KINDS = ("device", "account", "address", "domain", "service", "site")
"""What an entity can be."""

CHANNELS = ("now", "accumulation", "identity", "drift")
STAGES = ("entry", "network", "act")
"""Entry: place, pressure, spray. Network: contradicted. Act: rule, files, mailbox, administration."""
MARKS = (
    "denied",  # prompts that the user refused
    "success",  # the sign-in succeeded
    "success_after_denial",  # at least two refused prompts from that address before, or from a rare place
    "rare_place",  # p < .05 on network, country or agent
    "known_device",  # its device id was known on at least three earlier days
    "hides",  # a mail rule that keeps mail from its owner's eyes
    "forwards",  # a rule, transport rule or mailbox setting that sends mail on
    "mass_access",  # many files or messages in one session
    "sprayed_success",  # success at a source that sprayed the account
    "clicked",  # a link in a message that is phishing
    "supported",  # the network saw the sign-in
    "contradicted",  # the network saw the account's device elsewhere
    "repeated",  # a value that is evidence once an incident and does not restart its days
    "context",  # tells the story, weighs nothing and opens nothing
    "reported",  # a site told of it: its records are in that site's archive
    "taken_back",  # the evidence of this id is withdrawn; its text says why
)
FORWARDING = "(forwarding)"
"""Stands for a rule's name where a mailbox itself sends all its mail on."""
RECORDS_MAX = 16
"""An evidence names at most this many records; its text says how many there were."""


class Entity(msgspec.Struct, frozen=True, kw_only=True):
    """Whom an evidence is about. `kind` is one of KINDS."""

    kind: str
    id: str


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where to find one record again: its input, and its flow uid, row or packet ordinal (0-based)."""

    input: str
    uid: str | None = None
    row: int | None = None
    offset: int | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. `db` is in decibans: 10 log10 of the e-value that `p` calibrates to."""

    id: str
    ts: str
    site: str
    entity: Entity
    detector: str
    family: str
    source: str
    """network, identity, endpoint or email"""
    observed: float
    expected: float | None
    range: tuple[float, float] | None
    """Usual low and high of `observed`."""
    reference: str
    """own, peers, fleet, reference tail or analytic: what the number was held against."""
    reference_n: int
    p: float
    db: float
    text: str
    records: tuple[Record, ...] = ()
    model: str = ""
    """Name and version of the computation, by which `explain --verify` repeats it."""
    basis: dict[str, float] = msgspec.field(default_factory=dict)
    """The numbers `observed`, `p` and `db` follow from."""
    channel: str = "now"
    """One of CHANNELS: each has its own share of the alert budget."""
    stage: str = ""
    """Of an account's takeover: one of STAGES, empty where it is none."""
    keys: tuple[str, ...] = ()
    """What ties it to other evidence, as `kind:value`: address, session, device (an id), message, object, source."""
    marks: tuple[str, ...] = ()
    """Facts that sequences are made of, of MARKS."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a detector hands to the incidents: evidence, and what linking needs to know of it."""

    evidence: Evidence
    device: int
    """Row of the subject in the device table, -1 where the subject is no device."""
    account: int = -1
    """Row of the subject in the accounts, -1 where the subject is no account."""
    name: str
    """The subject's name for a person."""
    techniques: tuple[str, ...] = ()
    peers: tuple["Peer", ...] = ()
    opens: bool = False
    """It has an analytic null or a measured rate, and may start an incident by itself."""
    digest: bool = False
    """Worth one row in the digest even where it opens nothing."""
    slow: bool = False
    """Of days, against the peers' days: it may start an incident where its channel has a threshold."""
    counter: tuple[str, ...] = ()
    """What speaks against it."""
    check: str = ""
    """The cheapest next check."""


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """The other side of a finding."""

    kind: str
    id: str
    name: str
    site: str | None = None
