"""What could be done."""

import msgspec

from sensor.incidents.proposals import propose, rules_of
from sensor.model.response import VERBS
from sensor.model.times import DAY_NS, rfc3339
from tests.incidents.hands import START, People, act, seen
from tests.incidents.test_case import case


def taking(*findings):
    one = case()
    for finding in findings:
        one.take(finding, START, weighs=True)
    return one


def told(one, people=None):
    people = people or People(links=[(0, 0, "strong"), (0, 1, "strong"), (3, 0, "medium")])
    rows = {f"device:{name}": row for row, name in enumerate(people.devices)}
    return {(action.verb, action.target["id"]): action for action in propose(one, people, rows)}


def test_a_device_is_isolated_and_its_target_blocked():
    """With who else would be touched; a hub is named as such."""
    one = taking(seen("beacon", "beacon", 1e-5, START, keys=("destination:203.0.113.9", "destination:10.0.0.9")))
    found = told(one)

    assert {("isolate_device", "dev-0"), ("block_address", "203.0.113.9")} == set(found)
    assert "1 device, 2 accounts seen on it" == found["isolate_device", "dev-0"].blast_radius
    people = People()
    people.roles[0] = "domain controller"
    assert "others depend on it" in told(one, people)["isolate_device", "dev-0"].blast_radius


def test_an_account_loses_sessions_and_the_rule_that_is_in_it():
    """By mailbox and name, as the connectors take them; a message by its recipient."""
    rule = act("rules", "hides", 1e-5, START, text='ann made the rule "." that hides mail', keys=("object:9",))
    mail = act("mail", "mailbox", 1e-3, START, keys=("message:<m1>", "address:192.0.2.9"), stage="act")
    found = told(taking(rule, mail))

    assert {
        ("remove_mail_rule", "user0@example.com/."), ("revoke_sessions", "user0@example.com"),
        ("disable_account", "user0@example.com"), ("quarantine_message", "<m1>/user0@example.com"),
    } == set(found)  # fmt: skip
    assert "1 account, 2 devices" in found["revoke_sessions", "user0@example.com"].blast_radius
    assert {VERBS[verb].target for verb, _ in found} == {action.target["kind"] for action in found.values()}


def test_a_rule_without_a_quoted_name_goes_by_its_object():
    """An odd name may be empty: quoted, it is still one."""
    plain = act("rules", "forwards", 1e-5, START, text="ann made a rule", keys=("object:AAQ=",))
    empty = act("rules", "hides", 1e-5, START, text='ann made the rule ""', target="e")

    who = "user0@example.com"
    assert [(who, who, "AAQ="), (who, who, "")] == rules_of(taking(plain, empty))


def test_forwarding_of_a_whole_mailbox_is_removed_too_and_in_the_mailbox_it_is_of():
    """It has no name; a rule that somebody made in another's mailbox is removed there."""
    whole = act("rules", "forwards", 1e-5, START, text="ann made forwarding", keys=("rule:(forwarding)",))
    theirs = act(
        "rules",
        "hides",
        1e-5,
        START,
        text='ann made the rule "."',
        keys=("rule:.", "mailbox:boss@example.com"),
        target="b",
    )
    found = told(taking(whole, theirs))

    assert {"user0@example.com/(forwarding)", "boss@example.com/."} <= {target for _, target in found}
    assert found["remove_mail_rule", "user0@example.com/(forwarding)"].blast_radius.startswith("the forwarding of 1")


def test_a_phishing_message_is_quarantined_once_by_the_id_that_connectors_know():
    """Products name one message by several ids."""
    mail = act("phishing", "phishing", 1e-3, START, keys=("message:4f1c", "message:<m1@evil>"), stage="entry")
    targets = [target for verb, target in told(taking(mail)) if verb == "quarantine_message"]

    assert ["<m1@evil>/user0@example.com"] == targets


def test_a_proposal_lasts_a_day_from_the_last_evidence():
    """What is proposed on day 8 has not expired on day 1."""
    one = taking(seen("beacon", "beacon", 1e-5, START))
    one.last_ns = START + 8 * DAY_NS

    assert rfc3339(START + 9 * DAY_NS) == told(one)["isolate_device", "dev-0"].expires


def test_nothing_is_armed_and_the_digest_proposes_nothing():
    """Recommended, without a connector, expiring in a day; the same each time it is asked."""
    one = taking(seen("scan", "scan", 1e-5, START))
    action = told(one)["isolate_device", "dev-0"]

    assert (None, "recommend", "proposed") == (action.connector, action.mode, action.state)
    assert told(one) == told(one)
    one.tier = "digest"
    assert {} == told(one)
    assert msgspec.json.encode(action)


def test_a_new_web_site_isolates_nobody():
    """First contacts say that a device met something new, not that somebody else uses it."""
    one = taking(seen("new_peer", "novelty", 1e-6, START))

    assert [] == [verb for verb, _ in told(one) if verb == "isolate_device"]
