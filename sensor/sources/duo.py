"""Duo's logs, as its Admin API gives them (https://duo.com/docs/adminapi#logs): one event for one record.

Read: authentication logs of version 2 (`txid`, `access_device`, `auth_device`, `application`) and of version 1 (flat:
`username`, `ip`, `integration`), administrator and offline logs (`action`, `username`, `object`), activity logs
(`activity_id`, `action.name`), bodies that hold some (`response.authlogs[]`, `response.items[]`), and the documents
that Elastic's integration makes of them (`cisco_duo.*`).

`isotimestamp` is the more exact of the two times, and real ones are written with blanks inside
(`2021-07-20T11: 41: 31+00: 00`): then `timestamp` is taken. Addresses stand with a port in every form of RFC 5952 §6.

A telephony log (`context`, `credits`, `phone`) names no account: it is kind `other`. Does not read Trust Monitor's
verdicts.
"""

import hashlib
import re

import msgspec

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.fields import Fields

_REFUSED = frozenset(
    (
        *("user_marked_fraud", "user_mistake", "user_cancelled", "anomalous_push", "invalid_passcode", "deny_push"),
        *("verification_code_incorrect", "verification_code_missing", "user_denied", "user_rejected"),
    )
)
"""Reasons (https://duo.com/docs/adminapi#authentication-logs) for a second factor that was refused, or was wrong."""
_LATE = frozenset({"no_response", "no_keys_pressed", "call_timed_out", "queued_inflight_auth_expired", "timeout"})
_NO_FACTOR = frozenset(
    (
        *("allow_unenrolled_user", "allow_unenrolled_user_on_trusted_network", "bypass_user", "trusted_network"),
        *("trusted_location", "bypass", "allowed_by_policy"),
    )
)
"""Reasons for success without a second factor."""
_FACTORS = ("push", "mobile", "passcode", "phone", "sms", "token", "yubikey", "webauthn", "key")
"""Words in the `factor` of an administrator's sign-in that name a second one."""
_SIGNIN_ACTIONS = frozenset({"admin_login", "admin_login_error", "admin_2fa_error", "login_attempt", "mfa_challenge"})
_FAILED_ACTIONS = ("_error", "_fail", "_failed", "_denied")
_ACTION = re.compile(r"[a-z0-9_]+$")
_ABSENT = frozenset({"unknown", "uninstalled", "not_available", "n/a", "none"})
_HOST = re.compile(r"api-[0-9a-f]+\.duosecurity\.com$")
_BODIES = ("response.authlogs", "response.items", "response")


