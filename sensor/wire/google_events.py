"""What an event of Google Workspace's audit logs says, whichever export carried it.

Names of events and parameters per application:
https://developers.google.com/workspace/admin/reports/v1/appendix/activity/login and its neighbours (admin-event-names,
drive, saml, token, user-accounts, groups, groups-enterprise, mobile, context-aware-access).

Does not know every event: one of an application that is not listed here is kind `other`.
"""

from collections.abc import Mapping

import msgspec

from sensor.wire.details import present
from sensor.wire.fields import Fields

PARAMETERS = 500
"""Parameters read of one event; the most that a documented event has is some forty."""
_KINDS = {
    "admin": "admin",
    "drive": "file",
    "groups": "admin",
    "groups_enterprise": "admin",
    "user_accounts": "admin",
    "saml": "signin",
    "login": "signin",
}
"""Kind by application; the rest, and the exceptions of `_kind`, are by event."""
_NO_SIGNIN = ("logout", "blocked_sender", "risky_sensitive_action", "gov_attack_warning", "user_signed_out")
_OWN_SETTINGS = ("2sv_", "password_", "recovery_", "titanium_", "account_disabled", "passkey_", "email_forwarding")
"""Beginnings of login's and user_accounts' events that change the account."""
_BLOCKED = ("suspicious_login", "suspicious_programmatic_login")
"""`login` events that are named after a sign-in that Google blocked."""
_PASSED = ("passed",)
_SECOND = frozenset(
    (
        *("backup_code", "google_authenticator", "google_prompt", "idv_any_email", "idv_any_phone", "passkey", "totp"),
        *("idv_preregistered_email", "idv_preregistered_phone", "internal_two_factor", "offline_otp", "security_key"),
        *("security_key_otp", "login_location", "knowledge_employee_id", "knowledge_preregistered_email", "cname"),
        *("knowledge_preregistered_phone", "access_to_preregistered_email", "assistant_approval"),
    )
)
"""`login_challenge_method` values that are more than the password."""
_OBJECTS = (
    *("doc_title", "doc_id", "USER_EMAIL", "GROUP_EMAIL", "group_email", "group_id", "ROLE_NAME", "SETTING_NAME"),
    *("APPLICATION_NAME", "app_name", "application_name", "client_id", "APP_ID", "DOMAIN_NAME", "calendar_id"),
    *("affected_email_address", "rule_name", "resource_name", "device_model", "DEVICE_TYPE"),
)
"""Parameters that name what was acted on, the most telling first."""
_TARGETS = (
    "USER_EMAIL",
    "GROUP_EMAIL",
    "target_user",
    "affected_email_address",
    "member_id",
    "grantee_email",
    "user_email",
)


_MAIL = {
    1: ("sent", ""), 7: ("opened", ""), 8: ("marked_unread", ""), 9: ("replied", ""), 10: ("forwarded", ""),
    12: ("moved", "Inbox"), 13: ("trashed", "Trash"), 14: ("moved", "out of Trash"), 17: ("attachment_fetched", ""),
    18: ("attachment_saved", ""), 26: ("archived", "Archive"), 27: ("deleted", "Trash"), 28: ("attachment_seen", ""),
    31: ("viewed", ""), 32: ("fetched", ""), 33: ("read_by_app", ""),
}  # fmt: skip
"""`event_info.mail_event_type` of Gmail's events that are a user's or an application's acts, as in …/activity/gmail →
a word for it, and where it put the message. The others are of delivery."""
_VALUES = ("value", "multiValue", "multiStrValue", "boolValue", "intValue", "multiIntValue", "msgValue")
_DEPTH = 4
"""Parameters within parameters that are read; Gmail's nest three deep."""


