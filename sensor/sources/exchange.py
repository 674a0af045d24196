"""Exchange's message tracking: what became of each mail on servers of one's own (2010 to Subscription Edition).

Read: the log (`MSGTRK*.LOG`, 26 to 30 columns named by its `#Fields:` line; a line without that as 2013 and later write
it) and what `Get-MessageTrackingLog` returns, as CSV or JSON.
https://learn.microsoft.com/en-us/exchange/mail-flow/transport-logs/message-tracking

`action` is the event (RECEIVE, SUBMIT, SEND, DELIVER, FAIL, RESOLVE …). The account is the sender of a mail of one's
own (`Originating`), else the recipient where there is one; `ip` is given for a sender of one's own alone, and is where
the mail was handed in: an outside sender's address is `detail.sender_ip`. One mail is many records under one
`detail.network_message_id`; what happened to it last is told by the last of them.
"""

import csv
import re

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.wire.details import present
from sensor.wire.fields import Fields

COLUMNS = (
    *("date-time", "client-ip", "client-hostname", "server-ip", "server-hostname", "source-context", "connector-id"),
    *("source", "event-id", "internal-message-id", "message-id", "network-message-id", "recipient-address"),
    *("recipient-status", "total-bytes", "recipient-count", "related-recipient-address", "reference"),
    *("message-subject", "sender-address", "return-path", "message-info", "directionality", "tenant-id"),
    *("original-client-ip", "original-server-ip", "custom-data", "transport-traffic-type", "log-id", "schema-version"),
)
"""Of Exchange 2016 and 2019, for lines that came without their `#Fields:`; 2013 ends with custom-data."""
_LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z,(?:[^,]*,){3}")
_SOURCES = frozenset(
    {
        *(
            "ADMIN",
            "AGENT",
            "APPROVAL",
            "BOOTLOADER",
            "DNS",
            "DSN",
            "GATEWAY",
            "MAILBOXRULE",
            "MEETINGMESSAGEPROCESSOR",
        ),
        *("ORAR", "PICKUP", "POISONMESSAGE", "PUBLICFOLDER", "QUEUE", "REDUNDANCY", "RESOLVER", "ROUTING", "SAFETYNET"),
        *("SMTP", "STOREDRIVER"),
    }
)
"""Components of transport that write the log; the column that tells a line of it from any other CSV."""
_DELIVERY = {
    "DELIVER": "delivered",
    "DUPLICATEDELIVER": "delivered",
    "SEND": "sent",
    "SENDEXTERNAL": "sent",
    "FAIL": "failed",
    "BADMAIL": "failed",
    "POISONMESSAGE": "failed",
    "DROP": "dropped",
    "DEFER": "deferred",
    "MODERATORREJECT": "rejected",
    "MODERATORSALLNDR": "rejected",
}
"""What an event says became of the mail; others say nothing of it yet."""
_SUCCESS = frozenset({"RECEIVE", "SUBMIT", "DELIVER", "SEND", "SENDEXTERNAL", "DUPLICATEDELIVER", "MODERATORAPPROVE"})
_FAILURE = frozenset({"FAIL", "BADMAIL", "POISONMESSAGE", "DROP", "MODERATORREJECT", "MODERATORSALLNDR", "SUBMITFAIL"})
_RECIPIENTS_MAX = 1000
"""Recipients kept: Exchange's own default limit of a mail is 500."""


def claims(record: Fields) -> bool:
    """Tell whether this is a row of the message tracking log."""
    if record.has("event-id", "internal-message-id", "connector-id"):
        return True
    if record.has("EventId", "InternalMessageId", "ConnectorId"):
        return record.has("MessageSubject") or record.has("Sender")
    return _row(record) is not None


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read a row.

    Raises:
        Malformed: `missing_time`, `bad_time`, `no_event`.
    """
    row = record if record.has("event-id") or record.has("EventId") else Fields(_row(record) or {})
    action = row.text("event-id", "EventId")
    if action is None:
        raise Malformed("no_event")
    sender = _address(row.text("sender-address", "Sender")) or _address(row.text("return-path", "ReturnPath"))
    recipients = _recipients(row)
    is_own = (row.text("directionality", "Directionality") or "").lower() == "originating"
    client = row.address("original-client-ip", "OriginalClientIp")[0] or row.address("client-ip", "ClientIp")[0]
    said = action.upper()
    outcome = "success" if said in _SUCCESS else "failure" if said in _FAILURE else "unknown"
    status = row.text("recipient-status", "RecipientStatus")
    event = Event(
        ts=row.time("date-time", "Timestamp"),
        source="exchange",
        kind="email",
        action=action,
        outcome=outcome,
        reason=status if outcome == "failure" else None,
        account=fold(sender if is_own else recipients[0] if len(recipients) == 1 else None),
        ip=client if is_own else None,
        object=row.text("message-subject", "MessageSubject"),
        correlation_id=row.text("network-message-id", "NetworkMessageId"),
        detail=_detail(row, sender, recipients, said, client),
        raw_id=_raw_id(row, action),
    )
    return [event]


def _row(record: Fields) -> dict[str, object] | None:
    """Name the columns of a line that came without its header; None for other texts."""
    text = record.text("message", "event.original")
    if text is None or not _LINE.match(text):
        return None
    try:
        cells = next(csv.reader([text]), [])
    except csv.Error:
        return None
    if len(cells) < COLUMNS.index("custom-data") or cells[COLUMNS.index("source")].upper() not in _SOURCES:
        return None
    return dict(zip(COLUMNS, cells, strict=False))


def _detail(row: Fields, sender: str | None, recipients: list[str], said: str, client: str | None) -> dict[str, object]:
    return present(
        message_id=row.text("message-id", "MessageId"),
        network_message_id=row.text("network-message-id", "NetworkMessageId"),
        sender=sender,
        recipients=recipients,
        subject=row.text("message-subject", "MessageSubject"),
        direction=row.text("directionality", "Directionality"),
        delivery=_DELIVERY.get(said),
        location=row.text("server-hostname", "ServerHostname"),
        sender_ip=client,
    )


def _recipients(row: Fields) -> list[str]:
    """Return the recipients; the log puts `;` between them, PowerShell makes a list or writes `{a, b}`."""
    if row.has("recipient-address"):
        texts = (row.text("recipient-address") or "").split(";", _RECIPIENTS_MAX)
    else:
        texts = [one for text in row.texts("Recipients") for one in re.split(r"[;,\s]+", text.strip("{}"))]
    found = (_address(text) for text in texts[:_RECIPIENTS_MAX])
    return [one for one in found if one is not None]


def _address(text: str | None) -> str | None:
    """Return an address in lower case; `<>`, the sender of reports, is none."""
    address = (text or "").strip().strip("<>").lower()
    return address or None


def _raw_id(row: Fields, action: str) -> str | None:
    """Return the row's own `log-id` (2016 and later), which is the same in no two events of a mail."""
    log_id = row.text("log-id")
    return None if log_id is None else f"{log_id}/{action}/{row.text('internal-message-id') or ''}"
