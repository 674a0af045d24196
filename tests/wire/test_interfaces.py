"""What the kernel says of an interface is what ip and ethtool say of it."""

import subprocess

import pytest

from sensor.wire import interfaces
from tests.sources.wires import NEAR, wire


def test_loopback_is_there_without_any_privilege():
    """Its name, its kind, that it is up."""
    assert "lo" in interfaces.names()
    assert 772 == interfaces.hardware("lo")
    with pytest.raises(OSError, match="No such device"):
        interfaces.flags("no-such-if")


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip", "ethtool")
def test_flags_and_offloads_are_those_of_the_tools():
    """Of a veth pair: GRO switched on and off again, then the link."""
    with wire():
        for word in ("on", "off"):
            subprocess.run(["ethtool", "-K", NEAR, "gro", word], check=True)
            shown = subprocess.run(["ethtool", "-k", NEAR], capture_output=True, text=True, check=True).stdout
            assert f"generic-receive-offload: {word}" in shown
            assert (word == "on") == ("gro" in interfaces.offloads(NEAR))
        assert interfaces.flags(NEAR) & interfaces.UP
        assert 1 == interfaces.hardware(NEAR)
        subprocess.run(["ip", "link", "set", NEAR, "down"], check=True)
        assert not interfaces.flags(NEAR) & interfaces.UP
