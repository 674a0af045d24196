"""Exchange's message tracking log: its columns, its lines, and what PowerShell makes of them."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.sources import exchange
from sensor.wire import tables
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records
from tests.sources.reading import only_event

ROW = {
    "date-time": "2024-01-25T15:16:09.949Z",
    "client-ip": "10.11.12.14",
    "client-hostname": "edge.example.com",
    "server-ip": "10.11.12.14",
    "server-hostname": "MAIL1",
    "source-context": "08DC1DB12C345BE5;2024-01-25T15:16:09.544Z;0",
    "connector-id": "MAIL1\\Default MAIL1",
    "source": "SMTP",
    "event-id": "RECEIVE",
    "internal-message-id": "70912345566403",
    "message-id": "<1@mail.example.org>",
    "network-message-id": "1e6eb197-c6b4-1234-1b69-56dc1db88f50",
    "recipient-address": "Ann@example.com",
    "recipient-status": "",
    "total-bytes": "7229",
    "recipient-count": "1",
    "message-subject": "Offer, new",
    "sender-address": "Bob@example.org",
    "return-path": "bob@example.org",
    "directionality": "Incoming",
    "original-client-ip": "203.0.113.7",
    "original-server-ip": "10.11.12.14",
    "custom-data": "S:FromEntity=Internet",
    "transport-traffic-type": "Email",
    "log-id": "05503123-c5b9-46fe-1234-56dc1db88f8f",
    "schema-version": "15.02.0330.005",
}
OWN = {
    **ROW,
    "directionality": "Originating",
    "sender-address": "ann@example.com",
    "recipient-address": "B@x.org;c@x.org",
}


def read(row):
    return only_event(exchange, row)


def line(row):
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([row.get(name, "") for name in exchange.COLUMNS])
    return text.getvalue()


def test_a_mail_from_outside_is_its_recipients():
    """The outside sender's address is not the recipient's."""
    event = read(ROW)
    assert ("exchange", "email", "RECEIVE", "success") == (event.source, event.kind, event.action, event.outcome)
    assert ("ann@example.com", None, "Offer, new") == (event.account, event.ip, event.object)
    assert Fields(ROW).time("date-time") == event.ts
    assert event.detail == {
        "message_id": "<1@mail.example.org>",
        "network_message_id": "1e6eb197-c6b4-1234-1b69-56dc1db88f50",
        "sender": "bob@example.org",
        "recipients": ["ann@example.com"],
        "subject": "Offer, new",
        "direction": "Incoming",
        "location": "MAIL1",
        "sender_ip": "203.0.113.7",
    }


def test_a_mail_of_ones_own_is_its_senders():
    """From where it was handed in; many recipients stand between semicolons."""
    event = read({**OWN, "original-client-ip": ""})
    assert ("ann@example.com", "10.11.12.14", ["b@x.org", "c@x.org"]) == (
        event.account,
        event.ip,
        event.detail["recipients"],
    )


@pytest.mark.parametrize(
    ("action", "outcome", "delivery"),
    [
        ("DELIVER", "success", "delivered"),
        ("SEND", "success", "sent"),
        ("SENDEXTERNAL", "success", "sent"),
        ("FAIL", "failure", "failed"),
        ("DEFER", "unknown", "deferred"),
        ("RESOLVE", "unknown", None),
        ("HAREDIRECTFAIL", "unknown", None),
        ("SOMETHINGNEW", "unknown", None),
    ],
)
def test_events_say_what_became_of_the_mail(action, outcome, delivery):
    """An event that is not known is read all the same."""
    event = read({**ROW, "event-id": action, "recipient-status": "550 5.7.1 no"})
    assert (outcome, delivery) == (event.outcome, event.detail.get("delivery"))
    assert ("550 5.7.1 no" if outcome == "failure" else None) == event.reason


def test_a_report_has_no_sender():
    """Its envelope's sender is `<>`."""
    event = read({**ROW, "sender-address": "<>", "return-path": "<>"})
    assert "sender" not in event.detail


def test_a_line_without_its_header_is_read():
    """Shippers send lines alone; a subject may hold commas."""
    assert read(ROW) == read({"message": line(ROW)})


def test_the_log_names_its_columns():
    """2010 has no network-message-id; the `#Fields:` line tells."""
    names = [name for name in exchange.COLUMNS if name != "network-message-id"][:26]
    header = tables.fields_line(f"#Fields: {','.join(names)}")
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow([ROW.get(name, "") for name in names])
    event = read(header.record(header.cells(text.getvalue())))
    assert ("ann@example.com", None, None) == (event.account, event.correlation_id, event.raw_id)
    assert "bob@example.org" == event.detail["sender"]


def test_a_notification_without_a_mail_is_read():
    """The store driver writes NOTIFYMAPI with most columns empty."""
    row = dict.fromkeys(exchange.COLUMNS, "") | {
        "date-time": ROW["date-time"],
        "client-ip": "2001:db8::1",
        "source": "STOREDRIVER",
        "event-id": "NOTIFYMAPI",
        "source-context": "MDB:f4adaa08, Mailbox:84dd42d9, ClientType:MOMT",
    }
    event = read({"message": line(row)})
    assert ("NOTIFYMAPI", None, {"sender_ip": "2001:db8::1"}) == (event.action, event.account, event.detail)


@pytest.mark.parametrize("recipients", [["B@x.org", "c@x.org"], "{b@x.org, c@x.org}", "b@x.org;c@x.org"])
def test_what_powershell_returns_is_read(recipients):
    """Get-MessageTrackingLog leaves the dashes out; its lists become JSON lists or `{a, b}`."""
    event = read(
        {
            "Timestamp": "1/25/2024 3:16:09 PM",
            "ClientIp": "10.11.12.14",
            "ConnectorId": "x",
            "Source": "SMTP",
            "EventId": "SEND",
            "InternalMessageId": "7",
            "MessageId": "<1@mail.example.org>",
            "Recipients": recipients,
            "MessageSubject": "Hi",
            "Sender": "ann@example.com",
            "Directionality": "Originating",
        }
    )
    assert ("SEND", "ann@example.com", ["b@x.org", "c@x.org"]) == (
        event.action,
        event.account,
        event.detail["recipients"],
    )


@pytest.mark.parametrize(
    "record",
    [
        {"message": "2024-01-25T15:16:09.949Z,a,b,c,d"},
        {"message": line({**ROW, "source": "OTHER"})},
        {"message": "hello, world"},
        {"EventId": 4624, "ConnectorId": "x"},
        {"event-id": "x"},
    ],
)
def test_other_tables_are_not_claimed(record):
    """A time and commas are not enough."""
    assert not exchange.claims(Fields(record))


def test_a_row_without_event_or_time_is_refused():
    """Each for its reason."""
    with pytest.raises(Malformed, match="no_event"):
        exchange.read(Fields({**ROW, "event-id": ""}))
    with pytest.raises(Malformed, match="missing_time"):
        exchange.read(Fields({**ROW, "date-time": ""}))


@given(records(*exchange.COLUMNS[1:]))
def test_any_values_give_an_event_or_a_reason(values):
    """Subjects and addresses are whatever an outsider wrote."""
    assert check(exchange, {**ROW, **values}) in {"none", "no_event"}


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    """Lines of all kinds of logs are asked about."""
    assert check(exchange, {"message": f"{ROW['date-time']},,,,{text}"}) in {"none", "no_event"}
