"""`spanline inspect`: packets as a file, as text and as JSON; what is missing is said."""

import importlib.util
import json

import pytest
from click.testing import CliRunner

from sensor.cli.main import cli
from tests.conftest import ROOT
from tests.naive import pcap as naive


@pytest.fixture(scope="module")
def state(tmp_path_factory):
    """A state with an incident: its folder and the incident's id."""
    folder = tmp_path_factory.mktemp("inspect") / "state"
    demo = ROOT / "pcaps" / "demo"
    paths = [str(demo / "01-office.pcap"), str(demo / "02-office-scan.pcap")]
    CliRunner().invoke(cli, ["replay", "--fresh", "--state", str(folder), *paths], catch_exceptions=False)
    found = CliRunner().invoke(cli, ["incidents", "--json", "--state", str(folder)])
    return str(folder), json.loads(found.stdout)[0]["id"]


def run(*arguments):
    """Run the command: (exit code, stdout, stderr)."""
    result = CliRunner().invoke(cli, ["inspect", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_packets_are_carved_into_a_file(state, tmp_path):
    """That anybody can open."""
    folder, key = state
    code, _, said = run(key, "--state", folder, "--pcap", tmp_path / "x.pcap")
    records, _, damaged = naive.walk((tmp_path / "x.pcap").read_bytes())
    assert (0, False, True) == (code, damaged, said.startswith(f"{len(records)} packets of "))


@pytest.mark.needs_tool("tshark")
@pytest.mark.skipif(importlib.util.find_spec("pyshark") is None, reason="needs pyshark")
def test_packets_are_decoded(state):
    """As text: a line a packet and the fields of its last layer; as JSON: everything."""
    folder, key = state
    code, text, _ = run(key, "--state", folder, "--limit", 2)
    assert (0, 2) == (code, text.count("eth arp"))
    assert "arp.src_proto_ipv4: 10.20.0.107" in text
    assert "eth.src" in run(key, "--state", folder, "--limit", 1, "--full")[1]
    found = json.loads(run(key, "--state", folder, "--limit", 2, "--json")[1])
    assert [1, 2] == [one["number"] for one in found]


def test_an_incident_that_is_not_there_has_its_exit_code(state):
    """Four, as everywhere."""
    assert 4 == run("INC-000000000000", "--state", state[0])[0]
