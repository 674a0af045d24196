"""What a live source lacks is named with its remedy, before a sensor is started."""

import json
import subprocess
import sys

import pytest

from sensor.config import build
from sensor.pipeline import examining
from sensor.pipeline.examining import examined
from sensor.wire import interfaces, privileges
from tests.sources.wires import FAR, NEAR, run, wire


def looked(tmp_path, **options):
    """What is not right with a source: what → (why, remedy)."""
    config = build({"state": str(tmp_path), "sources": {"port": {"type": "span", "interface": NEAR, **options}}})
    found = examined(config.sources["port"], config)
    return {one.what: (one.why, one.remedy) for one in found if not one.ok and one.what != "a user of its own"}


def test_an_interface_that_is_not_there(tmp_path):
    """Those that are there are named."""
    assert {"interface lost0": ("there are " + ", ".join(interfaces.names()), "name one that is there")} == looked(
        tmp_path, interface="lost0"
    )


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip", "ethtool")
def test_what_is_right_is_not_complained_of(tmp_path):
    """A wire that is up, with room for everything; and nothing of it stays open."""
    with wire():
        subprocess.run(["ethtool", "-K", NEAR, "gro", "off"], check=True)
        assert {} == looked(tmp_path, buffer_bytes=4 << 20, keep_bytes=1 << 20, processes=2)
        assert {} == looked(tmp_path, buffer_bytes=4 << 20, processes=2)


@pytest.mark.needs_root
@pytest.mark.needs_tool("ip", "ethtool")
def test_each_thing_that_is_wrong_has_its_remedy(tmp_path):
    """Down, no carrier, joined packets, a filter that is none, too little memory and disk, no clock."""
    with wire():
        subprocess.run(["ethtool", "-K", NEAR, "gro", "on"], check=True)
        run("link", "set", FAR, "down")
        found = looked(tmp_path, buffer_bytes=8 << 30, processes=64, keep_bytes=1 << 60, filter="prot 7")
        run("link", "set", NEAR, "down")
        down = looked(tmp_path, timestamps="hardware")

    assert ("no carrier", "check the cable, and that the switch mirrors to this port") == found[f"{NEAR} is up"]
    assert ("it is down", f"ip link set {NEAR} up") == down[f"{NEAR} is up"]
    assert f"ethtool -K {NEAR} gro off" == found[f"{NEAR} shows packets as they are on the wire"][1]
    assert "prot 7" in found[f"{NEAR} can be captured"][0]
    assert "has no such clock" in down[f"{NEAR} can be captured"][0]
    assert found["524,288 MiB for rings"][1].startswith("buffer_bytes = ")
    assert "keep fewer (keep_bytes)" == found["1,099,511,627,776 MiB for recent packets"][1]


def test_a_user_without_the_capability_is_told(tmp_path, monkeypatch):
    """How a sensor is started that has it."""
    monkeypatch.setattr(privileges, "may_capture", lambda: False)
    why, remedy = looked(tmp_path, interface="lo")["lo can be captured"]
    assert ("this user lacks CAP_NET_RAW", True) == (why, "spanline run --print-unit" in remedy)


def test_without_rings_scapy_is_looked_for(tmp_path, monkeypatch):
    """Another system than Linux."""
    monkeypatch.setattr(examining.span, "has_rings", lambda: False)
    assert {} == looked(tmp_path, interface="en0")


def test_doctor_tells_it(tmp_path):
    """With the source's table, and exit code 1."""
    (tmp_path / "c.toml").write_text(f'state = "{tmp_path}"\n[sources.port]\ntype = "span"\ninterface = "lost0"\n')
    command = [sys.executable, "-m", "sensor.cli.main", "doctor", "--json", "--config", str(tmp_path / "c.toml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    assert [False] == [
        it["ok"] for it in json.loads(done.stdout) if it["what"] == "source port (span): interface lost0"
    ]
