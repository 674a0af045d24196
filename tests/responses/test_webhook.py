"""A webhook as a connector."""

import pytest

from sensor.errors import ConfigError, Transient
from sensor.responses import webhook
from tests.responses.vendors import asked, request, through, vendors
from tests.wire.api_server import FakeClock


@pytest.fixture
def held():
    """The products."""
    with vendors() as server:
        yield server


def made(held, **options):
    """A connector to the server's address."""
    return webhook.build(asked(held, FakeClock(), url=f"{held.url}/hook", verbs=["isolate_device"], **options))


def test_what_is_sent_names_all_and_can_be_told_from_a_repetition(held):
    """The key is the action's, and another for its undoing."""
    connector = made(held, status_url=f"{held.url}/hook/status")
    held.faults = ["done-drop"]
    known, holds = through(connector, request("isolate_device", "D-1", addresses=("10.0.0.5",)))
    connector.undo(known)
    connector.close()

    assert (True, set()) == (holds, held.done)
    keys = [key for method, _, key in held.asked if method == "POST"]
    assert ['"ACT-1"', '"ACT-1"', '"ACT-1-undo"'] == keys
    assert ["D-1", ["10.0.0.5"], "isolate_device", False] == [
        held.hooks[0][name] for name in ("target", "addresses", "verb", "undo")
    ]


def test_without_a_place_to_ask_nothing_is_certain(held):
    """Neither is it where the answer says nothing."""
    connector = made(held)
    assert through(connector, request("isolate_device", "D-1"))[1] is None
    assert connector.blast_radius(request("isolate_device", "D-1")) is None
    connector.close()
    connector = made(held, status_url=f"{held.url}/v1.0/users/x")
    with pytest.raises(Transient, match="does not say"):
        connector.verify(request("isolate_device", "D-1"))
    connector.close()


def test_a_configuration_that_leads_elsewhere_is_refused(held):
    """The token goes to one server; and verbs are those there are."""
    with pytest.raises(ConfigError, match="same server"):
        made(held, status_url="https://elsewhere.example/status")
    with pytest.raises(ConfigError, match="verbs: explode of"):
        webhook.build(asked(held, FakeClock(), url=f"{held.url}/hook", verbs=["explode"]))
