"""Tests for sensor/wire/suricata_flow.py: EVE flow records as rows."""

import pytest

from sensor.errors import Malformed
from sensor.model import addresses
from sensor.model.flow import CONN_STATES, ENDINGS, ICMPV6
from sensor.model.times import parse
from sensor.wire.fields import Fields
from sensor.wire.suricata_flow import endpoints, flow, protocol

FLOW = {
    "timestamp": "2024-07-18T17:44:34.733915+0000", "flow_id": 1357088669212417, "event_type": "flow",
    "src_ip": "192.0.2.72", "src_port": 14612, "dest_ip": "198.51.100.9", "dest_port": 443, "proto": "TCP",
    "app_proto": "tls", "vlan": [7], "ether": {"src_macs": ["00:00:5e:00:53:01"], "dest_macs": ["00:00:5e:00:53:02"]},
    "flow": {
        "pkts_toserver": 15, "pkts_toclient": 10, "bytes_toserver": 4269, "bytes_toclient": 1091, "state": "closed",
        "start": "2024-07-18T17:42:38.368385+0000", "end": "2024-07-18T17:43:23.464600+0000", "reason": "timeout",
    },
    "tcp": {"tcp_flags": "1b", "tcp_flags_ts": "1b", "tcp_flags_tc": "1b"},
}  # fmt: skip


def test_a_tcp_flow_becomes_a_row() -> None:
    """Times, ends, packets and service as written; IP bytes without Ethernet's 14 and the tag's 4; the flags' state."""
    row = flow(Fields(FLOW))[0]
    assert (
        parse("2024-07-18T17:42:38.368385Z"), 45_096_215_000, b"1357088669212417", "192.0.2.72", 14612, "198.51.100.9",
        443, 6, 15, 4269 - 18 * 15, 10, 1091 - 18 * 10, "SF", b"ssl", "timeout", 7, 0x5E005301,
        4269 - 18 * 15 - 40 * 15,
    ) == (
        row["ts"], row["duration"], row["uid"], addresses.text(row["orig_hi"], row["orig_lo"]), row["orig_p"],
        addresses.text(row["resp_hi"], row["resp_lo"]), row["resp_p"], row["proto"], row["orig_pkts"],
        row["orig_ip_bytes"], row["resp_pkts"], row["resp_ip_bytes"], CONN_STATES[row["conn_state"]], row["service"],
        ENDINGS[row["why"]], row["vlan"], row["orig_l2"], row["orig_bytes"],
    )  # fmt: skip


def test_an_end_centuries_after_the_start_leaves_the_duration_unset() -> None:
    """A difference beyond 64 bits ended the input."""
    ends = {"start": "1700-01-01T00:00:00Z", "end": "2200-01-01T00:00:00Z"}
    (row,) = flow(Fields({**FLOW, "flow": ends}))
    assert -1 == row["duration"]


def test_icmp_has_its_type_in_the_place_of_a_port() -> None:
    """An IPv6 echo has its reply's type beside it."""
    record = {"src_ip": "2001:db8::1", "dest_ip": "2001:db8::2", "proto": "IPv6-ICMP", "icmp_type": 128, "icmp_code": 0}
    assert (("2001:db8::1", 128, "2001:db8::2", 129), ICMPV6) == (endpoints(Fields(record)), protocol(Fields(record)))


def test_an_unanswered_flow_without_flags_has_no_state() -> None:
    """Old versions write no flags: TCP's state is unset, UDP's tells who spoke."""
    bare = {**FLOW, "tcp": None, "flow": {**FLOW["flow"], "pkts_toclient": 0, "bytes_toclient": 0}}  # type: ignore[dict-item]
    assert ["", "S0"] == [
        CONN_STATES[flow(Fields({**bare, "proto": name}))[0]["conn_state"]] for name in ("TCP", "UDP")
    ]


@pytest.mark.parametrize(("name", "number"), [("TCP", 6), ("047", 47), ("SCTP", 132), ("XYZ", 255), ("", 255)])
def test_protocols_are_named_or_numbered(name: str, number: int) -> None:
    """A name that is not known is IANA's reserved number."""
    assert number == protocol(Fields({"proto": name}))


@pytest.mark.parametrize(
    ("gone", "reason"), [("src_ip", "missing_orig_h"), ("dest_ip", "missing_resp_h"), ("flow", "missing_time")]
)
def test_what_is_missing_is_named(gone: str, reason: str) -> None:
    """A row needs both ends and a start."""
    with pytest.raises(Malformed, match=f"^{reason}$"):
        flow(Fields({key: value for key, value in FLOW.items() if key != gone}))
