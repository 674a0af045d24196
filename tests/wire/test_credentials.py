"""Tokens: asked for once, kept until shortly before their end, renewed when refused, and signed as Google wants it."""

import base64
import json

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sensor.errors import Permanent
from sensor.wire.credentials import BearerToken, StaticToken, client_credentials, service_account
from sensor.wire.http_client import Client
from tests.wire.api_server import START_NS, FakeClock, serving


@pytest.fixture
def server():
    """A server that gives tokens."""
    with serving() as state:
        yield state


@pytest.fixture
def clock():
    """Time that passes while somebody waits."""
    return FakeClock()


@pytest.fixture
def client(server, clock):
    """A client without credentials of its own."""
    made = Client(server.url, None, clock, token_url=f"{server.url}/token")
    yield made
    made.close()


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def opened(part):
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_a_static_token_is_read_each_time(client):
    """It may be replaced while the program runs."""
    texts = iter(["old", "new"])
    who = StaticToken("SSWS", lambda: next(texts))
    first = who.headers(client)
    who.renew()
    assert ({"authorization": "SSWS old"}, {"authorization": "SSWS new"}) == (first, who.headers(client))


@pytest.mark.parametrize("text", ["to\nken", "tokén"])
def test_a_static_token_that_no_header_can_hold_is_named(client, text):
    """Without its text; it is not taken for a broken connection."""
    with pytest.raises(Permanent, match="the SSWS token is not printable ASCII"):
        StaticToken("SSWS", lambda: text).headers(client)


def test_a_token_is_kept_until_shortly_before_its_end(server, clock, client):
    """And asked for anew then, or when it was refused."""
    who = BearerToken(f"{server.url}/token", client_credentials("me", lambda: "s3cret", "scope/.default"))
    tokens = []
    for wait_s in (0, 3500, 50, 0):
        clock.sleep(wait_s)
        tokens.append(who.headers(client)["authorization"])
    who.renew()
    tokens.append(who.headers(client)["authorization"])
    assert ["Bearer token-1", "Bearer token-1", "Bearer token-2", "Bearer token-2", "Bearer token-3"] == tokens
    asked = {
        "grant_type": "client_credentials", "client_id": "me", "client_secret": "s3cret", "scope": "scope/.default",
    }  # fmt: skip
    assert [asked] * 3 == server.grants


@pytest.mark.parametrize("lasts", ["9" * 5000, 10**30, "soon", None, -5])
def test_a_strange_time_to_live_is_bounded(server, clock, client, lasts):
    """A token is taken, kept for a second at least, and not for ever."""
    server.lasts_s = lasts
    who = BearerToken(f"{server.url}/token", client_credentials("me", lambda: "s3cret", "scope"))
    first = who.headers(client)
    clock.sleep(10**6)
    assert (["Bearer token-1"], ["Bearer token-2"]) == (list(first.values()), list(who.headers(client).values()))


def test_a_refused_secret_is_named_without_the_secret(server, client):
    """By what the server calls it."""
    server.faults = ["no-token"]
    who = BearerToken(f"{server.url}/token", client_credentials("me", lambda: "s3cret", "scope"))
    with pytest.raises(Permanent, match="gives no token: invalid_client") as raised:
        who.headers(client)
    assert "s3cret" not in str(raised.value)


def test_an_assertion_is_signed_by_the_account(server, client):
    """Header, claims and signature are those of RFC 7523 and RFC 7515."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    file = {"type": "service_account", "client_email": "bot@x.example", "private_key": pem(key), "private_key_id": "k1"}
    who = BearerToken(f"{server.url}/token", service_account(lambda: json.dumps(file), "admin@example.com", ("a", "b")))
    assert {"authorization": "Bearer token-1"} == who.headers(client)
    (grant,) = server.grants
    head, claims, signature = grant["assertion"].split(".")
    now_s = START_NS // 10**9
    assert "urn:ietf:params:oauth:grant-type:jwt-bearer" == grant["grant_type"]
    assert {"alg": "RS256", "typ": "JWT", "kid": "k1"} == opened(head)
    assert {
        "iss": "bot@x.example", "sub": "admin@example.com", "scope": "a b", "aud": f"{server.url}/token",
        "iat": now_s, "exp": now_s + 3600,
    } == opened(claims)  # fmt: skip
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    key.public_key().verify(raw, f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        json.dumps({"client_email": "x"}),
        json.dumps({"client_email": "x", "private_key": "no key"}),
        json.dumps({"client_email": "x", "private_key": pem(ec.generate_private_key(ec.SECP256R1()))}),
    ],
)
def test_a_key_file_that_is_none_is_named(text):
    """Without its content."""
    grant = service_account(lambda: text, "a@example.com", ("a",))
    with pytest.raises(Permanent, match="the service account's key is not"):
        grant("https://example.com/token", START_NS // 10**9)
