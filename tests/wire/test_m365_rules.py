"""What mail rules do."""

import pytest

from sensor.wire.fields import Fields
from sensor.wire.m365_rules import read_rule


def rule(operation="New-InboxRule", object_id=None, **parameters):
    """The detail of a rule made with these parameters."""
    listed = [{"Name": name, "Value": value} for name, value in parameters.items()]
    record = Fields({"Parameters": listed, "ObjectId": object_id, "UserId": "ann@example.com"})
    return read_rule(record, operation, record.named("Parameters"))


def test_everything_a_new_rule_does_is_read():
    """Addresses lose `smtp:`, lists are parted, truth comes from texts."""
    detail = rule(
        Name="tidy",
        From="a@example.org;b@example.org",
        FromAddressContainsWords="@example.org",
        SubjectOrBodyContainsWords="invoice; pay, now",
        MoveToFolder="RSS Feeds",
        CopyToFolder="Notes",
        MarkAsRead="True",
        DeleteMessage="True",
        StopProcessingRules="True",
        ForwardTo="SMTP:Bob@Example.net",
        ForwardAsAttachmentTo="c@example.net",
        RedirectTo="joe@example.net",
        Mailbox="Ann@Example.com",
        Force="False",
    )
    assert {
        "rule": "tidy",
        "moves_to": "RSS Feeds",
        "copies_to": "Notes",
        "marks_read": True,
        "deletes": True,
        "stops": True,
        "forwards_to": ["bob@example.net", "c@example.net"],
        "redirects_to": ["joe@example.net"],
        "senders": ["a@example.org", "b@example.org", "@example.org"],
        "words": ["invoice", "pay, now"],
        "mailbox": "ann@example.com",
    } == detail


@pytest.mark.parametrize(
    ("object_id", "parameters", "expected"),
    [
        ("EURPR07A010.PROD.OUTLOOK.COM/Organizations/x/bc1b1df3\\..", {}, ".."),
        ("ann\\-", {"Name": "-"}, "-"),
        ("ann\\other", {"Name": "."}, "."),
        (None, {"Identity": "ann@example.com\\123456"}, "123456"),
        (None, {"Identity": "Delete and forward"}, "Delete and forward"),
        (None, {}, None),
        ("no backslash", {}, None),
    ],
)
def test_a_rules_name_is_found_where_it_stands(object_id, parameters, expected):
    """A parameter, else behind the last backslash of the object or the identity; a name of one sign is a name."""
    assert expected == rule(object_id=object_id, **parameters).get("rule")


@pytest.mark.parametrize(
    ("operation", "parameters", "expected"),
    [
        ("Enable-InboxRule", {}, True),
        ("Disable-InboxRule", {}, False),
        ("Remove-InboxRule", {}, False),
        ("New-InboxRule", {}, None),
        ("New-TransportRule", {"Enabled": "False"}, False),
    ],
)
def test_whether_a_rule_is_on(operation, parameters, expected):
    """Said by the operation or a parameter."""
    assert expected == rule(operation, **parameters).get("enabled")


def test_a_mailbox_that_is_forwarded_is_a_rule_without_a_name():
    """Set-Mailbox: whose mail goes where, and whether a copy stays."""
    detail = rule(
        "Set-Mailbox",
        object_id="ann",
        Identity="Ann@Example.com",
        ForwardingSmtpAddress="smtp:out@example.net",
        DeliverToMailboxAndForward="False",
    )
    assert {"forwards_to": ["out@example.net"], "mailbox": "ann@example.com", "keeps_copy": False} == detail
    assert "ann" == rule("Set-Mailbox", object_id="Ann", ForwardingAddress="x")["mailbox"]


def test_a_transport_rules_actions_are_read():
    """Its parameters have names of their own."""
    detail = rule(
        "New-TransportRule",
        Name="t",
        BlindCopyTo="spy@example.net",
        RedirectMessageTo="r@example.net",
        DeleteMessage=True,
    )
    assert (["spy@example.net"], ["r@example.net"]) == (detail["forwards_to"], detail["redirects_to"])
    assert "t" == detail["rule"]


def outlook(**said):
    """The detail of a rule that Outlook made on a desktop."""
    listed = [{"Name": name} | ({} if value is None else {"Value": value}) for name, value in said.items()]
    record = Fields({"OperationProperties": listed, "MailboxOwnerUPN": "Owner@Example.com"})
    return read_rule(record, "UpdateInboxRules", {})


def test_rules_made_in_outlook_are_read():
    """Actions are JSON in a text, and the name may lack its value."""
    detail = outlook(
        RuleOperation="ModifyMailboxRule",
        RuleState="Enabled",
        RuleCondition='{(SubjectContains "invoice") or (BodyContains "payroll")}',
        RuleName=None,
        RuleActions='[{"ActionType":"Forward","Recipients":["a@example.net","b@example.net"],"ForwardFlags":"None"},'
        '{"ActionType":"Move","FolderEntryId":"0001"},{"ActionType":"MarkAsRead"}]',
    )
    assert {
        "moves_to": "0001",
        "marks_read": True,
        "forwards_to": ["a@example.net", "b@example.net"],
        "words": ["invoice", "payroll"],
        "enabled": True,
        "mailbox": "owner@example.com",
        "condition": '{(SubjectContains "invoice") or (BodyContains "payroll")}',
        "operation": "ModifyMailboxRule",
    } == detail


@pytest.mark.parametrize(
    ("condition", "senders"),
    [
        ("(&(SenderSmtpAddress = Boss@Example.com))", ["boss@example.com"]),
        ('{(From "boss@example.com") or (From "cfo@example.com")}', ["boss@example.com", "cfo@example.com"]),
        ('{(SentTo "boss@example.com")}', []),
        ('{(SubjectContains "sender") and (RecipientContains "boss@example.com")}', []),
    ],
)
def test_whose_mail_a_rule_of_outlooks_takes_is_read(condition, senders):
    """Addresses in clauses on the sender, not in others."""
    assert senders == outlook(RuleName="x", RuleCondition=condition).get("senders", [])


def test_outlooks_redirections_and_removals_are_told_apart():
    """A forward that keeps the sender is a redirection; a removed rule is off."""
    actions = (
        '[{"ActionType":"Forward","Recipients":["x@example.net"],"ForwardFlags":"PreserveSender, DoNotMungeMessage"}]'
    )
    assert {"redirects_to": ["x@example.net"], "mailbox": "owner@example.com"} == outlook(RuleActions=actions)
    assert outlook(RuleOperation="RemoveMailboxRule", RuleName="r")["enabled"] is False
    assert outlook(RuleState="Disabled")["enabled"] is False
    assert outlook(RuleActions='[{"ActionType":"Delete"},{"ActionType":"StopProcessing"}]')["stops"]


def test_odd_parameters_are_left_out():
    """Numbers, objects, lists and blanks under the names of texts."""
    assert {"forwards_to": ["a@example.net", "7"], "mailbox": "x"} == rule(
        Name="", ForwardTo=["a@example.net", 7, None, {"x": 1}], Mailbox="x", From=True, MoveToFolder={"a": 1}
    )
    assert {"mailbox": "owner@example.com"} == outlook(RuleActions="[1, 2", RuleState=None)
