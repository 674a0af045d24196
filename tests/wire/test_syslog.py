"""Tests for sensor/wire/syslog.py: headers of RFC 5424 and RFC 3164 as products write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model.times import parse as at
from sensor.wire.syslog import ELEMENTS_MAX, parse

NOW = at("2023-03-16T12:00:00Z")


def head(line: str, now: int | None = NOW) -> tuple[object, ...]:
    """The header's time, host, application, process, message id, and the message."""
    found = parse(line.encode(), now)
    assert found is not None
    header, message = found
    return (*(header[name] for name in ("timestamp", "hostname", "appname", "procid", "msgid")), message.decode())


def test_the_examples_of_rfc_5424_are_read() -> None:
    """§6.5: with and without structured data, offset, BOM and message."""
    text = "<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \ufeff'su root' failed"
    assert (at("2003-10-11T22:14:15.003Z"), "mymachine.example.com", "su", None, "ID47", "'su root' failed") == head(
        text
    )
    text = "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time"
    assert (at("2003-08-24T12:14:15.000003Z"), "192.0.2.1", "myproc", "8710", None, "%% It's time") == head(text)
    text = '<165>1 - h app - ID47 [a@1 iut="3" e="A\\]\\"b"][b@2] An event'
    header, message = parse(text.encode(), None) or ({}, b"")
    assert ({"a@1": {"iut": "3", "e": 'A]"b'}, "b@2": {}}, b"An event", None, 165) == (
        header["structured"], message, header["timestamp"], header["priority"],
    )  # fmt: skip


def test_structured_data_that_does_not_close_is_message() -> None:
    """A damaged element is handed on as text, not lost."""
    text = '<165>1 2003-10-11T22:14:15Z h app - - [a@1 x="3 An event'
    assert '[a@1 x="3 An event' == head(text)[-1]


def test_the_forms_of_rfc_3164_are_read() -> None:
    """With tag and pid, without tag, without host, with year, fraction, and rsyslog's time."""
    said = at("2023-03-16T03:08:58Z")
    assert (said, "gw", "sshd", "99", None, "hello: x") == head("<38>Mar 16 03:08:58 gw sshd[99]: hello: x")
    assert (said, "gw", "dhcpd", None, None, "DHCPACK") == head("Mar 16 03:08:58 gw dhcpd: DHCPACK")
    assert (said, "PA-220", None, None, None, "1,2018/11/30 16:09:07,0") == head(
        "<14>Mar 16 03:08:58 PA-220 1,2018/11/30 16:09:07,0"
    )
    assert (said, None, "kernel", None, None, "x") == head("<4>Mar 16 03:08:58 kernel: x")
    assert (said, "asa", None, None, None, "%ASA-6-302013: Built") == head(
        "<166>Mar 16 2023 03:08:58 asa : %ASA-6-302013: Built", None
    )
    assert (said + 123_000_000, "h", "a", None, None, "x") == head("Mar 16 03:08:58.123 h a: x")
    assert (said, "h.example", "a-b", "1", None, "x") == head("2023-03-16T14:08:58+11:00 h.example a-b[1]: x", None)
    assert (said, "h", None, None, None, "CEF:0|V|P|1|") == head("<14>Mar 16 03:08:58 h CEF:0|V|P|1|")
    assert (None, None, None, None, None, "CEF:0|V|P|1|") == head("<14>CEF:0|V|P|1|")
    assert (said, "h", "a", None, None, "x") == head("41 <14>Mar 16 03:08:58 h a: x")
    assert (said, "2001:db8::1", "a", None, None, "x") == head("<14>Mar 16 03:08:58 2001:db8::1 a: x")


def test_the_year_is_the_one_that_fits_the_reference() -> None:
    """A December line read in January is last year's; tomorrow's clock is allowed for; leap days find their year."""
    january = at("2023-01-02T00:00:00Z")
    assert at("2022-12-31T23:59:59Z") == head("Dec 31 23:59:59 h a: x", january)[0]
    assert at("2023-01-01T00:00:01Z") == head("Jan  1 00:00:01 h a: x", at("2022-12-31T23:00:00Z"))[0]
    assert at("2020-02-29T01:00:00Z") == head("Feb 29 01:00:00 h a: x", january)[0]
    assert None is head("Mar 16 03:08:58 h a: x", None)[0]
    assert None is head("Mar 36 03:08:58 h a: x")[0]


@pytest.mark.parametrize(
    "line",
    [
        b"", b'{"a": 1}', b"<192>Mar 16 03:08:58 h a: x", b"plain words: here", b"1 2 3 4 5 6 7",
        b"1286536309.586 921 192.168.0.68 TCP_MISS/200 507 POST http://a/ - DIRECT/1.2.3.4 text/html",
        b"Thu Mar 16 03:08:58 2023 : Auth: Login OK: [u] (from client c port 0)",
        b"2023-03-16 03:08:58 u/192.0.2.1:1194 MULTI: Learn: 10.8.0.2 -> u/192.0.2.1:1194",
    ],
)  # fmt: skip
def test_a_line_without_a_header_is_none(line: bytes) -> None:
    """Other products' lines are not taken for syslog."""
    assert None is parse(line, NOW)


def test_work_on_structured_data_is_bounded() -> None:
    """Elements beyond the limit stay in the message."""
    line = b"<1>1 - h a - - " + b"".join(b"[e%d]" % i for i in range(ELEMENTS_MAX + 2)) + b" x"
    header, message = parse(line, None) or ({}, b"")
    assert (ELEMENTS_MAX, b"[e64][e65] x") == (len(header["structured"]), message)  # type: ignore[arg-type]


PARTS = st.sampled_from(
    [
        b"<34>",
        b"1 ",
        b"- ",
        b"[a",
        b' b="',
        b'"]',
        b"Mar 16 03:08:58 ",
        b"2023-03-16T03:08:58Z ",
        b"h ",
        b"a[1]: ",
        b"\\",
    ]
)


@given(st.lists(PARTS | st.binary(max_size=8), max_size=12), st.none() | st.integers(0, 2**62))
def test_any_bytes_are_a_header_or_none(parts: list[bytes], now: int | None) -> None:
    """Nothing is raised, and the message is the line's end."""
    line = b"".join(parts)
    found = parse(line, now)
    assert found is None or line.endswith(found[1])
