"""What connectors share."""

import pytest

from sensor.errors import Permanent
from sensor.model.response import Request
from sensor.wire.api_offer import Asked
from sensor.wire.response_api import halves, serves_account
from tests.wire.api_server import FakeClock


def request(verb, target):
    """A request."""
    return Request(id="A", verb=verb, target=target, incident="I", reason="r")


def test_a_target_is_taken_apart():
    """A rule's name and a message's id may hold a slash; a mailbox and a recipient hold none."""
    assert ("ann@ex.com", "a/b") == halves(request("remove_mail_rule", "ann@ex.com/a/b"))
    assert ("<a/b@ex>", "ann@ex.com") == halves(request("quarantine_message", "<a/b@ex>/ann@ex.com"))
    for target in ("ann@ex.com", "/."):
        with pytest.raises(Permanent, match="names no mail_rule"):
            halves(request("remove_mail_rule", target))


def test_accounts_are_served_by_domain():
    """In any case of letters; without domains, all."""
    asked = Asked(options={"domains": ["Ex.com"]}, secret=str, clock=FakeClock())
    assert [True, False] == [serves_account(asked, one) for one in ("ann@EX.com", "ann@ex.org")]
    assert serves_account(Asked(options={}, secret=str, clock=FakeClock()), "ann@ex.org")
