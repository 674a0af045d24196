"""Incidents as OCSF Detection Findings (class 2004), as lines of JSON in a file or by POST to an address.

Schema 1.5.0 (https://schema.ocsf.io/1.5.0/classes/detection_finding). A finding is created, updated and closed under
one `finding_info.uid`, the incident's id; `metadata.uid` is the version's own, by which what came twice is known. Each
evidence is an artifact with its numbers in `data`; entities are `resources`, and what can be looked for, `observables`.
Text of the network has its control characters escaped.
"""

from collections.abc import Sequence
from pathlib import Path

import msgspec

import sensor
from sensor.model.addresses import is_address
from sensor.model.evidence import Evidence
from sensor.model.incident import Incident, Party
from sensor.model.sink import Delivery, Fit, page_of
from sensor.model.techniques import technique_name
from sensor.model.text import clean
from sensor.model.times import parse
from sensor.wire import deliver_http
from sensor.wire.deliver_http import HttpSettings, Target
from sensor.wire.json_lines_file import JsonLinesFile

SCHEMA = "1.5.0"
CATEGORY, CLASS = 2, 2004
CREATED, UPDATED, CLOSED = 1, 2, 3
SEVERITIES = {"page": (4, "High"), "triage": (3, "Medium"), "digest": (2, "Low")}
STATUSES = {"true": (4, "Resolved"), "benign": (3, "Suppressed")}
"""By verdict; any other end is 99, Other, in our own word."""
STATISTICAL = 3
"""Kind of analytic."""
HOSTNAME, ADDRESS, USER_NAME, UID, OTHER = 1, 2, 4, 10, 99
"""Kinds of observables."""
OBSERVABLES = {"device": HOSTNAME, "account": USER_NAME, "domain": HOSTNAME, "address": ADDRESS}
Table = dict[str, object]


