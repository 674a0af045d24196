"""Microsoft Graph's sign-ins and audits over HTTP."""

import contextlib

import pytest

from sensor.errors import Transient
from sensor.wire.apis import open_poller
from sensor.wire.event_times import read_time
from tests.wire.api_server import FakeClock, serving

WHEN = "2024-03-01T11:30:00Z"
STREAMS = {
    "signins": "v1.0/signIns/createdDateTime/",
    "noninteractive": "beta/signIns/createdDateTime/nonInteractiveUser",
    "serviceprincipal": "beta/signIns/createdDateTime/servicePrincipal",
    "managedidentity": "beta/signIns/createdDateTime/managedIdentity",
    "audits": "v1.0/directoryAudits/activityDateTime/",
}


@pytest.fixture
def server():
    """A tenant with seven records in each log."""
    with serving() as state:
        for stream in STREAMS.values():
            for i in range(7):
                field = stream.split("/")[2]
                state.put(stream, read_time(WHEN), {"id": f"{stream}{i}", field: WHEN})
        yield state


def opened(server, folder, **options):
    table = {"api_url": server.url, "login_url": server.url, "tenant": "t", "client_id": "c", "look_back_s": 7200}
    return open_poller("entra", table | options, lambda: "s3cret", FakeClock(), folder, jitter=lambda: 0.0)


def drained(poller):
    found = []
    with contextlib.closing(poller):
        for batch in poller.round():
            found += [(batch.stream, record["id"]) for record in batch.records]
            poller.acknowledge(batch)
    return found


def test_every_log_is_read_page_after_page(server, tmp_path):
    """Interactive sign-ins and audits of version 1, the rest of the beta, under one token."""
    found = drained(opened(server, tmp_path))
    assert [(name, f"{stream}{i}") for name, stream in STREAMS.items() for i in range(7)] == found
    assert [("client_credentials", f"{server.url}/.default")] == [
        (one["grant_type"], one["scope"]) for one in server.grants
    ]


def test_a_token_that_ends_between_pages_is_renewed(server, tmp_path):
    """Once, and no page is lost."""
    server.faults = ["", "401", "", ""]
    assert 7 == len(drained(opened(server, tmp_path, streams=["signins"])))
    assert 2 == server.tokens


@pytest.mark.parametrize("body", [b"[]", b"7", b"{}", b'{"value": {}}', b""])
def test_an_answer_without_a_list_is_trouble(server, tmp_path, body):
    """For the next round."""
    poller = opened(server, tmp_path, streams=["signins"])
    server.faults = [body]
    with pytest.raises(Transient, match="answered with"):
        list(poller.round())
    poller.close()
