"""Tests for sensor/sources/squid.py: native, common and combined access logs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.model.times import parse
from sensor.sources import squid
from sensor.sources.squid import asked_host
from sensor.wire.fields import Fields
from tests.sources.hostile import check

NATIVE = (
    "1678936138.586    921 192.0.2.68 TCP_MISS/200 507 POST http://www.Example.com/a?b=c Ann "
    "HIER_DIRECT/198.51.100.7 text/html"
)


def only(text: str) -> object:
    """The one event of a line."""
    record = Fields({"message": text})
    assert squid.claims(record)
    (event,) = squid.read(record)
    return event


def test_the_native_format_is_read() -> None:
    """The event is when the request came; the other end is the host asked for."""
    event = only(NATIVE)
    assert (
        parse("2023-03-16T03:08:57.665Z"),
        "connection",
        "POST",
        "success",
        "200",
        "TCP_MISS",
        "ann",
        "192.0.2.68",
        {
            "orig_h": "192.0.2.68",
            "resp_h": "198.51.100.7",
            "resp_p": 80,
            "resp_name": "www.example.com",
            "proto": "tcp",
            "resp_bytes": 507,
        },
    ) == (
        event.ts,
        event.kind,
        event.action,
        event.outcome,
        event.reason_code,
        event.reason,
        event.account,
        event.ip,  # type: ignore[attr-defined]
        event.detail,  # type: ignore[attr-defined]
    )


def test_a_tunnel_is_to_the_host_it_names() -> None:
    """CONNECT has no URL; a refusal is a failure."""
    text = "1678936138.586 1 192.0.2.68 TCP_DENIED/407 3900 CONNECT login.example.com:443 - HIER_NONE/- text/html"
    event = only(text)
    assert ("login.example.com", 443, "failure", None) == (
        event.detail["resp_name"],
        event.detail["resp_p"],
        event.outcome,
        event.account,  # type: ignore[attr-defined]
    )


def test_the_combined_format_is_read() -> None:
    """With Squid's result behind it; a web server's line without one is not claimed."""
    text = '192.0.2.68 - ann [16/Mar/2023:03:08:58 +0000] "GET http://a.example/ HTTP/1.1" 200 12 "-" "Agent/1"'
    event = only(text + " TCP_MISS:HIER_DIRECT")
    assert (parse("2023-03-16T03:08:58Z"), "ann", "a.example", "Agent/1", 12) == (
        event.ts,
        event.account,
        event.detail["resp_name"],
        event.user_agent,
        event.detail["resp_bytes"],  # type: ignore[attr-defined]
    )
    assert [False, False] == [squid.claims(Fields({"message": one})) for one in (text, "TCP_MISS/200")]


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        ("CONNECT", "[2001:db8::1]:8443", ("2001:db8::1", 8443)),
        ("GET", "https://u@a.example./x", ("a.example", 443)),
        ("GET", "error:invalid-request", (None, None)),
        ("GET", "http://[x", (None, None)),
        ("CONNECT", "a:99999", ("a:99999", 443)),
    ],
)
def test_the_host_asked_for_is_found(method: str, target: str, expected: tuple[str | None, int | None]) -> None:
    """In an authority or a URL; what is none is None."""
    assert expected == asked_host(method, target)


@given(st.text(max_size=30), st.sampled_from(["GET", "CONNECT"]))
def test_garbage_is_read_or_refused(url: str, method: str) -> None:
    """Nothing but Malformed leaves the reader."""
    text = NATIVE.replace("http://www.Example.com/a?b=c", url).replace("POST", method)
    assert "none" == check(squid, {"message": text})
    assert len(squid.read(Fields({"message": text}))) <= 1
