"""Arkime's expected sessions are found among our flows, but for the classes that BENCHMARKS.md explains."""

import pytest

from tests.evaluation.arkime_accuracy import Score, compare, score_all

PACKETS_SHARE, IDS_SHARE = 0.90, 0.95
ID = "1:abc"


@pytest.fixture(scope="module")
def score(data_dir):
    return score_all(data_dir)


def test_packets_each_way_equal_arkimes(score):
    """In at least 90 of 100 sessions of TCP and UDP."""
    assert score.sessions > 200
    assert score.packets >= PACKETS_SHARE * score.sessions, "\n".join(score.differences)


def test_community_ids_equal_arkimes(score):
    """In at least 95 of 100."""
    assert score.ids >= IDS_SHARE * score.with_id, "\n".join(score.differences)


def flow(second, orig_pkts, resp_pkts):
    return {
        "ts": f"2020-01-01T00:00:{second:02}.500000Z", "id.orig_h": "10.0.0.1", "id.orig_p": 5, "id.resp_h": "10.0.0.2",
        "id.resp_p": 80, "ip_proto": 6, "orig_pkts": orig_pkts, "resp_pkts": resp_pkts, "community_id": ID,
    }  # fmt: skip


def session(first_s, last_s, sent, answered, community_id=ID):
    begin = 1_577_836_800_000
    return {
        "ipProtocol": 6, "firstPacket": begin + 1000 * first_s, "lastPacket": begin + 1000 * last_s,
        "source": {"ip": "10.0.0.2", "port": 80, "packets": sent},
        "destination": {"ip": "10.0.0.1", "port": 5, "packets": answered},
        "network": {"community_id": community_id},
    }  # fmt: skip


def test_flows_are_matched_by_ends_and_time_and_added_up():
    """The session's source may be our responder; flows of its time are summed, others are not its own."""
    score = Score()
    flows = [flow(1, 3, 2), flow(2, 1, 1), flow(40, 7, 7)]
    compare("made", [session(0, 10, 3, 4), session(30, 50, 7, 7), session(20, 25, 1, 1)], flows, score)
    assert (3, 2, 2, 2) == (score.sessions, score.found, score.packets, score.ids)


def test_the_parts_of_a_long_session_are_added_up():
    """They begin at the same packet; each counts as a session."""
    score = Score()
    compare("made", [session(0, 10, 1, 2), session(0, 50, 8, 8)], [flow(1, 3, 2), flow(40, 7, 7)], score)
    assert (2, 2, 2) == (score.sessions, score.packets, score.ids)


def test_a_difference_is_seen():
    """Another count, another id."""
    score = Score()
    compare("made", [session(0, 10, 2, 2), session(1, 10, 2, 3, "1:xyz")], [flow(1, 3, 2)], score)
    assert (2, 1, 1) == (score.found, score.packets, score.ids)
    assert 2 == len(score.differences)
