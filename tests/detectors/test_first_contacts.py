"""Which flows are first contacts, and which of them failed."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.detectors.first_contacts import WALK_ECHO, WALK_NONE, WALK_TCP, WALK_UDP, contacts, judge
from sensor.entities.flow_states import sides_of
from sensor.model.flow import CONN_STATES, FLOW
from tests.detectors.ticks import entities, tick
from tests.naive import first_contacts as naive
from tests.scenes import flow, flows


def read(*rows):
    return contacts(tick(entities(), flows(*rows)))


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ("S0", 1),
        ("REJ", 1),
        ("RSTOS0", 1),
        ("SH", 1),
        ("S1", 0),
        ("SF", 0),
        ("S2", 0),
        ("S3", 0),
        ("RSTO", 0),
        ("RSTR", 0),
        ("SHR", -1),
        ("RSTRH", -1),
        ("OTH", -1),
        ("", -1),
    ],
)
def test_tcp_states_fail_succeed_or_say_nothing(state, outcome):
    """A SYN nobody agreed to failed; a SYN-ACK is a success whatever followed; no SYN says nothing."""
    found = read(flow(state=state))

    assert (WALK_TCP, outcome) == (found.walk[0], found.outcome[0])


def test_midstream_is_no_contact_and_no_history_is_believed():
    """A history without S says nothing; a log without the column is judged by its state."""
    assert [-1, 1] == read(flow(state="REJ", history="Dd"), flow(state="REJ", history="", at_s=1)).outcome.tolist()


@pytest.mark.parametrize(
    ("state", "history", "expected"),
    [
        ("S0", "S", (1, False)), ("S0", "SW", (1, False)), ("S0", "SAD", (-1, True)), ("SH", "SADF", (-1, True)),
        ("SH", "SF", (1, False)), ("SHR", "^h", (-1, False)), ("SHR", "^hadf", (-1, True)), ("OTH", "HAD", (-1, True)),
        ("SF", "ShADadFf", (0, False)), ("OTH", "AD", (-1, False)), ("S0", "", (1, False)),
    ],
)  # fmt: skip
def test_a_side_that_goes_on_without_the_other_was_answered_unseen(state, history, expected):
    """That is no failure, and shows a one-way capture; a lone SYN or SYN-ACK shows nothing."""
    found = read(flow(state=state, history=history))

    assert expected == (found.outcome[0], found.one_sided[0])


def test_udp_to_groups_is_no_contact():
    """Multicast, broadcast and likely broadcasts take no part; a single host does."""
    rows = [
        flow(resp=to, proto=17, at_s=k, state="S0") for k, to in enumerate(["10.0.0.255", "224.0.0.251", "10.0.0.9"])
    ]
    found = read(*rows)

    assert [WALK_NONE, WALK_NONE, WALK_UDP] == found.walk.tolist()
    assert [-1, -1, 1] == found.outcome.tolist()


def test_what_traceroute_sends_is_no_contact():
    """Probes to its ports without an answer say nothing; with one they are contacts like others."""
    rows = [flow(proto=17, port=33_434 + k, at_s=k, state="S0") for k in (0, 100, 101)]

    assert [-1, -1, 1] == read(*rows).outcome.tolist()
    assert [0] == read(flow(proto=17, port=33_434)).outcome.tolist()


def test_only_echo_requests_are_icmp_contacts():
    """An unreachable error is neither contact nor failure."""
    found = read(
        flow(proto=1, orig_port=8, port=0, state="SF"), flow(proto=1, orig_port=3, port=1, state="S0", at_s=1),
        flow("fe80::1", "fe80::2", proto=58, orig_port=128, port=129, state="S0", at_s=2),
    )  # fmt: skip

    assert [WALK_ECHO, WALK_NONE, WALK_ECHO] == found.walk.tolist()
    assert [0, -1, 1] == found.outcome.tolist()


def test_two_way_is_both_sides_sending():
    """A refused connection is two-way traffic, an unanswered one and a SYN-ACK alone are not."""
    assert [1, 0, 0] == read(flow(state="REJ"), flow(state="S0", at_s=1), flow(state="SHR", at_s=2)).two_way.tolist()


def test_an_empty_tick_has_no_contacts():
    """No flows, empty columns."""
    assert [] == read().outcome.tolist()


HISTORIES = st.text("^SsHhAaDdFfRrTtCcQqWw", max_size=8)


@given(
    st.lists(
        st.tuples(st.sampled_from(CONN_STATES), HISTORIES, st.sampled_from((1, 6, 17, 58, 132)), st.booleans()),
        min_size=1, max_size=20,
    )
)  # fmt: skip
def test_judge_equals_the_twin(told):
    """Any state, history and protocol, to hosts, groups and broadcasts, first and again."""
    ports, echoes = itertools.cycle((33434, 80, 33534, 53, 33535)), itertools.cycle((8, 128, 0))
    ends = itertools.cycle(("10.0.0.9", "10.0.0.255", "224.0.0.1", "2001:db8::ff"))
    rows = flows(
        *(
            flow("10.0.0.5", next(ends), at_s=k, proto=proto, state=state or "OTH", history=history, port=next(ports),
                 orig_port=next(echoes))
            for k, (state, history, proto, _) in enumerate(told)
        )
    )  # fmt: skip
    rows["conn_state"] = [CONN_STATES.index(state) for state, *_ in told]
    fresh, seen, n = np.array([first for *_, first in told]), sides_of(rows), len(rows)
    ends_seen = [seen.sent, seen.replied, seen.orig_single, seen.resp_single]
    out = [np.empty(n, np.uint8), np.empty(n, np.int8), np.empty(n, np.uint8), np.empty(n, np.bool_)]

    judge(rows, rows["history"].copy().view(np.uint8).reshape(n, FLOW["history"].itemsize), *ends_seen, fresh, *out)

    of_each = list(zip(*(column.tolist() for column in ends_seen), strict=True))
    assert naive.judge(rows, CONN_STATES, of_each, fresh) == list(zip(*(c.tolist() for c in out), strict=True))
