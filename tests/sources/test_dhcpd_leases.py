"""Leases of dhcpd's file: who held which address from when to when."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.sources import dhcpd_leases
from sensor.wire.fields import Fields
from tests.cli.runs import spanline
from tests.sources.hostile import check, records
from tests.wire.test_lease_blocks import FILE

LEASE = {
    "address": "10.0.0.50", "starts": "2 2024/05/07 08:00:00", "ends": "2 2024/05/07 20:00:00",
    "cltt": "2 2024/05/07 14:00:00", "binding state": "active", "hardware ethernet": "0:11:22:33:44:55",
    "client-hostname": "PC-ANN",
}  # fmt: skip


def read(**changes):
    record = Fields({"dhcpd_lease": {key: value for key, value in {**LEASE, **changes}.items() if value is not None}})
    assert dhcpd_leases.claims(record)
    (event,) = dhcpd_leases.read(record)
    return event


def test_a_lease_that_is_active():
    """At the time the client was last heard; the MAC as others write it; how long it lasts."""
    event = read()

    assert ("lease", "success", "10.0.0.50", "PC-ANN", 1_715_090_400 * 10**9) == (
        event.kind, event.outcome, event.ip, event.device_name, event.ts,
    )  # fmt: skip
    assert {
        "mac": "00:11:22:33:44:55", "host_name": "PC-ANN", "assigned_addr": "10.0.0.50", "lease_time_s": 43_200,
    } == event.detail  # fmt: skip


@pytest.mark.parametrize("state", ["free", "released", "expired"])
def test_a_lease_that_ended(state):
    """At its end, and it lasts no more."""
    event = read(**{"binding state": state})

    assert (1_715_112_000 * 10**9, True, None) == (event.ts, event.detail["ended"], event.detail.get("lease_time_s"))


def test_an_address_that_somebody_else_answered_for_is_assigned_to_nobody():
    """It is a lease that failed."""
    event = read(**{"binding state": "abandoned"})

    assert ("failure", None) == (event.outcome, event.detail.get("assigned_addr"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cltt": None, "starts": None}, "missing_time"),
        ({"starts": "yesterday"}, "bad_time"),
        ({"binding state": "free", "ends": "never"}, "missing_time"),
    ],
)
def test_a_lease_without_a_time_is_refused(changes, reason):
    """With the reason."""
    with pytest.raises(Malformed, match=reason):
        read(**changes)


def test_a_lease_file_names_the_devices_of_a_site(monkeypatch, capsys, tmp_path):
    """Through `events` and `replay`, found by its content; the same file again is nothing new."""
    path = tmp_path / "dhcpd.leases"
    path.write_text(FILE)
    lines = spanline(monkeypatch, capsys, "events", path)[1].splitlines()
    state = ("--state", tmp_path / "state")
    first = json.loads(spanline(monkeypatch, capsys, "replay", path, *state, "--json")[1])["inputs"][0]
    again = json.loads(spanline(monkeypatch, capsys, "replay", path, *state, "--json")[1])["inputs"][0]
    (device,) = [
        one for one in json.loads(spanline(monkeypatch, capsys, "devices", *state, "--json")[1]) if one["macs"]
    ]  # fmt: skip

    assert ["10.0.0.50", "10.0.0.51"] == [json.loads(line)["ip"] for line in lines]
    assert (2, 2, 0) == (first["records"], first["accepted"], first["duplicates"])
    assert (2, 0, 2) == (again["records"], again["accepted"], again["duplicates"])
    assert ("PC-ANN", ["00:11:22:33:44:55"]) == (device["name"], device["macs"])


def test_other_records_are_not_claimed():
    """Nor a plain line."""
    assert not dhcpd_leases.claims(Fields({"message": "hello"}))
    assert not dhcpd_leases.claims(Fields({"dhcpd_lease": 7}))


@given(records("dhcpd_lease", *LEASE))
def test_hostile_records_are_read_or_refused(record):
    """Whatever stands in it."""
    check(dhcpd_leases, record)
