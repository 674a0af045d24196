"""Okta's System Log over HTTP."""

import contextlib

import pytest

from sensor.errors import Transient
from sensor.wire.apis import open_poller
from tests.wire.api_server import START_NS, FakeClock, serving


@pytest.fixture
def server():
    """An organisation with eight entries."""
    with serving() as state:
        for i in range(8):
            state.put("logs", START_NS - (100 - i) * 10**9, {"uuid": f"u{i}"})
        yield state


def opened(server, folder, clock=None):
    table = {"api_url": server.url, "domain": "x", "look_back_s": 600}
    return open_poller("okta", table, lambda: "t", clock or FakeClock(), folder, jitter=lambda: 0.0)


def drained(poller):
    found = []
    with contextlib.closing(poller):
        for batch in poller.round():
            found += [record["uuid"] for record in batch.records]
            poller.acknowledge(batch)
    return found


def test_the_log_is_read_by_link_headers(server, tmp_path):
    """A bounded window, ascending; there are several `Link` headers."""
    assert [f"u{i}" for i in range(8)] == drained(opened(server, tmp_path))
    query = server.asked[0][1]
    assert ("2024-03-01T11:39:55.000Z", "2024-03-01T11:59:55.000Z") == (query["since"], query["until"])
    assert ("ASCENDING", "1000") == (query["sortOrder"], query["limit"])


def test_throttling_is_waited_out(server, tmp_path):
    """Until the second that Okta names."""
    clock = FakeClock()
    server.clock_ns, server.faults = clock.now_ns, ["", "429:reset"]
    assert (8, [9.0]) == (len(drained(opened(server, tmp_path, clock))), clock.slept)


def test_an_empty_page_is_the_end(server, tmp_path):
    """Though it leads on."""
    server.streams, server.mode = {}, "endless"
    assert ([], 1) == (drained(opened(server, tmp_path)), len(server.asked))


def test_an_answer_without_a_list_is_trouble(server, tmp_path):
    """For the next round."""
    server.faults = [b"{}"]
    with pytest.raises(Transient, match="without a list"):
        drained(opened(server, tmp_path))
