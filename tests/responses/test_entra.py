"""Entra and Microsoft 365 as a connector, against a server that answers as Graph does."""

import pytest

from sensor.errors import Permanent, Transient
from sensor.responses import entra
from tests.responses.vendors import asked, request, through, vendors
from tests.wire.api_server import FakeClock


@pytest.fixture
def held():
    """The products."""
    with vendors() as server:
        yield server


@pytest.fixture
def connector(held):
    """One tenant of one domain."""
    made = entra.build(asked(held, FakeClock(), tenant="t", client_id="c", domains=["ex.com"]))
    yield made
    made.close()


def test_an_account_is_disabled_and_enabled_again(held, connector):
    """What it was before is kept; to do it twice changes nothing."""
    known, holds = through(connector, request("disable_account", "ann@ex.com"))
    connector.act(known)
    assert (True, False, {"enabled": "true"}) == (holds, held.enabled, known.before)
    connector.undo(known)
    assert held.enabled


def test_an_account_that_was_disabled_already_stays_so(held, connector):
    """Taking ours back does not open what somebody else closed."""
    held.enabled = False
    known, _ = through(connector, request("disable_account", "ann@ex.com"))
    connector.undo(known)
    assert not held.enabled


def test_sessions_count_as_revoked_when_the_product_says_so(held, connector):
    """Not before its own time has passed the request; sessions that outlive it are seen as such."""
    held.lag = 3
    known, holds = through(connector, request("revoke_sessions", "ann@ex.com"))
    assert not holds
    assert [False, True] == [connector.verify(known) for _ in range(2)]


def test_a_rule_is_removed_and_put_back(held, connector):
    """By its name, which may be a dot; a rule that Graph does not show is said."""
    known, holds = through(connector, request("remove_mail_rule", "ann@ex.com/."))
    assert (True, []) == (holds, held.rules)
    connector.act(known)
    connector.undo(known)
    connector.undo(known)
    assert [{"id": "r9", "displayName": ".", "actions": {"moveToFolder": "x"}}] == held.rules
    with pytest.raises(Permanent, match="no rule 'x' that Graph shows"):
        connector.before(request("remove_mail_rule", "ann@ex.com/x"))


def test_a_message_is_hidden_and_put_back(held, connector):
    """Into its own folder."""
    known, holds = through(connector, request("quarantine_message", "<1@ex>/ann@ex.com"))
    assert (True, {"m1": "recoverableitemsdeletions"}) == (holds, held.messages)
    connector.undo(known)
    assert {"m1": "inbox"} == held.messages


def test_its_own_accounts_alone_are_served(connector):
    """Of the mailbox where the target is a rule or a message."""
    served = [("disable_account", "ann@ex.com"), ("remove_mail_rule", "ann@ex.com/."),
              ("quarantine_message", "<1@other.org>/ann@ex.com")]  # fmt: skip
    assert all(connector.serves(request(*one)) for one in served)
    others = [("disable_account", "ann@ex.org"), ("remove_mail_rule", "ann@ex.com/(forwarding)")]
    assert not any(connector.serves(request(*one)) for one in others)


def test_roles_are_part_of_the_blast_radius(connector):
    """A person who approves must see that it is an administrator."""
    found = connector.blast_radius(request("disable_account", "ann@ex.com"))
    assert "1 account, which holds User Administrator" == found


def test_trouble_is_outlasted_or_said(held, connector):
    """Throttling, a server's error and an answer that is lost are asked again; a refusal is final."""
    held.faults = ["429", "503"]
    assert through(connector, request("disable_account", "ann@ex.com"))[1]
    held.faults = ["", "done-drop"]
    assert through(connector, request("disable_account", "ann@ex.com"))[1]
    held.faults = ["500"] * 3
    with pytest.raises(Transient, match="failed 3 times"):
        connector.verify(request("disable_account", "ann@ex.com"))
    held.faults = ["403"]
    with pytest.raises(Permanent, match="403"):
        connector.act(request("disable_account", "ann@ex.com"))
