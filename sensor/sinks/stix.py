"""Incidents as STIX 2.1 bundles, one file an incident in a folder, always its latest version.

A bundle holds the incident, its techniques (attack-pattern), the sightings of them with what was observed (addresses,
domains, accounts), the devices it is about (identity), a note of the evidence, and a grouping of it all
(https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html). Ids are UUIDv5, so that the same thing has the same id
in every version; cyber observables by the standard's own rule (§2.9). A file is replaced whole. Nothing here is an
indicator: that an address was part of an incident does not make it one.
"""

import ipaddress
import os
import re
import uuid
from collections.abc import Sequence
from pathlib import Path

import msgspec

from sensor.errors import Malformed
from sensor.model.incident import Incident, Party
from sensor.model.sink import Delivery, Fit, Options, page_of
from sensor.model.techniques import technique_name
from sensor.model.text import clean
from sensor.model.times import parse, rfc3339

OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")
"""The standard's namespace of cyber observables (§2.9)."""
OURS = uuid.uuid5(uuid.NAMESPACE_URL, "https://spanline.example/stix")
"""Of everything else."""
ALWAYS = "2020-01-01T00:00:00.000Z"
"""When what is the same object in every bundle was made: it must not change."""
_FILE_NAME = re.compile(r"[A-Za-z0-9-]{1,80}")
Table = dict[str, object]


