"""What Defender for Office 365 did with a message, as events: delivery, actions after it, attachments, links, clicks.

One row is about one message and one recipient: `NetworkMessageId` and the recipient together tell which, in every table
and in quarantine. Tables: https://learn.microsoft.com/en-us/defender-xdr/advanced-hunting-emailevents-table and the
pages of EmailPostDeliveryEvents, EmailAttachmentInfo, EmailUrlInfo, UrlClickEvents.
"""

from typing import Any

from sensor.model.accounts import fold
from sensor.wire.details import present
from sensor.wire.fields import Fields, read_address

EMAIL_TABLES = frozenset(
    {"emailevents", "emailpostdeliveryevents", "emailattachmentinfo", "emailurlinfo", "urlclickevents"}
)
_PLACES = {"quarantine": "quarantined", "junk folder": "junked", "junk": "junked", "inbox/folder": "delivered"}
_PLACES |= {"inbox": "delivered", "deleted items": "deleted", "dropped": "blocked", "failed": "failed"}
"""Delivery locations that say more than the delivery action, folded."""
_ACTIONS = {"moved to quarantine": "quarantined", "moved to junk folder": "junked", "quarantine release": "released"}
_ACTIONS |= {"moved to inbox": "delivered", "soft delete": "deleted", "hard delete": "deleted"}
"""Actions after delivery and where the message is then, folded."""
_OUTCOMES = {"success": "success", "error": "failure", "clickallowed": "success", "clickblocked": "failure"}
_OUTCOMES |= {"delivered": "success", "junked": "success", "replaced": "success", "blocked": "failure"}


def read_email(row: Fields, table: str) -> dict[str, Any]:
    """Return the parts of an event that a row of an email table gives: account, ip, outcome, detail and others."""
    recipient = fold(row.text("RecipientEmailAddress"))
    sender = fold(row.text("SenderFromAddress", "SenderMailFromAddress"))
    direction = (row.text("EmailDirection") or "").lower()
    clicker = fold(row.text("AccountUpn"))
    sender_ip = next((found for name in ("SenderIPv4", "SenderIPv6") if (found := row.address(name)[0])), None)
    return {
        "kind": "email",
        "action": row.text("ActionType", "DeliveryAction") or table,
        "outcome": _outcome(row),
        "account": clicker or (sender if direction == "outbound" else recipient or sender),
        "account_id": row.text("SenderObjectId") if direction == "outbound" else row.text("RecipientObjectId"),
        "ip": read_address(row.text("IPAddress"))[0] if table == "urlclickevents" else sender_ip,
        "app": row.text("Workload"),
        "object": row.text("Url", "FileName", "Subject"),
        "detail": _detail(row, table, direction, sender, recipient, sender_ip),
    }


def _detail(
    row: Fields, table: str, direction: str, sender: str | None, recipient: str | None, sender_ip: str | None
) -> dict[str, Any]:
    return present(
        network_message_id=row.text("NetworkMessageId"),
        message_id=row.text("InternetMessageId"),
        sender=sender,
        recipients=[recipient] if recipient else [],
        subject=row.text("Subject"),
        direction=direction,
        delivery=_delivery(row),
        location=row.text("LatestDeliveryLocation", "DeliveryLocation"),
        threats=[text for text in (row.text("ThreatTypes") or "").split(", ") if text],
        sender_ip=sender_ip,
        url=row.text("Url"),
        clicked=row.flag("IsClickedThrough") if table == "urlclickevents" else None,
        file=row.text("FileName"),
        sha256=row.text("SHA256"),
        policy=row.text("OrgLevelPolicy", "UserLevelPolicy"),
        trigger=row.text("ActionTrigger"),
    )


def _delivery(row: Fields) -> str | None:
    """Return where the message is: what was done with it after delivery, its place, else the delivery's action."""
    done = _ACTIONS.get((row.text("Action") or "").lower())
    place = _PLACES.get((row.text("LatestDeliveryLocation", "DeliveryLocation") or "").lower())
    action = (row.text("DeliveryAction") or "").lower()
    if place == "delivered" and action:
        place = action
    return done or place or action or None


def _outcome(row: Fields) -> str:
    for name in ("ActionResult", "ActionType", "DeliveryAction"):
        found = _OUTCOMES.get((row.text(name) or "").lower().replace(" ", ""))
        if found:
            return found
    return "unknown"
