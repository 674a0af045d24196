"""A site's wishes, checked."""

import pytest

from sensor.errors import ConfigError
from sensor.wire.api_offer import Asked
from sensor.wire.credentials import StaticToken
from sensor.wire.polling import Timing
from tests.wire.api_server import FakeClock

USUAL = Timing(interval_s=60, delay_s=5, overlap_s=600, window_s=3600, look_back_s=86_400, oldest_s=10**6)


def asked(**options):
    return Asked(options=options, secret=lambda: "x", clock=FakeClock())


def test_the_usual_timing_holds_where_nothing_is_said():
    """And each part of it can be changed."""
    assert USUAL == asked().timing(USUAL)
    changed = asked(interval_s=30, overlap_s=0, look_back_s=0).timing(USUAL)
    assert (30, 0, 0, 5) == (changed.interval_s, changed.overlap_s, changed.look_back_s, changed.delay_s)


@pytest.mark.parametrize(
    "options", [{"interval_s": 1}, {"overlap_s": -1}, {"look_back_s": 10**9}, {"interval_s": "60"}]
)
def test_a_timing_that_will_not_do_is_refused(options):
    """With what would."""
    with pytest.raises(ConfigError, match=r"_s: a whole number from \d+ to 1000000"):
        asked(**options).timing(USUAL)


def test_streams_are_of_those_that_are_known():
    """Each once, in the order they were named."""
    assert ("b", "a") == asked(streams=["b", "a", "b"]).streams(("a", "b", "c"), ("a",))
    assert ("a",) == asked().streams(("a", "b"), ("a",))
    for wrong in (["x"], [], "x"):
        with pytest.raises(ConfigError, match="streams:"):
            asked(streams=wrong).streams(("a", "b"), ("a",))


@pytest.mark.parametrize("tenant", ["", "a/b", "../x", "a?b", "a b", "é"])
def test_a_part_of_an_address_is_a_name(tenant):
    """So that no option leads a request elsewhere."""
    with pytest.raises(ConfigError, match="neither a name nor an id"):
        asked(tenant=tenant).part("tenant")


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://example.com", {}),
        ("https://example.com", {"ca_file": "missing.pem"}),
        ("https://example.com", {"proxy": "nonsense"}),
    ],
)
def test_an_address_that_will_not_do_is_refused(url, options):
    """At the start."""
    with pytest.raises(ConfigError, match="api_url, login_url, proxy or ca_file"):
        asked(**options).client(url, StaticToken("SSWS", lambda: "x"))
