"""Google Workspace as a connector."""

import json

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from sensor.responses import google
from tests.responses.vendors import asked, request, through, vendors
from tests.wire.api_server import FakeClock


@pytest.fixture
def held():
    """The products."""
    with vendors() as server:
        yield server


@pytest.fixture(scope="module")
def key():
    """A service account's key file."""
    made = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return json.dumps({"client_email": "s@p.iam", "private_key": made.decode(), "private_key_id": "k"})


@pytest.fixture
def connector(held, key):
    """One domain."""
    made = google.build(asked(held, FakeClock(), secret=key, subject="admin@ex.com"))
    yield made
    made.close()


def test_a_user_is_suspended_and_goes_on(held, connector):
    """Who was suspended before stays so."""
    known, holds = through(connector, request("disable_account", "ann@ex.com"))
    assert (True, True) == (holds, held.suspended)
    connector.undo(known)
    assert not held.suspended
    held.suspended = True
    known, _ = through(connector, request("disable_account", "ann@ex.com"))
    connector.undo(known)
    assert held.suspended


def test_a_sign_out_cannot_be_looked_at(held, connector):
    """That is said, not guessed."""
    assert through(connector, request("revoke_sessions", "ann@ex.com"))[1] is None
    assert 1 == held.signed_out
    assert "1 account, an administrator's" == connector.blast_radius(request("disable_account", "ann@ex.com"))
    assert connector.serves(request("disable_account", "ann@ex.com"))
