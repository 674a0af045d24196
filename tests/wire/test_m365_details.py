"""What audit records of mailboxes, files, mail and changes say."""

import pytest

from sensor.wire.fields import Fields
from sensor.wire.m365_details import read_change, read_email, read_file, read_mailbox


def test_aggregated_access_lists_its_messages():
    """MailItemsAccessed: folders, messages, how, and how many."""
    record = {
        "OperationCount": 3,
        "LogonType": 0,
        "MailboxOwnerUPN": "Ann@Example.com",
        "ClientInfoString": "Client=REST;Client=RESTSystem;;",
        "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}, {"Name": "IsThrottled", "Value": "False"}],
        "Folders": '[{"Path":"\\\\Inbox","FolderItems":[{"InternetMessageId":"<1@x>"},{"InternetMessageId":"<1@x>"}]}]',
    }
    assert {
        "folders": ["\\Inbox"],
        "items": 3,
        "message_ids": ["<1@x>"],
        "logon_type": "owner",
        "mailbox": "ann@example.com",
        "client": "Client=REST;Client=RESTSystem;;",
        "access": "Bind",
        "throttled": False,
    } == read_mailbox(Fields(record))


def test_one_item_and_several_are_read_alike():
    """`Item` of one record, `AffectedItems` of another, with their folders and subjects."""
    one = {
        "Item": {"InternetMessageId": "<1@x>", "Subject": "Hi", "ParentFolder": {"Path": "\\Sent"}},
        "LogonType": "2",
    }
    assert {
        "folders": ["\\Sent"],
        "items": 1,
        "message_ids": ["<1@x>"],
        "subjects": ["Hi"],
        "logon_type": "delegate",
    } == read_mailbox(Fields(one))
    more = {
        "AffectedItems": [{"InternetMessageId": "<1@x>", "ParentFolder": {"Path": "\\A"}}, {"Subject": "S"}],
        "Folder": {"Path": "\\A"},
        "DestFolder": {"Path": "\\Deleted Items"},
        "Logon_Type": "Admin",
    }
    assert {
        "folders": ["\\A", "\\Deleted Items"],
        "items": 1,
        "message_ids": ["<1@x>"],
        "subjects": ["S"],
        "logon_type": "admin",
    } == read_mailbox(Fields(more))


@pytest.mark.parametrize(
    "properties",
    [["AttachmentCollection"], '["AttachmentCollection"]', [{"Name": "AttachmentCollection", "NewValue": "x"}]],
)
def test_what_of_a_message_was_changed_is_named(properties):
    """As texts, as the schema has it, as JSON in a text, or in objects."""
    assert ["AttachmentCollection"] == read_mailbox(Fields({"ModifiedProperties": properties}))["changed"]


def test_a_file_has_its_place():
    """Name, folder, site, size and what it is."""
    record = {
        "SourceFileName": "a.docx",
        "SourceRelativeUrl": "Documents",
        "SiteUrl": "https://example.sharepoint.com/",
        "ListItemUniqueId": "u",
        "SourceFileExtension": "docx",
        "FileSizeBytes": 17,
        "TargetUserOrGroupName": "X@Example.net",
    }
    assert {
        "file": "a.docx",
        "folder": "Documents",
        "site_url": "https://example.sharepoint.com/",
        "file_id": "u",
        "file_type": "docx",
        "size": 17,
        "targets": ["x@example.net"],
    } == read_file(Fields(record))


@pytest.mark.parametrize(
    ("record", "operation", "expected"),
    [
        ({"DeliveryAction": "Delivered", "LatestDeliveryLocation": "Inbox"}, "TIMailData", "delivered"),
        ({"DeliveryAction": "DeliveredAsSpam", "LatestDeliveryLocation": "JunkFolder"}, "TIMailData", "junked"),
        ({"DeliveryAction": "Blocked", "LatestDeliveryLocation": "Quarantine"}, "TIMailData", "quarantined"),
        ({"DeliveryAction": "Blocked"}, "TIMailData", "blocked"),
        ({}, "QuarantineReleaseMessage", "released"),
        ({}, "QuarantineDeleteMessage", "deleted"),
        ({}, "QuarantinePreviewMessage", "quarantined"),
        ({"DeliveryAction": "Odd"}, "TIMailData", "odd"),
        ({}, "TIMailData", None),
    ],
)
def test_where_a_message_is(record, operation, expected):
    """In words common to all products."""
    assert expected == read_email(Fields(record), operation).get("delivery")


def test_a_message_has_its_ids_and_people():
    """The twin of Defender's own row has the same keys."""
    record = {
        "NetworkMessageId": "n1",
        "InternetMessageId": "<m@x>",
        "P1Sender": "bounce@example.net",
        "P2Sender": "Sender@Example.net",
        "Recipients": ["Ann@Example.com"],
        "Subject": "s",
        "Directionality": "Inbound",
        "Verdict": "Phish",
        "SenderIp": "192.0.2.9",
        "Policy": "HighConfidencePhish",
    }
    assert {
        "network_message_id": "n1",
        "message_id": "<m@x>",
        "sender": "sender@example.net",
        "recipients": ["ann@example.com"],
        "subject": "s",
        "direction": "inbound",
        "threats": ["Phish"],
        "sender_ip": "192.0.2.9",
        "policy": "HighConfidencePhish",
    } == read_email(Fields(record), "TIMailData")
    click = read_email(Fields({"Url": "https://x.example"}), "TIUrlClickData")
    assert {"url": "https://x.example", "clicked": True} == click


def test_a_change_has_targets_and_values():
    """Directory changes and Exchange's cmdlets; without either the object itself."""
    record = {
        "ObjectId": "x@example.com",
        "Target": [{"ID": "User_1", "Type": 2}, {"ID": "x@example.com", "Type": 5}, {"ID": "App", "Type": 1}],
        "Actor": [{"ID": "Some Service", "Type": 1}],
        "ModifiedProperties": [{"Name": "Password", "NewValue": ""}, {"Name": "Scope", "NewValue": "Mail.Read"}, 7],
    }
    assert {
        "targets": ["x@example.com", "App"],
        "changes": {"Password": None, "Scope": "Mail.Read"},
        "actor_app": "Some Service",
    } == read_change(Fields(record), {})
    parameters = {"identity": "box", "user": "spy@example.com", "accessrights": "FullAccess"}
    assert {
        "targets": ["box", "spy@example.com"],
        "changes": {"user": "spy@example.com", "accessrights": "FullAccess"},
    } == read_change(Fields({}), parameters)
    assert {"targets": ["o"]} == read_change(Fields({"ObjectId": "o"}), {})