def claims(record: Fields) -> bool:
    """Tell whether a record is one of Duo's, or a body that holds some."""
    if record.has("stat", "response"):
        return any(_is_own(one) for path in _BODIES for one in record.each(path)[:1])
    return _is_own(record) or record.has("cisco_duo.auth") or record.has("cisco_duo.admin")


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read the record, or each one of a body. Raises Malformed: `missing_time`, `bad_time`."""
    if record.has("stat", "response"):
        bodies = (one for path in _BODIES if (one := record.each(path)) and _is_own(one[0]))
        return [_event(one) for one in next(bodies, [])]
    return [_event(record if _is_own(record) else _from_elastic(record))]


def _is_own(record: Fields) -> bool:
    return _is_auth(record) or _is_old_auth(record) or _is_activity(record) or _is_admin(record) or _is_call(record)


def _is_auth(record: Fields) -> bool:
    return record.has("factor", "result", "application") and (record.has("access_device") or record.has("auth_device"))


def _is_old_auth(record: Fields) -> bool:
    return record.has("factor", "result", "integration", "username")


def _is_activity(record: Fields) -> bool:
    return record.has("activity_id", "action.name", "actor", "ts")


def _is_admin(record: Fields) -> bool:
    action = record.value("action")
    if not isinstance(action, str) or not _ACTION.match(action) or not record.has("username", "object", "timestamp"):
        return False
    if record.has("isotimestamp") or (record.text("eventtype") or "").lower() in {
        "administrator",
        "offline_enrollment",
    }:
        return True
    return record.has("description") and bool(_HOST.match(record.text("host") or ""))


def _is_call(record: Fields) -> bool:
    return record.has("context", "credits", "phone", "type") and (record.has("ts") or record.has("timestamp"))


def _event(record: Fields) -> Event:
    if _is_activity(record):
        return _activity(record)
    if _is_call(record):
        return Event(
            ts=record.time("ts", "timestamp"), source="duo", kind="other", action=record.text("context") or "telephony",
            object=record.text("phone"), correlation_id=record.text("txid"), raw_id=_raw_id(record, "telephony_id"),
            detail=present(mfa_detail=record.text("type")),
        )  # fmt: skip
    return _authentication(record) if record.has("factor", "result") else _administration(record)


def _authentication(record: Fields) -> Event:
    result = (record.text("result") or "").lower()
    reason = record.text("reason")
    kind = "admin" if (record.text("event_type", "eventtype") or "").lower() == "enrollment" else "signin"
    ip, port = record.address("access_device.ip", "ip")
    factor = _said(record.text("factor"))
    return Event(
        ts=_time(record), source="duo", kind=kind, action=record.text("event_type", "eventtype") or "authentication",
        outcome="success" if result in {"success", "allow"} else "failure" if result else "unknown",
        reason_code=reason, reason=reason, account=_account(record.text("user.name", "username"), record.text("email")),
        account_id=record.text("user.key"), ip=ip, port=port,
        country=_said(record.text("access_device.location.country", "location.country")),
        city=_said(record.text("access_device.location.city", "location.city")),
        mfa=_mfa(result, (reason or "").lower().replace(" ", "_")) if kind == "signin" else None,
        app=record.text("application.name", "integration"), resource=record.text("application.destination_name"),
        user_agent=_browser(record), os=_said(record.text("access_device.os")),
        device_id=_said(record.text("access_device.epkey")), device_name=_said(record.text("access_device.hostname")),
        managed=_managed(record), session_id=record.text("trusted_session_info.trusted_session_uuid"),
        correlation_id=record.text("txid"), raw_id=_raw_id(record, "txid"),
        detail=present(
            mfa_detail=factor, os_version=_said(record.text("access_device.os_version")),
            risk=_said(record.text("adaptive_trust_assessments.more_secure_auth.trust_level")),
            auth_device=record.text("auth_device.name", "device"), auth_addr=record.address("auth_device.ip")[0],
            result=result,
        ),
    )  # fmt: skip


def _mfa(result: str, reason: str) -> str:
    if result in {"success", "allow"}:
        return "none" if reason in _NO_FACTOR else "satisfied"
    if result == "fraud" or reason in _REFUSED:
        return "denied"
    return "timed_out" if reason in _LATE else "unknown"


def _administration(record: Fields) -> Event:
    action = record.text("action") or "unknown"
    said = record.part("description")
    failed = action.endswith(_FAILED_ACTIONS) or action == "azure_sync_fail"
    signin = action in _SIGNIN_ACTIONS
    factor = said.text("factor")
    second = any(word in (factor or "").lower() for word in _FACTORS)
    ip, port = said.address("ip_address", "ip")
    return Event(
        ts=_time(record), source="duo", kind="signin" if signin else "admin", action=action,
        outcome="failure" if failed else "success",
        reason=said.text("error") or (None if said else record.text("description")),
        account=_account(record.text("username"), said.text("email") if signin else None), ip=ip, port=port,
        mfa=None if not signin else "satisfied" if second and not failed else "unknown",
        app=None if not signin else "Duo Admin Panel", user_agent=said.text("user_agent"),
        device_name=said.text("hostname") if action.startswith("o2fa") else None, object=record.text("object"),
        raw_id=_raw_id(record), detail=present(
            mfa_detail=factor, targets=record.texts("object"),
            changes=None if signin or not said else dict(list(said.raw.items())[:200]),
        ),
    )  # fmt: skip


def _activity(record: Fields) -> Event:
    action = record.text("action.name") or "unknown"
    result = (record.text("outcome.result") or "").lower()
    kind = "signin" if action in _SIGNIN_ACTIONS else "admin"
    ip, port = record.address("access_device.ip.address", "access_device.ip")
    person = (record.text("actor.type") or "").lower() in {"user", "admin"}
    return Event(
        ts=record.time("ts"), source="duo", kind=kind, action=action,
        outcome=result if result in {"success", "failure"} else "unknown", reason=record.text("outcome.reason"),
        account=_account(record.text("actor.name"), record.text("actor.details.email")) if person else None,
        account_id=record.text("actor.key"), ip=ip, port=port,
        country=_said(record.text("access_device.location.country")),
        city=_said(record.text("access_device.location.city")),
        mfa="unknown" if kind == "signin" else None, app=record.text("application.name"),
        user_agent=record.text("target.details.user_agent") or _browser(record),
        os=_said(record.text("access_device.os")),
        device_id=_said(record.text("access_device.epkey")), object=record.text("target.name", "target.key"),
        raw_id=record.text("activity_id"),
        detail=present(
            targets=record.texts("target.name"), os_version=_said(record.text("access_device.os_version")),
            actor_app=None if person else record.text("actor.name"),
        ),
    )  # fmt: skip


def _account(name: str | None, email: str | None) -> str | None:
    """A user name that has a realm; else the address that stands beside it, which is the UPN; else the name."""
    folded, address = fold(name), fold(email)
    if folded is None or "@" in folded:
        return folded or address
    return address if address is not None and "@" in address else folded


def _time(record: Fields) -> int:
    """Read `isotimestamp`, else `timestamp`."""
    try:
        return record.time("isotimestamp", "timestamp", "p_event_time")
    except Malformed:
        return record.time("timestamp")


def _raw_id(record: Fields, name: str | None = None) -> str:
    """The record's own id where it has one, and its content: a `txid` names a transaction of several records."""
    own = {key: value for key, value in record.raw.items() if not str(key).startswith(("p_", "@", "_"))}
    digest = hashlib.blake2b(msgspec.json.encode(own, order="deterministic"), digest_size=12).hexdigest()
    found = record.text(name) if name is not None else None
    return f"{found}/{digest}" if found else digest


