"""How a program shows an API who it is: tokens that last, and tokens that are asked for.

- `StaticToken`: Okta's `Authorization: SSWS …` (https://developer.okta.com/docs/reference/core-okta-api/#authentication).
- `ClientCredentials`: OAuth 2.0's grant for a program of its own (RFC 6749 §4.4); Microsoft's.
- `ServiceAccount`: a signed assertion for a token (RFC 7523 §2.1, JWS RS256 of RFC 7515); Google's, on behalf of an
  administrator (https://developers.google.com/identity/protocols/oauth2/service-account#httprest).

A secret is read when it is needed and not kept. Does not do what needs a person at a browser.
"""

import base64
from collections.abc import Callable

import msgspec

from sensor.errors import Permanent
from sensor.wire.http_client import Client

Secret = Callable[[], str]
"""Gives a secret's text; it may have changed since the last time."""
_EARLY_NS = 60 * 10**9
"""A token is renewed a minute before it ends, so that none ends on its way."""
_LASTS_S = 3600
"""Validity of an assertion: the longest that Google takes."""
_REFUSED = frozenset({400, 401, 403})


class StaticToken:
    """A token that is a secret itself."""

    def __init__(self, scheme: str, secret: Secret) -> None:
        self._scheme, self._secret = scheme, secret

    def headers(self, client: Client) -> dict[str, str]:  # noqa: ARG002 - no token is asked for
        """Return the header of a request."""
        return {"authorization": f"{self._scheme} {self._secret()}"}

    def renew(self) -> None:
        """Forget nothing: the secret is read anew for each request."""


class _Token:
    """A bearer token from a token endpoint (RFC 6749 §5.1), kept until shortly before its end."""

    def __init__(self, token_url: str) -> None:
        self.token_url = token_url
        self._token, self._ends_ns = "", 0

    def headers(self, client: Client) -> dict[str, str]:
        """Return the header of a request; asks for a token where there is none. Raises Permanent, Transient."""
        now_ns = client.clock.now_ns()
        if not self._token or now_ns >= self._ends_ns:
            self._token, lasts_s = self._ask(client, self._grant(now_ns // 10**9))
            self._ends_ns = now_ns + max(lasts_s * 10**9 - _EARLY_NS, 10**9)
        return {"authorization": f"Bearer {self._token}"}

    def renew(self) -> None:
        """Forget the token."""
        self._token = ""

    def _grant(self, now_s: int) -> dict[str, str]:
        raise NotImplementedError

    def _ask(self, client: Client, grant: dict[str, str]) -> tuple[str, int]:
        reply = client.request("POST", self.token_url, form=grant, authorised=False, accept=_REFUSED)
        found = reply.record()
        token, lasts = found.get("access_token"), str(found.get("expires_in", _LASTS_S))
        if reply.status in _REFUSED or not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise Permanent(f"{self.token_url} gives no token: {found.get('error', reply.status)}")
        return token, min(int(lasts), 10**6) if lasts.isdecimal() else _LASTS_S


class ClientCredentials(_Token):
    """A token for a client id and its secret."""

    def __init__(self, token_url: str, client_id: str, secret: Secret, scope: str) -> None:
        super().__init__(token_url)
        self._client_id, self._secret, self._scope = client_id, secret, scope

    def _grant(self, now_s: int) -> dict[str, str]:  # noqa: ARG002 - the server counts from its own clock
        return {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._secret(),
            "scope": self._scope,
        }


class ServiceAccount(_Token):
    """A token for a service account's key, acting as a person of the domain."""

    def __init__(self, token_url: str, secret: Secret, subject: str, scopes: tuple[str, ...]) -> None:
        """Prepare.

        Args:
            token_url: Where the assertion goes, and whom it is meant for.
            secret: Gives the key file's JSON, as Google's console downloads it.
            subject: The administrator whose view of the logs is asked for.
            scopes: What is asked for.
        """
        super().__init__(token_url)
        self._secret, self._subject, self._scopes = secret, subject, scopes

    def _grant(self, now_s: int) -> dict[str, str]:
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        try:
            file = msgspec.json.decode(self._secret(), type=_KeyFile)
            key = serialization.load_pem_private_key(file.private_key.encode(), None)
        except (msgspec.DecodeError, ValueError, TypeError) as error:
            raise Permanent("the service account's key is not a key file with an RSA key") from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise Permanent("the service account's key is not an RSA key")
        head = {"alg": "RS256", "typ": "JWT", "kid": file.private_key_id}
        claims = {
            "iss": file.client_email,
            "sub": self._subject,
            "scope": " ".join(self._scopes),
            "aud": self.token_url,
            "iat": now_s,
            "exp": now_s + _LASTS_S,
        }
        text = b".".join(_base64(msgspec.json.encode(part)) for part in (head, claims))
        signed = text + b"." + _base64(key.sign(text, padding.PKCS1v15(), hashes.SHA256()))
        return {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": signed.decode()}


class _KeyFile(msgspec.Struct):
    client_email: str
    private_key: str
    private_key_id: str = ""


def _base64(text: bytes) -> bytes:
    """URL-safe, without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(text).rstrip(b"=")
