"""Payloads are recognised by content, ports break ties, and one call reads them all."""

import base64

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model import metadata as m
from sensor.packets.identify import find_ntlm, fingerprint, identify, main_name, parse
from tests.naive import identify as twin
from tests.packets import samples
from tests.packets.parsing import check_cuts, check_segments, check_twin, damaged, outcome
from tests.packets.payloads import captures, payloads, records, run
from tests.packets.samples import TCP, UDP

SAMPLES = samples.all_samples()
EACH = pytest.mark.parametrize(("kind", "proto", "content"), SAMPLES, ids=[f"{i}" for i in range(len(SAMPLES))])
PORTS = {m.K_DNS: 53, m.K_KERBEROS: 88}


def array(content):
    return np.frombuffer(bytearray(content) or bytearray(1), np.uint8)


def guess(content, proto, orig_p=40000, resp_p=40001, wire=None):
    wire = len(content) if wire is None else wire
    return identify(array(content), 0, len(content), wire, proto, orig_p, resp_p, 1)


@EACH
def test_samples_are_recognised_on_any_port(kind, proto, content):
    """Content decides; multicast DNS answers, which hold no question, need their port, and NTLM is inside others."""
    found = guess(content, proto)
    if kind == m.K_NTLM or (kind == m.K_DNS and content[4:6] == b"\0\0"):
        assert found == m.K_NONE
        assert kind == m.K_NTLM or guess(content, proto, resp_p=5353) == m.K_DNS
        return
    assert outcome(kind, content, proto) == outcome(found, content, proto)


@EACH
def test_samples_read_as_their_twins_do(kind, proto, content):
    """Kernel and twin agree on whole messages, which are all marked whole."""
    check_twin(kind, content, proto)
    assert (1, kind) == outcome(kind, content, proto)[:2]


@EACH
def test_a_cut_message_says_less_and_never_something_else(kind, proto, content):
    """At every captured length what is read is what the whole message says."""
    check_cuts(kind, content, proto)


@EACH
def test_a_stream_byte_by_byte_is_read_once_complete(kind, proto, content):
    """Until the message is complete the answer is NEED_MORE, and then it is the one of the whole."""
    if proto == TCP:
        check_segments(kind, content, proto)


@EACH
def test_one_byte_of_a_stream_leaves_the_kind_open_or_right(kind, proto, content):
    """A first segment of any length never makes a stream another protocol."""
    if proto != TCP or kind == m.K_NTLM:
        return
    for size in range(1, len(content)):
        found = guess(content[:size], proto, resp_p=PORTS.get(kind, 40001), wire=size)
        assert found == m.K_NONE or outcome(found, content[:size], proto)[0] in (m.NEED_MORE, 1)


@given(damaged(SAMPLES))
@settings(max_examples=3000, deadline=None)
def test_damaged_messages_read_as_their_twins_do(case):
    """Whatever bytes change and whatever is missing, kernel and twin agree."""
    kind, proto, content, wire = case
    check_twin(kind, content, proto, wire)


@given(st.binary(max_size=300), st.integers(0, 40), st.sampled_from((TCP, UDP, 1)), st.sampled_from((53, 88, 137, 9)))
@settings(max_examples=1500, deadline=None)
def test_any_bytes_are_identified_and_read_as_the_twins_do(content, beyond, proto, port):
    """Random payloads: the same guess, and the same reading under every kind."""
    wire = len(content) + beyond
    assert twin.identify(content, wire, proto, 40000, port) == guess(content, proto, resp_p=port, wire=wire)
    for kind in range(11):
        check_twin(kind, content, proto, wire)


@given(damaged(SAMPLES), st.sampled_from((53, 88, 9)))
@settings(max_examples=1500, deadline=None)
def test_damaged_messages_are_identified_as_the_twin_does(case, port):
    """The guess at a damaged payload is the twin's."""
    _, proto, content, wire = case
    assert twin.identify(content, wire, proto, port, 40001) == guess(content, proto, orig_p=port, wire=wire)


