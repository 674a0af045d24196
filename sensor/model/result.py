"""What `replay --json` prints: one document over all inputs of a run."""

import msgspec

from sensor.model.evidence import Evidence
from sensor.model.incident import Incident
from sensor.model.indicator import IndicatorResult


class InputResult(msgspec.Struct, frozen=True, kw_only=True):
    """One input's account: records = accepted + duplicates + sum(rejected), exactly."""

    path: str
    site: str
    format: str
    records: int
    bytes: int
    accepted: int
    late: int
    duplicates: int
    rejected: dict[str, int]
    error: str | None = None
    """Why nothing of it, or nothing after some point, could be read."""
    warnings: tuple[str, ...] = ()
    """What its reader says about it as a whole: a NIC's offload, a cut tail."""


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a detector could judge: `state` is judged, learning or no_input."""

    detector: str
    state: str
    why: str


class ClockSkew(msgspec.Struct, frozen=True, kw_only=True):
    """How far a log's clock was found to be from the network's: it is compensated where what it tells is compared."""

    source: str
    site: str | None
    """Whose packets it was compared with; None where that is any site's."""
    ahead_s: float
    measured_on: int
    """Sign-ins or connections that both saw."""


class Visible(msgspec.Struct, frozen=True, kw_only=True):
    """What could be seen at all: it bounds every conclusion."""

    both_directions: bool
    two_way_share: float
    dns: bool
    local_hosts: int
    outside_hosts: int
    span_s: float
    older_than_state: bool
    text: str


class ReplayResult(msgspec.Struct, frozen=True, kw_only=True):
    """The whole answer. `incidents` holds page and triage, most urgent first; `digest` the rest."""

    version: int
    inputs: tuple[InputResult, ...]
    packets: int
    flows: int
    events: int
    signins: int
    first_ts: str | None
    last_ts: str | None
    devices: int
    accounts: int
    incidents: tuple[Incident, ...]
    digest: tuple[Incident, ...]
    unusual: tuple[Evidence, ...]
    coverage: tuple[Coverage, ...]
    elapsed_s: float
    visible: Visible | None = None
    clocks: tuple[ClockSkew, ...] = ()
    """Of every log that shares enough with the network to tell; 0 where it is right."""
    indicators: tuple[IndicatorResult, ...] = ()
    """What came of each list that was given."""
