"""Okta as a connector."""

import pytest

from sensor.errors import ConfigError, Permanent
from sensor.responses import okta
from tests.responses.vendors import asked, request, through, vendors
from tests.wire.api_server import FakeClock


@pytest.fixture
def held():
    """The products."""
    with vendors() as server:
        yield server


@pytest.fixture
def connector(held):
    """One organisation."""
    made = okta.build(asked(held, FakeClock()))
    yield made
    made.close()


def test_a_user_is_suspended_and_goes_on(held, connector):
    """Twice is once; who was suspended before stays so."""
    known, holds = through(connector, request("disable_account", "ann@ex.com"))
    connector.act(known)
    assert (True, "SUSPENDED") == (holds, held.okta_status)
    connector.undo(known)
    assert "ACTIVE" == held.okta_status
    held.okta_status = "SUSPENDED"
    known, _ = through(connector, request("disable_account", "ann@ex.com"))
    connector.undo(known)
    assert "SUSPENDED" == held.okta_status


def test_sessions_are_gone_when_the_log_says_so(held, connector):
    """Okta's own event is the proof."""
    one = request("revoke_sessions", "ann@ex.com")
    assert connector.verify(one) is False
    assert through(connector, one)[1]
    held.okta_log.clear()
    assert connector.verify(through(connector, one)[0])


def test_a_user_in_another_state_is_said(held, connector):
    """Who was never activated cannot be suspended."""
    held.okta_status = "STAGED"
    with pytest.raises(Permanent, match="whose status is STAGED"):
        through(connector, request("disable_account", "ann@ex.com"))


def test_the_address_is_the_organisations_alone(held):
    """And applications are part of the blast radius."""
    with pytest.raises(ConfigError, match="without a path"):
        okta.build(asked(held, FakeClock(), api_url="https://ex.okta.com/api"))
    made = okta.build(asked(held, FakeClock()))
    assert "1 account, 2 applications" == made.blast_radius(request("disable_account", "ann@ex.com"))
    made.close()
