"""Dissectors explain packets in a process that can do nothing else."""

import importlib.util
import subprocess
import sys

import pytest

from sensor.errors import Permanent
from sensor.wire import dissecting, privileges
from sensor.wire.dissecting import dissect
from tests.conftest import ROOT

CONFINED = """
import os, resource, socket
from sensor.wire import dissecting, privileges
dissecting._confine()
print(*privileges.held(), os.getuid(), [resource.getrlimit(what)[1] for what in (
    resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_AS, resource.RLIMIT_NOFILE)])
print([name for _, name in socket.if_nameindex()])
"""
SAMPLE = ROOT / "pcaps" / "crafted" / "dot1q.pcap"


@pytest.mark.needs_tool("tshark")
@pytest.mark.skipif(importlib.util.find_spec("pyshark") is None, reason="needs pyshark")
def test_packets_are_explained_layer_by_layer():
    """As many as are asked for, with Wireshark's names."""
    found = list(dissect(SAMPLE.read_bytes(), 3))
    assert [1, 2, 3] == [one.number for one in found]
    assert ["eth", "vlan", "ip", "udp", "dns"] == [layer.name for layer in found[0].layers]
    assert "30" in dict(found[0].layers[1].fields)["id"]


@pytest.mark.needs_tool("tshark")
@pytest.mark.skipif(importlib.util.find_spec("pyshark") is None, reason="needs pyshark")
def test_what_is_no_capture_is_said():
    """In the words of the tool."""
    with pytest.raises(Permanent, match="the dissectors failed"):
        list(dissect(b"no capture", 3))


@pytest.mark.needs_root
def test_the_child_can_do_nothing_else():
    """No capability, nobody, limits, no interface but a loopback that is down."""
    done = subprocess.run([sys.executable, "-c", CONFINED], capture_output=True, text=True, cwd=ROOT, check=True)
    nobody, _ = privileges.identity(dissecting.USER)
    limits = [dissecting.CPU_S, dissecting.OUTPUT_BYTES, dissecting.MEMORY_BYTES, 64]
    assert [f"0 True {nobody} {limits}", "['lo']"] == done.stdout.splitlines()


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("ModuleNotFoundError: No module named 'pyshark'", "pip install"),
        ("pyshark.tshark.tshark.TSharkNotFoundException: TShark not found.", "apt install tshark"),
        ("", "no reason given"),
    ],
)
def test_what_is_missing_is_told_with_its_remedy(said, remedy):
    """From what the child wrote as it failed."""
    assert remedy in dissecting._why(said)
