"""Keys of sites in a hub's configuration."""

import pytest

from sensor.model.bundle_key import problem

FIRST, SECOND = "ed25519:" + "a5" * 32, "ed25519:" + "b6" * 32


def test_each_site_may_have_two_keys():
    """While one is changed; the same one twice is no harm."""
    assert problem({"SYD": [FIRST, SECOND], "PER": []}) is None
    assert problem({"SYD": [FIRST, FIRST]}) is None


@pytest.mark.parametrize("key", ["", "x25519:" + "a5" * 32, "ed25519:" + "a5" * 31, FIRST + "\n", FIRST + "00"])
def test_what_is_no_key_is_named(key):
    """With the site, and where to get one."""
    assert "[sites.SYD] bundle_keys" in problem({"SYD": [key]})


def test_a_key_of_two_sites_is_refused():
    """However it is written."""
    assert "a key of site 'SYD' too" in problem({"SYD": [FIRST], "PER": [FIRST.upper().replace("ED", "ed")]})
