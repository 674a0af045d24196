"""Every parser in plain Python, behind the engine: bounds, noise, and rows that reach it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model import metadata as m
from sensor.packets.conversations import READERS, SECOND, Conversations
from tests.flows.driving import run
from tests.flows.talk import handshake, tcp, udp
from tests.packets.handed import damaged, survives
from tests.packets.talks import COMMON, TALKS, ldap_bind, ldap_result, ldap_search, modbus, radius


def row(number, data, kind=m.K_LDAP, ts=0, is_orig=True):
    """A row's arguments."""
    return number, kind, COMMON | {"ts": ts}, {m.F_PAYLOAD: [data]}, 3 if is_orig else 2


def test_every_kind_has_a_reader_and_a_service():
    """From the first that is handed over on."""
    assert set(range(m.K_QUIC, m.K_STRATUM + 1)) == set(READERS)
    assert m.K_STRATUM + 1 == len(m.SERVICES)


@given(damaged(TALKS))
def test_damaged_conversations_give_messages_or_are_refused(case):
    """Nothing but `Malformed` leaves a parser."""
    kind, turns = case
    assert survives(READERS[kind](), turns) >= 0


@pytest.mark.parametrize("kind", sorted(READERS))
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_noise_gives_messages_or_is_refused(kind, pieces):
    """Random bytes of both sides."""
    assert survives(READERS[kind](), [(k % 2 == 0, piece, k % 3 > 0) for k, piece in enumerate(pieces)]) >= 0


@pytest.mark.parametrize("kind", sorted(TALKS))
def test_every_cut_of_every_sample_is_survived(kind):
    """At each length, marked as cut or not."""
    for is_orig, data in TALKS[kind]:
        for size in range(len(data)):
            assert survives(READERS[kind](), [(is_orig, data[:size], size % 2 == 0)]) >= 0


def test_flows_do_not_mix():
    """An answer in another flow answers nothing."""
    talks = Conversations()
    talks.read(*row(1, ldap_bind(1, b"cn=a")))
    assert [] == talks.read(*row(2, ldap_result(1, 0x61, 0), is_orig=False))
    (found,) = talks.read(*row(1, ldap_result(1, 0x61, 0), is_orig=False))
    assert ("cn=a", "success") == (found.object, found.result)


def test_the_longest_silent_gives_way_and_says_what_it_knew():
    """Memory is bounded by the number of conversations."""
    talks = Conversations(conversations_max=2)
    assert [] == [found for k in (1, 2, 1) for found in talks.read(*row(k, ldap_bind(1, b"cn=%d" % k)))]
    assert ["cn=2"] == [found.object for found in talks.read(*row(3, ldap_bind(1, b"cn=3")))]
    assert ["cn=1", "cn=3"] == [found.object for found in talks.flush()]


def test_a_second_has_room_for_so_many_payloads():
    """The rest are counted, whatever the batches; the next second begins anew."""
    talks = Conversations(payloads_max=3)
    found = [talks.read(*row(k, ldap_search(1, b"dc=x"), ts=k * SECOND // 5)) for k in range(7)]
    assert [1, 1, 1, 0, 0, 1, 1] == [len(messages) for messages in found]
    assert {"too_many": 2} == talks.dropped


def test_what_is_damaged_is_counted():
    """And says nothing."""
    talks = Conversations()
    assert [] == talks.read(*row(1, b"\1\1\0\3" + bytes(20), kind=m.K_RADIUS))
    assert {"unreadable": 1} == talks.dropped


def segments(*turns, dport):
    """A connection that carries payloads in turn."""
    frames, sent = handshake(dport=dport), [1, 1]
    for k, (is_orig, data) in enumerate(turns):
        mine, peer = (0, 1) if is_orig else (1, 0)
        frames.append(tcp(1 + k / 10, "PA", sent[mine], sent[peer], data, back=not is_orig, dport=dport))
        sent[mine] += len(data)
    return frames


def test_payloads_reach_their_parser_through_the_engine():
    """A bind and its answer: the message, and the flow's service; any cut into blocks gives the same."""
    frames = segments((True, ldap_bind(1, b"cn=a")), (False, ldap_result(1, 0x61, 49)), dport=389)
    for pieces in (None, [1] * len(frames)):
        done = run(frames, pieces=pieces)
        (found,) = done.drain_messages()
        assert ("cn=a", "invalid credentials") == (found.object, found.result)
        assert [b"ldap_tcp"] == done.drain_flows()["service"].tolist()


def test_polling_stays_seen_and_is_few_messages():
    """A controller's thousandth request is still looked at: one write among them shows at once."""
    turns = [(True, modbus(1, 3, b"\0\1\0\2"))] * 600 + [(True, modbus(1, 6, b"\0\1\0\2"))]
    found = run(segments(*turns, dport=502)).drain_messages()
    assert [("READ_HOLDING_REGISTERS", 1), ("READ_HOLDING_REGISTERS", 15), ("READ_HOLDING_REGISTERS", 240),
            ("WRITE_SINGLE_REGISTER", 1)] == [(one.function, one.count) for one in found[:3] + found[-1:]]  # fmt: skip


def test_a_conversation_is_followed_beyond_its_first_payloads():
    """The fortieth payload of a directory connection still counts; the three-hundredth does not."""
    done = run(segments(*[(True, ldap_search(k % 100, b"dc=x")) for k in range(300)], dport=389))
    assert 200 <= len(done.drain_messages()) <= 208


def test_what_waits_at_the_end_is_told():
    """A request without an answer."""
    done = run([udp(0, radius(1, 7, (1, b"ben")), dport=1812)])
    assert ["ben"] == [found.username for found in done.drain_messages()]
    assert {} == done.unread
