"""What records witness of sign-ins."""

import numpy as np
import pytest

from sensor.entities.contacts import Contacts
from sensor.entities.corroboration import ELSEWHERE, Corroboration
from sensor.entities.links import Links
from sensor.entities.presence import CONTACT, DESKTOP, LOGON, SHARE, SLOT_NS
from sensor.entities.signins import SignIns
from sensor.entities.witness import Witness
from sensor.model.event import Event
from sensor.model.metadata import Dns, Http, Tls
from sensor.model.protocols import Quic, Rdp, Smb, Ssh
from tests.detectors.ticks import entities, tick
from tests.scenes import START, S, common, flow, flows

NAME, AT = "login.microsoftonline.com", START


class Where:
    """Device 0 everywhere."""

    def locate(self, site, address):
        """Return it."""
        return 0


def witness():
    contacts = Contacts()
    corroboration = Corroboration(1, contacts, Links(), SignIns())
    return Witness(contacts, corroboration), contacts, corroboration


def flags(corroboration, device=0):
    return [one.flags for one in corroboration.presence.slots(device, START // SLOT_NS, START // SLOT_NS + 1)]


@pytest.mark.parametrize(
    "message",
    [Dns(**common(), query=NAME), Tls(**common(), server_name=NAME), Quic(**common(), server_name=NAME),
     Http(**common(), method="CONNECT", host=f"{NAME}:443", uri=f"{NAME}:443"), Http(**common(), host=NAME)],
)  # fmt: skip
def test_a_providers_name_is_a_contact(message):
    """Asked for, greeted, or asked of a proxy."""
    heard, contacts, corroboration = witness()

    assert heard.hear(message, 0, 0, Where())
    assert {0} == contacts.near("microsoft", 0, AT)
    heard.take(tick(entities(), flows()), AT + 10 * S)
    assert [CONTACT] == flags(corroboration)


@pytest.mark.parametrize(
    "message",
    [Dns(**common() | {"orig_p": 53}, query=NAME, is_response=True), Dns(**common(), query="example.org"),
     Tls(**common()), Http(**common(), uri=f"/{NAME}", host="example.org")],
)  # fmt: skip
def test_other_names_are_none(message):
    """Nor is an answer whose flow seems to be the server's own."""
    heard, contacts, _ = witness()

    assert heard.hear(message, 0, 0, Where())
    assert set() == contacts.near("microsoft", 0, AT)


def test_what_shows_accounts_is_left_to_others():
    """A desktop's session is noted on the way."""
    heard, _, corroboration = witness()
    assert not heard.hear(Ssh(**common()), 0, 0, Where())
    assert not heard.hear(Rdp(**common(), cookie="ann"), 3, 0, Where())
    heard.take(tick(entities(), flows()), AT + 10 * S)
    assert [DESKTOP] == flags(corroboration)


@pytest.mark.parametrize(
    ("action", "path", "expected"),
    [("mapping", r"\\fs\team", [SHARE]), ("SMB::FILE_OPEN", r"\\fs\team", [SHARE]), ("mapping", r"\\dc\SYSVOL", []),
     ("mapping", r"\\fs\IPC$", []), ("SMB::FILE_CLOSE", r"\\fs\team", []), ("mapping", None, [])],
)  # fmt: skip
def test_a_share_that_is_opened_is_noted(action, path, expected):
    """Not those that Windows opens by itself."""
    heard, _, corroboration = witness()
    assert heard.hear(Smb(**common(), action=action, path=path), 0, 0, Where())
    heard.take(tick(entities(), flows()), AT + 10 * S)

    assert expected == flags(corroboration)


@pytest.mark.parametrize(
    ("kind", "outcome", "expected"),
    [("Interactive", "success", [LOGON]), ("2", "success", [LOGON]), ("7", "failure", []), ("Network", "success", []),
     ("RemoteInteractive", "success", [DESKTOP]), (None, "success", [])],
)  # fmt: skip
def test_a_logon_at_the_device_is_noted(kind, outcome, expected):
    """One from afar is another thing."""
    heard, _, corroboration = witness()
    event = Event(ts=AT, source="windows", kind="logon", action="4624", outcome=outcome, detail={"logon_type": kind})
    heard.note(event, 0, 0, -1)
    heard.take(tick(entities(), flows()), AT + 10 * S)

    assert expected == flags(corroboration)


def test_an_agents_word_is_a_contact_elsewhere():
    """A connection to the provider, or a question for its name; of a device that is known."""
    heard, contacts, corroboration = witness()
    for device, detail in ((0, {"resp_name": NAME}), (1, {"query": NAME}), (-1, {"query": NAME}), (2, {"query": 7})):
        event = Event(
            ts=AT, source="sysmon", kind="connection", action="3", detail={**detail, "public_addr": "192.0.2.1"}
        )
        heard.note(event, device, 0, -1)

    assert {0, 1} == contacts.near("microsoft", ELSEWHERE, AT)
    assert {0, 1, 2} == {one.device for one in corroboration.remote.at("192.0.2.1", AT)}


def test_a_connection_that_stays_open_is_a_contact_as_long():
    """To an address that had no other name."""
    heard, contacts, _ = witness()
    known = entities()
    heard.hear(Tls(**common(resp="198.51.100.1"), server_name=NAME), 9, 0, Where())
    heard.hear(Dns(**common(), query=NAME, addresses=("198.51.100.2", "198.51.100.3"), is_response=True), 9, 0, Where())
    heard.hear(Tls(**common(resp="198.51.100.3"), server_name="example.org"), 9, 0, Where())
    long = [
        flow(f"10.0.0.{4 + k}", f"198.51.100.{k}", port=443, at_s=900 * k, duration_s=900) for k in (1, 2, 3)
    ]  # fmt: skip
    heard.take(tick(known, flows(*long)), AT + 4000 * S)
    devices = [known.locate(0, f"10.0.0.{4 + k}") for k in (1, 2, 3)]

    assert {devices[0]} == contacts.near("microsoft", 0, AT + 1500 * S)
    assert {devices[1]} == contacts.near("microsoft", 0, AT + 2500 * S)
    assert set() == contacts.near("microsoft", 0, AT + 3500 * S)


def test_minutes_and_hosts_are_counted():
    """Flows and names of each site; the hosts behind a proxy."""
    heard, _, corroboration = witness()
    known = entities()
    for minute in range(7):
        heard.hear(Dns(**common(at_s=60 * minute), query="example.org"), 0, 0, Where())
    one = tick(known, flows(*(flow(at_s=60 * minute, port=3128) for minute in range(7))))
    one.destinations = {k: f"host{k}" for k in range(7)}
    heard.take(one, AT + 500 * S)

    assert corroboration.coverage.gap(0, AT + 200 * S) is None
    assert np.sum([one.names for one in corroboration.presence.slots(0, START // SLOT_NS, START // SLOT_NS + 1)]) > 5
