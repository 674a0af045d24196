"""Metadata over segments, at the end of flows, and who it belongs to."""

import pytest
from scapy.layers.dns import DNS, DNSQR

from sensor.flows.columns import SLOTS
from sensor.model.metadata import Dns, Http, Ssh, Tls
from sensor.packets.messages import uid_text
from tests.flows.driving import run
from tests.flows.talk import closing, handshake, tcp, udp
from tests.packets import samples

REQUEST = b"GET /a HTTP/1.1\r\nHost: one.example\r\nUser-Agent: test\r\n\r\n"


def messages(frames, **options):
    """The records of frames."""
    return run(frames, **options).drain_messages()


def cut(payload, *sizes):
    """Segments of the client that carry a payload in parts of these sizes, the rest last."""
    frames, start = handshake(), 0
    for k, size in enumerate([*sizes, len(payload) - sum(sizes)]):
        frames.append(tcp(1 + k, "PA", 1 + start, 1, payload[start : start + size]))
        start += size
    return frames


@pytest.mark.parametrize("sizes", [(), (10,), (1, 1, 1), (20, 20)])
def test_a_request_may_come_in_any_number_of_segments(sizes):
    """The record is the same, and belongs to the flow it came in."""
    done = run(cut(REQUEST, *sizes))
    (found,) = done.drain_messages()
    (row,) = done.drain_flows()
    assert isinstance(found, Http)
    assert ("GET", "one.example", "/a", "test") == (found.method, found.host, found.uri, found.user_agent)
    assert row["uid"].decode() == found.uid


def test_segments_out_of_order_are_not_guessed_from():
    """The second half alone says nothing; no record is invented."""
    first, second = tcp(1, "PA", 1, 1, REQUEST[:20]), tcp(2, "PA", 21, 1, REQUEST[20:])
    assert [] == [found for found in messages([*handshake(), second, first]) if found.host]


def test_what_never_became_whole_is_written_as_far_as_it_is_known():
    """A request cut off by the end of the flow keeps its method; the host, whose bytes are missing, is null."""
    done = run([*handshake(), tcp(1, "PA", 1, 1, REQUEST[:25])])
    ((rows, _),) = done.drain_metas()
    assert [0] == rows["whole"].tolist()


def test_several_requests_of_one_connection():
    """Each segment that begins a request gives a record."""
    frames = [*handshake(), tcp(1, "PA", 1, 1, REQUEST), tcp(2, "PA", 1 + len(REQUEST), 1, REQUEST)]
    assert ["one.example"] * 2 == [found.host for found in messages(frames)]


def test_dns_queries_and_their_client():
    """A query by UDP names what was asked, by whom."""
    query = bytes(DNS(rd=1, qd=DNSQR(qname="Example.COM", qtype="A")))
    (found,) = messages([udp(0, query, dport=53)])
    assert isinstance(found, Dns)
    assert ("example.com", 1, "10.0.0.1", False) == (found.query, found.qtype, found.orig_h, found.is_response)


def test_ssh_banners_of_both_sides():
    """One record a side, and the service."""
    server = tcp(1, "PA", 1, 1, b"SSH-2.0-Server_1\r\n", back=True)
    frames = [*handshake(), server, tcp(2, "PA", 1, 19, b"SSH-2.0-Client_2\r\n")]
    done = run(frames)
    found = done.drain_messages()
    assert all(isinstance(record, Ssh) for record in found)
    assert [b"ssh"] == done.drain_flows()["service"].tolist()


def test_unknown_bytes_are_let_be():
    """Thousands of payloads of no known protocol give no record, and their endpoint is no longer looked at."""
    frames = [*handshake(), *[tcp(1 + k / 100, "PA", 1 + 4 * k, 1, b"\x00\xff\x01\xfe") for k in range(100)]]
    assert [] == messages(frames)


def test_tls_is_read_by_its_kind_whatever_the_port():
    """A record layer that is no hello gives nothing."""
    assert [] == [found for found in messages(cut(b"\x17\x03\x03\x00\x04abcd")) if isinstance(found, Tls)]


HELLO = samples.records(samples.chrome_hello("split.example"))


@pytest.mark.parametrize("sizes", [(), (5,), (100,), (1, 2), (300, 300), (3, 500)])
def test_a_hello_in_several_segments_is_one_record(sizes):
    """A ClientHello cut anywhere, also within its record header: server name, flow and service."""
    frames = cut(HELLO, *sizes)
    done = run([*frames, *closing(9, 1 + len(HELLO))])
    ((rows, _),) = done.drain_metas()
    (row,) = done.drain_flows()
    assert ([1], "C" + row["uid"].decode()[1:]) == (rows["whole"].tolist(), uid_text(int(rows["uid"][0])))
    assert b"ssl" == row["service"]
    (found,) = messages(frames)
    assert ("split.example", True) == (found.server_name, found.is_client)


def test_a_hello_whose_parts_are_exchanged_says_nothing_false():
    """What came behind its place is not looked at, nor joined in the wrong order."""
    head, tail = tcp(1, "PA", 301, 1, HELLO[300:]), tcp(2, "PA", 1, 1, HELLO[:300])
    found = messages([*handshake(), head, tail])
    assert [] == [record for record in found if record.server_name not in (None, "split.example")]


def test_a_hello_that_is_never_whole_is_written_when_its_flow_ends():
    """With the FINs, before the end of the input; marked not whole."""
    part = HELLO[:400]
    done = run([*handshake(), tcp(1, "PA", 1, 1, part), *closing(2, 401), udp(30)])
    ((rows, _),) = done.drain_metas()
    assert [0] == rows["whole"].tolist()


def test_the_first_packet_that_is_seen_of_a_connection_is_read():
    """A capture that begins with the request, and one that lacks the handshake's last packet."""
    request = tcp(1, "PA", 1, 1, REQUEST)
    for before in ([], handshake()[:2]):
        (found,) = messages([*before, request])
        assert "one.example" == found.host


def test_requests_that_lie_in_one_segment_begin_with_the_first():
    """Of pipelined requests in one segment the first is read; the next segment's is read too."""
    frames = [*handshake(), tcp(1, "PA", 1, 1, 2 * REQUEST), tcp(2, "PA", 1 + 2 * len(REQUEST), 1, REQUEST)]
    assert ["one.example"] * 2 == [found.host for found in messages(frames)]


def test_streams_beyond_the_places_for_beginnings_are_read_as_far_as_they_go():
    """More unfinished messages than places: each flow still gives one record, none is lost."""
    half = REQUEST[:25]
    frames = []
    for k in range(SLOTS + 40):
        port = 1024 + k
        frames += [
            tcp(0, "S", sport=port),
            tcp(0, "SA", 0, 1, back=True, sport=port),
            tcp(1, "PA", 1, 1, half, sport=port),
        ]
    done = run(frames)
    ((rows, _),) = done.drain_metas()
    assert (SLOTS + 40, {0}) == (len(rows), set(rows["whole"].tolist()))
