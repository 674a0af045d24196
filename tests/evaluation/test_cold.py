"""Cold captures: each attack alone, without history, is the first finding; benign captures give no incident.

Only the detectors of attacks on hosts are asked here: an incident of another behaviour is that one's own evaluation.
"""

import json

import pytest

from tests.cli.runs import spanline

HOSTS = {
    "scan", "inbound", "icmp_tunnel", "remote_control", "lateral", "credential_hops", "guessing", "guessing_sessions",
    "wrong_port",
}  # fmt: skip
OFFLOADED = ("--ignore-checksums",)
"""What their network cards had yet to finish is believed by itself; this believes damaged packets, too."""
ATTACKS = {
    "scan-misc/port_scan.pcap": ("scan", "T1046", ()),
    "scan-misc/scan_with_zero_windows.pcap": ("scan", "T1018", ()),
    "scan-misc/Pingback_ICMP.pcap": ("icmp_tunnel", "T1095", ()),
    "otrf/covenant_psremoting_command_2020-08-06115603.cap": ("remote_control", "T1021.006", ()),
    "otrf/covenant_sc_query_dcerpc_smb_svcctl_2020-08-05034820.cap": ("remote_control", "T1021.002", ()),
    "otrf/covenant_sharpsc_create_dcerpc_smb_svcctl_2020-08-06022635.cap": ("remote_control", "T1021.002", ()),
    "otrf/empire_getsession_dcerpc_smb_srvsvc_NetSessEnum_2020-09-22034513.cap": (
        "remote_control", "T1049", (),
    ),
    "otrf/empire_psexec_dcerpc_tcp_svcctl_WORKSTATION5_2020-09-20121608.cap": ("remote_control", "T1021", ()),
    "otrf/empire_psexec_dcerpc_tcp_svcctl_WORKSTATION6_2020-09-20121608.cap": ("remote_control", "T1021", ()),
    "otrf/empire_wmi_dcerpc_wmi_IWbemServices_ExecMethod_WORKSTATION5_2020-09-21001437.cap": (
        "remote_control", "T1047", (),
    ),
    "otrf/empire_wmi_dcerpc_wmi_IWbemServices_ExecMethod_WORKSTATION6_2020-09-21001437.cap": (
        "remote_control", "T1047", (),
    ),
    "otrf/mimikatz_CVE-2020-1472_Unauthenticated_NetrServerAuthenticate2_2020-09-16233923.cap": (
        "remote_control", "T1210", (),
    ),
}  # fmt: skip
"""Capture → (detector, technique as its description has it, options)."""
QUICK = ("scan-misc/port_scan.pcap", "scan-misc/Pingback_ICMP.pcap", *list(ATTACKS)[4:5])
FROM_OUTSIDE = ("445_scan.pcap", "multiport_scan.pcap")
ATTACK_CALLS = {"dcerpc_synthetic.pcap"}
"""Arkime's parser test made of calls that attackers make (DRSGetNCChanges, NetrJobAdd …) has incidents, rightly."""


def replayed(monkeypatch, capsys, tmp_path, capture, *options):
    """The answer of one replay with no history."""
    out = spanline(
        monkeypatch, capsys, "replay", capture, "--state", tmp_path / "state", "--fresh", "--json", *options
    )[1]
    return json.loads(out)


def of_hosts(incidents):
    """Texts of the incidents that a detector of attacks on hosts opened."""
    return [one["evidence"][0]["text"] for one in incidents if one["evidence"][0]["detector"] in HOSTS]


def check(answer, detector, technique):
    """The attack is the first finding of the capture, under its technique."""
    first = answer["incidents"][0]

    assert detector == first["evidence"][0]["detector"]
    assert technique in first["techniques"]


@pytest.mark.parametrize("name", QUICK)
def test_an_attack_alone_is_the_first_finding(monkeypatch, capsys, tmp_path, data_dir, name):
    """A vertical scan, an ICMP backdoor and a service manager asked from afar."""
    detector, technique, options = ATTACKS[name]

    check(replayed(monkeypatch, capsys, tmp_path, data_dir / "network" / name, *options), detector, technique)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in ATTACKS if name not in QUICK])
def test_every_attack_alone_is_the_first_finding(monkeypatch, capsys, tmp_path, data_dir, name):
    """All captures of scans and of Windows techniques."""
    detector, technique, options = ATTACKS[name]

    check(replayed(monkeypatch, capsys, tmp_path, data_dir / "network" / name, *options), detector, technique)


@pytest.mark.parametrize("name", FROM_OUTSIDE)
def test_a_scan_from_outside_is_one_digest_row(monkeypatch, capsys, tmp_path, data_dir, name):
    """Internet weather: told of first, and no incident."""
    answer = replayed(monkeypatch, capsys, tmp_path, data_dir / "network" / "scan-misc" / name)

    assert [] == answer["incidents"]
    assert ["inbound"] == [row["evidence"][0]["detector"] for row in answer["digest"]]


def test_backscatter_is_no_scan_by_its_receiver(monkeypatch, capsys, tmp_path, data_dir):
    """Whether its networks are known or not: a site each, in one replay."""
    capture = data_dir / "network" / "scan-misc" / "backscatter.trace"
    config = tmp_path / "spanline.toml"
    config.write_text('[sites.known]\nlocal_networks = ["192.150.186.0/23"]\n')
    answer = replayed(monkeypatch, capsys, tmp_path, f"local={capture}", f"known={capture}", "--config", config)

    assert [("local", 0), ("known", 0)] == [(one["site"], one["duplicates"]) for one in answer["inputs"]]
    assert [] == of_hosts(answer["incidents"])


@pytest.mark.slow
def test_a_one_way_capture_has_no_scan_and_says_so(monkeypatch, capsys, tmp_path, data_dir):
    """A day seen in one direction only."""
    answer = replayed(monkeypatch, capsys, tmp_path, data_dir / "network" / "c2-taidoor-zeek")
    said = {one["detector"]: one for one in answer["coverage"]}

    assert [] == [text for text in of_hosts(answer["incidents"]) if "new to it" in text]
    assert ("no_input", True) == (said["scan"]["state"], "one-way capture" in said["scan"]["why"])


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["iot-sentinel", "arkime", "zeek-btest/Traces"])
@pytest.mark.parametrize("options", [(), OFFLOADED], ids=["as_is", "offloaded"])
def test_benign_captures_give_no_incident(monkeypatch, capsys, tmp_path, data_dir, folder, options):
    """Each capture alone; what was found is listed by capture."""
    captures = sorted(
        path for path in (data_dir / "network" / folder).rglob("*")
        if path.suffix in {".pcap", ".pcapng", ".trace"} and path.name not in ATTACK_CALLS
    )  # fmt: skip
    found = {}
    for capture in captures:
        answer = replayed(monkeypatch, capsys, tmp_path, capture, *options)
        if texts := of_hosts(answer["incidents"]):
            found[capture.name] = texts

    assert {} == found
    assert len(captures) >= 30


@pytest.mark.slow
def test_a_benign_day_gives_no_incident(monkeypatch, capsys, tmp_path, data_dir):
    """M57's first day of an office, cold."""
    answer = replayed(monkeypatch, capsys, tmp_path, data_dir / "network" / "m57-day1-zeek")

    assert [] == of_hosts(answer["incidents"])
