"""A ring takes what comes by an interface, no more than it is told to, and its drops are counted."""

import struct
import time

import numpy as np
import pytest

from sensor.errors import ConfigError
from sensor.model.capture import FRAME
from sensor.packets import packet_ring
from sensor.wire import bpf
from sensor.wire.packet_socket import BLOCK_BYTES, KEEP_NOTHING, PacketSocket, cut, map_ring
from tests.sources.wires import FAR, NEAR, send, wire

IP = bytes.fromhex("020000000002020000000001 0800".replace(" ", ""))
WAIT_S = 0.2
"""A block is handed over after 50 ms."""


def opened(**options):
    """A ring of 4 MiB on the near end."""
    given = {"ring_bytes": 4 << 20, "snaplen": 65_535, "promiscuous": True, "outgoing": False, "hardware": False,
             "program": b"", "group": None, **options}  # fmt: skip
    port = PacketSocket(NEAR, **given)
    port.start()
    return port


def caught(port):
    """What is in its first block, after a moment."""
    time.sleep(WAIT_S)
    buf = map_ring(port.socket.fileno(), port.blocks * BLOCK_BYTES, 1 << 16)
    state, seen = packet_ring.new_state(port.hardware, window_ns=0)
    frames = np.zeros(BLOCK_BYTES // packet_ring.SMALLEST_FRAME, FRAME)
    n = packet_ring.walk(buf, 0, state, seen, frames)
    return [buf[f["off"] : f["off"] + f["cap"]].tobytes() for f in frames[:n]], frames[:n]["wire"].tolist()


def udp(port, size=60, tag=b""):
    """A frame with a UDP header's ports."""
    head = IP[:12] + tag + IP[12:] + bytes.fromhex("45000020000000004011000000000001") + bytes(4)
    return (head + struct.pack(">HHHH", port, port, 8, 0)).ljust(size, b"\1")


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_frames_come_whole_with_their_tags():
    """A tag that the kernel took off is back, and 802.1ad's type with it."""
    sent = [udp(1), udp(2, 1400), udp(3, 80, bytes.fromhex("81000064")), udp(4, 80, bytes.fromhex("88a8006581000064"))]
    with wire():
        port = opened()
        send(sent)
        found, wires = caught(port)
        port.close()
    assert sent == found
    assert [len(one) for one in sent] == wires


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_nothing_is_taken_before_the_start_nor_in_a_pause():
    """A ring is not full of what came while nobody could read it, and that is no drop."""
    with wire():
        port = opened()
        port.pause()
        send([udp(1)])
        port.start()
        send([udp(2)])
        port.pause()
        send([udp(3)])
        found, _ = caught(port)
        statistics = port.count()
        port.close()
    assert ([udp(2)], 1, 0) == (found, statistics.packets, statistics.drops)


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_filter_and_snaplen_hold():
    """What does not pass never enters; of what does, the beginning is kept and the length is said."""
    with wire():
        port = opened(program=bpf.compiled("udp port 7"), snaplen=128)
        send([udp(6, 500), udp(7, 500), udp(8, 500)])
        found, wires = caught(port)
        statistics = port.count()
        port.close()
    assert ([udp(7, 500)[:128]], [500], 1) == (found, wires, statistics.packets)


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_what_this_machine_sends_is_taken_when_asked():
    """A span port has only what comes in."""
    for outgoing in (False, True):
        with wire():
            port = opened(outgoing=outgoing)
            send([udp(1)], end=NEAR)
            send([udp(2)], end=FAR)
            found, _ = caught(port)
            port.close()
        assert ([udp(1), udp(2)] if outgoing else [udp(2)]) == found


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
def test_a_full_ring_drops_and_counts():
    """Everything that came is either there or dropped; counts go on from one look to the next."""
    with wire():
        port = opened()
        for _ in range(2):
            send([udp(1, 1400)] * 3000)
            time.sleep(WAIT_S)
            port.count()
        heads = map_ring(port.socket.fileno(), port.blocks * BLOCK_BYTES, 0).reshape(port.blocks, BLOCK_BYTES)
        there = int(heads[:, 12:16].copy().view(np.uint32).sum())
        port.close()
    assert 6000 == port.statistics.packets
    assert 0 < port.statistics.drops == 6000 - there


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip")
@pytest.mark.parametrize(
    ("options", "why"),
    [({"hardware": True}, "has no such clock"), ({"ring_bytes": 1 << 40}, "the kernel has no")],
)
def test_what_cannot_be_is_said_with_its_remedy(options, why):
    """A clock that the card has not, memory that the machine has not."""
    with wire(), pytest.raises(ConfigError, match=why):
        opened(**options)


def test_an_interface_that_is_not_there_is_named():
    """With those that are."""
    with pytest.raises(ConfigError, match=r"no such interface; there are .*lo"):
        PacketSocket("no-such-if", ring_bytes=1 << 22, snaplen=128, promiscuous=False, outgoing=False, hardware=False,
                     program=b"", group=None)  # fmt: skip


def test_snaplen_cuts_what_a_filter_accepts():
    """Each return that accepts more; one that accepts nothing stays."""
    accepts = struct.pack("=HBBI", 6, 0, 0, 262_144)
    assert struct.pack("=HBBI", 6, 0, 0, 96) + KEEP_NOTHING == cut(accepts + KEEP_NOTHING, 96)
