"""Mail rules: what hides and what sends on is told with its factors; a rule for newsletters is not."""

import numpy as np
import pytest

from sensor.detectors.mail_rules import FACTORS, RULE_RATE, again, detector
from sensor.detectors.place import detector as place
from tests.detectors.acts_made import ANN, act, known, office, run, signin
from tests.scenes import SECRET

DOT = {"rule": ".", "moves_to": "RSS Feeds", "marks_read": True, "senders": ["bob@corp.example"], "mailbox": ANN}


def found(detail, action="New-InboxRule", freeze=(), **fields):
    entities = known()
    one = detector(entities, SECRET)
    return run(entities, [one], [signin(), act("mail_rule", action, hour=10, detail=detail, **fields)], freeze=freeze)


def test_a_rule_that_hides_one_colleagues_mail_multiplies_its_factors():
    """Its name stands in straight quotes; p follows from the basis."""
    (one,) = found(DOT)
    expected = RULE_RATE * FACTORS["hides"] * FACTORS["odd name"] * FACTORS["one colleague"]

    assert np.isclose(expected, one.evidence.p)
    assert np.isclose(again(one.evidence), expected)
    assert ("hides", ("hides",), "act", True) == (
        one.evidence.family, one.evidence.marks, one.evidence.stage, one.opens,
    )  # fmt: skip
    assert 'the rule "."' in one.evidence.text
    assert "assumed: one in 200" in one.evidence.text


def test_a_rule_for_newsletters_is_weak():
    """Moved to a folder of its own it is no evidence; marked as read, too, it stays under what opens an incident."""
    benign = {"rule": "Newsletters", "moves_to": "Newsletters", "senders": ["news@shop.example"]}
    (read,) = found(benign | {"marks_read": True})

    assert [] == found(benign)
    assert read.evidence.db < 20


@pytest.mark.parametrize(
    ("detail", "action", "family"),
    [
        ({"rule": "a", "deletes": True}, "New-InboxRule", "hides"),
        ({"rule": ",,", "moves_to": "Projects"}, "Set-InboxRule", "hides"),
        ({"moves_to": "x"}, "New-InboxRule", "hides"),
        ({"rule": "a", "moves_to": ":\\Conversation History"}, "New-InboxRule", "hides"),
        ({"rule": "a", "forwards_to": ["x@evil.example"]}, "New-InboxRule", "forwards"),
        ({"rule": "a", "redirects_to": ["x@corp.example.evil.example"]}, "New-TransportRule", "forwards"),
        ({"forwards_to": ["x@evil.example"], "mailbox": ANN}, "Set-Mailbox", "forwards"),
        ({"forwards_to": ["x@gmail.example"]}, "email_forwarding_out_of_domain", "forwards"),
    ],
)
def test_what_hides_and_what_sends_on_is_told(detail, action, family):
    """Inbox rules, transport rules, whole mailboxes, Google's forwarding."""
    seen = found(detail, action, source="google" if action.startswith("email_") else "m365")

    assert [family] == [one.evidence.family for one in seen]
    assert {"hides": ("T1564.008",), "forwards": ("T1114.003",)}[family] == seen[0].techniques


@pytest.mark.parametrize(
    ("detail", "action"),
    [
        ({"rule": "a", "forwards_to": ["bob@corp.example"]}, "New-InboxRule"),
        ({"rule": "a", "forwards_to": ["bob@mail.corp.example"]}, "New-InboxRule"),
        (DOT, "Remove-InboxRule"),
        (DOT | {"enabled": False}, "Set-InboxRule"),
        (DOT | {"operation": "RemoveRule"}, "UpdateInboxRules"),
        ({"moves_to": "Projects"}, "UpdateInboxRules"),
    ],
)
def test_inside_forwarding_and_rules_that_end_are_none(detail, action):
    """Nor is a rule of Outlook's own whose record lacks its name."""
    assert [] == found(detail, action)


def test_a_rule_that_deletes_and_sends_on_is_both():
    """Two families, each with its own evidence."""
    seen = found({"rule": "a", "deletes": True, "forwards_to": ["x@evil.example"]})

    assert ["forwards", "hides"] == sorted(one.evidence.family for one in seen)
    assert 2 == len({one.evidence.id for one in seen})


def test_a_plain_rule_of_a_suspected_account_is_told():
    """It weighs as a rule does, and opens nothing."""
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    run(entities, both, [signin()], freeze=(ANN,))
    plain = act("mail_rule", "New-InboxRule", hour=10, detail={"rule": "a", "moves_to": "b"})
    (one,) = run(entities, both, [plain], freeze=(ANN,))

    assert (False, RULE_RATE) == (one.opens, one.evidence.p)


def test_a_tenants_own_rules_set_the_rate():
    """Where everybody makes rules, one more is no news."""
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    rules = [act("mail_rule", "New-InboxRule", day=day, detail={"rule": "a", "moves_to": "b"}) for day in range(60)]
    run(entities, both, office(days=60) + rules)
    (one,) = run(entities, both, [act("mail_rule", "New-InboxRule", day=60, detail=DOT)])

    assert one.evidence.basis["rate"] > 0.05
    assert "here one in" in one.evidence.text


def test_save_and_load_is_identity():
    """A restart forgets no count."""
    entities = known()
    one, other = detector(entities, SECRET), detector(entities, SECRET)
    run(entities, [one], [signin(), act("mail_rule", "New-InboxRule", hour=10, detail=DOT)])
    other.load(one.save())

    assert one.save()["rules"].tolist() == other.save()["rules"].tolist() != []
    assert "judged" == one.coverage().state


def test_keys_name_the_rule_and_the_mailbox_where_it_is_anothers():
    """Forwarding of a whole mailbox has no name, and gets one that no rule has."""
    own, theirs = found(DOT)[0], found(DOT | {"mailbox": "Boss@corp.example"})[0]
    (whole,) = found({"forwards_to": ["x@evil.example"]}, "Set-Mailbox")

    assert [["rule:."], ["rule:.", "mailbox:boss@corp.example"], ["rule:(forwarding)"]] == [
        [key for key in one.evidence.keys if key.startswith(("rule:", "mailbox:"))] for one in (own, theirs, whole)
    ]
