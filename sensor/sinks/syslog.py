r"""Incidents as CEF (ArcSight Common Event Format, revision 25) over syslog.

`CEF:0|Spanline|Spanline|<version>|<family>|<title>|<severity>|…`: severity 10 for a page, 6 for triage, 3 for digest.
`externalId` is the incident's id and `cs1` the version's, by which a SIEM knows what came twice; `cs2` links to the
incident. In the header `|` and `\` are escaped, in values `=` and `\`; control characters are shown as `\\n`, so that
a message is one line whatever a hostname holds.
"""

from collections.abc import Sequence

import sensor
from sensor.model.addresses import is_address
from sensor.model.incident import Incident
from sensor.model.sink import Delivery, Fit, page_of
from sensor.model.text import clean
from sensor.model.times import parse
from sensor.wire import deliver_syslog
from sensor.wire.deliver_syslog import Line, SyslogSettings

SEVERITIES = {"page": (10, 2), "triage": (6, 4), "digest": (3, 5)}
"""CEF's (0–10), and syslog's: critical, warning, notice."""
TITLE_MAX, VALUE_MAX = 512, 1023
"""Of the name and of `msg`, by the format's dictionary."""


class Settings(SyslogSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the receiver."""


problem = deliver_syslog.problem


def build(settings: Settings, fit: Fit) -> "Syslog":  # noqa: ARG001 - needs no secret
    """Make the sink."""
    return Syslog(settings)


class Syslog:
    """One receiver."""

    most, repeat_s = 1, 0.0

    def __init__(self, settings: Settings) -> None:
        self._settings, self._line = settings, Line(settings)

    def send(self, deliveries: Sequence[Delivery], now_ns: int) -> list[str]:
        """Send one by one. Raises OSError."""
        for one in deliveries:
            severity = SEVERITIES[one.incident.tier][1]
            before = deliver_syslog.header(self._settings.facility, severity, now_ns, "incident")
            self._line.send(before + cef(one.incident, one.id, page_of(self._settings.console_url, one.incident.id)))
        return [one.id for one in deliveries]

    def probe(self) -> str:
        """Connect. Raises OSError."""
        self._line.open()
        answers = "was looked up (UDP does not answer)" if self._settings.transport == "udp" else "takes connections"
        return f"{self._settings.address} {answers}"

    def close(self) -> None:
        """Close the connection."""
        self._line.close()


def cef(incident: Incident, version: str, page: str = "") -> str:
    """Return an incident as one line of CEF.

    Args:
        incident: The incident.
        version: Id of this version of it.
        page: Its page on the console, empty where it is not known.
    """
    family = incident.evidence[0].family if incident.evidence else "unknown"
    head = "|".join(
        _in_header(text)
        for text in (
            "Spanline", "Spanline", sensor.__version__, family, clean(incident.title, TITLE_MAX),
            str(SEVERITIES[incident.tier][0]),
        )
    )  # fmt: skip
    pairs = {
        "externalId": incident.id, "rt": _ms(incident.last_activity), "start": _ms(incident.opened),
        "end": _ms(incident.last_activity), "cat": incident.tier, "outcome": incident.verdict or incident.state,
        "dvchost": ", ".join(incident.sites), **_parties(incident), "msg": incident.summary,
        "cs1Label": "delivery", "cs1": version, "cs2Label": "page", "cs2": page, "cs3Label": "techniques",
        "cs3": ", ".join(incident.techniques), "cs4Label": "checkFirst", "cs4": incident.next_check,
        "cs5Label": "evidence", "cs5": " | ".join(one.text for one in incident.evidence), "cfp1Label": "scoreDb",
        "cfp1": f"{incident.score_db:.1f}", "reason": incident.reason or "",
    }  # fmt: skip
    return f"CEF:0|{head}|" + " ".join(f"{name}={_in_value(text)}" for name, text in pairs.items() if text)


def _parties(incident: Incident) -> dict[str, str]:
    """Return the first subject and peer of each kind under the format's names."""
    found: dict[str, str] = {}
    for one in incident.entities:
        name = {
            ("device", "subject"): "shost", ("account", "subject"): "suser", ("device", "peer"): "dhost",
            ("domain", "peer"): "dhost", ("account", "peer"): "duser", ("address", "subject"): "src",
            ("address", "peer"): "dst",
        }.get((one.kind, one.role))  # fmt: skip
        if name is not None and (name not in {"src", "dst"} or is_address(one.id)):
            found.setdefault(name, one.id if name in {"src", "dst"} else one.name)
    return found


def _ms(moment: str) -> str:
    return str(parse(moment) // 1_000_000)


def _in_header(text: str) -> str:
    return clean(text).replace("\\", "\\\\").replace("|", "\\|")


def _in_value(text: str) -> str:
    return clean(text, VALUE_MAX).replace("\\", "\\\\").replace("=", "\\=")
