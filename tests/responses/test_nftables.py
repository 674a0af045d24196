"""The packet filter as a connector: the real program where it may be used, in a network namespace of its own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sensor.errors import ConfigError, Permanent
from sensor.responses import nftables
from sensor.wire.api_offer import Asked
from tests.responses.vendors import request, through
from tests.wire.api_server import FakeClock

NAMESPACE = "spanline-nft"
_NFT = shutil.which("nft") or "/usr/sbin/nft"


@pytest.fixture
def nft(tmp_path):
    """A program that is nft in a namespace where nothing is at stake."""
    if os.geteuid() != 0 or not Path(_NFT).exists() or shutil.which("ip") is None:
        pytest.skip("needs root, nft (Debian: nftables) and ip (Debian: iproute2)")
    made = subprocess.run(["ip", "netns", "add", NAMESPACE], capture_output=True, check=False)
    if made.returncode:
        pytest.skip(f"no network namespace can be made here: {made.stderr.decode().strip()}")
    program = tmp_path / "nft"
    program.write_text(f'#!/bin/sh\nexec ip netns exec {NAMESPACE} {_NFT} "$@"\n')
    program.chmod(0o755)
    try:
        yield str(program)
    finally:
        subprocess.run(["ip", "netns", "del", NAMESPACE], check=False)


def connector(program, **options):
    """The connector."""
    return nftables.build(Asked(options={"program": program, **options}, secret=str, clock=FakeClock()))


def listed(program):
    """What the table holds."""
    return subprocess.run(
        [program, "list", "table", "inet", "spanline"], capture_output=True, text=True, check=True
    ).stdout


def test_addresses_are_blocked_and_let_go(nft):
    """IPv4 and IPv6, each with its own end in the kernel; twice is once."""
    made = connector(nft)
    known, holds = through(made, request("block_address", "203.0.113.9", addresses=("2001:db8::5",)))
    made.act(known)
    text = listed(nft)
    assert holds
    assert 1 == text.count("203.0.113.9 timeout 1h")
    assert 1 == text.count("2001:db8::5 timeout 1h")
    assert 12 == text.count("counter packets 0 bytes 0 drop")
    made.undo(known)
    assert "203.0.113.9" not in listed(nft)
    assert made.verify(known) is False


def test_what_was_blocked_by_another_action_stays(nft):
    """Taking one back does not open the other's."""
    made = connector(nft)
    first, _ = through(made, request("block_address", "203.0.113.9"))
    second, _ = through(made, request("isolate_device", "D-1", addresses=("203.0.113.9", "10.0.0.5")))
    made.undo(second)
    assert made.verify(first)
    assert "10.0.0.5" not in listed(nft)


def test_what_it_cannot_do_is_said(tmp_path):
    """No program, no address, no such time."""
    with pytest.raises(Permanent, match="is not installed"):
        connector(str(tmp_path / "none")).act(request("block_address", "203.0.113.9"))
    assert not connector("nft").serves(request("isolate_device", "D-1"))
    assert "2 addresses" in connector("nft").blast_radius(
        request("isolate_device", "D", addresses=("10.0.0.1", "10.0.0.2"))
    )
    with pytest.raises(ConfigError, match="timeout_s"):
        connector("nft", timeout_s=5)
