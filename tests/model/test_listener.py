"""What a listener of metrics may be; that it is refused at the start is tried in tests/pipeline/test_exposing.py."""

import pytest

from sensor.model.listener import MetricsListener, problem
from sensor.model.sink import SecretPlace

TLS = {"cert": "c.pem", "key": "c.key"}
TOKEN = {"token": SecretPlace(env="T")}


@pytest.mark.parametrize(
    ("table", "loopback", "anywhere"),
    [
        ({}, None, "TLS (cert and key) and authentication"),
        (TLS, None, "authentication (password or token)"),
        (TOKEN, None, "TLS (cert and key)"),
        (TLS | TOKEN, None, None),
        (TLS | {"password": SecretPlace(file="p")}, None, None),
        ({"key": "k"}, "cert and key together", "cert and key together"),
        ({"token": SecretPlace()}, "token: expected", "token: expected"),
        ({"user": ""}, "must not be empty", "must not be empty"),
    ],
)
def test_loopback_may_be_in_the_clear_and_nothing_else(table, loopback, anywhere):
    """TLS and a secret are needed together wherever others reach it."""
    told = [problem(MetricsListener(**table), is_loopback=here) for here in (True, False)]

    for expected, found in zip((loopback, anywhere), told, strict=True):
        assert (expected is None) == (found is None)
        assert expected is None or expected in found