@given(st.binary(max_size=80), st.integers(0, 30))
@settings(max_examples=500, deadline=None)
def test_what_follows_the_captured_bytes_changes_nothing(content, kind):
    """Bytes behind cap_end are never looked at, nor those before pos."""
    found = []
    for filler in (0x00, 0xFF, 0x2E):
        padding = bytes([filler]) * 64
        buf, out = array(padding + content + padding), np.zeros(m.META_MAX_BYTES + 64, np.uint8)
        status = parse(kind % 10, buf, 64, 64 + len(content), 64 + len(content) + 3, 1, UDP, out, 64)
        found.append((status, out[64 : max(64, status[0])].tobytes()))
        assert not out[:64].any()
    assert found[0] == found[1] == found[2]


@given(
    st.lists(
        st.sampled_from((b"NTLMSSP\0", b"TlRMTVNT", b"N", b"NTLM", b"TlRM", b"\0" * 7, b"POST ", b"x" * 500)),
        max_size=8,
    ).map(b"".join)
)
@settings(max_examples=1000, deadline=None)
def test_ntlm_is_found_where_the_twin_finds_it(content):
    """The signature, or in text its base64 form, within the first 2 KiB."""
    assert twin.find_ntlm(content) == find_ntlm(array(content), 0, len(content))


def test_ntlm_is_found_behind_smb_and_in_a_header_of_http():
    """The token is found and read wherever a protocol puts it."""
    token = samples.ntlm_authenticate("D", "user", "HOST")
    smb = b"\0\0\1\0\xfeSMB" + bytes(90) + token
    web = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: NTLM " + base64.b64encode(token) + b"\r\n\r\n"
    for payload in (smb, web):
        at = find_ntlm(array(payload), 0, len(payload))
        assert [b"user"] == run(m.K_NTLM, payload[at:], TCP)[3][m.F_USERNAME]


@EACH
def test_the_main_name_is_the_one_of_its_kind(kind, proto, content):
    """Position and length of the primary name and of the client's fingerprint, as the twins find them."""
    out = np.zeros(m.META_MAX_BYTES, np.uint8)
    at, _, kind = parse(kind, array(content), 0, len(content), len(content), 1, proto, out, 0)
    blob = out[:at].tobytes()
    assert twin.main_name(kind, blob) == main_name(kind, out, 0, at)
    assert twin.fingerprint(kind, blob) == fingerprint(kind, out, 0, at)
    start, size = main_name(kind, out, 0, at)
    assert (kind not in (m.K_SSH, m.K_TLS_SERVER, m.K_HTTP_RESPONSE)) or (start, size) == (0, 0)


def test_a_waiting_message_is_written_when_the_caller_gives_up():
    """With a wire that ends later than the capture, what is known is written and marked not whole."""
    request = b"GET /x HTTP/1.1\r\nHost: example.com\r\nUser-Agent: cur"
    assert m.NEED_MORE == outcome(m.K_HTTP_REQUEST, request, TCP)[0]
    whole, _, fields = outcome(m.K_HTTP_REQUEST, request, TCP, wire=len(request) + 1)
    assert (0, {m.F_METHOD: [b"GET"], m.F_URI: [b"/x"], m.F_HOST: [b"example.com"]}) == (whole, fields)


def test_real_messages_read_as_their_twins_do(data_dir):
    """Every distinct message of the shared captures, whole and cut at some lengths."""
    seen = set()
    for path in captures(data_dir):
        for record in records(path):
            key = (record.kind, record.proto, record.content)
            if key in seen:
                continue
            seen.add(key)
            check_twin(record.kind, record.content, record.proto, record.wire)
            if len(record.content) < 400:
                check_cuts(record.kind, record.content, record.proto, record.wire)
            else:
                for size in range(0, len(record.content), 37):
                    check_twin(record.kind, record.content[:size], record.proto, record.wire)
    assert len(seen) > 500


def test_real_payloads_are_identified_as_the_twin_does(data_dir):
    """Every payload of the shared captures, first or not."""
    count = 0
    for path in captures(data_dir):
        for item in payloads(path):
            want = twin.identify(item.content, item.wire, item.proto, item.sport, item.dport)
            assert want == guess(item.content, item.proto, item.sport, item.dport, item.wire)
            count += 1
    assert count > 5000
