"""Tests for sensor/pipeline/listeners.py: what is sent becomes events, all of it accounted for."""

import json
import socket
import threading
import time

import pytest

from sensor.config import build
from sensor.errors import ConfigError
from sensor.model.times import parse
from sensor.pipeline.feeds import Polled, open_feeds
from sensor.wire.clock import SystemClock
from tests.cli.test_events import OKTA
from tests.sources.ledgers import MemoryLedger
from tests.wire.certificates import Authority

RADIUS = b"radiusd[12]: (7) Login OK: [ann] (from client ap1 port 13 cli AA-BB-CC-DD-EE-FF)"


class At:
    """A clock that stands."""

    def now_ns(self):
        """Return New Year's morning."""
        return parse("2024-01-01T00:10:00Z")


def opened(tmp_path, clock=None, **table):
    """Open one table's feed at any port."""
    config = build({"state": str(tmp_path), "sources": {"in": {"type": "syslog", "listen": "127.0.0.1:0", **table}}})
    clock = clock or SystemClock(threading.Event())
    return open_feeds(config, MemoryLedger(), lambda _: None, clock, tmp_path / "checkpoints")["in"]


def gathered(feed, records):
    """Poll until so many records were accounted for."""
    events = []
    for _ in range(1000):
        events += Polled(feed).batch.events
        if feed.account.records >= records:
            break
        time.sleep(0.01)
    return events


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_messages_of_any_product_become_events(tmp_path, protocol):
    """JSON behind a header and bare, lines; once by their own id, and the year is that of receipt."""
    okta = json.dumps(OKTA).encode()
    sent = [
        b"<34>Dec 31 23:59:59 gw " + RADIUS,
        b"<134>1 2024-01-01T00:00:00Z relay okta - - - " + okta,
        okta,
        b"<34>Jan  1 00:00:00 gw cron[1]: nothing of ours",
    ]
    feed = opened(tmp_path, At(), protocol=protocol)
    port = int(feed.account.path.rpartition(":")[2])
    try:
        kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as client:
            client.connect(("127.0.0.1", port))
            for message in sent:
                client.send(message if protocol == "udp" else message + b"\n")
        events = gathered(feed, 4)
        account = feed.account
        feed.acknowledge()

        assert ["freeradius", "okta"] == [event.source for event in events]
        assert parse("2023-12-31T23:59:59Z") == events[0].ts
        assert (4, 2, 1) == (account.records, account.accepted, account.duplicates)
        assert {"not_recognised": 1} == account.rejected
        assert sum(map(len, sent)) == account.bytes
        assert f"syslog:{protocol}:127.0.0.1:{port}" == account.path
        assert feed.position() is None
    finally:
        feed.close()


def test_what_the_server_refuses_is_in_the_account(tmp_path):
    """So that records are accepted, duplicates and refused, exactly."""
    feed = opened(tmp_path, protocol="tcp")
    try:
        with socket.create_connection(("127.0.0.1", int(feed.account.path.rpartition(":")[2]))) as client:
            client.sendall(b"4 <1>a9 <1>b")
        gathered(feed, 2)
        assert (2, {"cut_short": 1, "not_recognised": 1}) == (feed.account.records, feed.account.rejected)
    finally:
        feed.close()


def test_what_cannot_be_opened_names_the_table(tmp_path):
    """An address in use, files that are no certificate."""
    feed = opened(tmp_path, protocol="tcp")
    try:
        listen = "127.0.0.1:" + feed.account.path.rpartition(":")[2]
        with pytest.raises(ConfigError, match=r"\[sources.in\] listen = .* in use"):
            opened(tmp_path, protocol="tcp", listen=listen)
    finally:
        feed.close()
    with pytest.raises(ConfigError, match=r"\[sources.in\] cert, key or ca cannot be used"):
        opened(tmp_path, protocol="tls", cert=str(tmp_path / "none"), key=str(tmp_path / "none"))
    opened(tmp_path, protocol="tls", **dict(zip(("cert", "key"), Authority(tmp_path).issue("a"), strict=True))).close()
