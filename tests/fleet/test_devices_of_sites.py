"""Three sites with the same 10.0.0.0/24, and a laptop that travels between them: who is who at the hub."""

import json

import pytest
from click.testing import CliRunner

from sensor.cli.main import cli
from tests.pipeline.test_reports_file import log, replay

LAPTOP, DAY = "3c:18:a0:0e:a7:60", 86_400
BEGIN = 1_700_000_000
DHCP = """#separator \\x09
#path\tdhcp
#fields\tts\tuids\tclient_addr\tserver_addr\tmac\thost_name\trequested_addr\tassigned_addr\tlease_time\tmsg_types
#types\ttime\tset[string]\taddr\taddr\tstring\tstring\taddr\taddr\tinterval\tvector[string]
"""
VPN = (
    "1,{when},016201004321,GLOBALPROTECT,0,2817,{when},vsys1,gateway-connected,connected,SAML,IPSec,ann@example.com,AU,"
    'LAP-1,203.0.113.64,0.0.0.0,10.0.200.14,0.0.0.0,3c18a00ea760,PF3K9Z2A,6.2.4,Windows,"Windows 11",1,,,"",success,,0,'
    ",0,GW,4344491,0x0,{iso}+00:00\n"
)
SITES = ("SYD", "PER", "MEL")


def lease(path, at_s, address, mac=LAPTOP, name="LAP-1"):
    path.write_text(
        DHCP
        + f"{BEGIN + at_s}.0\tC{at_s}\t{address}\t10.0.0.1\t{mac}\t{name}\t{address}\t{address}\t86400.0\tREQUEST,ACK\n"
    )
    return path


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    """Each site with its own 10.0.0.5 and .6; the laptop is at SYD, then at PER, then in SYD's VPN from elsewhere."""
    folder, files = tmp_path_factory.mktemp("sites"), []
    for number, site in enumerate(SITES):
        inputs = [log(folder / f"{site}.log", "10.0.0.5", "10.0.0.6", f"10.0.0.{40 + number}")]
        if site != "MEL":
            inputs.append(lease(folder / f"{site}.dhcp", -30 * (number + 1), f"10.0.0.{40 + number}"))
        if site == "SYD":
            path = folder / "vpn.log"
            path.write_text(VPN.format(when="2023/11/14 23:05:00", iso="2023-11-14T23:05:00.000"))
            inputs.append(path)
        out = folder / f"{site}.reports"
        replay("--fresh", "--state", folder / f"state-{site}", "--site", site, "--reports-out", out, *inputs)
        files.append(out)
    answer = replay("--fresh", "--state", folder / "hub", "--site", "HUB", *files)
    assert [None] * 3 == [one["error"] for one in answer["inputs"]]
    return folder


def devices(state):
    return json.loads(CliRunner().invoke(cli, ["devices", "--json", "--state", str(state)]).stdout)


def test_no_device_is_mixed(hub):
    """Three times 10.0.0.5 and .6 and one address of MEL's: seven devices of one site each, and the laptop."""
    found = devices(hub / "hub")
    held = sorted((one["site"], *one["addresses"]) for one in found if one["name"] != "LAP-1")

    assert [
        ("MEL", "10.0.0.42"), ("MEL", "10.0.0.5"), ("MEL", "10.0.0.6"), ("PER", "10.0.0.5"), ("PER", "10.0.0.6"),
        ("SYD", "10.0.0.5"), ("SYD", "10.0.0.6"),
    ] == held  # fmt: skip
    assert len(found) == len({one["id"] for one in found})


def test_a_laptop_at_two_sites_and_off_site_is_one_device(hub):
    """By its MAC at both, by its name in the VPN; it has the id of both, for it came with a lease."""
    (laptop,) = [one for one in devices(hub / "hub") if one["name"] == "LAP-1"]
    at_sites = {
        one["id"] for site in ("SYD", "PER") for one in devices(hub / f"state-{site}") if one["name"] == "LAP-1"
    }

    assert ([LAPTOP], ["PER", "SYD"], "both") == (laptop["macs"], sorted(laptop["sites"]), laptop["location"])
    assert {"10.0.0.40", "10.0.0.41", "10.0.200.14"} == set(laptop["addresses"])
    assert {laptop["id"]} == at_sites


def test_ids_are_stable(hub, tmp_path):
    """The sites heard in another order, and each in a run of its own: the same devices under the same ids."""
    for site in reversed(SITES):
        replay("--state", tmp_path / "hub", "--site", "HUB", hub / f"{site}.reports")
    first, second = ({one["id"]: one["name"] for one in devices(state)} for state in (hub / "hub", tmp_path / "hub"))

    assert first == second
