"""What the state holds, a page at a time: of ten thousand incidents only those that are shown are read whole.

For one request of a reader beside the process that learns, over a connection of its own that can write nothing. A
reader of some sites alone is given what has to do with one of them.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

import msgspec

from sensor.model.account import SignIn
from sensor.model.device import Device
from sensor.model.fleet import META, SiteRow
from sensor.model.incident import TIERS, Incident
from sensor.store import schema
from sensor.store.state import DATABASE

RELATED_MAX = 20
_URGENCY = (
    "state <> 'open', CASE tier " + " ".join(f"WHEN '{tier}' THEN {at}" for at, tier in enumerate(TIERS))
    + f" ELSE {len(TIERS)} END, score_db DESC, opened, id"
)  # fmt: skip
"""As `sensor.model.incident.urgency` orders."""
_ORDERS = {"urgency": _URGENCY, "newest": "last_activity DESC, id", "opened": "opened DESC, id"}
Sites = tuple[str, ...] | None
"""Sites to which a reader is held; None for all."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which incidents are wanted; what is empty does not narrow."""

    state: str = ""
    tier: str = ""
    site: str = ""
    text: str = ""
    """Somewhere in the incident: a name, an address, a detector, an ATT&CK id. ASCII letters in either case."""
    order: str = "urgency"
    """urgency, newest or opened"""


class WantedSignIns(msgspec.Struct, frozen=True, kw_only=True):
    """Which sign-ins are wanted."""

    since: str = ""
    """RFC 3339."""
    account: str = ""
    """Part of its name."""
    verdict: str = ""
    country: str | None = None
    """None: of any; empty: of no known one."""
    result: str = ""


class InputSum(msgspec.Struct, frozen=True):
    """What was read of one format at one site."""

    site: str
    format: str
    inputs: int
    records: int
    accepted: int
    duplicates: int
    rejected: dict[str, int]


class DeviceSum(NamedTuple):
    """Some devices together."""

    devices: int
    risk_db: float
    """The highest."""
    last_seen: str