class Settings(HttpSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options: a file (`path`) or an address (`url`)."""

    path: str = ""
    rotate_bytes: int = 100_000_000
    """Size at which the file is put aside as FILE.1 and a new one begins."""
    keep: int = 5
    """Files put aside that are kept."""


def problem(settings: Settings) -> str | None:
    """Say what will not do about the options, None where nothing."""
    if bool(settings.path) == bool(settings.url):
        return 'needs path = "…" or url = "https://…", one of them'
    if min(settings.rotate_bytes, settings.keep) < 1:
        return "rotate_bytes and keep must be above 0"
    return deliver_http.problem(settings) if settings.url else None


def build(settings: Settings, fit: Fit) -> "Ocsf":
    """Make the sink."""
    return Ocsf(settings, fit)


class Ocsf:
    """One file, or one address."""

    repeat_s = 0.0

    def __init__(self, settings: Settings, fit: Fit) -> None:
        self._settings = settings
        self._target = Target(settings, fit) if settings.url else None
        self._file: JsonLinesFile | None = None
        self.most = 1 if settings.url else 32

    def send(self, deliveries: Sequence[Delivery], now_ns: int) -> list[str]:  # noqa: ARG002
        """Append, or send one by one. Raises OSError, Malformed, Permanent."""
        lines = [
            (one.id, msgspec.json.encode(finding(one.incident, one.id, self._page(one), is_new=one.before is None)))
            for one in deliveries
        ]
        if self._target is not None:
            for _, body in lines:
                self._target.post(self._settings.url, body)
        else:
            self._opened().append(lines)
        return [one.id for one in deliveries]

    def probe(self) -> str:
        """Reach the address, or open the file. Raises OSError, Permanent."""
        if self._target is None:
            self._opened()
            return f"{self._settings.path} can be written"
        status = self._target.get(self._settings.url, accept=deliver_http.REFUSES_A_GET)
        return f"{self._settings.url} answers ({status} to a GET)"

    def close(self) -> None:
        """Close the connection, or the file."""
        if self._target is not None:
            self._target.close()
        if self._file is not None:
            self._file.close()

    def _opened(self) -> JsonLinesFile:
        if self._file is None:
            held = self._settings
            self._file = JsonLinesFile(Path(held.path), held.rotate_bytes, held.keep, _key_of)
        return self._file

    def _page(self, one: Delivery) -> str:
        return page_of(self._settings.console_url, one.incident.id)


class _Metadata(msgspec.Struct):
    uid: str


class _Line(msgspec.Struct):
    metadata: _Metadata


def _key_of(line: bytes) -> str | None:
    try:
        return msgspec.json.decode(line, type=_Line).metadata.uid
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def finding(incident: Incident, uid: str, page: str = "", *, is_new: bool = True) -> Table:
    """Return an incident as a Detection Finding.

    Args:
        incident: The incident.
        uid: The version's own id.
        page: Its page on the console, empty where it is not known.
        is_new: The receiver does not have it yet.
    """
    activity = CLOSED if incident.state != "open" else CREATED if is_new else UPDATED
    status = (1, "New") if incident.state == "open" else STATUSES.get(incident.verdict or "", (99, incident.state))
    severity = SEVERITIES[incident.tier]
    return {
        "activity_id": activity, "activity_name": ("Create", "Update", "Close")[activity - 1],
        "category_uid": CATEGORY, "category_name": "Findings", "class_uid": CLASS, "class_name": "Detection Finding",
        "type_uid": CLASS * 100 + activity, "time": _ms(incident.opened), "start_time": _first_ms(incident),
        "end_time": _ms(incident.last_activity), "severity_id": severity[0], "severity": severity[1],
        "status_id": status[0], "status": status[1], "message": clean(incident.title),
        "metadata": {
            "version": SCHEMA, "uid": uid, "log_name": "incidents", "log_provider": "spanline",
            "product": {"name": "Spanline", "vendor_name": "Spanline", "version": sensor.__version__},
        },
        "finding_info": _info(incident, page), "resources": [_resource(one) for one in incident.entities],
        "observables": [_observable(number, one) for number, one in enumerate(incident.entities)],
        "evidences": [_artifact(one) for one in incident.evidence],
        "unmapped": {
            "sites": [clean(one) for one in incident.sites], "tier": incident.tier, "score_db": incident.score_db,
            "p": incident.p, "counter_evidence": [clean(one) for one in incident.counter_evidence],
            "check_first": clean(incident.next_check), "verdict": incident.verdict,
        },
        **({"comment": clean(incident.reason)} if incident.reason else {}),
    }  # fmt: skip


def _info(incident: Incident, page: str) -> Table:
    detectors = list(dict.fromkeys(one.detector for one in incident.evidence))
    analytics = [{"uid": one, "name": one, "type_id": STATISTICAL, "type": "Statistical"} for one in detectors]
    return {
        "uid": incident.id, "title": clean(incident.title), "desc": clean(incident.summary),
        "created_time": _ms(incident.opened), "modified_time": _ms(incident.last_activity),
        "first_seen_time": _first_ms(incident), "last_seen_time": _ms(incident.last_activity),
        "types": sorted({one.family for one in incident.evidence}),
        "data_sources": sorted({one.source for one in incident.evidence}),
        "attacks": [_attack(one) for one in incident.techniques],
        **({"analytic": analytics[0], "related_analytics": analytics[1:]} if analytics else {}),
        **({"src_url": page} if page else {}),
    }  # fmt: skip


def _attack(technique: str) -> Table:
    base = technique.partition(".")[0]
    sub = {"sub_technique": {"uid": technique, "name": technique_name(technique)}} if base != technique else {}
    return {"technique": {"uid": base, "name": technique_name(base)}, **sub}


def _resource(one: Party) -> Table:
    data = {"role": one.role, **({"site": clean(one.site)} if one.site else {})}
    return {"uid": clean(one.id), "name": clean(one.name), "type": one.kind, "data": data}


def _observable(number: int, one: Party) -> Table:
    kind = OBSERVABLES.get(one.kind, UID)
    if kind == HOSTNAME and is_address(one.name):
        kind = ADDRESS
    return {"name": f"resources[{number}].name", "type_id": kind, "value": clean(one.name)}


def _artifact(one: Evidence) -> Table:
    numbers: Table = {
        "text": clean(one.text), "ts": one.ts, "site": clean(one.site), "detector": one.detector, "family": one.family,
        "source": one.source, "observed": one.observed, "expected": one.expected, "range": one.range, "p": one.p,
        "db": one.db, "reference": one.reference, "reference_n": one.reference_n,
        "entity": {"kind": one.entity.kind, "id": clean(one.entity.id)},
    }  # fmt: skip
    return {"uid": one.id, "name": one.detector, "data": numbers}


def _ms(moment: str) -> int:
    return parse(moment) // 1_000_000


def _first_ms(incident: Incident) -> int:
    return min([_ms(one.ts) for one in incident.evidence], default=_ms(incident.opened))
