"""What sites tell of becomes the hub's incidents: joined across sites, under one budget, closed where they were."""

import json

import msgspec
import pytest
from click.testing import CliRunner

from sensor.cli.main import cli
from sensor.incidents.link import Closing
from tests.evaluation.stories import ROOT
from tests.incidents.hands import START, act, incidents, seen, shown
from tests.incidents.test_opening import opening
from tests.pipeline.test_reports_file import replay

MINUTE_NS = 60 * 10**9


@pytest.fixture
def fleet():
    linked = incidents()
    linked.serve_fleet(["SYD", "PER"])
    return linked


def beacons(place, **more):
    """A beacon of one device at each of two sites to a place."""
    return [
        seen(
            "beacon", "beacon", 1e-6, START + k * MINUTE_NS, device=k, site=site, keys=(f"destination:{place}",), **more
        )
        for k, site in enumerate(("SYD", "PER"))
    ]


@pytest.mark.parametrize("place", ["rare.example.com", "8.8.4.4", "2001:4860:4860::8844"])
def test_one_rare_destination_at_two_sites_is_one_incident(fleet, place):
    """With both sites; where sites are no fleet each has its own."""
    plain = incidents()
    for one in beacons(place):
        fleet.take([one], START + 2 * MINUTE_NS)
        plain.take([one], START + 2 * MINUTE_NS)

    (found,) = shown(fleet, "page", "triage")
    assert {"SYD", "PER"} == set(found.sites)
    assert 2 == len(shown(plain, "page", "triage"))


@pytest.mark.parametrize("place", ["10.0.0.5", "fileserver", "nas.local", "192.168.1.9"])
def test_an_inside_destination_joins_no_sites(fleet, place):
    """Two sites' 10.0.0.5 are two machines."""
    for one in beacons(place):
        fleet.take([one], START + 2 * MINUTE_NS)

    assert 2 == len(shown(fleet, "page", "triage"))


def test_one_programs_fingerprint_joins_sites_and_not_the_devices_of_one(fleet):
    """The same rare JA4 in two sites' open incidents: one program, one incident."""
    for k, site in enumerate(("SYD", "SYD", "PER")):
        scan = seen("scan", "scan", 1e-9, START, device=k, site=site)
        rare = seen(
            "fingerprint", "fingerprint", 1e-4, START + MINUTE_NS, device=k, site=site, opens=False,
            keys=("fingerprint:t13d1516h2_8daaf6152771_b186095e22b6",),
        )  # fmt: skip
        fleet.take([scan], START)
        fleet.take([rare], START + MINUTE_NS)
        if site == "SYD":
            assert k + 1 == len(shown(fleet, "page", "triage"))

    assert {("SYD", "PER")} & {tuple(one.sites) for one in shown(fleet, "page", "triage")}


def test_an_account_is_one_wherever_it_acts(fleet):
    """Refused prompts seen at one site, a rule at another: one incident of the account."""
    one = act("pressure", "pressure", 1e-4, START, opens=True, stage="entry", marks=("denied",))
    other = act("mail_rules", "hides", 1e-5, START + MINUTE_NS, opens=True, stage="act", marks=("hides",))
    sited = [msgspec.structs.replace(f, evidence=msgspec.structs.replace(f.evidence, site=site))
             for f, site in ((one, "SYD"), (other, "PER"))]  # fmt: skip
    for finding in sited:
        fleet.take([finding], START + MINUTE_NS)

    assert 1 == len(shown(fleet, "page", "triage"))


def test_the_fleet_has_one_budget_and_each_site_a_floor():
    """A loud site may use what the others leave; whatever it used, each other still has one a day."""
    one = opening(devices=2000)
    one.fleet = True
    one.begin(START)
    loud = sum(one.admit("SYD", "device", START + k) for k in range(50))

    assert 6 == loud  # three times the ceiling of 2 a day for 2,000 devices
    assert [True, False, True] == [one.admit(site, "device", START + 60) for site in ("PER", "PER", "MEL")]
    assert not one.has_room("SYD", "device")
    assert one.has_room("SYD", "account")


