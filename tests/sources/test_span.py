"""A live port gives what a capture of the same wire gives, and accounts for every packet."""

import subprocess
import time

import pytest

from sensor.config import build
from sensor.errors import ConfigError
from sensor.sources import span
from sensor.wire import privileges
from tests.sources.spans import OFFICE, ended, feed_on, flows_of, frames_of, read, said_of, unlike, until
from tests.sources.wires import NEAR, run, send, wire


def recorded(path, frames, **options):
    """Have tcpdump and a feed see the same frames; the feed's batches and account."""
    command = ["tcpdump", "-i", NEAR, "-w", str(path), "--nano", "-B", "65536", "-s", "0", "-U"]
    with wire(9000), feed_on(keep_duplicates=True, **options) as feed:
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as tcpdump:
            try:
                while "listening" not in tcpdump.stderr.readline():
                    pass
                send(frames)
                batches = until(feed, lambda account: account.bytes >= sum(map(len, frames)))
                batches += ended(feed)
                time.sleep(1.5)  # tcpdump looks at its ring each second
            finally:
                tcpdump.terminate()
                tcpdump.stderr.read()
        assert "" == feed.problem
        return batches, feed.account


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip", "tcpdump")
@pytest.mark.parametrize("processes", [1, 2])
def test_flows_and_messages_are_those_of_a_capture_of_the_same_wire(tmp_path, processes):
    """To the nanosecond, for one process and for two that share the flows."""
    frames = frames_of(OFFICE)
    batches, account = recorded(tmp_path / "wire.pcap", frames, processes=processes)
    expected = read(tmp_path / "wire.pcap")

    assert (len(frames), len(frames), {}) == (account.records, account.accepted, account.rejected)
    assert sum(map(len, frames)) == account.bytes
    assert [] == unlike(flows_of(expected), flows_of(batches))
    assert [] == unlike(said_of(expected), said_of(batches))
    assert sum(len(batch.arp) for batch in expected) == sum(len(batch.arp) for batch in batches)


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip", "tcpdump")
@pytest.mark.parametrize("name", ["dot1q", "vxlan", "fragments", "gre-ethernet"])
def test_tags_tunnels_and_fragments_are_those_of_a_capture(tmp_path, name):
    """What the kernel took off or would put together arrives as it was on the wire."""
    frames = frames_of(OFFICE.parents[1] / "crafted" / f"{name}.pcap")
    batches, account = recorded(tmp_path / "wire.pcap", frames)
    assert [] == unlike(flows_of(read(tmp_path / "wire.pcap")), flows_of(batches))
    assert len(frames) == account.records


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_what_a_span_port_doubles_is_taken_once():
    """Each frame twice, microseconds apart: the flows of one, and the copies counted."""
    frames = frames_of(OFFICE)[:400]
    found = {}
    for copies in (1, 2):
        with wire(), feed_on() as feed:
            send([frame for frame in frames for _ in range(copies)])
            batches = until(feed, lambda account, copies=copies: account.records >= copies * len(frames)) + ended(feed)
            flows = sum(int(batch.flows["orig_pkts"].sum() + batch.flows["resp_pkts"].sum()) for batch in batches)
            found[copies] = (feed.account.accepted, flows)
            account = feed.account
    assert found[1] == found[2]
    assert len(frames) == account.duplicates
    assert account.records == account.accepted + account.duplicates + sum(account.rejected.values())


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_what_the_ring_had_no_room_for_is_counted():
    """The capture process is stopped for a while: in is accepted and dropped, exactly."""
    frame = frames_of(OFFICE)[0].ljust(1400, b"\0")
    with wire(), feed_on(buffer_bytes=4 << 20, keep_duplicates=True) as feed:
        (capture,) = feed._captures
        subprocess.run(["kill", "-STOP", str(capture.pid)], check=True)
        send([frame] * 6000)
        subprocess.run(["kill", "-CONT", str(capture.pid)], check=True)
        until(feed, lambda account: account.records >= 6000)
        ended(feed)
        account = feed.account
    assert 6000 == account.records == account.accepted + sum(account.rejected.values())
    assert account.rejected["kernel_drop"] > 0


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_flows_end_on_an_idle_wire():
    """Event time goes on without packets: nothing waits for the next one."""
    frames = frames_of(OFFICE)
    with wire(), feed_on() as feed:
        send(frames)
        until(feed, lambda account: account.records >= len(frames))
        before = time.monotonic()
        while not len(feed.poll().flows):
            assert time.monotonic() < before + 90
            time.sleep(0.1)


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_no_capture_process_holds_a_privilege():
    """CapEff is 0, and none can be gained."""
    with wire(), feed_on(processes=2) as feed:
        until(feed, lambda _account: [(0, True)] * 2 == [privileges.held(one.pid) for one in feed._captures])


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_an_interface_that_goes_down_or_away_is_said():
    """And is well again when it is up again."""
    with wire(), feed_on() as feed:
        told = []
        for word in ("down", "up"):
            run("link", "set", NEAR, word)
            feed.poll()
            told.append(feed.problem)
        run("link", "del", NEAR)
        feed.poll()
        told.append(feed.problem)
    assert [f"{NEAR} is down: ip link set {NEAR} up", ""] == told[:2]
    assert f"{NEAR} is gone" in told[2]


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ({}, "needs interface"),
        ({"interface": "eth1", "path": "x"}, "no path"),
        ({"interface": "eth1", "snaplen": 12}, "snaplen = 12: from 128 to 65535"),
        ({"interface": "eth1", "processes": 0}, "processes = 0: from 1 to 64"),
        ({"interface": "eth1", "timestamps": "sun"}, "timestamps = 'sun'"),
        ({"interface": "eth1", "snaplenn": 128}, "did you mean 'snaplen'"),
    ],
)
def test_a_table_that_cannot_be_is_refused(table, why):
    """Before anything is opened, naming the key."""
    with pytest.raises(ConfigError, match=why):
        build({"sources": {"port": {"type": "span", **table}}})


def test_a_table_of_an_interface_alone_is_enough():
    """Everything else has a default."""
    config = build({"sources": {"port": {"type": "span", "interface": "eth1", "site": "local"}}})
    settings = span.settings_of(config.sources["port"].options)
    assert ("eth1", True, 65_535, 1, 0) == (
        settings.interface, settings.promiscuous, settings.snaplen, settings.processes, settings.keep_bytes,
    )  # fmt: skip
