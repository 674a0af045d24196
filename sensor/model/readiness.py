"""What an operator can show of monitoring, logging, retention and incident handling, and which controls ask for it."""

import msgspec

SHOWN, PARTLY, NOT_SHOWN = "shown", "partly", "not shown"
"""What the store holds for a control. Whether that is enough is an auditor's to judge."""


class Control(msgspec.Struct, frozen=True):
    """One control: framework, id, what it asks for in our words, and the capability that answers it."""

    framework: str
    id: str
    asks: str
    capability: str


def amount(size_bytes: float) -> str:
    """Write bytes with a decimal prefix."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g} TB"


CSF, SR, ECC, OTCC = "NIST CSF 2.0", "IEC 62443-3-3", "NCA ECC-2:2024", "NCA OTCC-1:2022"
CONTROLS = (
    Control(CSF, "ID.AM-01", "an inventory of hardware", "assets"),
    Control(CSF, "ID.AM-03", "network communication and data flows are known", "flows"),
    Control(CSF, "PR.PS-04", "log records are made and available for monitoring", "logs"),
    Control(CSF, "DE.CM-01", "networks are monitored", "network"),
    Control(CSF, "DE.CM-03", "personnel activity is monitored", "identity"),
    Control(CSF, "DE.CM-06", "external service providers are monitored", "identity"),
    Control(CSF, "DE.CM-09", "hardware, software and runtime environments are monitored", "endpoint"),
    Control(CSF, "DE.AE-02", "potentially adverse events are analysed", "analysis"),
    Control(CSF, "DE.AE-03", "information of several sources is correlated", "correlation"),
    Control(CSF, "DE.AE-06", "those who need to know are told", "delivery"),
    Control(CSF, "DE.AE-07", "threat intelligence is part of the analysis", "intelligence"),
    Control(CSF, "DE.AE-08", "incidents are declared by criteria", "incidents"),
    Control(CSF, "RS.MA-02", "incident reports are triaged", "verdicts"),
    Control(CSF, "RS.AN-03", "what took place is established", "analysis"),
    Control(CSF, "RS.AN-06", "actions are recorded, and the record cannot be changed unseen", "actions"),
    Control(CSF, "RS.AN-07", "incident data are kept with their integrity", "integrity"),
    Control(CSF, "RS.MI-01", "incidents are contained", "containment"),
    Control(SR, "SR 2.8", "auditable events are recorded", "logs"),
    Control(SR, "SR 2.9", "room for audit records", "retention"),
    Control(SR, "SR 3.9", "audit information is protected", "integrity"),
    Control(SR, "SR 6.1", "audit logs can be read by those who may", "retention"),
    Control(SR, "SR 6.2", "the system is monitored all the time", "network"),
    Control(SR, "SR 7.8", "an inventory of components", "assets"),
    Control(ECC, "2-1", "assets are known", "assets"),
    Control(ECC, "2-12-3", "events are logged and monitored", "network"),
    Control(ECC, "2-12-3", "logs are kept for 12 months", "year"),
    Control(ECC, "2-13-3", "incidents are classified and handled", "verdicts"),
    Control(OTCC, "2-1", "assets of industrial systems are known", "industrial assets"),
    Control(OTCC, "2-11", "events of industrial systems are logged and monitored", "industrial"),
    Control(OTCC, "2-12", "incidents are classified and handled", "verdicts"),
)
"""NIST CSF 2.0 (NIST CSWP 29); IEC 62443-3-3:2013; NCA ECC-2:2024 and OTCC-1:2022, by control or subdomain."""


class Capability(msgspec.Struct, frozen=True, kw_only=True):
    """What answers controls: one of SHOWN, PARTLY, NOT_SHOWN, and the figures that say so."""

    name: str
    state: str
    figures: str


class LogSource(msgspec.Struct, frozen=True, kw_only=True):
    """What one kind of source gave for a site within the period."""

    site: str
    source: str
    records: int
    first: str
    last: str
    days: int
    """Different days with a record."""


class SiteAssets(msgspec.Struct, frozen=True, kw_only=True):
    """Devices of a site."""

    site: str
    devices: int
    ready: int
    """With a baseline."""
    roles: dict[str, int]
    last_heard: str | None


class BudgetDay(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents of page and triage that were opened at a site on a day (UTC), and the ceiling."""

    site: str
    day: str
    opened: int
    ceiling: float


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """How often a statistic's p fell below alpha over how often it should have."""

    statistic: str
    alpha: float
    ratio: float


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """The report. All figures are from the store but `minutes_per_question`, an assumption that is shown as one."""

    since: str
    until: str
    sites: tuple[SiteAssets, ...]
    sources: tuple[LogSource, ...]
    accounts: int
    capabilities: tuple[Capability, ...]
    incidents: dict[str, int]
    """By tier."""
    verdicts: dict[str, int]
    """true, benign, duplicate, expired, open"""
    questions: int
    minutes_per_question: float
    actions: dict[str, int]
    """By what became of them."""
    budget: tuple[BudgetDay, ...]
    calibration: tuple[Ratio, ...]
    techniques: dict[str, int]
    """ATT&CK technique → incidents."""
    kept_days: float
    kept_bytes: int
    whole_since: str | None
    """Time from which on every record is kept; None where nothing was ever left out."""

    @property
    def hours_saved(self) -> float:
        """Return how long somebody would have asked those questions, by the assumption."""
        return self.questions * self.minutes_per_question / 60.0

    def state_of(self, capability: str) -> Capability:
        """Return a capability."""
        return next(one for one in self.capabilities if one.name == capability)
