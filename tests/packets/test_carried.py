"""An SSH connection that begins in the data of an echo."""

import pytest

from sensor.packets.carried import Echo
from sensor.packets.payload import Payload
from tests.packets.talks import BANNER, COMMON


def said(*turns):
    """What a conversation tells: (whether the originator sent it, data)."""
    echo = Echo()
    return [one for is_orig, data in turns for one in echo.read(Payload(COMMON, data, is_orig))] + echo.flush()


def test_each_sides_line_is_told_once():
    """Behind the tunnel's own header, and however often it is sent again."""
    found = said((True, bytes(28) + BANNER), (False, b"\xd5\x20\x08\x80" + b"SSH-1.99-x\n"), (True, BANNER))
    assert [("SSH-2.0-PuTTY_Release_0.78", None), (None, "SSH-1.99-x")] == [(one.client, one.server) for one in found]


@pytest.mark.parametrize("data", [bytes(range(56)), b"SSH-2.0-no end of line", b"SSH-2.0-\x01\x02\n", b"SSH-9.0-x\n"])
def test_what_is_no_line_is_nothing(data):
    """As RFC 4253 asks for one."""
    assert [] == said((True, data))
