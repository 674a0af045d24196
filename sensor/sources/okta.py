"""Okta's System Log: one event for one log entry.

Read: the objects of `GET /api/v1/logs` (https://developer.okta.com/docs/api/openapi/okta-management/management/tag/SystemLog/),
the same inside an Event Hook's body (`data.events[]`), inside Amazon EventBridge's `detail` (Okta's log streaming) and
inside a forwarder's `event`; and the documents that Elastic's integration makes of them (`okta.*`).

`auth_via_mfa` is written for each factor, in Identity Engine for the password, too: that one satisfies nothing.

A denied push is written in three ways, by the age of the tenant: as `user.mfa.okta_verify.deny_push`; as
`user.authentication.auth_via_mfa` that FAILED; in Identity Engine with `pushOnlyResponseType` `OV_RESPONSE_DENY`.

`system.push.send_factor_verify_push` says that a push went out, which is no step of a sign-in that succeeded or failed:
it is kind `other`.

Does not collapse what Okta writes once per enrolled device: each entry has an id of its own, and is an event.
"""

import hashlib
import re

import msgspec

from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.fields import Fields
from sensor.wire.okta_api import OFFER

API = OFFER
"""How it is asked where it has no `path`."""

_OUTCOMES = {
    "success": "success",
    "allow": "success",
    "failure": "failure",
    "deny": "failure",
    "unanswered": "failure",
    "abandoned": "failure",
    "challenge": "interrupt",
}
"""`outcome.result`, folded; SKIPPED, UNKNOWN and none at all are unknown. The last two stand on `auth_via_mfa`."""
_SIGNIN = (
    "user.session.start",
    "user.session.access_admin_app",
    "user.authentication.",
    "policy.evaluate_sign_on",
    "application.policy.sign_on.deny_access",
    "app.oauth2.signon",
    "app.generic.unauth_app_access_attempt",
    "user.mfa.okta_verify",
    "user.mfa.attempt_bypass",
)
"""Beginnings of `eventType` that are steps of a sign-in."""
_NO_SIGNIN = ("user.authentication.slo", "user.authentication.universal_logout")
_CONSENT = ("app.oauth2.as.consent", "app.oauth2.consent", "app.oauth2.scope_consent", "user.consent", "consent.")
_ADMIN = (
    *("user.lifecycle.", "user.account.", "user.mfa.factor.", "user.session.clear", "user.session.impersonation."),
    *("user.credential.", "user.import.", "user.identity_verification.", "user.risk.change"),
    *("group.", "policy.", "application.", "app.access_request.", "app.user_management.", "app.oauth2.client."),
    *("app.oauth2.credentials.", "app.oauth2.key.", "app.oauth2.admin.", "app.oauth2.as.key."),
    *("app.oauth2.as.lifecycle.", "app.oauth2.as.scope.", "app.oauth2.as.claim.", "app.oauth2.trusted_server."),
    *("app.keys.", "app.saml.", "oauth2.", "iam.", "zone.", "org.", "device.", "pki.", "privilege.", "support."),
    *("security.authenticator.", "security.trusted_origin.", "security.behavior.", "security.events.provider."),
    *("security.threat.configuration.", "security.trusted_entity.", "security.voice."),
    *("system.api_token.", "system.idp.", "system.custom_", "system.brand.", "system.log_stream.", "system.feature."),
    *("system.agent.ad.", "system.agent.ldap.", "system.mfa.factor.", "system.client.", "system.email.template."),
    *("event_hook.", "inline_hook.", "inlinehook.", "workflows.", "role.", "master_application.", "realm."),
    *("directory.", "certification.", "access.request.", "entitlement", "governance.", "analytics.reports."),
)
"""Beginnings of `eventType` that change who may do what (https://developer.okta.com/docs/reference/api/event-types/)."""
_DENY = ("user.mfa.okta_verify.deny_push",)
_REFUSALS = frozenset({"ov_response_deny", "deny", "denied", "reject", "rejected"})
"""`pushOnlyResponseType` of a refused push, folded."""
_DECLINED = ("declined", "rejected", "denied", "invalid_credentials", "invalid_otp", "verification_error")
"""Words of `outcome.reason` for a second factor that was refused, or was wrong."""
_LATE = ("timeout", "timed out", "timed_out", "expired", "no response", "abandoned", "unanswered")
_CODE = re.compile(r"[A-Z][A-Z0-9_]+$")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_RISK = re.compile(r"level=(\w+)")
_BEHAVIOR = re.compile(r"([\w ]+)=POSITIVE\b")
_ELASTIC = {
    "published": ("@timestamp",),
    "eventType": ("okta.event_type", "event.action"),
    "uuid": ("okta.uuid", "event.id"),
    "displayMessage": ("okta.display_message",),
    "outcome": ("okta.outcome",),
    "actor.alternateId": ("okta.actor.alternate_id",),
    "actor.displayName": ("okta.actor.display_name",),
    "actor.id": ("okta.actor.id",),
    "actor.type": ("okta.actor.type",),
    "client.ipAddress": ("okta.client.ip", "client.ip", "source.ip"),
    "client.userAgent.rawUserAgent": ("okta.client.user_agent.raw_user_agent",),
    "client.userAgent.os": ("okta.client.user_agent.os",),
    "client.geographicalContext.country": ("client.geo.country_name",),
    "client.geographicalContext.city": ("client.geo.city_name",),
    "authenticationContext.externalSessionId": ("okta.authentication_context.external_session_id",),
    "authenticationContext.credentialType": ("okta.authentication_context.credential_type",),
    "securityContext.asNumber": ("okta.security_context.as.number",),
    "securityContext.asOrg": ("okta.security_context.as.organization.name",),
    "securityContext.isProxy": ("okta.security_context.is_proxy",),
    "transaction": ("okta.transaction",),
    "device": ("okta.device",),
    "debugContext.debugData": ("okta.debug_context.debug_data.flattened", "okta.debug_context.debug_data"),
}
"""The API's names, and where Elastic's integration puts their values."""
NOT_SAID = frozenset({"unknown", "undefined", "n/a"})
"""What Okta writes where it has no value, besides the text `null`."""


