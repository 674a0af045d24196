"""Both containers keep the seam that the reader relies on."""

import numpy as np
import pytest

from sensor.model.capture import FRAME
from sensor.packets.container import NEEDS_MORE, is_capture
from sensor.packets.pcap import Pcap
from sensor.packets.pcapng import Pcapng
from tests.packets.captures import MAGICS, enhanced, interface, pcap, section

CLASSIC = pcap([(1, 2, b"abc", 3)])
BLOCKS = section() + interface() + enhanced(b"abc", 1)


@pytest.mark.parametrize(("walker", "content"), [(Pcap(CLASSIC[:24]), CLASSIC), (Pcapng(), BLOCKS)])
def test_a_walker_hands_on_what_it_counts(walker, content):
    """Rows handed on are counted by link type, nothing was dropped, and the end is no damage."""
    frames = np.zeros(4, FRAME)
    buf = np.frombuffer(content, np.uint8).copy()
    assert (len(content), 1) == walker.walk(buf, walker.header_bytes, len(buf), frames)
    assert ({1: 1}, {}, NEEDS_MORE) == (walker.linktypes, walker.take_drops(), walker.stop)


@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (CLASSIC, True),
        (pcap([], ">", MAGICS[1]), True),
        (pcap([], "<", MAGICS[2]), True),
        (BLOCKS, True),
        (BLOCKS[:4], True),
        (BLOCKS[:3], False),
        (b"", False),
        (b"#separator \\x09", False),
    ],
)
def test_captures_are_told_by_their_first_four_bytes(head, answer):
    """Both containers, all magic numbers, both byte orders; not what is shorter or something else."""
    assert answer == is_capture(head)
