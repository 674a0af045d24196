"""Tests for sensor/wire/netflow_records.py: records as rows, directions paired."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model import addresses
from sensor.model.flow import CONN_STATES, ENDINGS
from sensor.wire.netflow_packets import Packet
from sensor.wire.netflow_records import flows, way_of

SENT_NS = 1_795_497_000 * 10**9
PACKET = Packet("a", 0, SENT_NS, 100_000, [], {})
CLIENT, SERVER = "10.0.0.1", "10.0.0.2"
COLUMNS = ("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes")


def said(src, src_p, dst, dst_p, **more):
    """Make a record of netflume's names."""
    return {
        "src_addr": src, "src_port": src_p, "dst_addr": dst, "dst_port": dst_p, "proto": 6, "packets": 5, "octets": 700,
        "tcp_flags": 27, "first_switched": 90_000, "last_switched": 91_000, **more,
    }  # fmt: skip


def rows(*records, packet=PACKET):
    """Read records as one batch: originator, its port, responder, its port, state, counts."""
    ways = [way_of(record, packet, k) for k, record in enumerate(records)]
    made = flows([way for way in ways if way is not None])
    return [
        (
            addresses.text(row["orig_hi"], row["orig_lo"]), int(row["orig_p"]),
            addresses.text(row["resp_hi"], row["resp_lo"]), int(row["resp_p"]),
            CONN_STATES[row["conn_state"]], *(int(row[name]) for name in COLUMNS),
        )
        for row in made
    ]  # fmt: skip


FORTH = said(CLIENT, 40_000, SERVER, 443)
BACK = said(SERVER, 443, CLIENT, 40_000, packets=4, octets=900)
WHOLE = (CLIENT, 40_000, SERVER, 443, "SF", 5, 4, 700, 900)


@pytest.mark.parametrize("records", [(FORTH, BACK), (BACK, FORTH)])
def test_two_directions_become_one_row(records) -> None:
    """Whichever was written first: the side without the service's port began."""
    assert [WHOLE] == rows(*records)


def test_who_began_is_the_earlier_where_the_beginning_was_seen() -> None:
    """A server that calls out from its own port is the originator of that conversation."""
    early = {**BACK, "first_switched": 89_000}
    assert [(SERVER, 443, CLIENT, 40_000, "SF", 4, 5, 900, 700)] == rows(FORTH, early)


def test_a_refused_connection_was_begun_by_who_sent_the_syn() -> None:
    """A scan of high ports from a lower one is not the scanned host's."""
    tried, refused = (
        said(CLIENT, 60_934, SERVER, 61_532, tcp_flags=2),
        said(SERVER, 61_532, CLIENT, 60_934, tcp_flags=20),
    )
    assert [(CLIENT, 60_934, SERVER, 61_532, "REJ", 5, 5, 700, 700)] == rows(tried, refused) == rows(refused, tried)


def test_directions_far_apart_or_of_two_exporters_stay_apart() -> None:
    """A minute between the starts is another piece; an answer alone is the responder's."""
    apart = rows(FORTH, {**BACK, "first_switched": 90_000 - 61_000, "last_switched": 90_000})
    assert [
        (CLIENT, 40_000, SERVER, 443, "", 5, -1, 700, -1),
        (CLIENT, 40_000, SERVER, 443, "", -1, 4, -1, 900),
    ] == apart
    ways = way_of(FORTH, PACKET, 0), way_of(BACK, PACKET._replace(exporter="b"), 1)
    assert 2 == len(flows(ways))


def test_one_way_records() -> None:
    """A bare SYN was not answered, whatever its port; an answer over UDP is the responder's."""
    bare = said(CLIENT, 443, SERVER, 40_000, tcp_flags=2)
    answer = said(SERVER, 53, CLIENT, 40_000, proto=17, tcp_flags=0)
    assert [(CLIENT, 443, SERVER, 40_000, "S0", 5, 0, 700, 0)] == rows(bare)
    assert [(CLIENT, 40_000, SERVER, 53, "SHR", 0, 5, 0, 700)] == rows(answer)


def test_records_of_both_directions() -> None:
    """RFC 5103's reverse elements, and which side began where it is said."""
    both = {**FORTH, "e29305.1": 900, "e29305.2": 4, "e29305.6": 27}
    assert [WHOLE] == rows(both)
    turned = {**BACK, "e29305.1": 700, "e29305.2": 5, "e29305.6": 27, "ie239": 2}
    assert [WHOLE] == rows(turned)


