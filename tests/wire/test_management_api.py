"""The Management Activity API over HTTP: subscriptions, listings, content."""

import pytest

from sensor.errors import Transient
from sensor.wire.apis import open_poller
from tests.wire.api_server import START_NS, FakeClock, serving

SECOND_NS = 10**9
EXCHANGE = "Audit.Exchange"


@pytest.fixture
def server():
    """A tenant with five items of content, of three records each, one of them in two."""
    with serving() as state:
        for i in range(5):
            records = [{"Id": f"{i}-{k}", "CreationTime": "2024-03-01T11:00:00"} for k in range(3)]
            state.put(
                EXCHANGE, START_NS - (600 - i) * SECOND_NS, (f"b{i}", records if i < 4 else [*records, records[0]])
            )
        yield state


def opened(server, folder, clock=None, **options):
    table = {"api_url": server.url, "login_url": server.url, "tenant": "t", "client_id": "c", "streams": [EXCHANGE]}
    return open_poller("m365", table | options, lambda: "s", clock or FakeClock(), folder, jitter=lambda: 0.0)


def drained(poller):
    found = []
    for batch in poller.round():
        found += [record["Id"] for record in batch.records]
        poller.acknowledge(batch)
    return found


ALL = [f"{i}-{k}" for i in range(5) for k in range(3)]


def test_content_is_listed_and_fetched(server, tmp_path):
    """Page after page by `NextPageUri`; a record that stands in two places is one."""
    poller = opened(server, tmp_path)
    assert (ALL, 1) == (drained(poller), poller.duplicates)
    poller.close()


def test_a_missing_subscription_is_started(server, tmp_path):
    """For what is wanted, once."""
    poller = opened(server, tmp_path)
    drained(poller)
    drained(poller)
    poller.close()
    assert ({EXCHANGE}, 1) == (server.started, sum(path.endswith("/list") for path, _ in server.asked))


def test_content_that_was_stored_is_not_fetched_again(server, tmp_path):
    """Though it is listed again in the overlap; another process fetches it, and knows its records."""
    clock = FakeClock()
    poller = opened(server, tmp_path, clock)
    drained(poller)
    clock.sleep(60)
    server.asked.clear()
    assert ([], 0) == (drained(poller), sum("/audit/" in path for path, _ in server.asked))
    poller.close()
    clock.sleep(60)
    other = opened(server, tmp_path, clock)
    assert ([], 16) == (drained(other), other.duplicates)
    other.close()


def test_windows_stay_within_what_the_api_takes(server, tmp_path):
    """24 hours long at most, and within seven days."""
    poller = opened(server, tmp_path, look_back_s=7 * 86_400 - 600)
    drained(poller)
    poller.close()
    asked = [(query["startTime"], query["endTime"]) for path, query in server.asked if path.endswith("/content")]
    assert ("2024-02-23T12:10:00", "2024-03-01T12:00:00") == (asked[0][0], asked[-1][1])
    assert all(since < until for since, until in asked)
    assert {"t"} == {query["PublisherIdentifier"] for _, query in server.asked}


def test_content_that_has_expired_is_counted(server, tmp_path):
    """It was listed, and is gone: the rest is read."""
    server.faults = ["", "", "404"]
    poller = opened(server, tmp_path, look_back_s=3600)
    assert (ALL[3:], {"not_a_record": 1}) == (drained(poller), poller.rejected)
    poller.close()


def test_throttling_by_403_is_waited_out(server, tmp_path):
    """`AF429` in the body."""
    server.faults = ["", "AF429", "AF429"]
    poller = opened(server, tmp_path)
    assert ALL == drained(poller)
    poller.close()


@pytest.mark.parametrize("body", [b"{}", b"7"])
def test_an_answer_without_a_list_is_trouble(server, tmp_path, body):
    """For the next round: of a listing, and of content."""
    poller = opened(server, tmp_path)
    for before in ([""], [""] * 2):
        server.faults = [*before, body]
        with pytest.raises(Transient, match="answered without a list"):
            list(poller.round())
        poller._api._started.clear()
    poller.close()


def test_a_listing_of_garbage_is_counted(server, tmp_path):
    """Items that are no objects, or lead nowhere."""
    server.faults = ["", b'[7, {"contentId": "x"}, null]']
    poller = opened(server, tmp_path, look_back_s=3600)
    assert ([], {"not_a_record": 3}) == (drained(poller), poller.rejected)
    poller.close()