def claims(record: Fields) -> bool:
    """Tell whether a record is an entry of the System Log, or carries some."""
    return bool(_entries(record, 1)) or record.has("okta.event_type") or record.has("okta.actor.alternate_id")


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read the entry, or each of them. Raises Malformed: `missing_time`, `bad_time`."""
    found = _entries(record)
    return [_event(one) for one in found] if found else [_event(_from_elastic(record))]


def _entries(record: Fields, limit: int | None = None) -> list[Fields]:
    """Find the entries in whatever carries them; none where it is something else."""
    if _is_entry(record):
        return [record]
    for path in ("data.events", "detail", "event"):
        found = [one for one in record.each(path)[:limit] if _is_entry(one)]
        if found:
            return found
    return []


def _is_entry(record: Fields) -> bool:
    kind = record.value("eventType")
    if not isinstance(kind, str) or "." not in kind or not record.has("actor"):
        return False
    told = record.has("outcome") or record.has("legacyEventType") or record.has("severity")
    return told and (record.has("published") or record.has("client") or record.has("securityContext"))


def _event(one: Fields) -> Event:
    action = one.text("eventType") or "unknown"
    folded = action.lower()
    kind = _kind(folded)
    outcome = _outcome(one, folded)
    actor = _said(one.text("actor.alternateId"))
    ip, port = one.address("client.ipAddress")
    if ip is None:
        ip, port = next(
            (found for link in one.each("request.ipChain") if (found := link.address("ip"))[0]), (None, None)
        )
    reason = one.text("outcome.reason")
    target = _objects(one)
    return Event(
        ts=one.time("published", "p_event_time"), source="okta", kind=kind, action=action, outcome=outcome,
        reason_code=reason if reason is not None and _CODE.match(reason) else None,
        reason=reason or one.text("displayMessage"),
        account=fold(actor or _said(one.text("actor.displayName"))), account_id=_said(one.text("actor.id")),
        ip=ip, port=port, country=one.text("client.geographicalContext.country"),
        city=one.text("client.geographicalContext.city"), asn=one.number("securityContext.asNumber"),
        mfa=_mfa(one, folded, outcome) if kind == "signin" else None,
        app=next((name for name, of in target if of == "appinstance"), None),
        user_agent=one.text("client.userAgent.rawUserAgent"),
        os=_said(one.text("device.os_platform", "device.osPlatform", "client.userAgent.os")),
        device_id=_said(one.text("device.id")), device_name=_said(one.text("device.name", "device.displayName")),
        managed=one.flag("device.managed"),
        session_id=_said(one.text("authenticationContext.externalSessionId", "authenticationContext.rootSessionId")),
        correlation_id=_said(one.text("transaction.id")), object=_object(target), detail=_detail(one, kind, target),
        raw_id=_raw_id(one),
    )  # fmt: skip


def _kind(action: str) -> str:
    if action.startswith(_SIGNIN) and not action.startswith(_NO_SIGNIN):
        return "signin"
    if action.startswith(_CONSENT):
        return "consent"
    return "admin" if action.startswith(_ADMIN) else "other"


def _outcome(one: Fields, action: str) -> str:
    """A push that was denied is no success, whatever the entry says of its own delivery."""
    if action.startswith(_DENY) or _response(one) in _REFUSALS:
        return "failure"
    return _OUTCOMES.get((one.text("outcome.result") or "").lower(), "unknown")


def _response(one: Fields) -> str:
    return (one.text("debugContext.debugData.pushOnlyResponseType") or "").lower()


def _mfa(one: Fields, action: str, outcome: str) -> str:
    """What became of the second factor; `unknown` where the entry is not about one."""
    if action.startswith(_DENY) or _response(one) in _REFUSALS:
        return "denied"
    reason = (one.text("outcome.reason") or "").lower()
    result = (one.text("outcome.result") or "").lower()
    if action != "user.authentication.auth_via_mfa" or "password" in (_factor(one) or "").lower():
        return "denied" if outcome == "failure" and "declined" in reason else "unknown"
    if outcome == "success":
        return "satisfied"
    if result in {"unanswered", "abandoned"} or any(word in reason for word in _LATE):
        return "timed_out"
    return "denied" if outcome == "failure" and (not reason or any(word in reason for word in _DECLINED)) else "unknown"


def _factor(one: Fields) -> str | None:
    """What was asked for: by the classic engine's name, else by the authenticator that was used."""
    used = (target.text("detailEntry.methodTypeUsed") for target in one.each("target"))
    return _said(one.text("debugContext.debugData.factor")) or next((name for name in used if name), None)