def test_a_firewall_counts_payload_and_tells_the_beginning_too() -> None:
    """Initiator and responder octets are payload; an event without counts makes no row."""
    record = {"src_addr": CLIENT, "dst_addr": SERVER, "proto": 17, "src_port": 4000, "dst_port": 53}
    made = flows([way_of({**record, "ie233": 2, "ie231": 60, "ie232": 120}, PACKET, 0)])[0]
    assert (60, 120, -1, -1, "SF") == (
        made["orig_bytes"], made["resp_bytes"], made["orig_pkts"], made["orig_ip_bytes"],
        CONN_STATES[made["conn_state"]],
    )  # fmt: skip
    assert way_of({**record, "ie233": 1}, PACKET, 0) is None
    assert way_of({**record, "ie230": 1}, PACKET, 0) is None


def test_icmp_types_stand_for_ports_and_answers_are_paired() -> None:
    """Type and code come in the destination's port or an element of their own."""
    ask = said(CLIENT, 0, SERVER, 8 << 8, proto=1, tcp_flags=0)
    answer = said(SERVER, 0, CLIENT, 0, proto=1, tcp_flags=0)
    expected = [(CLIENT, 8, SERVER, 0, "SF", 5, 5, 700, 700)]
    assert expected == rows(ask, answer) == rows(answer, ask)
    assert expected == rows({**ask, "icmp_type_code": 8 << 8, "dst_port": 0}, answer)


@pytest.mark.parametrize(
    ("expected", "times"),
    [
        (SENT_NS - 10 * 10**9, {"first_switched": 90_000}),
        (SENT_NS - (100_000 + 296) * 10**6, {"first_switched": 2**32 - 296}),
        (SENT_NS + 10**9, {"first_switched": 101_000}),
        (1_795_496_000_123_000_000, {"flow_start_ms": 1_795_496_000_123}),
        (1_795_496_000_000_000_000, {"flow_start_s": 1_795_496_000}),
        (1_795_496_000_500_000_000, {"flow_start_us": 1_795_496_000.5}),
        (SENT_NS - 5_000_000, {"ie158": 5000}), (SENT_NS, {}), (SENT_NS - 10**9, {"last_switched": 99_000}),
    ],
)  # fmt: skip
def test_starts(expected, times) -> None:
    """Absolute times, by uptime across its end, before the export, else the export's own."""
    bare = {key: value for key, value in FORTH.items() if not key.endswith("switched")}
    assert expected == way_of({**bare, **times}, PACKET, 0).start


def test_what_cannot_be_a_row_is_refused() -> None:
    """No address, a start an hour after its export."""
    for changed, reason in (
        ({"src_addr": None}, "missing_address"), ({"dst_addr": 7}, "missing_address"),
        ({"flow_start_ms": 1_795_597_000_000}, "bad_time"),
    ):  # fmt: skip
        with pytest.raises(Malformed, match=f"^{reason}$"):
            way_of({**FORTH, **changed}, PACKET, 0)


def test_the_reason_for_the_record_is_kept_and_none_is_an_interval() -> None:
    """A piece written at an active timeout counts that piece alone."""
    whys = [flows([way_of({**FORTH, "flow_end_reason": k}, PACKET, 0)])["why"][0] for k in (1, 2, 3, 4)]
    assert ["timeout", "timeout", "ended", "evicted"] == [ENDINGS[why] for why in whys]


VALUE = st.none() | st.integers(-1, 2**80) | st.text(max_size=8) | st.floats(0, 1e12)
KEYS = [
    *FORTH,
    "e29305.1",
    "e29305.2",
    "ie231",
    "ie298",
    "ie239",
    "flow_start_ms",
    "flow_end_us",
    "ie158",
    "src_mac",
    "vlan",
]


@given(st.lists(st.dictionaries(st.sampled_from(KEYS), VALUE), max_size=4))
def test_any_values_make_rows_or_are_refused(records) -> None:
    """Nothing but Malformed comes out."""
    ways = []
    for k, record in enumerate(records):
        with contextlib.suppress(Malformed):
            ways.append(way_of({**FORTH, **record}, PACKET, k))
    made = flows([way for way in ways if way is not None])
    assert len(made) <= len(records)
