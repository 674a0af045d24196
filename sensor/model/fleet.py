"""A site as the hub knows it: what the site says of itself, how it is heard, and what to look at first."""

import msgspec

from sensor.model.times import HOUR_NS

SILENT_NS = 900 * 10**9
"""A site is silent after this: the alert on it and the dashboards have the same 15 minutes (prometheus/, grafana/)."""
RISKS_MAX = 50
"""As many ranks as `spanline_risk_db` has."""
SITES_MAX = 4096
"""As many as coverage is kept of (`sensor.entities.coverage`)."""
META = "site:"
"""Begin of the keys of the state's `meta` under which rows are kept."""


class SourceHealth(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of source at a site; several of a kind are one."""

    source: str
    up: bool
    lag_s: float = 0.0
    """Event time behind the newest of any source."""
    records: int = 0
    """In the six hours before; so with `dropped`."""
    dropped: int = 0


class StatisticHealth(msgspec.Struct, frozen=True, kw_only=True):
    """How often a statistic's p fell below alpha over how often it should have."""

    statistic: str
    alpha: float
    ratio: float


class SiteHealth(msgspec.Struct, frozen=True, kw_only=True):
    """What a site says of itself. Counts are as they stand, but those of sources."""

    version: str = ""
    sources: tuple[SourceHealth, ...] = ()
    devices: dict[str, int] = {}
    """By learning state; so with `accounts`."""
    accounts: dict[str, int] = {}
    incidents: dict[str, int] = {}
    """Open ones, by tier."""
    risks: tuple[float, ...] = ()
    """Decibans of the riskiest devices, the highest first, RISKS_MAX at most."""
    budget: dict[str, float] = {}
    """Incidents that reached a tier today over the day's ceiling, by tier."""
    calibration: tuple[StatisticHealth, ...] = ()
    """Of statistics that know it."""
    saturation: dict[str, float] = {}
    """Share of a bounded table in use, of those more than half full."""


class SiteLink(msgspec.Struct, frozen=True, kw_only=True):
    """The way from a site to the hub."""

    have: int = 0
    """Sequence up to which everything came, or will never come."""
    waiting: int = 0
    """Envelopes stored and not stepped yet."""
    missing: tuple[tuple[int, int], ...] = ()
    """Sequences, first and last, behind which others came already."""
    lost: int = 0
    """Envelopes that the site gave up, for its spool was full."""
    duplicates: int = 0
    received_ns: int = 0
    """Time of day at the hub when the last envelope was stored; 0 before any."""
    skew_ns: int | None = None
    """How far the site's clock is ahead of the hub's; None where it cannot be known."""
    skew_error_ns: int = 0
    """By how much that may be wrong at most."""
    shift_ns: int = 0
    """By how much the times of what it tells are moved for that."""
    one_way: bool = False
    """It comes in bundles: nothing that the hub gives reaches the site."""


VERDICTS_HELD_NS = 7 * HOUR_NS
"""So late may what a site tells change the verdict on a sign-in (`sensor.entities.waitlist`)."""


class SiteRow(msgspec.Struct, frozen=True, kw_only=True):
    """Everything of one site, as the state holds it."""

    site: str
    heard_ns: int = 0
    """Event time of its newest record or report; 0 before any."""
    health_ns: int = 0
    """Event time of what it last said of itself."""
    health: SiteHealth | None = None
    """None of a site whose records this process reads itself."""
    link: SiteLink | None = None


class SiteView(msgspec.Struct, frozen=True, kw_only=True):
    """One site as it is shown. What a site that is read here does not say of itself is counted in the state."""

    site: str
    state: str
    """heard; behind: it is heard, and what it tells is old; silent; never"""
    look: tuple[str, ...]
    """What to look at, the most urgent first; empty where all is well."""
    last_heard: str | None
    """Event time."""
    silent_since: str | None = None
    silent_s: float = 0.0
    lag_s: float = 0.0
    """Time since its newest record."""
    version: str = ""
    reported: str | None = None
    """When it last said how it is, event time."""
    incidents: dict[str, int]
    """Open ones at the hub of which it is a site, by tier."""
    risk_db: float = 0.0
    devices: dict[str, int]
    accounts: dict[str, int]
    sources: tuple[SourceHealth, ...] = ()
    budget: dict[str, float] = {}
    calibration_off: tuple[StatisticHealth, ...] = ()
    nearly_full: dict[str, float] = {}
    link: SiteLink | None = None

    @property
    def sources_down(self) -> tuple[str, ...]:
        """Return the kinds of source that cannot be read."""
        return tuple(one.source for one in self.sources if not one.up)

    @property
    def dropped(self) -> int:
        """Return how many records were not accepted in the six hours before it last said how it is."""
        return sum(one.dropped for one in self.sources)
