"""Google Workspace's audit activities: one event for each entry of `events[]`.

Read: the items of the Reports API's `activities.list`
(https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list#Activity), also with one event
(an object, or its `name`, `type` and `parameters` beside `id`) as forwarders flatten them; the rows of the BigQuery
export's `activity` table; Cloud Logging's entries of the same (`protoPayload.metadata.event[]`); and the documents that
Elastic's integration makes of them (`google_workspace.*`).

An activity reports what was done, so its outcome is success unless its name or its status says otherwise.

Does not trust `id.uniqueQualifier` alone: it tells apart activities of one time and application, and no more.
"""

import hashlib
import re

import msgspec

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from sensor.wire.google_api import OFFER
from sensor.wire.google_events import NAMED, Activity, Said, outcome_of, shape

API = OFFER
"""How it is asked where it has no `path`."""

LIMIT = 1000
"""Events of one record; the Reports API writes a few, and its own pages hold 1,000. A record with more is refused."""
_ASN = re.compile(r"[0-9]{1,10}$")
"""32 bits (RFC 6793 §1)."""
_PAYLOADS = ("protoPayload", "protopayload_auditlog")
"""Where Cloud Logging, and its export to BigQuery, hold the audit log."""
_CALLERS = tuple(f"{payload}.requestMetadata.callerIp" for payload in _PAYLOADS)


def claims(record: Fields) -> bool:
    """Tell whether a record is an activity in one of the forms of the module's docstring."""
    if "#reports#activit" in (record.text("kind") or "") and record.has("id"):
        return True
    if record.has("id.applicationName") and (record.has("events") or record.has("actor") or record.has("name")):
        return True
    if record.has("event_name", "event_type", "record_type") and (record.has("time_usec") or record.has("email")):
        return True
    return _is_cloud(record) or record.has("google_workspace.event")


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read every event of the activity; none where it holds none.

    Raises:
        Malformed: `missing_time`, `bad_time`, `no_action`, `too_many_events`.
    """
    if _is_cloud(record):
        activity, said = _cloud(record)
    elif record.has("event_name", "record_type"):
        activity, said = _table_row(record)
    elif record.has("google_workspace.event"):
        activity, said = _elastic(record)
    else:
        activity, said = _reported(record)
    if not said and not record.has("events"):
        raise Malformed("no_action")
    if len(said) > LIMIT:
        raise Malformed("too_many_events")
    return [_event(activity, one) for one in said]


def _is_cloud(record: Fields) -> bool:
    return record.has("protoPayload.metadata.event") or record.has("protopayload_auditlog.metadataJson.event")


def _event(activity: Activity, said: Said) -> Event:
    form = shape(activity.application, said)
    outcome, reason = outcome_of(said, form.kind)
    return Event(
        ts=activity.ts, source="google", kind=form.kind, action=form.action or said.name, outcome=outcome,
        reason_code=reason, reason=reason, account=activity.account or fold(said.text(*NAMED)),
        account_id=activity.account_id,
        ip=activity.ip, port=activity.port, country=activity.country, asn=activity.asn, mfa=form.mfa, app=form.app,
        user_agent=said.text("user_agent"), device_id=said.device(), device_name=said.text("DEVICE_NAME"),
        session_id=said.text("session_id"), object=form.object, detail=form.detail, raw_id=_raw_id(activity, said),
    )  # fmt: skip


def _raw_id(activity: Activity, said: Said) -> str:
    """The time, the application, the qualifier, and the event itself, since one activity holds several."""
    whole = msgspec.json.encode([said.name, said.kind, said.parameters], order="deterministic", enc_hook=str)
    digest = hashlib.blake2b(whole, digest_size=8).hexdigest()
    return f"{activity.ts}/{activity.application}/{activity.qualifier or ''}/{digest}"


def _activity(record: Fields, ts: int, application: str | None, email: str | None, qualifier: str | None) -> Activity:
    ip, port = record.address("ipAddress", "ip_address", *_CALLERS, "source.ip")
    return Activity(
        ts=ts, application=(application or "").lower(), account=fold(email),
        account_id=record.text("actor.profileId", "source.user.id"), ip=ip, port=port,
        country=record.text("networkInfo.regionCode"),
        asn=next((int(text) for text in record.texts("networkInfo.ipAsn")[:1] if _ASN.match(text)), None),
        qualifier=qualifier,
    )  # fmt: skip


def _reported(record: Fields) -> tuple[Activity, list[Said]]:
    """The Reports API's item, whole or flattened."""
    ts = record.time("id.time", "time", "p_event_time")
    activity = _activity(
        record, ts, record.text("id.applicationName"), record.text("actor.email"), record.text("id.uniqueQualifier")
    )
    entries = record.each("events") if record.has("events") else [record]
    found = [(one.text("name"), one.text("type"), one.value("parameters")) for one in entries]
    return activity, [Said.of(name, kind, parameters) for name, kind, parameters in found if name]


def _table_row(record: Fields) -> tuple[Activity, list[Said]]:
    """A row of BigQuery's `activity` table: the application's own parameters are a column named after it."""
    application = record.text("record_type")
    ts = record.time("time_usec")
    activity = _activity(record, ts, application, record.text("email"), record.text("unique_identifier"))
    name = record.text("event_name")
    own = record.part(application or "").raw
    return activity, [Said.of(name, record.text("event_type"), own)] if name else []


def _cloud(record: Fields) -> tuple[Activity, list[Said]]:
    """Cloud Logging's entry of an audit log that Workspace shares with Google Cloud."""
    payload = record.part(*_PAYLOADS)
    service = (payload.text("serviceName") or "").partition(".")[0]
    email = payload.text("authenticationInfo.principalEmail")
    activity = _activity(record, record.time("timestamp"), service, email, record.text("insertId"))
    found = [
        (one.text("eventName"), one.text("eventType"), one.value("parameter"))
        for one in payload.each("metadata.event", "metadataJson.event")
    ]
    return activity, [Said.of(name, kind, parameters) for name, kind, parameters in found if name]


def _elastic(record: Fields) -> tuple[Activity, list[Said]]:
    """Elastic's document: parameters lie under the application's name, those of sign-ins without their `login_`."""
    application = record.text("event.provider")
    activity = _activity(
        record, read_time(record.value("@timestamp")), application, record.text("source.user.email", "user.email"),
        record.text("event.id"),
    )  # fmt: skip
    own = dict(record.part(f"google_workspace.{application}").raw)
    own |= {f"login_{name}": value for name, value in own.items()}
    name = record.text("event.action")
    return activity, [Said.of(name, record.text("google_workspace.event.type"), own)] if name else []