class Listing:
    """One reader's connection."""

    def __init__(self, folder: Path) -> None:
        """Open it. Raises FileNotFoundError, ValueError as `State` does."""
        if not (folder / DATABASE).is_file():
            raise FileNotFoundError(f"no state in {folder}")
        self._connection = schema.connect(folder / DATABASE, readonly=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def incidents(self, wanted: Wanted, within: Sites, limit: int, offset: int = 0) -> tuple[int, list[Incident]]:
        """Return how many incidents there are as wanted, and some of them, in the order that is wanted."""
        where, parameters = _where(wanted, within)
        found = self._connection.execute(f"SELECT count(*) FROM incidents WHERE {where}", parameters).fetchone()  # noqa: S608 - ours
        keys = self._connection.execute(
            f"SELECT id FROM incidents WHERE {where} ORDER BY {_ORDERS.get(wanted.order, _URGENCY)} LIMIT ? OFFSET ?",  # noqa: S608 - ours
            (*parameters, limit, offset),
        ).fetchall()  # their bodies are asked for one by one: sorted along, they would all be read
        return int(found[0]), [self._incident(key) for (key,) in keys]

    def _incident(self, key: str) -> Incident:
        (body,) = self._connection.execute("SELECT body FROM incidents WHERE id = ?", (key,)).fetchone()
        return msgspec.json.decode(body, type=Incident)

    def counts(self, within: Sites) -> dict[tuple[str, str, str], int]:
        """Count incidents by first site, state and tier."""
        where, parameters = _within(within)
        rows = self._connection.execute(
            f"SELECT site, state, tier, count(*) FROM incidents WHERE {where} GROUP BY 1, 2, 3",  # noqa: S608 - ours
            parameters,
        )
        return {(str(site), str(state), str(tier)): int(count) for site, state, tier, count in rows}

    def open_by_site(self) -> dict[tuple[str, str], int]:
        """Count open incidents by each site of theirs, and tier."""
        rows = self._connection.execute(
            "SELECT at.value, tier, count(*) FROM incidents, json_each(body, '$.sites') AS at WHERE state = 'open' "
            "GROUP BY 1, 2"
        )
        return {(str(site), str(tier)): int(count) for site, tier, count in rows}

    def devices_by_site(self) -> dict[tuple[str, str], DeviceSum]:
        """Sum up the devices by site and learning state."""
        rows = self._connection.execute(
            "SELECT site, json_extract(body, '$.learning.state'), count(*), max(json_extract(body, '$.risk_db')), "
            "max(json_extract(body, '$.last_seen')) FROM devices GROUP BY 1, 2"
        )
        return {(str(site), str(state)): DeviceSum(*held) for site, state, *held in rows}

    def accounts_by_site(self) -> dict[str, int]:
        """Count accounts by each site at which they were seen."""
        rows = self._connection.execute(
            "SELECT at.value, count(*) FROM accounts, json_each(body, '$.sites') AS at GROUP BY 1"
        )
        return {str(site): int(count) for site, count in rows}

    def moved(self, site: str, limit: int) -> list[Device]:
        """Return devices that were seen at a site and elsewhere, the latest first."""
        rows = self._connection.execute(
            "SELECT body FROM devices WHERE json_array_length(body, '$.sites') > 1 AND EXISTS "
            "(SELECT 1 FROM json_each(body, '$.sites') WHERE value = ?) "
            "ORDER BY json_extract(body, '$.last_seen') DESC, id LIMIT ?",
            (site, limit),
        )
        return [msgspec.json.decode(body, type=Device) for (body,) in rows]

    def related(self, incident: Incident, within: Sites) -> list[Incident]:
        """Return other incidents with evidence about the same entities, the most urgent first."""
        ids = [party.id for party in incident.entities if party.kind != "site"][:500]
        marks = ", ".join("?" * len(ids))
        where, parameters = _within(within)
        rows = self._connection.execute(
            f"SELECT body FROM incidents WHERE id <> ? AND {where} AND id IN (SELECT incident FROM evidence "  # noqa: S608 - ours
            f"WHERE entity_id IN ({marks})) ORDER BY {_URGENCY} LIMIT ?",
            (incident.id, *parameters, *ids, RELATED_MAX),
        )
        return [msgspec.json.decode(body, type=Incident) for (body,) in rows]

    def of_entity(self, ids: Sequence[str], within: Sites, limit: int) -> list[Incident]:
        """Return the incidents with evidence about an entity, under any of its ids, the latest first."""
        marks = ", ".join("?" * len(ids))
        where, parameters = _within(within)
        rows = self._connection.execute(
            f"SELECT body FROM incidents WHERE {where} AND id IN (SELECT incident FROM evidence "  # noqa: S608 - ours
            f"WHERE entity_id IN ({marks})) ORDER BY state <> 'open', last_activity DESC, id LIMIT ?",
            (*parameters, *ids, limit),
        )
        return [msgspec.json.decode(body, type=Incident) for (body,) in rows]

    def risks(self, kind: str, within: Sites) -> dict[str, float]:
        """Return the highest decibans of an open incident by entity of a kind."""
        where, parameters = _within(within)
        rows = self._connection.execute(
            "SELECT entity_id, max(score) FROM (SELECT id AS open, score_db AS score FROM incidents "  # noqa: S608 - ours
            f"WHERE state = 'open' AND {where}) JOIN evidence ON incident = open WHERE entity_kind = ? GROUP BY 1",
            (*parameters, kind),
        )
        return {str(key): float(score) for key, score in rows}

    def sites_of(self, keys: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Return the sites of incidents."""
        found = {}
        for key in dict.fromkeys(keys):
            row = self._connection.execute("SELECT json_extract(body, '$.sites') FROM incidents WHERE id = ?", (key,))
            for (sites,) in row:
                found[key] = tuple(str(site) for site in json.loads(sites))
        return found

    def signin_matrix(self, wanted: WantedSignIns, within: Sites) -> dict[tuple[str, str], int]:
        """Count sign-ins by country (empty where none is known) and verdict."""
        where, parameters = _of_signins(wanted, within)
        rows = self._connection.execute(
            "SELECT coalesce(json_extract(body, '$.country'), ''), corroboration, count(*) FROM signins "  # noqa: S608 - ours
            f"WHERE {where} GROUP BY 1, 2",
            parameters,
        )
        return {(str(country), str(verdict)): int(count) for country, verdict, count in rows}

    def signins(self, wanted: WantedSignIns, within: Sites, limit: int, offset: int = 0) -> list[SignIn]:
        """Return some of the sign-ins that are wanted, the latest first; the matrix tells how many there are."""
        where, parameters = _of_signins(wanted, within)
        rows = self._connection.execute(
            f"SELECT body FROM signins WHERE {where} ORDER BY ts DESC, id LIMIT ? OFFSET ?",  # noqa: S608 - ours
            (*parameters, limit, offset),
        )
        return [msgspec.json.decode(body, type=SignIn) for (body,) in rows]

    def last_signin(self) -> str:
        """Return the time of the latest sign-in, empty where there is none."""
        return str(self._connection.execute("SELECT coalesce(max(ts), '') FROM signins").fetchone()[0])

    def inputs(self, within: Sites) -> list[InputSum]:
        """Return what was read, by site and format; of the inputs whose accounts are kept."""
        sums: dict[tuple[str, str], list[int]] = {}
        rejected: dict[tuple[str, str], dict[str, int]] = {}
        rows = self._connection.execute("SELECT site, format, records, accepted, duplicates, rejected FROM inputs")
        for site, form, *counts, reasons in rows:
            if within is not None and site not in within:
                continue
            held = sums.setdefault((site, form), [0, 0, 0, 0])
            for at, count in enumerate((1, *counts)):
                held[at] += count
            for reason, count in json.loads(reasons).items():
                of = rejected.setdefault((site, form), {})
                of[reason] = of.get(reason, 0) + count
        return [
            InputSum(site, form, inputs, records, accepted, duplicates, rejected.get((site, form), {}))
            for (site, form), (inputs, records, accepted, duplicates) in sorted(sums.items())
        ]

    def meta(self) -> dict[str, str]:
        """Return what was stored with the last commit, but what is kept of each site."""
        rows = self._connection.execute(
            "SELECT key, value FROM meta WHERE key NOT LIKE '%key' AND substr(key, 1, ?) <> ?", (len(META), META)
        )
        return {str(key): str(value) for key, value in rows}

    def fleet(self, within: Sites) -> list[SiteRow]:
        """Return what is known of each site, by name."""
        rows = self._connection.execute(
            "SELECT value FROM meta WHERE substr(key, 1, ?) = ? ORDER BY key", (len(META), META)
        )
        found = (msgspec.json.decode(text, type=SiteRow) for (text,) in rows)
        return [row for row in found if within is None or row.site in within]

    def last_change(self) -> int:
        """Return the number of the last change of an incident, 0 before any."""
        return int(self._connection.execute("SELECT coalesce(max(number), 0) FROM outbox").fetchone()[0])


def _where(wanted: Wanted, within: Sites) -> tuple[str, list[object]]:
    where, parameters = _within(within)
    for column in ("state", "tier"):
        value = getattr(wanted, column)
        if value:
            where += f" AND {column} = ?"
            parameters.append(value)
    if wanted.site:
        more, of = _within((wanted.site,))
        where, parameters = f"{where} AND {more}", parameters + of
    if wanted.text:
        where += " AND body LIKE ? ESCAPE '\\'"
        parameters.append(_part(wanted.text))
    return where, parameters


def _within(within: Sites) -> tuple[str, list[object]]:
    """Return the condition that an incident has one of these sites."""
    if within is None:
        return "1", []
    marks = ", ".join("?" * len(within))
    return f"EXISTS (SELECT 1 FROM json_each(body, '$.sites') WHERE value IN ({marks}))", list(within)  # noqa: S608 - marks


def _of_signins(wanted: WantedSignIns, within: Sites) -> tuple[str, list[object]]:
    where, parameters = "ts >= ?", [wanted.since]
    held: list[object] = list(parameters)
    if within is not None:
        where += f" AND json_extract(body, '$.site') IN ({', '.join('?' * len(within))})"
        held += within
    if wanted.account:
        where += " AND account LIKE ? ESCAPE '\\'"
        held.append(_part(wanted.account))
    if wanted.verdict:
        where += " AND corroboration = ?"
        held.append(wanted.verdict)
    if wanted.country is not None:
        where += " AND coalesce(json_extract(body, '$.country'), '') = ?"
        held.append(wanted.country)
    if wanted.result:
        where += " AND json_extract(body, '$.result') = ?"
        held.append(wanted.result)
    return where, held


def _part(text: str) -> str:
    """Return a pattern of LIKE for a part of a text."""
    escaped = "".join(f"\\{one}" if one in "\\%_" else one for one in text)
    return f"%{escaped}%"
