"""SSH identification strings, RFC 4253 §4.2."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sensor.model import metadata as m
from tests.naive import ssh as twin
from tests.packets.parsing import outcome
from tests.packets.samples import TCP


def read(content, wire=None):
    return outcome(m.K_SSH, content, TCP, wire)


@pytest.mark.parametrize("line", [b"SSH-2.0-OpenSSH_9.6p1 Ubuntu-3", b"SSH-1.99-Cisco-1.25", b"SSH-2.0-libssh_0.10.5"])
def test_the_line_is_told_without_its_end(line):
    """CR LF or LF alone, and whatever follows."""
    for end in (b"\r\n", b"\n", b"\r\nmore"):
        assert (1, m.K_SSH, {m.F_BANNER: [line]}) == read(line + end)


def test_a_line_longer_than_255_bytes_is_refused():
    """RFC 4253 §4.2 counts CR and LF in."""
    longest = b"SSH-2.0-" + b"a" * 245
    assert 1 == read(longest + b"\r\n")[0]
    assert m.NOT_THIS == read(longest + b"a\r\n")[0]


def test_a_cut_line_is_no_line():
    """Half a version would be a guess: a capture that cuts it gives nothing, a segment asks for more."""
    assert m.NOT_THIS == read(b"SSH-2.0-Open", wire=30)[0]
    assert m.NEED_MORE == read(b"SSH-2.0-Open")[0]
    assert m.NOT_THIS == read(b"SSX-2.0")[0]
    assert m.NOT_THIS == read(b"SSH-3.0-x\r\n")[0]


@given(
    st.lists(st.sampled_from((b"SSH-", b"2.0", b"1.9", b"-x", b"\n", b"\r\n", b"S", b" ", b"a" * 200)), max_size=6).map(
        b"".join
    ),
    st.integers(0, 2),
)
@settings(max_examples=1000, deadline=None)
def test_any_line_reads_as_the_twin_does(content, beyond):
    """Random pieces, complete or cut."""
    status, fields = twin.parse_ssh(content, len(content) + beyond)
    assert (status, m.K_SSH, fields) == read(content, len(content) + beyond)
