"""Google's Reports API over HTTP."""

import contextlib
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sensor.errors import Transient
from sensor.wire.apis import open_poller
from sensor.wire.event_times import read_time
from tests.wire.api_server import FakeClock, serving

WHEN = "2024-03-01T11:30:00.000Z"


@pytest.fixture(scope="module")
def key():
    """A service account's key file."""
    own = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    text = own.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return json.dumps({"client_email": "bot@x.example", "private_key": text})


@pytest.fixture
def server():
    """A domain with five activities of two applications."""
    with serving() as state:
        for application in ("login", "drive"):
            for i in range(5):
                own = {"time": WHEN, "uniqueQualifier": str(i), "applicationName": application}
                state.put(application, read_time(WHEN), {"id": own})
        yield state


def opened(server, folder, key, clock=None, **options):
    table = {"api_url": server.url, "login_url": server.url, "subject": "admin@example.com", "look_back_s": 7200}
    return open_poller("google", table | options, lambda: key, clock or FakeClock(), folder, jitter=lambda: 0.0)


def drained(poller):
    found = []
    with contextlib.closing(poller):
        for batch in poller.round():
            found += [(batch.stream, record["id"]["uniqueQualifier"]) for record in batch.records]
            poller.acknowledge(batch)
    return found


def test_each_application_is_read_by_page_tokens(server, tmp_path, key):
    """One token for all; an application without activities answers without `items`."""
    found = drained(opened(server, tmp_path, key, streams=["login", "admin", "drive"]))
    assert [(name, str(i)) for name in ("login", "drive") for i in range(5)] == found
    assert 1 == server.tokens


def test_the_usual_applications_are_eight(server, tmp_path, key):
    """Where the configuration names none."""
    drained(opened(server, tmp_path, key))
    applications = [path.rpartition("/")[2] for path, query in server.asked if "pageToken" not in query]
    assert ["login", "admin", "drive", "token", "saml", "user_accounts", "groups", "groups_enterprise"] == applications


def test_a_quota_is_waited_out(server, tmp_path, key):
    """Said with 403 and a reason."""
    clock = FakeClock()
    server.faults = ["quota", "", "quota"]
    assert (5, 2) == (len(drained(opened(server, tmp_path, key, clock, streams=["login"]))), len(clock.slept))


def test_an_activity_without_an_id_is_known_by_its_content(server, tmp_path, key):
    """The qualifier alone is not enough."""
    server.streams = {"login": [(read_time(WHEN), {"id": {"uniqueQualifier": "1"}, "n": n}) for n in (1, 1, 2)]}
    assert 2 == len(drained(opened(server, tmp_path, key, streams=["login"])))


def test_an_answer_without_a_list_is_trouble(server, tmp_path, key):
    """For the next round."""
    server.faults = [b'{"items": 7}']
    with pytest.raises(Transient, match="without a list"):
        drained(opened(server, tmp_path, key, streams=["login"]))