def _objects(one: Fields) -> list[tuple[str, str]]:
    """List (name, type) of the targets; a user by login, anything else by its shown name."""
    found = []
    for target in one.each("target"):
        of = (target.text("type") or "").lower()
        names = (
            ("alternateId", "displayName", "id") if of in {"user", "appuser"} else ("displayName", "alternateId", "id")
        )
        name = next((said for path in names if (said := _said(target.text(path)))), None)
        if name is not None:
            found.append((name, of))
    return found


def _object(targets: list[tuple[str, str]]) -> str | None:
    """What was acted on: the first target that is a user, else the first."""
    return next((name for name, of in targets if of == "user"), targets[0][0] if targets else None)


def _detail(one: Fields, kind: str, targets: list[tuple[str, str]]) -> dict[str, object]:
    debug = one.part("debugContext.debugData")
    found: dict[str, object] = {
        "asn_name": one.text("securityContext.asOrg", "securityContext.isp"),
        "is_proxy": True if debug.each("tunnels") else one.flag("securityContext.isProxy"),
        "latitude": one.real("client.geographicalContext.geolocation.lat"),
        "longitude": one.real("client.geographicalContext.geolocation.lon"),
        "mfa_detail": _factor(one) or _said(one.text("authenticationContext.credentialType")),
        "device_token": debug.text("dtHash", "deviceFingerprint"),
        "threat_suspected": debug.flag("threatSuspected"),
        "behaviors": _behaviors(debug),
        "risk": _risk(debug),
        "targets": [name for name, _ in targets] if kind in {"admin", "consent", "other"} else [],
    }
    if (one.text("actor.type") or "").lower() not in {"", "user"}:
        found["actor_app"] = one.text("actor.displayName", "actor.alternateId", "actor.id")
    return present(**found)


def _behaviors(debug: Fields) -> list[str]:
    """What Okta's behaviour detection found new: `{New Device=POSITIVE, New IP=NEGATIVE}`, JSON or JSON in text."""
    part = debug.part("behaviors") or debug.part("logOnlySecurityData.behaviors")
    if part:
        return sorted(name for name, value in part.raw.items() if str(value).upper() == "POSITIVE")
    return sorted(name.strip() for name in _BEHAVIOR.findall((debug.text("behaviors") or "")[:4096]))


def _risk(debug: Fields) -> str | None:
    level = debug.text("risk.level", "logOnlySecurityData.risk.level")
    found = _RISK.search((debug.text("risk") or "")[:4096])
    return level.lower() if level else found[1].lower() if found else None


def _raw_id(one: Fields) -> str | None:
    """Its uuid; one that is none (redacted to the same for all) with what tells such records apart."""
    found = one.text("uuid")
    if found is None or _UUID.match(found):
        return found
    whole = msgspec.json.encode(one.raw, order="deterministic")
    return f"{found}/{hashlib.blake2b(whole, digest_size=8).hexdigest()}"


def _said(text: str | None) -> str | None:
    return None if text is None or text.lower() in NOT_SAID else text


def _from_elastic(record: Fields) -> Fields:
    """Give Elastic's document the API's names, as far as an event needs them."""
    found: dict[str, object] = {name: record.value(*paths) for name, paths in _ELASTIC.items()}
    found["target"] = [
        {"alternateId": one.value("alternate_id"), "displayName": one.value("display_name"), **one.raw}
        for one in record.each("okta.target")
    ]
    return Fields(found)
