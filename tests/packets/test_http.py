"""HTTP/1 heads: start lines and headers, bounded, and never half a value."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model import metadata as m
from tests.naive import http as twin
from tests.packets.parsing import check_twin, outcome
from tests.packets.samples import TCP


def read(content, wire=None):
    return outcome(m.K_HTTP_REQUEST, content, TCP, wire)


def test_a_request_says_who_asks_whom_for_what():
    """Method, target and the headers of interest, whatever the case of their names; the first of each counts."""
    whole, kind, fields = read(
        b"GET /a%20b?x=1 HTTP/1.1\r\nhOsT:  example.com \r\nAccept: */*\r\nUser-Agent: curl/8\r\nREFERER: http://x/\r\n"
        b"Host: other.example\r\nX-Host: no\r\nHostile: no\r\n\r\n"
    )
    assert (1, m.K_HTTP_REQUEST) == (whole, kind)
    assert {
        m.F_METHOD: [b"GET"],
        m.F_URI: [b"/a%20b?x=1"],
        m.F_HOST: [b"example.com"],
        m.F_USER_AGENT: [b"curl/8"],
        m.F_REFERRER: [b"http://x/"],
    } == fields


def test_a_response_says_its_status_and_type():
    """Code, reason, server and media type without parameters; lines may end in LF alone."""
    whole, kind, fields = read(
        b"HTTP/1.0 301 Moved Permanently\nServer: nginx\nContent-Type: text/html; charset=x\n\nbody"
    )
    assert (1, m.K_HTTP_RESPONSE) == (whole, kind)
    assert {
        m.F_STATUS_CODE: [b"\x2d\1"],
        m.F_STATUS_MSG: [b"Moved Permanently"],
        m.F_SERVER: [b"nginx"],
        m.F_MIME: [b"text/html"],
    } == fields
    assert {m.F_STATUS_CODE: [b"\xc8\0"]} == read(b"HTTP/1.1 200\r\n\r\n")[2]


@pytest.mark.parametrize(
    "content",
    [
        b"HELO example.com\r\n",
        b"INVITE sip:a@b SIP/2.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET /\r\n\r\n",
        b" GET / HTTP/1.1\r\n\r\n",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"HTTP/2 200\r\n\r\n",
        b"A" * 40 + b" / HTTP/1.1\r\n\r\n",
        b"GET " + b"a" * 9000 + b" HTTP/1.1\r\n\r\n",
        b"\0",
    ],
)
def test_other_protocols_of_lines_are_refused(content):
    """SMTP, SIP, HTTP/2, HTTP/0.9 and damage; a start line longer than 8 KiB."""
    assert m.NOT_THIS == read(content)[0]


def test_long_values_are_cut_at_their_bounds():
    """A URI keeps 2 KiB, other texts 1 KiB, once they have been seen to their end."""
    long = b"u" * 5000
    fields = read(b"GET /" + long + b" HTTP/1.1\r\nHost: " + long + b"\r\nUser-Agent: " + long + b"\r\n\r\n")[2]
    assert (2048, 1024, 1024) == tuple(len(fields[field][0]) for field in (m.F_URI, m.F_HOST, m.F_USER_AGENT))


def test_a_head_without_end_is_written_at_16_kib():
    """Up to there more is waited for, from there on what is known is said."""
    head = b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 50 + b"Y: " + b"z" * 20000
    assert m.NEED_MORE == read(head[:16_383])[0]
    assert (0, [b"a"]) == (read(head[:16_384])[0], read(head[:16_384])[2][m.F_HOST])


def test_only_128_header_lines_are_read():
    """What follows is not looked at, and the record says so."""
    whole, _, fields = read(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 128 + b"Host: a\r\n\r\n")
    assert (0, False) == (whole, m.F_HOST in fields)


def test_a_cut_start_line_is_believed_for_known_methods():
    """The capture ended in the target: the method is told for those of HTTP, and nothing for other words."""
    assert {m.F_METHOD: [b"GET"]} == read(b"GET /abc", wire=400)[2]
    assert {m.F_STATUS_CODE: [b"\xc8\0"]} == read(b"HTTP/1.1 200 O", wire=400)[2]
    assert m.NOT_THIS == read(b"HELO exa", wire=400)[0]
    assert m.NOT_THIS == read(b"HTTP/1.1 20", wire=400)[0]


PIECE = st.sampled_from(
    (
        b"GET ",
        b"POST",
        b"HTTP",
        b"HTTP/1.1",
        b" ",
        b"/x",
        b" HTTP/1.1",
        b"\r\n",
        b"\n",
        b"Host:",
        b"host: a",
        b"Server: b",
        b"Content-Type: t;q",
        b"User-Agent: u\t",
        b"Referer:\t",
        b"referer: r",
        b" 200 ",
        b"OK",
        b":",
        b"x" * 30,
        b"\r",
        b"\0",
    )
)


@given(st.lists(PIECE, max_size=14).map(b"".join), st.integers(0, 3))
@settings(max_examples=3000, deadline=None)
def test_any_lines_read_as_the_twin_does(content, beyond):
    """Random pieces of heads, complete on the wire or cut by the capture."""
    status, kind, fields = twin.parse_http(content, len(content) + beyond)
    want = (status, kind or m.K_HTTP_REQUEST, {} if status < 0 else fields)
    assert want == read(content, len(content) + beyond)
    check_twin(m.K_HTTP_RESPONSE, content, TCP, len(content) + beyond)
