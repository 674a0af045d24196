"""Tests for sensor/sources/netflow.py: what exporters send becomes flows, all of it accounted for."""

import json
import socket
import subprocess
import threading
import time

import pytest
from click.testing import CliRunner

from sensor.cli.flows import flows as flows_command
from sensor.config import build
from sensor.errors import ConfigError
from sensor.pipeline.feeds import Polled, open_feeds
from sensor.sources.netflow import NetflowListener
from sensor.wire.clock import SystemClock
from tests.conftest import ROOT
from tests.wire.netflow_crafted import v5

FORTH = ("10.0.0.1", 40_000, "10.0.0.2", 443, 6, 27, 5, 700, 90_000, 91_000)
BACK = ("10.0.0.2", 443, "10.0.0.1", 40_000, 6, 27, 4, 900, 90_000, 91_000)
PROTO = {6: "tcp", 17: "udp", 1: "icmp", 58: "icmp"}


@pytest.fixture
def listener():
    """Listen at any port of loopback."""
    made = NetflowListener("127.0.0.1", 0, "local", 3)
    yield made
    made.close()


def send(port, *packets):
    """Send packets from one socket."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, ("127.0.0.1", port))


def gathered(feed, enough):
    """Poll until the account satisfies a condition."""
    batches = []
    for _ in range(1000):
        batches.append(feed.poll())
        if enough(feed.account):
            return [batch for batch in batches if len(batch.flows)]
        time.sleep(0.01)
    return batches


def test_packets_become_flows_and_the_account_adds_up(listener):
    """Accepted and refused are all the records there were."""
    sent = [v5(FORTH, BACK), b"junk", v5(FORTH)[:40]]
    send(listener.port, *sent)
    batches = gathered(listener, lambda account: account.bytes >= sum(map(len, sent)))
    account = listener.account

    assert (2, {"bad_version": 1, "cut_short": 1}) == (account.accepted, account.rejected)
    assert (4, sum(map(len, sent))) == (account.records, account.bytes)
    assert [(3, 5, 4)] == [
        (int(row["input"]), int(row["orig_pkts"]), int(row["resp_pkts"])) for one in batches for row in one.flows
    ]
    assert (None, None) == (listener.position(), listener.acknowledge())


def test_what_is_held_is_bounded_and_the_rest_counted():
    """Nothing is lost in silence."""
    small = NetflowListener("127.0.0.1", 0, "local", 0, held_bytes=1000)
    try:
        send(small.port, *[v5(FORTH)] * 20)
        for _ in range(1000):
            if small._dropped + len(small._held) == 20:
                break
            time.sleep(0.01)
        small.poll()
        assert (20, 3, {"queue_full": 17}) == (small.account.records, small.account.accepted, small.account.rejected)
    finally:
        small.close()


def test_a_configuration_opens_it_and_is_checked(tmp_path):
    """It needs an address and takes no path; a port in use is told."""
    feeds = opened(tmp_path, "127.0.0.1:0")
    port = feeds["n"].port
    send(port, v5(FORTH))
    for _ in range(1000):
        polled = Polled(feeds["n"])
        if polled.has_any:
            break
        time.sleep(0.01)
    assert 1 == len(polled.batch.flows)
    with pytest.raises(ConfigError, match=r"\[sources.n\] listen = '127.0.0.1:\d+': "):
        opened(tmp_path, f"127.0.0.1:{port}")
    feeds["n"].close()
    open_to_all = {"type": "netflow", "listen": "0.0.0.0:2055", "unauthenticated": True}
    assert "0.0.0.0:2055" == build({"sources": {"n": open_to_all}}).sources["n"].options["listen"]
    for table in ({}, {"path": "x"}, {"listen": "2055"}, {"listen": "host:2055"}, {"listen": "::1:99999"}):
        with pytest.raises(ConfigError, match="listen"):
            build({"sources": {"n": {"type": "netflow", **table}}})


def opened(tmp_path, listen):
    """Open the feeds of a configuration with one listener."""
    config = build({"state": str(tmp_path), "sources": {"n": {"type": "netflow", "listen": listen}}})
    return open_feeds(config, None, {}.get, SystemClock(threading.Event()), tmp_path)


@pytest.mark.needs_tool("softflowd")
@pytest.mark.parametrize("version", ["5", "9", "10"])
def test_an_exporter_counts_what_the_capture_holds(listener, version):
    """Packets and IP bytes by protocol equal those of the capture's flows; v5 has no IPv6."""
    capture = ROOT / "pcaps" / "demo" / "01-office.pcap"
    subprocess.run(
        ["softflowd", "-r", capture, "-n", f"127.0.0.1:{listener.port}", "-v", version, "-a", "-d"],
        check=True, capture_output=True, timeout=60, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    quiet = [0, 0]

    def silent(account):
        quiet[:] = [account.bytes, quiet[1] + 1 if account.bytes == quiet[0] and account.bytes else 0]
        return quiet[1] > 20

    batches = gathered(listener, silent)
    counted, expected = {}, {}
    for batch in batches:
        for row in batch.flows:
            key = PROTO[int(row["proto"])], not (row["orig_hi"] == 0 and int(row["orig_lo"]) >> 32 == 0xFFFF)
            add(counted, key, [row[name] for name in ("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes")])
    lines = CliRunner().invoke(flows_command, ["--format", "json", str(capture)]).stdout.splitlines()
    for one in map(json.loads, lines):
        if version != "5" or ":" not in one["id.orig_h"]:
            add(expected, (one["proto"], ":" in one["id.orig_h"]), [
                one[name] for name in ("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes")
            ])  # fmt: skip
    assert expected == counted
    assert {} == listener.account.rejected


def add(totals, key, counts):
    """Add both sides' packets and bytes."""
    before = totals.get(key, (0, 0))
    totals[key] = before[0] + int(counts[0] + counts[1]), before[1] + int(counts[2] + counts[3])