def test_what_is_closed_at_its_site_is_closed_here(fleet):
    """With the verdict and who gave it; more of the same does not open it again."""
    scan = seen("scan", "scan", 1e-9, START)
    fleet.take([scan], START)
    fleet.close_told(Closing("INC-1", (scan.evidence.id,), "benign", "our own scanner"))
    fleet.take([scan], START + MINUTE_NS)

    (found,) = [one for one in shown(fleet) if one.tier != "digest"]
    assert ("closed", "benign", "closed at its site as benign: our own scanner") == (
        found.state, found.verdict, found.reason
    )  # fmt: skip


def test_of_an_incident_of_two_sites_what_one_closed_is_taken_back(fleet):
    """The other site's part stays open, with a line of what happened."""
    here, there = beacons("rare.example.com")
    for one in (here, there):
        fleet.take([one], START + 2 * MINUTE_NS)
    fleet.close_told(Closing("INC-1", (here.evidence.id,), "benign", "a new backup"))

    (found,) = shown(fleet, "page", "triage")
    assert ("open", [there.evidence.id]) == (found.state, [one.id for one in found.evidence])
    assert any("a new backup" in one.text for one in found.timeline if one.kind == "taken back")
    fleet.close_told(Closing("INC-2", (there.evidence.id, "EV-unknown"), "true", "seen"))
    assert ["closed"] == [one.state for one in shown(fleet, "page", "triage")]


def test_nothing_is_gathered_unless_a_hub_is_told():
    """And what was gathered is given once."""
    linked = incidents()
    scan = seen("scan", "scan", 1e-9, START)
    linked.take([scan], START)
    assert ({}, []) == linked.tell()
    linked.take([scan], START + MINUTE_NS)

    assert [scan.evidence.id] == list(linked.tell()[0])
    assert ({}, []) == linked.tell()
    linked.tell_no_more()
    linked.take([scan], START + 2 * MINUTE_NS)
    assert ({}, []) == linked.tell()


class NoRecords:
    """An archive of a hub: it has none of a site's flows."""

    since_ns = 0

    def rows(self, query, given=()):
        return []


def test_what_a_sites_records_would_say_is_not_made_up(fleet):
    """No question about a site's device is answered from records that are not here; a hub's own sites are asked."""
    plain = incidents()
    for linked in (fleet, plain):
        linked.take([beacons("rare.example.com")[0]], START)
        linked.investigate(NoRecords(), {})
    ours, theirs = ({one.question: one for one in shown(linked)[0].investigation} for linked in (plain, fleet))

    assert {"The records are at SYD: ask there."} == {one.answer for one in theirs.values()}
    assert not any(one.answered for one in theirs.values())
    assert all(one.answered for one in ours.values())
    assert len(ours) == len(theirs) == 3


def test_a_scan_at_a_site_is_the_hubs_incident(tmp_path):
    """Under the same id, of the hub's device; its numbers are said to be the site's to verify, and none differs."""
    reports = tmp_path / "syd.reports"
    scan = ROOT / "pcaps" / "demo" / "02-office-scan.pcap"
    replay("--fresh", "--state", tmp_path / "site", "--site", "SYD", "--reports-out", reports, scan)
    hub = replay("--fresh", "--state", tmp_path / "hub", "--site", "HUB", reports)["incidents"]
    site = json.loads(CliRunner().invoke(cli, ["incidents", "--json", "--state", str(tmp_path / "site")]).stdout)
    words = ["explain", hub[0]["id"], "--verify", "--state", str(tmp_path / "hub")]
    verified = CliRunner().invoke(cli, words)

    assert [(one["id"], one["tier"], ["SYD"]) for one in site] == [
        (one["id"], one["tier"], one["sites"]) for one in hub
    ]
    assert 0 == verified.exit_code
    assert "its records are at SYD: verify it there" in verified.stdout
    assert " 0 differ" in verified.stdout
