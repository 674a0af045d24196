"""Kinds of Microsoft 365's audit records."""

import pytest

from sensor.wire.m365_records import kind_of, record_type


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("15", 15),
        ("AzureActiveDirectoryStsLogon", 15),
        ("exchangeadmin", 1),
        ("ExchangeItemAggregated", 50),
        ("-1", None),
        ("999999999", None),
        ("NeverHeardOf", None),
        (None, None),
    ],
)
def test_record_types_come_as_numbers_or_names(text, expected):
    """The API writes numbers, Log Analytics names; a type that decides nothing is None."""
    assert expected == record_type(text)


@pytest.mark.parametrize(
    ("number", "operation", "parameters", "expected"),
    [
        (15, "UserLoggedIn", {}, "signin"),
        (None, "UserLoginFailed", {}, "signin"),
        (9, "PasswordLogonInitialAuthUsingPassword", {}, "signin"),
        (1, "New-InboxRule", {}, "mail_rule"),
        (1, "Set-InboxRule", {}, "mail_rule"),
        (1, "New-TransportRule", {}, "mail_rule"),
        (2, "UpdateInboxRules", {}, "mail_rule"),
        (1, "Set-Mailbox", {"forwardingsmtpaddress": "smtp:x@example.net"}, "mail_rule"),
        (1, "Set-Mailbox", {"forwardingsmtpaddress": None}, "admin"),
        (1, "Add-MailboxPermission", {"user": "x"}, "admin"),
        (8, "Update user.", {}, "admin"),
        (8, "Consent to application.", {}, "consent"),
        (8, "Add delegated permission grant.", {}, "consent"),
        (2, "Update", {}, "mailbox"),
        (3, "SoftDelete", {}, "mailbox"),
        (50, "MailItemsAccessed", {}, "mailbox"),
        (6, "FileDownloaded", {}, "file"),
        (14, "AnonymousLinkCreated", {}, "file"),
        (None, "FilePreviewed", {}, "file"),
        (28, "TIMailData", {}, "email"),
        (41, "TIUrlClickData", {}, "email"),
        (65, "QuarantineReleaseMessage", {}, "email"),
        (25, "MemberAdded", {}, "other"),
        (98, "MCAS_ALERT_ANUBIS_DETECTION_VELOCITY", {}, "other"),
        (None, "NeverHeardOf", {}, "other"),
    ],
)
def test_operations_have_kinds(number, operation, parameters, expected):
    """By operation where it is one that matters, else by the record's type; the unknown is `other`."""
    assert expected == kind_of(number, operation, parameters)
