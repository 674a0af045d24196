"""Exchange Online's message trace and quarantine: what became of each mail of a tenant.

Read: `Get-MessageTrace`, `Get-MessageTraceV2` and the reporting service (`Received, SenderAddress, …, Status`), Graph's
`exchangeMessageTrace`, the portal's extended report as CSV (`origin_timestamp_utc, recipient_status, …`), and
`Get-QuarantineMessage`. https://learn.microsoft.com/en-us/powershell/module/exchange/get-messagetracev2 and
https://learn.microsoft.com/en-us/powershell/module/exchange/get-quarantinemessage

Times without a zone are UTC. A quarantined mail's event is when the mail came, not when it was released: the record has
no time for that. Does not read message tracking of servers of one's own (`sensor.sources.exchange`).
"""

from typing import Any

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.fields import Fields

_STATUS = {"delivered": "delivered", "expanded": "expanded", "failed": "failed", "pending": "deferred"}
_STATUS |= {"gettingstatus": "deferred", "filteredasspam": "junked", "quarantined": "quarantined"}
_STATUS |= {"receive, deliver": "delivered", "receive, send": "sent", "receive, fail": "failed"}
"""What a trace says became of the mail, folded, and the word of an email event's `delivery`."""
_RELEASES = {"notreleased": "quarantined", "requested": "quarantined", "denied": "quarantined", "deleted": "deleted"}
_RELEASES |= {"released": "released", "approved": "released", "error": "quarantined", "preparingtorelease": "released"}
"""A quarantined mail's release status, folded, and where the mail is."""
_OUTCOMES = {"delivered": "success", "expanded": "success", "sent": "success", "junked": "success"}
_OUTCOMES |= {"released": "success", "failed": "failure", "quarantined": "failure"}
_PEOPLE_MAX = 1000
"""Recipients kept of one mail: Exchange Online's own limit is 1000."""


def claims(record: Fields) -> bool:
    """Tell whether a record is of a message trace or of quarantine."""
    return _kind(record) is not None


def read(record: Fields) -> list[Event | AnyMessage]:
    """Return the mail's event. Raises Malformed: `missing_time`, `bad_time`, `unknown_record`."""
    kind = _kind(record)
    if kind is None:
        raise Malformed("unknown_record")
    return [{"trace": _trace, "report": _report, "quarantine": _quarantine}[kind](record)]


def _kind(record: Fields) -> str | None:
    if record.has("SenderAddress", "RecipientAddress", "Status"):
        named = record.has("MessageTraceId") or record.has("receivedDateTime", "messageId")
        return "trace" if named or record.has("Received", "MessageId") else None
    if record.has("origin_timestamp_utc", "sender_address", "recipient_status"):
        return "report"
    if record.has("ReceivedTime", "SenderAddress", "RecipientAddress") and (
        record.has("ReleaseStatus") or record.has("QuarantineTypes") or record.has("PolicyType", "Expires")
    ):
        return "quarantine"
    return None


def _trace(record: Fields) -> Event:
    """Return the event of one mail to one recipient; the id of the trace is one mail's, not one recipient's."""
    status = record.text("Status") or "trace"
    recipient, number = fold(record.text("RecipientAddress")), record.text("Index")
    trace = record.text("MessageTraceId", "id")
    return _event(
        record,
        when=record.time("Received", "receivedDateTime"),
        action=status,
        delivery=_STATUS.get(status.lower()),
        recipients=[recipient] if recipient else [],
        raw_id="/".join(one for one in (trace, recipient, number, status) if one) if trace else None,
        sender=fold(record.text("SenderAddress")),
        ip=record.address("FromIP")[0],
        subject=record.text("Subject"),
        network_message_id=trace,
        message_id=record.text("MessageId"),
        size=record.number("Size"),
    )


def _report(record: Fields) -> Event:
    """Return the event of one mail of the extended report, whose recipients stand in one column with their states.

    `a@b.example##Receive, Deliver;c@d.example##Receive, Fail`: the event's outcome is that of the first.
    """
    told = [one.partition("##") for one in (record.text("recipient_status") or "").split(";")[:_PEOPLE_MAX]]
    people = [(name, state.strip()) for text, _, state in told if (name := fold(text.strip()))]
    action = people[0][1] if people and people[0][1] else "trace"
    return _event(
        record,
        when=record.time("origin_timestamp_utc"),
        action=action,
        delivery=_STATUS.get(action.lower()),
        recipients=[name for name, _ in people],
        raw_id=record.text("network_message_id"),
        sender=fold(record.text("sender_address")),
        ip=record.address("original_client_ip")[0],
        subject=record.text("message_subject"),
        network_message_id=record.text("network_message_id"),
        message_id=record.text("message_id"),
        direction=_direction(record.text("directionality")),
        size=record.number("total_bytes"),
    )


def _quarantine(record: Fields) -> Event:
    r"""Return the event of a mail in quarantine; its identity is `<network message id>\<recipient's id>`."""
    identity = record.text("Identity")
    status = record.text("ReleaseStatus") or "quarantined"
    people = [fold(one) for text in record.texts("RecipientAddress")[:_PEOPLE_MAX] for one in text.split(",")]
    threat = record.text("QuarantineTypes", "Type")
    return _event(
        record,
        when=record.time("ReceivedTime"),
        action=status,
        delivery=_RELEASES.get(status.lower().replace(" ", ""), "quarantined"),
        recipients=[one for one in people[:_PEOPLE_MAX] if one],
        raw_id=f"{identity}/{status}" if identity else None,
        sender=fold(record.text("SenderAddress")),
        ip=None,
        subject=record.text("Subject"),
        network_message_id=identity.partition("\\")[0] if identity else None,
        message_id=record.text("MessageId"),
        direction=_direction(record.text("Direction")),
        location="Quarantine" if status.lower() in {"notreleased", "requested", "denied", "quarantined"} else None,
        threats=[threat] if threat else [],
        policy=record.text("PolicyName", "PolicyType"),
        released_by=record.texts("ReleasedBy")[:_PEOPLE_MAX],
        released_to=record.texts("ReleasedUser")[:_PEOPLE_MAX],
    )


def _event(
    record: Fields,
    *,
    when: int,
    action: str,
    delivery: str | None,
    recipients: list[str],
    raw_id: str | None,
    sender: str | None,
    ip: str | None,
    subject: str | None,
    **more: Any,  # noqa: ANN401 - an event's detail
) -> Event:
    """Return the event: about the sender of a mail that goes out, else about its recipient."""
    outward = more.get("direction") == "outbound"
    return Event(
        ts=when,
        source="exchange_online",
        kind="email",
        action=action,
        outcome=_OUTCOMES.get(delivery or "", "unknown"),
        account=sender if outward else next(iter(recipients), sender),
        ip=ip,
        object=subject,
        detail=present(sender=sender, recipients=recipients, subject=subject, delivery=delivery, sender_ip=ip, **more),
        raw_id=raw_id or record.text("Id"),
    )


def _direction(text: str | None) -> str | None:
    """Return `inbound` or `outbound`, whatever the record calls it."""
    words = {"incoming": "inbound", "originating": "outbound", "outgoing": "outbound"}
    return words.get(text.lower(), text.lower()) if text else None
