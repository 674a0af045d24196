"""Exchange Online's message trace and quarantine."""

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.sources import exchange_online
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records
from tests.sources.reading import only_event

TEN = read_time("2024-05-01T10:00:00Z")
TRACE = {
    "Organization": "example.onmicrosoft.com",
    "MessageId": "<1@evil.example>",
    "Received": "2024-05-01T10:00:00",
    "SenderAddress": "Boss@Evil.example",
    "RecipientAddress": "Ann@Example.com",
    "Subject": "Invoice",
    "Status": "Delivered",
    "ToIP": "",
    "FromIP": "203.0.113.80",
    "Size": 1234,
    "MessageTraceId": "6a1f",
    "Index": 3,
}
QUARANTINE = {
    "Identity": "6a1f\\77aa",
    "ReceivedTime": "2024-05-01T10:00:00Z",
    "MessageId": "<1@evil.example>",
    "SenderAddress": "Boss@Evil.example",
    "RecipientAddress": ["Ann@Example.com", "bob@example.com"],
    "Subject": "Invoice",
    "Type": "HighConfPhish",
    "PolicyType": "HostedContentFilterPolicy",
    "PolicyName": "Default",
    "Direction": "Inbound",
    "Expires": "2024-05-31T10:00:00Z",
    "ReleaseStatus": "NOTRELEASED",
}
REPORT = {
    "origin_timestamp_utc": "2024-05-01T10:00:00.0000000Z",
    "sender_address": "bob@example.com",
    "recipient_status": "x@other.example##Receive, Send;y@other.example##Receive, Fail",
    "message_subject": "Plan",
    "total_bytes": "99",
    "message_id": "<2@example.com>",
    "network_message_id": "7b2a",
    "original_client_ip": "198.51.100.7",
    "directionality": "Originating",
}
KEYS = tuple({*TRACE, *QUARANTINE, *REPORT, "receivedDateTime", "id", "ReleasedBy", "ReleasedUser", "QuarantineTypes"})


def _one(record):
    """The one event of a claimed record."""
    event = only_event(exchange_online, record)
    assert ("exchange_online", "email") == (event.source, event.kind)
    return event


def test_a_traced_mail():
    """One record is one mail to one recipient."""
    event = _one(TRACE)
    assert (TEN, "Delivered", "success") == (event.ts, event.action, event.outcome)
    assert ("ann@example.com", "203.0.113.80", "Invoice") == (event.account, event.ip, event.object)
    assert "6a1f/ann@example.com/3/Delivered" == event.raw_id
    assert {
        "sender": "boss@evil.example",
        "recipients": ["ann@example.com"],
        "subject": "Invoice",
        "delivery": "delivered",
        "sender_ip": "203.0.113.80",
        "network_message_id": "6a1f",
        "message_id": "<1@evil.example>",
        "size": 1234,
    } == event.detail


@pytest.mark.parametrize("received", ["/Date(1714557600000)/", "/Date(1714557600000+0000)/", "2024-05-01T10:00:00Z"])
def test_times_of_the_reporting_service(received):
    """Its JSON has .NET's form of times; those without a zone are UTC."""
    assert TEN == _one(TRACE | {"Received": received}).ts


def test_graphs_form_says_the_same():
    """The keys begin with small letters and the id is called id."""
    graph = {
        "@odata.type": "#microsoft.graph.exchangeMessageTrace",
        "id": "6a1f",
        "senderAddress": "boss@evil.example",
        "recipientAddress": "ann@example.com",
        "messageId": "<1@evil.example>",
        "receivedDateTime": "2024-05-01T10:00:00Z",
        "subject": "Invoice",
        "status": "quarantined",
        "fromIP": "203.0.113.80",
    }
    event = _one(graph)
    assert (TEN, "quarantined", "failure", "203.0.113.80") == (event.ts, event.action, event.outcome, event.ip)
    assert ("6a1f", "quarantined") == (event.detail["network_message_id"], event.detail["delivery"])


