"""What a site tells its hub: small typed reports in event time, which the hub steps through like any other record.

A report names devices by the site's own ids and accounts by their names; what they are at the hub, the hub finds out.
`ts` is the event time at which it was told; columns are little-endian and as long as each other (`problem`). Written
as arrays (msgpack): a later release may only add fields at the end of a Struct. The site is never read from a report:
whoever reads an envelope sets it. Not here: how reports are gathered, and what becomes of them.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from sensor.model.evidence import Finding
from sensor.model.fleet import SiteHealth
from sensor.model.fleet_part import FleetPart, FleetPool, pool_problem
from sensor.model.order import Outcome, Wanted
from sensor.model.site_packet import Kind

REPORTS_MAX = 65_536
"""Reports of one packet."""
CELLS_MAX = 65_536
"""Rows of one report's columns: a packet has 256 KiB."""
DEVICES_MAX = 65_535
ID_BYTES = 6
MINUTES_MAX = 1440
TEXT_MAX = 4096
"""Characters of a name in a report."""
ABSENT = 0x80
"""Bit of `Present.flags`: the device opened nothing at the site in that slot (an agent tells of it)."""


class _Report(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    ts: int
    site: str = ""
    input: int = 0
    offset: int = 0


class Sighting(_Report, frozen=True, kw_only=True, array_like=True, tag="s"):
    """A device as the site knows it: told when it is new, when that changed, and once a week."""

    device: str
    aliases: tuple[str, ...] = ()
    """Ids of devices that turned out to be this one."""
    macs: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """Those it has now."""
    names: tuple[tuple[str, str], ...] = ()
    """(hostname, who gave it), the latest first."""
    agents: dict[str, str] = {}
    """Its id in other products, by source."""
    location: str = "on_prem"
    role: str | None = None
    shared: str | None = None
    """Why many people or machines stand behind it."""
    is_router: bool = False
    confirmed: bool = True
    first_ns: int = 0
    last_ns: int = 0
    flows: int = 0
    progress: float = 0.0
    """How far its 24 h of history are."""


class Linked(_Report, frozen=True, kw_only=True, array_like=True, tag="l"):
    """An account's link to a device or address, as the site has counted it so far."""

    account: str
    of: str
    """One of `sensor.model.account.KINDS`."""
    kind: str
    """One of `sensor.model.account.LINK_KINDS`."""
    device: str = ""
    address: str = ""
    first_ns: int
    last_ns: int
    count: int
    days: int
    forms: tuple[str, ...] = ()
    """Other spellings of the account."""
    ids: tuple[str, ...] = ()
    """Its ids at identity providers."""


class Lease(_Report, frozen=True, kw_only=True, array_like=True, tag="v"):
    """A device at a public address, by a VPN's lease or an agent's word."""

    device: str
    account: str = ""
    kind: str
    """vpn or agent."""
    public: str
    assigned: str = ""
    begin_ns: int
    end_ns: int


class Contact(_Report, frozen=True, kw_only=True, array_like=True, tag="c"):
    """Contacts of devices with one identity provider."""

    provider: str
    elsewhere: bool = False
    """An agent told of them: they did not come from the site."""
    devices: bytes
    """Ids, six bytes each (`written_ids`)."""
    who: bytes
    """Place in `devices`, uint16, shape (n,)."""
    before: bytes
    """How long before `ts`, in tenths of a second, uint32, shape (n,)."""


class Present(_Report, frozen=True, kw_only=True, array_like=True, tag="p"):
    """Slots of five minutes in which devices were there, and how busy (`sensor.entities.presence`)."""

    devices: bytes
    """Ids, six bytes each."""
    slot: int
    """The first."""
    who: bytes
    """Place in `devices`, uint8, shape (n,)."""
    after: bytes
    """Slots after `slot`, uint8, shape (n,)."""
    names: bytes
    """How many of 64 bits its sketch of outside addresses has set, uint8, shape (n,)."""
    flags: bytes
    """uint8, shape (n,)."""
    total: bytes
    """Bytes to and from the outside, as TOTAL_STEPS log2(1 + bytes), uint8, shape (n,)."""
    share: bytes
    """Of them to one peer beyond all others together, in SHARE_STEPS, uint8, shape (n,)."""
    peer: bytes
    """That peer, hashed, uint8, shape (k,): of the rows whose share is not 0, in order."""


TOTAL_STEPS, SHARE_STEPS = 3, 31
"""Bytes within 12 %, up to 2^85 of them in five minutes; shares within 1.6 %."""


class Covered(_Report, frozen=True, kw_only=True, array_like=True, tag="m"):
    """Minutes of which the site has records."""

    minute: int
    """The first, since 1970."""
    flows: bytes
    """A bit a minute, the lowest first, uint8, shape (n,)."""
    names: bytes
    """Minutes in which names were visible, likewise."""
    whole: int = 0
    """So many minutes from the first on have both."""


class Told(_Report, frozen=True, kw_only=True, array_like=True, tag="t"):
    """A finding that the site put into an incident or its digest; it grows under the same id."""

    finding: Finding
    """Its rows mean nothing at the hub."""
    device: str = ""
    """The subject's, or the one a sign-in came from."""
    account: str = ""


class Verdict(_Report, frozen=True, kw_only=True, array_like=True, tag="d"):
    """An incident that a person at the site closed or muted."""

    incident: str
    evidence: tuple[str, ...]
    """Ids of all that it was made of."""
    verdict: str
    reason: str = ""


class Health(_Report, frozen=True, kw_only=True, array_like=True, tag="h"):
    """What the site says of itself."""

    health: SiteHealth


class Ordered(_Report, frozen=True, kw_only=True, array_like=True, tag="o"):
    """A response that was decided at the site, for the hub's connectors."""

    wanted: Wanted


class Became(_Report, frozen=True, kw_only=True, array_like=True, tag="r"):
    """What became of an order that the hub gave the site."""

    outcome: Outcome


class Popular(_Report, frozen=True, kw_only=True, array_like=True, tag="u"):
    """How many devices of the site use each thing: what is new, or has doubled (`sensor.pipeline.fleet_telling`)."""

    devices: int
    """Of the site."""
    things: bytes
    """Digests under the fleet's key, uint64, shape (n,)."""
    users: bytes
    """Devices, uint16, shape (n,)."""


class Calibrated(_Report, frozen=True, kw_only=True, array_like=True, tag="k"):
    """How the scores of a statistic are distributed at the site."""

    pool: FleetPool


class Prior(_Report, frozen=True, kw_only=True, array_like=True, tag="f"):
    """What the hub gave this site of the fleet's things; never told by a site, and refused at a hub."""

    key: bytes
    part: FleetPart | None = None
    pool: FleetPool | None = None


AnyReport = (
    Popular
    | Prior
    | Sighting
    | Linked
    | Lease
    | Contact
    | Present
    | Covered
    | Told
    | Verdict
    | Health
    | Ordered
    | Became
    | Calibrated
)

KIND_OF: dict[type, Kind] = {
    Popular: "state", Prior: "state", Calibrated: "state",
    Told: "incidents", Verdict: "incidents", Health: "health", Sighting: "signals", Linked: "signals",
    Lease: "signals", Contact: "signals", Present: "signals", Covered: "signals", Ordered: "incidents",
    Became: "incidents",
}  # fmt: skip
"""In which kind of packet a report goes."""
_COLUMNS: dict[type, tuple[tuple[str, str], ...]] = {
    Contact: (("who", "<u2"), ("before", "<u4")),
    Present: (
        ("who", "<u1"), ("after", "<u1"), ("names", "<u1"), ("flags", "<u1"), ("total", "<u1"), ("share", "<u1"),
    ),
    Covered: (("flows", "<u1"), ("names", "<u1")),
    Popular: (("things", "<u8"), ("users", "<u2")),
}  # fmt: skip
_ENCODER = msgspec.msgpack.Encoder()
_DECODER: msgspec.msgpack.Decoder[list[AnyReport]] = msgspec.msgpack.Decoder(list[AnyReport])


def written_ids(devices: Sequence[str]) -> bytes:
    """Write ids of devices, each `dev-` and twelve hexadecimal digits (`sensor.entities.devices`)."""
    return bytes.fromhex("".join(one.removeprefix("dev-") for one in devices))


def read_ids(written: bytes) -> list[str]:
    """Return the ids that were written."""
    return [f"dev-{written[at : at + ID_BYTES].hex()}" for at in range(0, len(written), ID_BYTES)]


def encode(reports: Sequence[AnyReport]) -> bytes:
    """Write reports as the body of a packet."""
    return _ENCODER.encode(list(reports))


def decode(body: bytes, site: str, first: int = 0) -> list[AnyReport | str]:
    """Read the body of a packet; the reports are this site's, whatever they say.

    Args:
        body: The body.
        site: Whose it is.
        first: Place of its first report among those of its input.

    Returns:
        A report, or in its place why it cannot be taken.

    Raises:
        ValueError: It is no list of reports.
    """
    found = _DECODER.decode(body)
    if len(found) > REPORTS_MAX:
        raise ValueError(f"more than {REPORTS_MAX} reports in a packet")
    return [
        problem(one, site) or msgspec.structs.replace(one, site=site, input=0, offset=first + at)
        for at, one in enumerate(found)
    ]


def problem(report: AnyReport, site: str) -> str | None:
    """Say in a word why a report of a site cannot be taken; None where it can."""
    if not 0 <= report.ts < 1 << 62:
        return "bad_time"
    if isinstance(report, Told):
        return None if report.finding.evidence.site == site else "not_its_own"
    if isinstance(report, Prior):
        return "not_its_own"
    if isinstance(report, Calibrated):
        return pool_problem(report.pool)
    columns = _COLUMNS.get(type(report))
    if columns is None:
        return None
    held = [np.frombuffer(getattr(report, name), np.uint8) for name, _ in columns]
    sizes = [len(one) / np.dtype(of).itemsize for one, (_, of) in zip(held, columns, strict=True)]
    if len(set(sizes)) != 1 or not sizes[0].is_integer() or sizes[0] > CELLS_MAX:
        return "bad_columns"
    if isinstance(report, Popular) and not 0 <= report.devices < 1 << 31:
        return "bad_columns"
    if isinstance(report, Covered):
        fits = sizes[0] * 8 <= MINUTES_MAX and 0 <= report.whole <= MINUTES_MAX and 0 <= report.minute < 1 << 31
        return None if fits else "bad_columns"
    return _unfit(report) if isinstance(report, Contact | Present) else None


def _unfit(report: Contact | Present) -> str | None:
    """Say what is wrong with columns that name devices by their place."""
    who = np.frombuffer(report.who, "<u2" if isinstance(report, Contact) else "<u1")
    count, rest = divmod(len(report.devices), ID_BYTES)
    if rest or count > DEVICES_MAX or (len(who) and int(who.max()) >= count):
        return "bad_columns"
    if isinstance(report, Contact):
        return None
    share = np.frombuffer(report.share, np.uint8)
    fits = (
        int(share.max(initial=0)) <= SHARE_STEPS
        and len(report.peer) == int((share > 0).sum())
        and 0 < report.slot < (1 << 31) - 256
    )
    return None if fits and int(np.frombuffer(report.names, np.uint8).max(initial=0)) <= 64 else "bad_columns"