NAMED = ("affected_email_address", "DEVICE_USER")
"""Parameters that name the account where there is no actor: a warning about it, and a sign-in to ChromeOS."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """What all events of one record share."""

    ts: int
    application: str
    account: str | None = None
    account_id: str | None = None
    ip: str | None = None
    port: int | None = None
    country: str | None = None
    asn: int | None = None
    qualifier: str | None = None


class Said(msgspec.Struct, frozen=True):
    """One event: its name, its type, and its parameters by name."""

    name: str
    kind: str
    parameters: dict[str, object]

    @classmethod
    def of(cls, name: str | None, kind: str | None, parameters: object) -> "Said":
        """Make one of its parts; parameters are a list of {name, value…} or an object."""
        return cls(name or "", kind or "", _parameters(parameters))

    def text(self, *names: str) -> str | None:
        """Return the first parameter that is there, as text; the first of several values."""
        for name in names:
            found = Fields({"all": self.parameters.get(name)}).texts("all")[:1]
            if found:
                return found[0]
        return None

    def texts(self, *names: str) -> list[str]:
        """Return all values of these parameters as texts."""
        return [text for name in names for text in Fields({"all": self.parameters.get(name)}).texts("all")]

    def flag(self, name: str) -> bool | None:
        """Return a truth value."""
        return Fields({"one": self.parameters.get(name)}).flag("one")

    def device(self) -> str | None:
        """Return the id of the device that acted; Google writes `UNKNOWN` where it knows none."""
        found = self.text("device_id", "DIRECTORY_DEVICE_ID", "DEVICE_ID", "CAA_DEVICE_ID")
        return None if found is None or found.upper() == "UNKNOWN" else found


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """What an event becomes."""

    kind: str
    action: str | None = None
    """Where the event's own name does not tell."""
    mfa: str | None = None
    app: str | None = None
    detail: dict[str, object] = {}
    object: str | None = None


def shape(application: str, said: Said) -> Shape:
    """Tell kind, second factor, application, object and detail of one event."""
    kind = _kind(application, said)
    detail: dict[str, object] = {}
    if kind == "mailbox":
        return _mail(said)
    if kind == "file":
        detail = _file(said)
    elif kind == "signin":
        detail = _signin(said)
    elif kind == "mail_rule":
        detail = {"forwards_to": said.texts("email_forwarding_destination_address")}
    elif kind in {"admin", "consent"}:
        detail = _change(said)
    elif said.name == "FAILED_PASSWORD_ATTEMPTS_EVENT":
        detail = {"attempts": said.text("FAILED_PASSWD_ATTEMPTS")}
    if kind != "file":
        detail["targets"] = said.texts(*_TARGETS)
    return Shape(
        kind=kind, mfa=_mfa(said) if kind == "signin" else None,
        app=said.text("application_name", "app_name", "APPLICATION_NAME", "CAA_APPLICATION"),
        object=said.text(*_OBJECTS), detail=present(**detail),
    )  # fmt: skip


def outcome_of(said: Said, kind: str) -> tuple[str, str | None]:
    """Tell outcome and reason: by the event's name, else by a challenge's status."""
    name = said.name.lower()
    reason = said.text("login_failure_type", "failure_type", "login_failure_reason", "LOGIN_FAILURE_REASON")
    status = said.text("login_challenge_status")
    if name.startswith(_BLOCKED):
        return "failure", said.name
    if name.startswith("monitor_mode"):
        return "unknown", reason
    if name.endswith(("failure", "_failure_event", "_blocked", "_failed", "_denied")) or "deny" in name:
        return "failure", reason or status
    if name in {"login_challenge", "login_verification"}:
        if status is None:
            return "interrupt", reason
        return ("success" if any(word in status.lower() for word in _PASSED) else "failure"), status
    return ("unknown" if kind == "other" and name.startswith("suspicious") else "success"), reason


