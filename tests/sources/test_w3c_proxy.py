"""Tests for sensor/sources/w3c_proxy.py: proxies' `#Fields:` logs and Zscaler's feed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.model.times import parse
from sensor.sources import w3c_proxy
from sensor.wire.fields import Fields
from tests.sources.hostile import check

ROW = {
    "date": "2023-03-16",
    "time": "03:08:58",
    "c-ip": "192.0.2.68",
    "cs-username": "EX\\Ann",
    "s-action": "TCP_NC_MISS",
    "sc-filter-result": "OBSERVED",
    "sc-status": "200",
    "cs-method": "CONNECT",
    "cs-uri-scheme": "ssl",
    "cs-host": "Login.Example.com",
    "cs-uri-port": "443",
    "cs(User-Agent)": "Agent+1",
    "sc-bytes": "39",
    "cs-bytes": "7",
    "r-ip": "198.51.100.7",
}
FEED = {
    "sourcetype": "zscalernss-web",
    "event": {
        "datetime": "2023-03-16 03:08:58",
        "login": "ann@example.com",
        "cip": "192.0.2.68",
        "host": "www.example.com",
        "action": "Blocked",
        "reqmethod": "GET",
        "respcode": "403",
        "url": "www.example.com/x",
        "proto": "HTTPS",
        "ua": "a",
    },
}


def test_a_row_is_a_connection_to_the_host_asked_for() -> None:
    """The proxy is only the way there."""
    assert w3c_proxy.claims(Fields(ROW))
    (event,) = w3c_proxy.read(Fields(ROW))
    assert (parse("2023-03-16T03:08:58Z"), "connection", "CONNECT", "success", "ann@ex", "192.0.2.68", "Agent 1") == (
        event.ts,
        event.kind,
        event.action,
        event.outcome,
        event.account,
        event.ip,
        event.user_agent,
    )
    assert ("login.example.com", 443, "198.51.100.7", 7, 39) == tuple(
        event.detail[name] for name in ("resp_name", "resp_p", "resp_h", "orig_bytes", "resp_bytes")
    )


def test_a_port_that_is_none_is_the_scheme_s() -> None:
    """As for any number beyond 65535."""
    (event,) = w3c_proxy.read(Fields({**ROW, "cs-uri-port": "70000", "cs-uri-scheme": "https"}))
    assert 443 == event.detail["resp_p"]


def test_a_refusal_is_a_failure() -> None:
    """By the filter's word or the status."""
    for over in ({"sc-filter-result": "DENIED"}, {"sc-status": "407"}):
        assert "failure" == w3c_proxy.read(Fields({**ROW, **over}))[0].outcome


def test_zscaler_s_feed_is_read() -> None:
    """A location's name in the place of a login is no account."""
    assert w3c_proxy.claims(Fields(FEED))
    (event,) = w3c_proxy.read(Fields(FEED))
    assert (parse("2023-03-16T03:08:58Z"), "failure", "ann@example.com", "192.0.2.68", "www.example.com", 443) == (
        event.ts,
        event.outcome,
        event.account,
        event.ip,
        event.detail["resp_name"],
        event.detail["resp_p"],
    )
    assert None is w3c_proxy.read(Fields({**FEED, "event": {**FEED["event"], "login": "Road Warrior"}}))[0].account  # type: ignore[dict-item]


def test_a_web_server_s_rows_are_not_claimed() -> None:
    """IIS has the same form and no verdict."""
    iis = {
        "date": "2023-03-16",
        "time": "03:08:58",
        "s-ip": "192.0.2.1",
        "cs-method": "GET",
        "cs-uri-stem": "/",
        "c-ip": "192.0.2.68",
    }
    assert [False, False] == [w3c_proxy.claims(Fields(one)) for one in (iis, {**iis, "cs-host": "a"})]


@pytest.mark.parametrize(
    ("over", "reason"),
    [
        ({"date": "", "time": ""}, "missing_time"),
        ({"time": "x"}, "bad_time"),
        ({"c-ip": "", "cs-host": ""}, "no_address"),
    ],
)
def test_what_is_missing_is_named(over: dict[str, str], reason: str) -> None:
    """A time, and somebody or somewhere."""
    with pytest.raises(Malformed, match=f"^{reason}$"):
        w3c_proxy.read(Fields({**ROW, **over}))


@given(
    st.dictionaries(
        st.sampled_from([*ROW]), st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=2))
    )
)
def test_garbage_is_read_or_refused(over: dict[str, object]) -> None:
    """Nothing but Malformed leaves the reader."""
    check(w3c_proxy, {**ROW, **over})
    try:
        assert 1 == len(w3c_proxy.read(Fields({**ROW, **over})))
    except Malformed:
        return
