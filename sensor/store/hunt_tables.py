"""Tables of the state as a hunt sees them: one row an incident, evidence, device, account or sign-in.

What has no column of its own is in `body`, the whole as JSON, as the command line prints it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from sensor.model.account import Account, SignIn
from sensor.model.device import Device
from sensor.model.evidence import Evidence
from sensor.model.incident import Incident
from sensor.store.state import State

Columns = Mapping[str, tuple[str, str]]
Row = dict[str, Any]

_BODY = {"body": ("text", "The whole as JSON")}
INCIDENTS: Columns = {
    "id": ("text", "Incident"),
    "state": ("text", "open, closed or expired"),
    "verdict": ("text", "true, benign or duplicate, where it is closed"),
    "tier": ("text", "page, triage or digest"),
    "site": ("text", "First site"),
    "opened": ("timestamp", "When it was opened, event time"),
    "last_activity": ("timestamp", "Its last evidence, event time"),
    "score_db": ("double", "Decibans of its evidence"),
    "p": ("double", "How rare it is"),
    "title": ("text", "One line"),
    "summary": ("text", "What happened, how unusual, for whom, against what"),
    "subject_kind": ("text", "device, account, address, domain, service or site"),
    "subject_id": ("text", "Id of its subject; a device's is that of `flows.orig_device`"),
    "subject_name": ("text", "Name of its subject"),
    "peers": ("text[]", "Names of the others"),
    "techniques": ("text[]", "ATT&CK ids"),
    "evidence_count": ("int64", "Evidence in it"),
    "next_check": ("text", "The cheapest next check"),
    **_BODY,
}
EVIDENCE: Columns = {
    "id": ("text", "Evidence"),
    "incident": ("text", "Incident it is part of"),
    "ts": ("timestamp", "End of the step of event time that it was last judged in"),
    "site": ("text", "Site"),
    "entity_kind": ("text", "Whom it is about: device, account, address, domain, service or site"),
    "entity_id": ("text", "Id of whom it is about"),
    "detector": ("text", "Who judged"),
    "family": ("text", "Kind of behaviour"),
    "source": ("text", "network, identity, endpoint or email"),
    "observed": ("double", "The number that was seen"),
    "expected": ("double", "The number that is usual"),
    "reference": ("text", "What it was held against"),
    "reference_n": ("int64", "How much of that there was"),
    "p": ("double", "How often so much is seen where nothing is wrong"),
    "db": ("double", "Its weight in decibans"),
    "model": ("text", "The computation"),
    "basis": ("text", "The numbers it follows from, as JSON"),
    "text": ("text", "One sentence with the numbers"),
    "uids": ("text[]", "Flows behind it, at most 16: `flows.uid`"),
    **_BODY,
}
DEVICES: Columns = {
    "id": ("text", "Device, as in `flows.orig_device`"),
    "site": ("text", "Site it was first seen at"),
    "sites": ("text[]", "Sites it was seen at"),
    "name": ("text", "Host name as seen, else an address"),
    "macs": ("text[]", "MACs"),
    "addresses": ("text[]", "Addresses"),
    "location": ("text", "on_prem, remote or both"),
    "vendor": ("text", "Maker by the MAC"),
    "role": ("text", "What it is, where that is clear"),
    "accounts": ("text[]", "Accounts linked to it"),
    "first_seen": ("timestamp", "First record"),
    "last_seen": ("timestamp", "Last record"),
    "flows": ("int64", "Flows it took part in"),
    "learning": ("text", "learning, ready or stale"),
    "risk_db": ("double", "Decibans of its open incidents"),
    **_BODY,
}
ACCOUNTS: Columns = {
    "name": ("text", "Account, as in `events.account`"),
    "kind": ("text", "user, machine or service"),
    "names": ("text[]", "Other spellings"),
    "ids": ("text[]", "Ids of identity providers"),
    "sites": ("text[]", "Sites it was seen at"),
    "sources": ("text[]", "Logs that told of it"),
    "devices": ("text[]", "Devices linked to it"),
    "first_seen": ("timestamp", "First record"),
    "last_seen": ("timestamp", "Last record"),
    "sightings": ("int64", "Records of it"),
    **_BODY,
}
SIGNINS: Columns = {
    "id": ("text", "Sign-in"),
    "ts": ("timestamp", "When"),
    "account": ("text", "Account"),
    "source": ("text", "Log that told of it first"),
    "sources": ("text[]", "Logs that told of it"),
    "ip": ("text", "Where it came from"),
    "country": ("text", "Country"),
    "city": ("text", "City"),
    "asn": ("int64", "Network of the address"),
    "site": ("text", "Site whose network it came from"),
    "app": ("text", "Application"),
    "result": ("text", "success, failure or interrupt"),
    "reason_code": ("text", "The source's code for why"),
    "reason": ("text", "Why"),
    "mfa": ("text", "satisfied, denied, timed_out, none or unknown"),
    "device": ("text", "Device it came from"),
    "user_agent": ("text", "Agent"),
    "corroboration": ("text", "supported, unsupported, contradicted or unknown"),
    "because": ("text", "Why the network says so"),
    "session_id": ("text", "Session"),
    "correlation_id": ("text", "What ties records of one act together"),
    "category": ("text", "interactive, non_interactive, service_principal or managed_identity"),
    "raw_id": ("text", "First record's own id"),
    **_BODY,
}
STATE_TABLES: Mapping[str, Columns] = {
    "incidents": INCIDENTS,
    "evidence": EVIDENCE,
    "devices": DEVICES,
    "accounts": ACCOUNTS,
    "signins": SIGNINS,
}
"""Table → column → (type, meaning)."""


def rows_of(table: str, state: State) -> list[Row]:
    """Return a table's rows; a value that is not said here is the field of its name."""
    return list(_READERS[table](state))


