"""The made story: it repeats, harms nobody, and holds what its truth says."""

import gzip
import ipaddress
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
SMALL = ("--staff", "10", "--learning", "12", "--days", "24", "--busy", "0.15", "--sites", "SYD")
SHIPPED = (
    *("--start", "2026-11-09", "--days", "16", "--learning", "7"),
    *("--sites", "SYD", "--staff", "9", "--busy", "0.1", "--calm"),
)
"""Words that make what `spanline demo` replays; README.md has them too."""
RESERVED = [
    ipaddress.ip_network(text)
    for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "10.0.0.0/8", "2001:db8::/32", "0.0.0.0/32")
]
"""RFC 5737, RFC 1918 and RFC 3849; GlobalProtect writes 0.0.0.0 for none."""
KNOWN_NAMES = ("login.microsoftonline.com", "exampleau.okta.com")
HALF_HOUR = 1800.0


def make(folder: Path, *words: str) -> dict:
    subprocess.run([sys.executable, str(PCAPS / "make_story.py"), str(folder), *words], check=True, capture_output=True)
    return json.loads((folder / "truth.json").read_text())


def lines(path: Path) -> list[str]:
    with gzip.open(path, "rt") as text:
        return [line.rstrip("\n") for line in text if not line.startswith("#")]


@pytest.fixture(scope="module", params=["0", "1"], ids=["entra", "okta"])
def story(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("story")
    return folder, make(folder, *SMALL, "--variant", request.param, "--seed", "6")


def test_what_is_shipped_repeats(tmp_path):
    """make_story.py writes the demo's logs again, line by line; its truth is not shipped."""
    make(tmp_path, *SHIPPED)
    for path in sorted((PCAPS / "demo" / "story").rglob("*.gz")):
        assert lines(tmp_path / path.relative_to(PCAPS / "demo" / "story")) == lines(path), path.name


def test_another_seed_is_another_story(tmp_path):
    """Somebody else at another time, in the same number of steps."""
    told = [make(tmp_path / seed, *SMALL, "--seed", seed)["attack"] for seed in ("7", "8")]
    assert 2 == len({one["account"] for one in told})
    assert 2 == len({one["begins"] for one in told})
    assert 1 == len({tuple(step["what"] for step in one["steps"]) for one in told})


def test_every_address_is_reserved(story):
    """Nothing in any log is an address of somebody."""
    folder, _ = story
    strange = set()
    for path in sorted(folder.rglob("*.gz")):
        for line in lines(path):
            for text in re.findall(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])|(?<![\w:])2001:[0-9a-f:]+", line):
                address = ipaddress.ip_address(text)
                if not any(address in network for network in RESERVED if network.version == address.version):
                    strange.add(text)
    # A browser's version of four parts is no address.
    assert set() == {text for text in strange if not text.endswith(".0.0.0")}


def test_every_name_is_reserved(story):
    """Web sites are of `example`; only the identity providers have their own names."""
    folder, _ = story
    names = {line.split("\t")[9] for line in lines(folder / "SYD" / "dns.log.gz")}
    assert set() == {name for name in names if not name.endswith(".example")} - set(KNOWN_NAMES)


def test_the_owner_is_at_work_around_each_of_the_intruders_sign_ins(story):
    """Ten names or more in the half hour before and in that after, from the laptop's address."""
    folder, truth = story
    rows = [line.split("\t") for line in lines(folder / "SYD" / "ssl.log.gz")]
    own = [(float(row[0]), row[9]) for row in rows if row[2] == truth["attack"]["laptop_ip"]]
    for step in truth["attack"]["steps"]:
        if step["what"] in {"accepted prompt", "sign-in"}:
            for start in (step["ts"] - HALF_HOUR, step["ts"]):
                assert 10 <= len({name for ts, name in own if start <= ts < start + HALF_HOUR}), step


def test_a_travellers_own_laptop_is_away(story):
    """Nothing of it is at the site while its owner is abroad; a laptop that stays in its dock is."""
    folder, truth = story
    hosts = {row.split("\t")[5]: row.split("\t")[2] for row in lines(folder / "SYD" / "dhcp.log.gz")}
    seen = [(float(row.split("\t")[0]), row.split("\t")[2]) for row in lines(folder / "SYD" / "conn.log.gz")]
    whose = {
        row.split("\t")[7].partition("/")[0]: row.split("\t")[2] for row in lines(folder / "SYD" / "kerberos.log.gz")
    }
    assert set(hosts.values()) >= set(whose.values()) - {ip for ip in whose.values() if ".200." in ip}
    for scene in truth["scenes"]:
        if scene["scene"].startswith(("traveller", "two denials")):
            ip = whose[scene["accounts"][0].partition("@")[0]]
            count = sum(1 for ts, host in seen if host == ip and scene["from"] <= ts < scene["to"])
            assert ("docked" in scene["scene"]) == (count > 0), scene


def test_audit_records_come_late_and_some_twice(story):
    """Out of order by up to half an hour, as the product delivers them."""
    folder, _ = story
    records = [json.loads(line) for line in lines(folder / "identity" / "m365-audit.jsonl.gz")]
    times = [record["CreationTime"] for record in records]
    assert times != sorted(times)
    assert len({record["Id"] for record in records}) < len(records)


def test_the_rule_is_there_once_and_is_the_intruders(story):
    """Named ".", from one colleague, marks read and moves; the other rules are not like it."""
    folder, truth = story
    records = [json.loads(line) for line in lines(folder / "identity" / "m365-audit.jsonl.gz")]
    rules = {record["Id"]: record for record in records if record["Operation"] == "New-InboxRule"}
    said = {record["UserId"]: {one["Name"]: one["Value"] for one in record["Parameters"]} for record in rules.values()}
    mine = said.pop(truth["attack"]["account"])
    assert (".", truth["attack"]["colleague"], "True") == (mine["Name"], mine["From"], mine["MarkAsRead"])
    assert {"Newsletters"} == {one["Name"] for one in said.values()}
