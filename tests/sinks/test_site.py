"""What the table of a hub may say."""

import pytest

from sensor.model.sink import SecretPlace
from sensor.sinks.site import LIMIT_MIN, Settings, problem

HTTPS = {"url": "https://hub.example:8478", "cert": "c", "key": "k"}
FOLDER = {"folder": "out", "sign_key": SecretPlace(file="k")}
NATS = {"nats": "nats://127.0.0.1:4222"}


@pytest.mark.parametrize("told", [HTTPS, FOLDER, NATS, {**FOLDER, "encrypt_to": "x25519:" + "a5" * 32, "every_s": 0.0}])
def test_each_way_needs_its_own(told):
    """One is enough."""
    assert problem(Settings(**told)) is None


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({}, "url"),
        ({**HTTPS, "url": "http://hub.example"}, "url"),
        ({**HTTPS, "cert": ""}, "needs cert and key"),
        ({**HTTPS, "limit_bytes": LIMIT_MIN - 1}, "limit_bytes must be at least"),
        ({**HTTPS, **NATS}, "one way to its hub"),
        ({**HTTPS, **FOLDER}, "one way to its hub"),
        ({**NATS, **FOLDER}, "one way to its hub"),
        ({"nats": "http://127.0.0.1:4222"}, "nats"),
        ({**NATS, "password": SecretPlace()}, "password: expected"),
        ({"folder": "out"}, "needs sign_key"),
        ({**FOLDER, "sign_key": SecretPlace()}, "needs sign_key"),
        ({**FOLDER, "encrypt_to": "a5"}, "encrypt_to: "),
        ({**FOLDER, "every_s": float("nan")}, "every_s must not be below 0"),
        ({**FOLDER, "folder_bytes": 1}, "folder_bytes not below"),
        ({**FOLDER, "bundle_bytes": 1 << 30}, "bundle_bytes must be at most"),
        ({**FOLDER, "repeat": 65}, "repeat must be from 0 to 64"),
        ({**FOLDER, "keep_bytes": -1}, "keep_bytes at least 0"),
    ],
)
def test_what_cannot_be_is_said(told, said):
    """Before anything starts."""
    assert said in str(problem(Settings(**told)))
