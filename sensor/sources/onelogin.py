"""OneLogin's events: one event for one record.

Read: the objects of `GET /api/1/events` and of the event webhook
(https://developers.onelogin.com/api-docs/1/events/event-resource). What happened is a number, `event_type_id`; those
that are about sign-ins, factors, privileges and accounts are named here, others are kind `other` and named by
their number.

`actor_user_name` acted, `user_name` is whom it was done to: names of persons, seldom addresses. A sign-in's account is
the user. `risk_score` is from 0 to 100: above 75 high, above 50 medium.
"""

from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.fields import Fields

TYPES = {
    "3": ("admin", "assumed user", "success"),
    "5": ("signin", "logged into OneLogin", "success"),
    "6": ("signin", "failed to log into OneLogin", "failure"),
    "8": ("other", "logged into app", "success"),
    "9": ("other", "failed to log into app", "failure"),
    "11": ("admin", "password changed", "success"),
    "13": ("admin", "user created", "success"),
    "14": ("admin", "user updated", "success"),
    "15": ("admin", "user deactivated", "success"),
    "16": ("admin", "user activated", "success"),
    "17": ("admin", "user deleted", "success"),
    "19": ("admin", "user locked", "failure"),
    "21": ("admin", "user suspended", "success"),
    "23": ("admin", "otp device registered", "success"),
    "24": ("admin", "otp device deregistered", "success"),
    "72": ("admin", "privilege granted", "success"),
    "73": ("admin", "privilege revoked", "success"),
    "90": ("other", "unauthorized app access", "failure"),
    "172": ("admin", "otp device removed by administrator", "success"),
    "240": ("admin", "password revealed", "success"),
    "532": ("admin", "user locked", "failure"),
    "551": ("admin", "user suspended", "success"),
    "553": ("admin", "user locked", "failure"),
}
"""`event_type_id` → kind, what happened, outcome."""
HIGH, MEDIUM = 75, 50
"""OneLogin sorts scores into four levels: none, low, medium, high."""
_OWN = frozenset({"password revealed", "assumed user", "password changed"})
"""What is nothing where it is done to oneself."""


def claims(record: Fields) -> bool:
    """Tell whether a record is one of OneLogin's events."""
    if not record.has("event_type_id"):
        return False
    return record.has("actor_user_id") or record.has("user_id") or record.has("account_id") or record.has("user_name")


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read the record. Raises Malformed: `missing_time`, `bad_time`."""
    number = record.text("event_type_id") or "unknown"
    kind, action, outcome = TYPES.get(number, ("other", f"event {number[:16]}", "unknown"))
    user, actor = record.text("user_name", "user_email"), record.text("actor_user_name", "actor_system")
    own = actor is None or record.text("user_id") == record.text("actor_user_id")
    if own and action in _OWN:
        action, kind = f"own {action}", "other"
    signin = kind == "signin"
    ip, port = record.address("ipaddr", "ip_address")
    return [
        Event(
            ts=record.time("created_at", "event_timestamp", "p_event_time"), source="onelogin", kind=kind,
            action=action, outcome=outcome, reason=record.text("error_description", "notes", "custom_message"),
            account=fold(user if signin or actor is None else actor),
            account_id=record.text("user_id") if signin or actor is None else record.text("actor_user_id"), ip=ip,
            port=port, mfa="unknown" if signin else None, app=record.text("app_name"),
            user_agent=record.text("user_agent"), object=record.text("privilege_name", "otp_device_name") or user,
            detail=present(
                targets=[found for found in (fold(user),) if found] if not signin else [], risk=_risk(record),
                changes={"privilege": record.text("privilege_name")} if record.has("privilege_name") else {},
            ),
            raw_id=record.text("uuid", "id"),
        )
    ]  # fmt: skip


def _risk(record: Fields) -> str | None:
    score = record.number("risk_score")
    return None if score is None or score <= MEDIUM else "high" if score > HIGH else "medium"
