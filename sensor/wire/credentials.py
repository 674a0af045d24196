"""How a program shows an API who it is: tokens that last, and tokens that are asked for.

- `StaticToken`: Okta's `Authorization: SSWS …` (https://developer.okta.com/docs/reference/core-okta-api/#authentication).
- `BearerToken`: a token that a token endpoint gives for a grant (RFC 6749 §4), one of
  - `client_credentials`: OAuth 2.0's for a program of its own (RFC 6749 §4.4); Microsoft's.
  - `service_account`: a signed assertion (RFC 7523 §2.1, JWS RS256 of RFC 7515); Google's, on behalf of an
    administrator (https://developers.google.com/identity/protocols/oauth2/service-account#httprest).

A secret is read when it is needed and not kept. Does not do what needs a person at a browser.
"""

import base64
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from sensor.errors import Permanent
from sensor.wire.http_client import Client

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import rsa

Secret = Callable[[], str]
"""Gives a secret's text; it may have changed since the last time. Raises Transient where it is not there."""
Grant = Callable[[str, int], dict[str, str]]
"""Makes the form that asks for a token, of the token endpoint's address and the time in seconds. Raises Permanent."""
_EARLY_NS = 60 * 10**9
"""A token is renewed a minute before it ends, so that none ends on its way."""
_LASTS_S = 3600
"""Validity of an assertion: the longest that Google takes."""
_LASTS_DIGITS = 6
"""Of `expires_in` as many digits are believed: eleven days, when Microsoft's and Google's tokens last an hour or so."""
_REFUSED = frozenset({400, 401, 403})


class StaticToken:
    """A token that is a secret itself."""

    def __init__(self, scheme: str, secret: Secret) -> None:
        self._scheme, self._secret = scheme, secret

    def headers(self, client: Client) -> dict[str, str]:  # noqa: ARG002 - no token is asked for
        """Return the header of a request. Raises Permanent where the secret cannot stand in one, Transient."""
        text = self._secret()
        if not _fits_header(text):
            raise Permanent(f"the {self._scheme} token is not printable ASCII")
        return {"authorization": f"{self._scheme} {text}"}

    def renew(self) -> None:
        """Forget nothing: the secret is read anew for each request."""


class BearerToken:
    """A token from a token endpoint (RFC 6749 §5.1), kept until shortly before its end."""

    def __init__(self, token_url: str, grant: Grant) -> None:
        self._token_url, self._grant = token_url, grant
        self._token, self._ends_ns = "", 0

    def headers(self, client: Client) -> dict[str, str]:
        """Return the header of a request; asks for a token where there is none. Raises Permanent, Transient."""
        now_ns = client.clock.now_ns()
        if not self._token or now_ns >= self._ends_ns:
            self._token, lasts_s = self._ask(client, self._grant(self._token_url, now_ns // 10**9))
            self._ends_ns = now_ns + max(lasts_s * 10**9 - _EARLY_NS, 10**9)
        return {"authorization": f"Bearer {self._token}"}

    def renew(self) -> None:
        """Forget the token."""
        self._token = ""

    def _ask(self, client: Client, form: dict[str, str]) -> tuple[str, int]:
        reply = client.request("POST", self._token_url, form=form, authorised=False, accept=_REFUSED)
        found = reply.record()
        token, lasts = found.get("access_token"), str(found.get("expires_in", _LASTS_S))[:_LASTS_DIGITS]
        if reply.status in _REFUSED or not isinstance(token, str) or not _fits_header(token):
            raise Permanent(f"{self._token_url} gives no token: {found.get('error', reply.status)}")
        return token, int(lasts) if lasts.isdecimal() else _LASTS_S


def _fits_header(token: str) -> bool:
    """Tell whether a header may hold it (RFC 9110 §5.5)."""
    return token.isascii() and token.isprintable()


def client_credentials(client_id: str, secret: Secret, scope: str) -> Grant:
    """Return the grant of a program that has an id and a secret; the server counts from its own clock."""
    return lambda _token_url, _now_s: {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": secret(),
        "scope": scope,
    }


def service_account(secret: Secret, subject: str, scopes: tuple[str, ...]) -> Grant:
    """Return the grant of a service account that acts as a person of the domain.

    Args:
        secret: Gives the key file's JSON, as Google's console downloads it.
        subject: The administrator whose view of the logs is asked for.
        scopes: What is asked for.
    """

    def grant(token_url: str, now_s: int) -> dict[str, str]:
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding

        file, key = _key(secret())
        head = {"alg": "RS256", "typ": "JWT", "kid": file.private_key_id}
        claims = {
            "iss": file.client_email,
            "sub": subject,
            "scope": " ".join(scopes),
            "aud": token_url,
            "iat": now_s,
            "exp": now_s + _LASTS_S,
        }
        text = b".".join(_base64(msgspec.json.encode(part)) for part in (head, claims))
        signed = text + b"." + _base64(key.sign(text, padding.PKCS1v15(), hashes.SHA256()))
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed.decode()}

    return grant


class _KeyFile(msgspec.Struct):
    client_email: str
    private_key: str
    private_key_id: str = ""


def _key(text: str) -> "tuple[_KeyFile, rsa.RSAPrivateKey]":
    """Read a key file. Raises Permanent."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    try:
        file = msgspec.json.decode(text, type=_KeyFile)
        key = serialization.load_pem_private_key(file.private_key.encode(), None)
    except (msgspec.DecodeError, UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise Permanent("the service account's key is not a key file with an RSA key") from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise Permanent("the service account's key is not an RSA key")
    return file, key


def _base64(text: bytes) -> bytes:
    """URL-safe, without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(text).rstrip(b"=")
