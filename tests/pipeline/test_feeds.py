"""Sources that go on: what each poll gives, and what is acknowledged."""

import json
import threading
import time

import pytest

from sensor.config import build
from sensor.errors import ConfigError, Permanent, Transient
from sensor.pipeline.feeds import Api, Polled, open_feeds
from sensor.sources.records import RecordsSource
from sensor.wire.clock import SystemClock
from sensor.wire.polling import Batch as Page
from tests.cli.test_events import OKTA
from tests.sources.ledgers import MemoryLedger


def feeds_of(tmp_path, sources, positions=None):
    """Open what a configuration names."""
    config = build({"state": str(tmp_path), "sources": sources})
    stop = threading.Event()
    return open_feeds(config, MemoryLedger(), (positions or {}).get, SystemClock(stop), tmp_path / "checkpoints")


def test_a_growing_log_gives_what_is_new_and_its_account(tmp_path):
    """Each poll counts its own records; a feed made from the position goes on behind it."""
    log = tmp_path / "x.jsonl"
    log.write_text(json.dumps(OKTA) + "\n")
    sources = {"a": {"type": "okta", "path": str(log)}, "p": {"type": "pcap", "path": str(tmp_path / "*.pcap")}}
    feeds = feeds_of(tmp_path, sources)
    assert ["a"] == list(feeds)
    first = Polled(feeds["a"])
    with log.open("a") as file:
        file.write("junk\n" + json.dumps({**OKTA, "uuid": "f1d0a4c2-0000-11ee-8000-000000000009"}) + "\n")
    second = Polled(feeds["a"])

    assert (1, 1, {}) == (first.account.records, first.account.accepted, first.account.rejected)
    assert (2, 1, {"not_recognised": 1}) == (second.account.records, second.account.accepted, second.account.rejected)
    assert not Polled(feeds["a"]).has_any
    position = feeds["a"].position()
    feeds["a"].close()
    again = feeds_of(tmp_path, sources, {"a": position})["a"]
    assert not Polled(again).has_any
    again.close()


class Fake:
    """A poller of two pages, then a failure."""

    interval_s = 0

    def __init__(self, failure):
        self.acknowledged, self._failure = [], failure
        self.rejected = {}

    def round(self):
        """Give two pages once, then fail."""
        if len(self.acknowledged) >= 2:
            raise self._failure
        for k in range(2):
            yield Page("s", [{**OKTA, "uuid": f"f1d0a4c2-0000-11ee-8000-00000000000{k}"}], {})

    def acknowledge(self, page):
        """Note it."""
        self.acknowledged.append(page)

    def close(self):
        """Do nothing."""


def wait(condition):
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.01)
    return False


def next_page(feed):
    """Poll until something came."""
    for _ in range(500):
        polled = Polled(feed)
        if polled.has_any:
            return polled
        time.sleep(0.01)
    raise AssertionError("nothing came")


@pytest.mark.parametrize("failure", [Transient("down"), Permanent("forbidden")])
def test_a_page_is_acknowledged_after_it_is_stored(failure):
    """One page at a time; a failure is told and stops nothing else."""
    poller = Fake(failure)
    api = Api("idp", poller, RecordsSource("idp", "local", 0, None, "okta"))
    for k in range(2):
        polled = next_page(api)
        assert 1 == len(polled.batch.events)
        assert k == len(poller.acknowledged)
        api.acknowledge()
        assert wait(lambda k=k: len(poller.acknowledged) == k + 1)
    assert wait(lambda: api.problem == str(failure))
    api.close()


def test_what_an_api_gives_that_is_no_record_is_counted_once():
    """By its reason, in the account of the poll that comes after."""
    poller = Fake(Transient("down"))
    api = Api("idp", poller, RecordsSource("idp", "local", 0, None, "okta"))
    next_page(api)
    found = []
    for rejected in ({"not_a_record": 2}, {"not_a_record": 2}, {"not_a_record": 3}):
        poller.rejected = rejected
        account = Polled(api).account
        found.append((account.records, account.rejected))
    api.close()
    assert [(2, {"not_a_record": 2}), (0, {}), (1, {"not_a_record": 1})] == found


def test_a_secret_that_is_gone_is_told(tmp_path):
    """The source says so, and goes on asking: its thread ended without a word, and the source passed for well."""
    token = tmp_path / "token"
    token.write_text("t")
    asked = {"type": "okta", "domain": "okta.invalid", "token": {"file": str(token)}}
    config = build({"state": str(tmp_path), "sources": {"a": asked}})
    token.unlink()
    feed = open_feeds(config, MemoryLedger(), {}.get, SystemClock(threading.Event()), tmp_path / "checkpoints")["a"]
    told = wait(lambda: feed.problem == f"secret: {token} cannot be read: No such file or directory")
    feed.close()
    assert told


def test_an_api_needs_what_it_needs(tmp_path):
    """Without files, the product's own options and a secret; a product without an API needs a path."""
    with pytest.raises(ConfigError, match=r'needs path = "…" to read files, or domain, token to ask'):
        feeds_of(tmp_path, {"a": {"type": "okta"}})
    with pytest.raises(ConfigError, match="needs path"):
        feeds_of(tmp_path, {"a": {"type": "sysmon"}})
    (tmp_path / "token").write_text("t")
    asked = {"type": "okta", "domain": "ex.okta.com", "token": {"file": str(tmp_path / "token")}}
    config = build({"sources": {"a": asked}})
    assert "okta" == config.sources["a"].type
