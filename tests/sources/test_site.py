"""What the table of a hub's sites may say."""

import pytest

from sensor.sources.site import LIMIT_MIN, OPTIONS, Settings, problem, settings_of

HTTPS = {"listen": "0.0.0.0:8478", "cert": "c", "key": "k", "ca": "a"}
FOLDER = {"folder": "in"}
NATS = {"nats": "nats://127.0.0.1:4222"}


@pytest.mark.parametrize(
    "told",
    [HTTPS, FOLDER, NATS, {**HTTPS, **FOLDER, **NATS}, {**FOLDER, "open_keys": [{"file": "k"}, {"env": "K"}]}],
)
def test_any_way_is_enough(told):
    """And several may be open at once."""
    assert problem(told) is None


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "needs listen"),
        ({"path": "x"}, "has no path"),
        ({**HTTPS, "ca": ""}, "needs ca: sites prove"),
        ({**HTTPS, "refused": ["12"]}, "refused: expected the SHA-256"),
        ({**HTTPS, "limit_bytes": LIMIT_MIN - 1}, "limit_bytes must be at least"),
        ({**HTTPS, "gap_wait_s": -1}, "must not be below 0"),
        ({"nats": "ftp://127.0.0.1"}, "nats"),
        ({**NATS, "password": {}}, "password: expected"),
        ({**FOLDER, "open_keys": [{}]}, "open_keys: expected"),
        ({**FOLDER, "open_keys": ["k"]}, "Expected `object`"),
    ],
)
def test_what_cannot_be_is_said(told, said):
    """Before anything starts."""
    assert said in str(problem(told))


def test_the_options_are_the_fields():
    """A table may say what the Struct holds, and nothing else; what is not said has its default."""
    assert set(OPTIONS) == set(Settings.__struct_fields__)
    assert Settings(folder="in") == settings_of({"folder": "in", "site": "HUB", "type": "site"})