def _browser(record: Fields) -> str | None:
    name, version = _said(record.text("access_device.browser")), _said(record.text("access_device.browser_version"))
    return f"{name}/{version}" if name and version else name


def _managed(record: Fields) -> bool | None:
    said = (record.text("trusted_endpoint_status") or "").lower()
    return {"trusted": True, "not trusted": False, "not_trusted": False}.get(said)


def _said(text: str | None) -> str | None:
    return None if text is None or text.lower() in _ABSENT else text


def _from_elastic(record: Fields) -> Fields:
    """Give Elastic's document the API's names, as far as an event needs them."""
    own = {**record.part("cisco_duo.auth", "cisco_duo.admin").raw, "isotimestamp": record.value("@timestamp")}
    if record.has("cisco_duo.auth"):
        own["user"] = {"name": record.value("user.name"), "key": record.value("user.id")}
        device = {**Fields(own).part("access_device").raw, "browser": record.value("user_agent.name")}
        device |= {"os": record.value("user_agent.os.name"), "browser_version": record.value("user_agent.version")}
        own["access_device"] = {**device, "ip": record.value("source.ip") or Fields(own).value("access_device.ip")}
        return Fields(own)
    own["username"] = record.value("user.name") or Fields(own).value("user.name")
    return Fields({**own, "object": Fields(own).value("action_performed_on"), "description": record.value("message")})