class Settings(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the folder."""

    path: str = ""
    keep: int = 10_000
    """Files that are kept, the latest written; a file is some 10 kB."""


def problem(settings: Settings) -> str | None:
    """Say what will not do about the options, None where nothing."""
    if not settings.path:
        return 'needs path = "…", the folder to write into'
    return "keep must be above 0" if settings.keep < 1 else None


def build(settings: Settings, fit: Fit) -> "Stix":  # noqa: ARG001 - needs no secret
    """Make the sink."""
    return Stix(settings)


class Stix:
    """One folder."""

    most, repeat_s = 32, 0.0

    def __init__(self, settings: Settings) -> None:
        self._settings, self._folder = settings, Path(settings.path)

    def send(self, deliveries: Sequence[Delivery], now_ns: int) -> list[str]:
        """Write each; on disk when this returns. Raises OSError, Malformed."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for one in deliveries:
            if not _FILE_NAME.fullmatch(one.incident.id):
                raise Malformed(f"{one.incident.id!r} is no name for a file")
            made = bundle(one.incident, one.id, now_ns, page_of(self._settings.console_url, one.incident.id))
            _replace(self._folder / f"{one.incident.id}.json", msgspec.json.encode(made))
        self._thin()
        return [one.id for one in deliveries]

    def probe(self) -> str:
        """Write and remove a file. Raises OSError."""
        self._folder.mkdir(parents=True, exist_ok=True)
        _replace(self._folder / ".probe", b"")
        (self._folder / ".probe").unlink()
        return f"{self._settings.path} can be written"

    def close(self) -> None:
        """Nothing is open."""

    def _thin(self) -> None:
        """Remove the oldest files beyond what is kept."""
        held = sorted(self._folder.glob("INC-*.json"), key=lambda one: (one.stat().st_mtime_ns, one.name))
        for one in held[: max(0, len(held) - self._settings.keep)]:
            one.unlink()


def bundle(incident: Incident, version: str, now_ns: int, page: str = "") -> Table:
    """Return an incident as a bundle.

    Args:
        incident: The incident.
        version: Id of this version of it, of which the bundle's is made.
        now_ns: When it is written, ns since 1970: a later version is modified later.
        page: Its page on the console, empty where it is not known.
    """
    made_at, at = rfc3339(min(parse(incident.opened), now_ns)), rfc3339(now_ns)
    sensor = _object("identity", "sensor", ALWAYS, ALWAYS, name="Spanline", identity_class="system")
    common: Table = {"created_by_ref": sensor["id"]}
    case = _object(
        "incident", incident.id, made_at, at, **common, name=clean(incident.title), description=clean(incident.summary),
        labels=[incident.tier, incident.state, *([f"verdict-{incident.verdict}"] if incident.verdict else [])],
        external_references=[
            {"source_name": "spanline", "external_id": incident.id, **({"url": page} if page else {})}
        ],
    )  # fmt: skip
    note = _object(
        "note", f"{incident.id} evidence", made_at, at, **common, abstract=clean(incident.title),
        content="\n".join(f"{one.db:+.1f} dB: {clean(one.text)}" for one in incident.evidence) or "no evidence",
        object_refs=[case["id"]],
    )  # fmt: skip
    held = [case, note, *_devices(incident, at, common), *_seen(incident, sensor, made_at, at)]
    held = list({str(one["id"]): one for one in held}.values())
    grouping = _object(
        "grouping", incident.id, made_at, at, **common, context="suspicious-activity", name=clean(incident.title),
        object_refs=[one["id"] for one in held],
    )  # fmt: skip
    return {"type": "bundle", "id": f"bundle--{uuid.uuid5(OURS, version)}", "objects": [sensor, *held, grouping]}


def _devices(incident: Incident, at: str, common: Table) -> list[Table]:
    return [
        _object("identity", f"device {one.id}", ALWAYS, at, **common, name=clean(one.name), identity_class="system")
        for one in incident.entities
        if one.kind == "device"
    ]


def _seen(incident: Incident, sensor: Table, made_at: str, at: str) -> list[Table]:
    """Return what was observed, the techniques, and that they were sighted in it."""
    common: Table = {"created_by_ref": sensor["id"]}
    seen = [one for party in incident.entities if (one := _observable(party)) is not None]
    patterns = [_pattern(one) for one in incident.techniques]
    observed = _observed(incident, made_at, at, list(dict.fromkeys(str(one["id"]) for one in seen)), common)
    sightings = [
        _object(
            "sighting", f"{incident.id} {one['name']}", made_at, at, **common, sighting_of_ref=one["id"],
            where_sighted_refs=[sensor["id"]], **({"observed_data_refs": [observed[0]["id"]]} if observed else {}),
        )
        for one in patterns
    ]  # fmt: skip
    return [*patterns, *seen, *observed, *sightings]


def _object(kind: str, key: str, created: str, modified: str, /, **more: object) -> Table:
    return {
        "type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.uuid5(OURS, f'{kind} {key}')}", "created": created,
        "modified": modified, **more,
    }  # fmt: skip


def _pattern(technique: str) -> Table:
    """Name a technique."""
    page = f"https://attack.mitre.org/techniques/{technique.replace('.', '/')}/"
    return _object(
        "attack-pattern", technique, ALWAYS, ALWAYS, name=technique_name(technique),
        external_references=[{"source_name": "mitre-attack", "external_id": technique, "url": page}],
    )  # fmt: skip


def _observed(incident: Incident, made_at: str, at: str, seen: list[str], common: Table) -> list[Table]:
    if not seen:
        return []
    times = sorted([one.ts for one in incident.evidence] or [incident.opened])
    return [
        _object(
            "observed-data", incident.id, made_at, at, **common, first_observed=times[0], last_observed=times[-1],
            number_observed=max(1, len(incident.evidence)), object_refs=seen,
        )
    ]  # fmt: skip


def _observable(one: Party) -> Table | None:
    """Return an entity as a cyber observable; None where it is none."""
    if one.kind == "account":
        return _cyber("user-account", {"account_login": clean(one.name)})
    if one.kind == "domain":
        return _cyber("domain-name", {"value": clean(one.name)})
    if one.kind != "address":
        return None
    try:
        address = ipaddress.ip_address(one.id)
    except ValueError:
        return None
    return _cyber(f"ipv{address.version}-addr", {"value": str(address)})


def _cyber(kind: str, properties: dict[str, str]) -> Table:
    named = msgspec.json.encode(properties, order="sorted").decode()
    return {"type": kind, "spec_version": "2.1", "id": f"{kind}--{uuid.uuid5(OBSERVABLES, named)}", **properties}


def _replace(path: Path, text: bytes) -> None:
    """Write a file whole or not at all; on disk when this returns."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
