"""Accounts and addresses of real hosts' events against the links that are known of them (OTRF's recordings)."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sensor.model.accounts import is_machine
from sensor.model.event import Event
from sensor.sources import sysmon, windows
from sensor.wire.fields import Fields

EVIDENCE = {"4624", "4768", "4769", "4776", "sysmon3"}
"""What the truth was made of."""


def events(path: Path) -> Iterator[Event]:
    with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as lines:
        for line in lines:
            record = Fields(json.loads(line))
            for source in (sysmon, windows):
                if source.claims(record):
                    yield from source.read(record)


@pytest.fixture(scope="module")
def cases(data_dir):
    folder = data_dir / "identity"
    found = json.loads((folder / "otrf-pairs" / "expected_links.json").read_text())
    return [(one["expected"]["account_ip_links"], list(events(folder / one["truth_file"]))) for one in found]


def links(found: list[Event]) -> dict[tuple[str, str], set[str]]:
    """Return the kinds of event that show an account at an address."""
    shown: dict[tuple[str, str], set[str]] = {}
    for event in found:
        if event.kind in {"logon", "connection"} and event.outcome != "failure" and event.account and event.ip:
            name = f"sysmon{event.action}" if event.source == "sysmon" else event.action
            shown.setdefault((event.account.partition("@")[0], event.ip), set()).add(name)
    return shown


def test_every_known_link_is_shown_by_exactly_the_known_events(cases):
    """Account, address and the kinds of event that show them."""
    for expected, found in cases:
        shown = links(found)
        for link in expected:
            assert set(link["host_evidence"]) == shown[link["account"], link["ip"]] & EVIDENCE


def test_no_machine_is_found_at_another_machines_address(cases):
    """A machine's account is seen at that machine's addresses alone, as its own connections show them."""
    for _, found in cases:
        own: dict[str, set[str]] = {}
        for event in found:
            if event.kind == "connection" and event.ip and event.device_name:
                own.setdefault(event.device_name.partition(".")[0].lower(), set()).add(event.ip)
        machines = [(name, ip) for name, ip in links(found) if is_machine(name)]
        assert len(machines) >= 3
        assert [] == [(name, ip) for name, ip in machines if ip not in own[name.removesuffix("$")] | {"::1"}]


def test_the_client_is_named_at_its_address_and_the_controller_is_not(cases):
    """`device_name` belongs to `ip`: an NTLM logon names its workstation, a ticket's event names nobody."""
    named = {
        (event.device_name.partition(".")[0].lower(), event.ip)
        for _, found in cases
        for event in found
        if event.kind == "logon" and event.ip and event.device_name and event.ip.startswith("172.")
    }
    assert {("workstation5", "172.18.39.5")} == named
