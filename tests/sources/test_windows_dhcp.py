"""Tests for sensor/sources/windows_dhcp.py: DhcpSrvLog rows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.times import parse
from sensor.sources import windows_dhcp
from sensor.wire.fields import Fields
from tests.sources.hostile import check

ROW = "{},03/16/23,03:08:58,{},192.0.2.5,PC1.example.com,001122AABBCC,,99,0,,,,,,,,,0"


def only(text: str) -> object:
    """The one event of a row."""
    record = Fields({"message": text})
    assert windows_dhcp.claims(record)
    (event,) = windows_dhcp.read(record)
    return event


@pytest.mark.parametrize(
    ("number", "kind", "outcome", "ended"),
    [
        (10, "lease", "success", None),
        (11, "lease", "success", None),
        (12, "lease", "success", True),
        (15, "lease", "failure", None),
        (17, "lease", "success", True),
        (30, "other", "unknown", None),
    ],
)
def test_event_ids_tell_what_happened(number: int, kind: str, outcome: str, ended: bool | None) -> None:
    """Given, renewed, released, denied, expired; DNS updates are other."""
    event = only(ROW.format(number, "Assign"))
    assert (
        parse("2023-03-16T03:08:58Z"),
        kind,
        outcome,
        ended,
        "192.0.2.5",
        "PC1.example.com",
        "00:11:22:aa:bb:cc",
    ) == (
        event.ts,
        event.kind,
        event.outcome,
        event.detail.get("ended"),
        event.ip,
        event.device_name,
        event.detail["mac"],  # type: ignore[attr-defined]
    )


def test_a_table_s_row_is_the_same() -> None:
    """With its columns named; IPv6 has its own name."""
    names = ["ID", "Date", "Time", "Description", "IP Address", "Host Name", "MAC Address"]
    record = Fields(dict(zip(names, ROW.format(10, "Assign").split(","), strict=False)))
    assert windows_dhcp.claims(record)
    assert [only(ROW.format(10, "Assign"))] == windows_dhcp.read(record)


def test_a_day_first_date_is_read() -> None:
    """Where the first number is no month."""
    assert parse("2023-03-16T03:08:58Z") == only(ROW.format(10, "Assign").replace("03/16/23", "16/03/2023")).ts  # type: ignore[attr-defined]


def test_what_cannot_be_read_is_named() -> None:
    """A date that is none; other rows are not claimed."""
    with pytest.raises(Malformed, match=r"^bad_time$"):
        only(ROW.format(10, "x").replace("03/16/23", "44/55/23"))
    assert not windows_dhcp.claims(Fields({"message": "10,words"}))


@given(
    st.dictionaries(
        st.sampled_from(["ID", "Date", "Time", "Description", "IP Address", "MAC Address"]),
        st.none() | st.integers() | st.text(max_size=9),
    )
)
def test_garbage_is_read_or_refused(raw: dict[str, object]) -> None:
    """Nothing but Malformed leaves the reader."""
    check(windows_dhcp, raw)
    try:
        assert 1 == len(windows_dhcp.read(Fields(raw)))
    except Malformed:
        return