@pytest.mark.parametrize(
    ("status", "delivery", "outcome"),
    [
        ("Expanded", "expanded", "success"),
        ("Failed", "failed", "failure"),
        ("Pending", "deferred", "unknown"),
        ("FilteredAsSpam", "junked", "success"),
        ("GettingStatus", "deferred", "unknown"),
        ("Strange", None, "unknown"),
    ],
)
def test_what_became_of_a_mail(status, delivery, outcome):
    """The status is the event's action as it stands."""
    event = _one(TRACE | {"Status": status})
    assert (status, delivery, outcome) == (event.action, event.detail.get("delivery"), event.outcome)


def test_the_extended_report_has_all_recipients_in_one_row():
    """A mail of one's own is about its sender, and the address is where it was handed in."""
    event = _one(REPORT)
    assert (TEN, "Receive, Send", "success") == (event.ts, event.action, event.outcome)
    assert ("bob@example.com", "198.51.100.7", "7b2a") == (event.account, event.ip, event.raw_id)
    assert ["x@other.example", "y@other.example"] == event.detail["recipients"]
    assert ("outbound", "sent", 99) == tuple(event.detail[name] for name in ("direction", "delivery", "size"))


def test_a_mail_in_quarantine():
    """Its identity begins with the id that every other log of the mail has."""
    event = _one(QUARANTINE)
    assert (TEN, "NOTRELEASED", "failure") == (event.ts, event.action, event.outcome)
    assert ("ann@example.com", None, "6a1f\\77aa/NOTRELEASED") == (event.account, event.ip, event.raw_id)
    assert {
        "sender": "boss@evil.example",
        "recipients": ["ann@example.com", "bob@example.com"],
        "subject": "Invoice",
        "delivery": "quarantined",
        "network_message_id": "6a1f",
        "message_id": "<1@evil.example>",
        "direction": "inbound",
        "location": "Quarantine",
        "threats": ["HighConfPhish"],
        "policy": "Default",
    } == event.detail


@pytest.mark.parametrize(
    ("status", "delivery", "outcome"),
    [
        ("RELEASED", "released", "success"),
        ("APPROVED", "released", "success"),
        ("REQUESTED", "quarantined", "failure"),
        ("DENIED", "quarantined", "failure"),
        ("", "quarantined", "failure"),
    ],
)
def test_a_release_is_a_record_of_its_own(status, delivery, outcome):
    """The same mail listed again after its release is no duplicate."""
    event = _one(QUARANTINE | {"ReleaseStatus": status, "ReleasedBy": ["admin@example.com"]})
    assert (delivery, outcome) == (event.detail["delivery"], event.outcome)
    assert ["admin@example.com"] == event.detail["released_by"]
    assert (status or "quarantined") == event.action


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"SenderAddress": "a@b.example", "RecipientAddress": "c@d.example", "Status": "ok"},
        {"ReceivedTime": "2024-05-01T10:00:00Z", "SenderAddress": "a@b.example", "RecipientAddress": "c@d.example"},
        {"EventId": "DELIVER", "Sender": "a@b.example", "InternalMessageId": "1", "ConnectorId": ""},
    ],
)
def test_other_mail_logs_are_left_to_their_readers(record):
    """A record without the columns of a trace or of quarantine is somebody else's."""
    assert False is exchange_online.claims(Fields(record))
    with pytest.raises(Malformed, match="unknown_record"):
        exchange_online.read(Fields(record))


@pytest.mark.parametrize(("received", "reason"), [("", "missing_time"), ("soon", "bad_time")])
def test_a_mail_without_a_time_is_refused(received, reason):
    """Nothing says when it was otherwise."""
    with pytest.raises(Malformed, match=reason):
        exchange_online.read(Fields(TRACE | {"Received": received}))


@given(records(*KEYS))
def test_records_that_no_product_writes(record):
    """Any values under the right names give events or a reason."""
    for whole in (TRACE, QUARANTINE, REPORT):
        check(exchange_online, whole | record)
    check(exchange_online, record)