def _kind(application: str, said: Said) -> str:
    name = said.name.lower()
    if name.startswith("email_forwarding"):
        return "mail_rule"
    if application == "gmail":
        return "mailbox" if _mail_type(said) in _MAIL else "other"
    if application == "chrome" and name.startswith("chrome_os_login"):
        return "logon"
    if application == "token":
        return "consent" if name in {"authorize", "revoke"} else "other"
    if application in {"login", "user_accounts"}:
        if name.startswith(_OWN_SETTINGS):
            return "admin"
        if name.startswith(_NO_SIGNIN):
            return "other"
    if name.startswith("access_deny"):
        return "signin"
    return _KINDS.get(application, "other")


def _mfa(said: Said) -> str:
    """Tell what became of the second factor: `satisfied` only where one was passed."""
    status = (said.text("login_challenge_status") or "").lower()
    methods = {method.lower() for method in said.texts("login_challenge_method", "second_factor_method")}
    second = said.flag("is_second_factor") is True or bool(methods & _SECOND)
    name = said.name.lower()
    if name in {"login_challenge", "login_verification"}:
        if not status or not (second or name == "login_challenge"):
            return "unknown"
        return "satisfied" if any(word in status for word in _PASSED) else "denied"
    if name == "login_success":
        if second:
            return "satisfied"
        return "none" if methods and methods <= {"password", "none"} else "unknown"
    return "unknown"


def _signin(said: Said) -> dict[str, object]:
    risk = said.flag("is_suspicious")
    return {
        "mfa_detail": ", ".join(said.texts("login_challenge_method", "second_factor_method")) or None,
        "risk": "suspicious" if risk or said.name.lower().startswith(_BLOCKED) else None,
        "login_type": said.text("login_type"),
    }


def _file(said: Said) -> dict[str, object]:
    return {
        "file": said.text("doc_title"),
        "folder": said.text("destination_folder_title", "source_folder_title"),
        "label": said.text("visibility"),
        "file_id": said.text("doc_id"),
        "file_type": said.text("doc_type"),
        "owner": said.text("owner"),
        "visibility_change": said.text("visibility_change"),
        "new_access": said.text("new_value"),
        "target_domain": said.text("target_domain"),
        "targets": said.texts("target_user", "target", "new_owner"),
    }


def _mail_type(said: Said) -> int | None:
    return Fields(said.parameters).number("event_info.mail_event_type")


def _mail(said: Said) -> Shape:
    """Return what somebody, or an application for them, did with a message of Gmail's."""
    word, folder = _MAIL[_mail_type(said) or 0]
    given = Fields(said.parameters)
    delegate = given.text("event_info.client_context.session_context.delegate_user_email")
    return Shape(kind="mailbox", action=f"{said.name} {word}", detail=present(
        folders=[folder] if folder else [], message_ids=given.texts("message_info.rfc2822_message_id"),
        subjects=given.texts("message_info.subject"), items=1,
        client=given.text("event_info.client_context.client_type"),
        logon_type="delegate" if delegate else None,
    ))  # fmt: skip


def _change(said: Said) -> dict[str, object]:
    name = said.text("SETTING_NAME", "USER_CUSTOM_FIELD", "PRIVILEGE_NAME") or "value"
    new = said.text("NEW_VALUE", "new_value")
    return {
        "changes": {} if new is None else {name: new},
        "actor_app": said.text("app_name"),
        "scopes": said.texts("scope", "API_SCOPES")[:PARAMETERS],
    }


def _parameters(found: object, depth: int = _DEPTH) -> dict[str, object]:
    """Parameters by name; a value stands under `value`, `intValue`, `boolValue`, `multiValue` or their like.

    Those of a `messageValue` lie within it, by their names.
    """
    if isinstance(found, Mapping):
        return {str(name): value for name, value in list(found.items())[:PARAMETERS]}
    if not isinstance(found, list) or not depth:
        return {}
    named: dict[str, object] = {}
    for one in (Fields(one) for one in found[:PARAMETERS] if isinstance(one, Mapping)):
        if name := one.text("name"):
            inner = one.value("messageValue.parameter")
            named[name] = _parameters(inner, depth - 1) if isinstance(inner, list) else one.value(*_VALUES)
    return named