def _incidents(state: State) -> Iterator[Row]:
    for one in state.incidents(digest=True):
        subject = next((party for party in one.entities if party.role == "subject"), None)
        yield _row(INCIDENTS, one) | {
            "site": one.sites[0] if one.sites else None,
            "subject_kind": subject.kind if subject else None,
            "subject_id": subject.id if subject else None,
            "subject_name": subject.name if subject else None,
            "peers": [party.name for party in one.entities if party.role == "peer"],
            "evidence_count": len(one.evidence),
        }


def _evidence(state: State) -> Iterator[Row]:
    for incident in state.incidents(digest=True):
        for one in incident.evidence:
            yield _row(EVIDENCE, one) | {
                "incident": incident.id,
                "entity_kind": one.entity.kind,
                "entity_id": one.entity.id,
                "basis": msgspec.json.encode(one.basis).decode(),
                "uids": [record.uid for record in one.records if record.uid],
            }


def _devices(state: State) -> Iterator[Row]:
    for one in state.devices():
        yield _row(DEVICES, one) | {"learning": one.learning.state}


def _accounts(state: State) -> Iterator[Row]:
    for one in state.accounts():
        yield _row(ACCOUNTS, one)


def _signins(state: State) -> Iterator[Row]:
    for one in state.signins():
        yield _row(SIGNINS, one)


def _row(columns: Columns, one: Incident | Evidence | Device | Account | SignIn) -> Row:
    made: Row = {}
    for name, (kind, _) in columns.items():
        value = getattr(one, name, None)
        if kind.endswith("[]"):
            value = list(value or ())
        made[name] = (value or None) if kind == "timestamp" else value
    made["body"] = msgspec.json.encode(one).decode()
    return made


_READERS: Mapping[str, Callable[[State], Iterator[Row]]] = {
    "incidents": _incidents,
    "evidence": _evidence,
    "devices": _devices,
    "accounts": _accounts,
    "signins": _signins,
}
