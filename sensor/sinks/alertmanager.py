"""Incidents as alerts of a Prometheus Alertmanager, by its API v2.

One incident is one alert: its labels (`alertname`, `incident`, `site`, `tier`, `family`, and those configured) are its
identity and do not change while it grows; only a change of tier makes it another alert, so that it is routed anew, and
resolves the one before. Labels hold names of ours alone; whatever comes from the network is in annotations, with
control characters escaped. An open incident is sent again each `repeat_s`, with an end that lies some repeats ahead, so
that a dead sensor's alerts end by themselves; a closed or expired one is sent as ended.
https://github.com/prometheus/alertmanager/blob/v0.25.0/api/v2/openapi.yaml
"""

from collections.abc import Sequence

import msgspec

from sensor.model.incident import Incident
from sensor.model.sink import Delivery, Fit, page_of
from sensor.model.text import clean
from sensor.model.times import parse, rfc3339
from sensor.wire import deliver_http
from sensor.wire.deliver_http import HttpSettings, Target

ALERTNAME = "SpanlineIncident"
ENDS_REPEATS = 4
"""Repeats that may fail before an open alert ends: Prometheus does the same (4 × its resend delay)."""
TEXT_MAX = 2_000
"""Characters of an annotation: a mail or a chat shows no more."""
Labels = dict[str, str]


class Settings(HttpSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the Alertmanager."""

    repeat_s: int = 60
    """How often everything that is open is sent again: less than half of its `resolve_timeout`, or it resolves it."""
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    """Added to every alert, as Prometheus' external labels."""


def problem(settings: Settings) -> str | None:
    """Say what will not do about the options, None where nothing."""
    wrong = [name for name in settings.labels if not (name.isascii() and name.isidentifier()) or name in _OWN]
    if wrong:
        return f"labels: {wrong[0]!r} is no name for a label of your own"
    if settings.repeat_s < 1:
        return "repeat_s must be above 0"
    return deliver_http.problem(settings)


def build(settings: Settings, fit: Fit) -> "Alertmanager":
    """Make the sink."""
    return Alertmanager(settings, fit)


class Alertmanager:
    """One Alertmanager; of a cluster, configure each."""

    most = 32

    def __init__(self, settings: Settings, fit: Fit) -> None:
        self._settings, self._target = settings, Target(settings, fit)
        self._api = settings.url.rstrip("/") + "/api/v2"
        self.repeat_s = float(settings.repeat_s)

    def send(self, deliveries: Sequence[Delivery], now_ns: int) -> list[str]:
        """Send all in one request; notes each one's labels. Raises Malformed, Transient, Permanent."""
        alerts, notes = [], []
        for one in deliveries:
            before = msgspec.json.decode(one.before, type=Labels) if one.before else None
            labels = self._labels(one.incident, before)
            if before is not None and before != labels:
                alerts.append(self._alert(one.incident, before, now_ns, ended=True))
            alerts.append(self._alert(one.incident, labels, now_ns, ended=one.incident.state != "open"))
            notes.append(msgspec.json.encode(labels, order="sorted").decode())
        self._target.post(f"{self._api}/alerts", msgspec.json.encode(alerts))
        return notes

    def probe(self) -> str:
        """Ask for its status. Raises Transient, Permanent."""
        self._target.get(f"{self._api}/status")
        return f"{self._settings.url} answers"

    def close(self) -> None:
        """Close connections."""
        self._target.close()

    def _labels(self, incident: Incident, before: Labels | None) -> Labels:
        """Return an alert's identity: the family is the one it began with."""
        family = min(incident.evidence, key=lambda one: (one.ts, one.id)).family if incident.evidence else "unknown"
        return {
            **self._settings.labels, "alertname": ALERTNAME, "incident": incident.id,
            "site": clean(incident.sites[0]) if incident.sites else "", "tier": incident.tier,
            "family": before["family"] if before is not None else family,
        }  # fmt: skip

    def _alert(self, incident: Incident, labels: Labels, now_ns: int, *, ended: bool) -> dict[str, object]:
        begun_ns = min(parse(incident.opened), now_ns - 1_000_000)  # an end may not lie before its beginning
        lasts_ns = int(ENDS_REPEATS * self.repeat_s * 1e9)
        return {
            "labels": labels, "annotations": annotations(incident), "startsAt": rfc3339(begun_ns),
            "endsAt": rfc3339(now_ns if ended else now_ns + lasts_ns),
            "generatorURL": page_of(self._settings.console_url, incident.id),
        }  # fmt: skip


_OWN = frozenset({"alertname", "incident", "site", "tier", "family"})


def annotations(incident: Incident) -> dict[str, str]:
    """Return what a person is to read; empty texts are left out."""
    subjects = [one.name for one in incident.entities if one.role == "subject"]
    told = {
        "summary": incident.title, "description": incident.summary, "check_first": incident.next_check,
        "subjects": ", ".join(subjects), "sites": ", ".join(incident.sites),
        "techniques": ", ".join(incident.techniques),
        "score_db": f"{incident.score_db:.1f}", "state": incident.state, "verdict": incident.verdict or "",
        "evidence": " | ".join(f"{one.db:+.1f} dB: {one.text}" for one in incident.evidence[:5]),
    }  # fmt: skip
    return {name: clean(text, TEXT_MAX) for name, text in told.items() if text}
