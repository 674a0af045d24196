"""Rows of Defender for Office 365's tables."""

import pytest

from sensor.wire.defender_email import read_email
from sensor.wire.fields import Fields

INBOUND = {
    "NetworkMessageId": "6a1f",
    "InternetMessageId": "<1@evil.example>",
    "SenderFromAddress": "Boss@Evil.example",
    "SenderMailFromAddress": "bounce@relay.example",
    "SenderIPv4": "203.0.113.80",
    "RecipientEmailAddress": "Ann@Example.com",
    "RecipientObjectId": "o-ann",
    "SenderObjectId": "o-bob",
    "Subject": "Invoice",
    "EmailDirection": "Inbound",
    "DeliveryAction": "Delivered",
    "DeliveryLocation": "Inbox/folder",
    "ThreatTypes": "Phish, Spam",
    "DetectionMethods": '{"Phish":["URL detonation"],"Spam":["Fingerprint matching"]}',
}


def test_an_inbound_mail_is_about_its_recipient():
    """The account is whose mailbox it came to; the address is the sending server's."""
    found = read_email(Fields(INBOUND), "emailevents")
    assert ("email", "Delivered", "success") == (found["kind"], found["action"], found["outcome"])
    assert ("ann@example.com", "o-ann", "203.0.113.80") == (found["account"], found["account_id"], found["ip"])
    assert {
        "network_message_id": "6a1f",
        "message_id": "<1@evil.example>",
        "sender": "boss@evil.example",
        "recipients": ["ann@example.com"],
        "subject": "Invoice",
        "direction": "inbound",
        "delivery": "delivered",
        "location": "Inbox/folder",
        "threats": ["Phish", "Spam"],
        "sender_ip": "203.0.113.80",
    } == found["detail"]


def test_an_outbound_mail_is_about_its_sender():
    """Who wrote it is the tenant's own account there."""
    row = INBOUND | {"EmailDirection": "Outbound", "SenderFromAddress": "bob@example.com", "SenderIPv4": ""}
    found = read_email(Fields(row | {"SenderIPv6": "2001:db8::25"}), "emailevents")
    assert ("bob@example.com", "o-bob", "2001:db8::25") == (found["account"], found["account_id"], found["ip"])


@pytest.mark.parametrize(
    ("action", "place", "delivery", "outcome"),
    [
        ("Delivered", "Inbox/folder", "delivered", "success"),
        ("Delivered", "Deleted items", "deleted", "success"),
        ("Junked", "Junk folder", "junked", "success"),
        ("Blocked", "Quarantine", "quarantined", "failure"),
        ("Blocked", "Dropped", "blocked", "failure"),
        ("Blocked", "Failed", "failed", "failure"),
        ("Replaced", "Inbox/folder", "replaced", "success"),
        ("Delivered", "On-premises/external", "delivered", "success"),
        ("Delivered", "", "delivered", "success"),
    ],
)
def test_where_a_mail_lies_is_told_by_its_place(action, place, delivery, outcome):
    """`Blocked` with the place Quarantine can still be released; the two together say where the mail is."""
    row = INBOUND | {"DeliveryAction": action, "DeliveryLocation": place}
    found = read_email(Fields(row), "emailevents")
    assert (delivery, outcome) == (found["detail"]["delivery"], found["outcome"])


def test_the_latest_place_counts():
    """A mail that was removed later has both its first place and its last."""
    row = INBOUND | {"LatestDeliveryLocation": "Quarantine", "LatestDeliveryAction": "Blocked"}
    assert "quarantined" == read_email(Fields(row), "emailevents")["detail"]["delivery"]


@pytest.mark.parametrize(
    ("action", "result", "delivery", "outcome"),
    [
        ("Moved to quarantine", "Success", "quarantined", "success"),
        ("Moved to junk folder", "Error", "junked", "failure"),
        ("Quarantine release", "Success", "released", "success"),
        ("Soft delete", "", "deleted", "unknown"),
    ],
)
def test_actions_after_delivery_say_where_the_mail_is_then(action, result, delivery, outcome):
    """Zero-hour purge, an administrator, or the user took it out of the mailbox or back in."""
    row = {
        "NetworkMessageId": "6a1f",
        "RecipientEmailAddress": "ann@example.com",
        "Action": action,
        "ActionType": "Phish ZAP",
        "ActionTrigger": "ZAP",
        "ActionResult": result,
        "DeliveryLocation": "Quarantine",
    }
    found = read_email(Fields(row), "emailpostdeliveryevents")
    assert ("Phish ZAP", outcome) == (found["action"], found["outcome"])
    assert (delivery, "ZAP") == (found["detail"]["delivery"], found["detail"]["trigger"])


@pytest.mark.parametrize(
    ("action", "through", "outcome", "clicked"),
    [
        ("ClickAllowed", True, "success", True),
        ("ClickBlocked", 0, "failure", False),
        ("UrlScanInProgress", "1", "unknown", True),
    ],
)
def test_a_click_is_where_the_user_was(action, through, outcome, clicked):
    """The address is the clicking device's; `IsClickedThrough` is told apart from the first verdict."""
    row = {
        "Url": "https://evil.example/x",
        "ActionType": action,
        "AccountUpn": "Ann@Example.com",
        "Workload": "Email",
        "NetworkMessageId": "6a1f",
        "IPAddress": "198.51.100.7",
        "IsClickedThrough": through,
    }
    found = read_email(Fields(row), "urlclickevents")
    assert ("ann@example.com", "198.51.100.7", "Email") == (found["account"], found["ip"], found["app"])
    assert (action, outcome, "https://evil.example/x") == (found["action"], found["outcome"], found["object"])
    assert clicked is found["detail"]["clicked"]


def test_attachments_and_links_are_named():
    """Their rows are joined to the mail by its id and recipient."""
    file = {"NetworkMessageId": "6a1f", "RecipientEmailAddress": "a@b.example", "FileName": "x.doc", "SHA256": "ab"}
    found = read_email(Fields(file), "emailattachmentinfo")
    assert ("emailattachmentinfo", "x.doc", "a@b.example") == (found["action"], found["object"], found["account"])
    assert ("x.doc", "ab") == (found["detail"]["file"], found["detail"]["sha256"])
    link = {"NetworkMessageId": "6a1f", "Url": "https://evil.example/", "UrlDomain": "evil.example"}
    found = read_email(Fields(link), "emailurlinfo")
    assert {"network_message_id": "6a1f", "url": "https://evil.example/"} == found["detail"]
    assert (None, "unknown") == (found["account"], found["outcome"])
