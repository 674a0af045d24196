"""Tests for sensor/sources/dhcpd.py: lines of ISC dhcpd, dnsmasq and Kea."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.sources import dhcpd
from sensor.wire.fields import Fields
from tests.sources.hostile import check

MAC = "00:11:22:33:44:55"


def short(text: str) -> tuple[object, ...]:
    """Kind, outcome, address, MAC, host, whether it ends, and how long it lasts."""
    record = Fields({"message": text, "syslog": {"timestamp": 1678936138}})
    assert dhcpd.claims(record)
    (event,) = dhcpd.read(record)
    found = event.detail
    return (
        event.kind,
        event.outcome,
        event.ip,
        found.get("mac"),
        event.device_name,
        found.get("ended"),
        found.get("lease_time_s"),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"DHCPACK on 192.0.2.5 to {MAC} (pc1) via eth0", ("lease", "success", "192.0.2.5", MAC, "pc1", None, None)),
        ("DHCPACK on 192.0.2.5 to 0:11:22:33:44:55 via eth0", ("lease", "success", "192.0.2.5", MAC, None, None, None)),
        ("DHCPACK on 192.0.2.5 to 0:0:0:0:0:0 via eth0", ("lease", "success", "192.0.2.5", None, None, None, None)),
        (f"DHCPACK to 192.0.2.5 ({MAC}) via eth0", ("lease", "success", "192.0.2.5", MAC, None, None, None)),
        (
            f"DHCPREQUEST for 192.0.2.5 (192.0.2.1) from {MAC} (pc1) via eth0",
            ("other", "unknown", "192.0.2.5", MAC, "pc1", None, None),
        ),
        (f"DHCPDISCOVER from {MAC} via 192.0.2.9", ("other", "unknown", None, MAC, None, None, None)),
        (
            f"DHCPRELEASE of 192.0.2.5 from {MAC} (pc1) via eth0 (found)",
            ("lease", "success", "192.0.2.5", MAC, "pc1", True, None),
        ),
        (f"DHCPNAK on 192.0.2.5 to {MAC} via eth0", ("lease", "failure", "192.0.2.5", MAC, None, None, None)),
        (f"DHCPACK(eth0) 192.0.2.5 {MAC} pc1", ("lease", "success", "192.0.2.5", MAC, "pc1", None, None)),
        (
            (
                f"INFO  [kea-dhcp4.leases/12.34] DHCP4_LEASE_ALLOC [hwtype=1 {MAC}], cid=[01:{MAC}], tid=0x1: "
                "lease 192.0.2.5 has been allocated for 3600 seconds"
            ),
            ("lease", "success", "192.0.2.5", MAC, None, None, 3600),
        ),
    ],
)
def test_each_line_is_read(text: str, expected: tuple[object, ...]) -> None:
    """Who has which address, from when, or gave it back."""
    assert expected == short(text)


def test_other_lines_are_not_claimed_and_a_time_is_needed() -> None:
    """Prose and other products; a line without a header has no time."""
    assert [False] * 3 == [dhcpd.claims(Fields({"message": text})) for text in ("DHCPD started", "x DHCPACK on y", "")]
    with pytest.raises(Malformed, match=r"^missing_time$"):
        dhcpd.read(Fields({"message": f"DHCPACK on 192.0.2.5 to {MAC} via eth0"}))


@given(
    st.text(max_size=60),
    st.sampled_from(["DHCPACK ", "DHCPNAK on ", "[kea-dhcp4.x] DHCP4_LEASE_ALLOC ", "DHCPOFFER(a) "]),
)
def test_garbage_is_read(text: str, start: str) -> None:
    """Nothing is raised where there is a time."""
    record = {"message": start + text, "syslog": {"timestamp": 1}}
    assert "none" == check(dhcpd, record)
    assert len(dhcpd.read(Fields(record))) <= 1
