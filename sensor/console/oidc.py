"""Signing in by an OpenID provider: OpenID Connect Core 1.0, authorization code flow (§3.1) with PKCE (RFC 7636).

Discovery, tokens and the checks of an ID token are Authlib's; what is here is who that makes somebody. What must come
back unchanged (state, nonce, PKCE's verifier) is kept in a cookie that this process signed. Roles are given by the
configuration, never by what the provider calls them; who has none stays out.
"""

import base64
import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from sensor.model.person import Person, highest, read_grant

if TYPE_CHECKING:
    from authlib.integrations.httpx_client import OAuth2Client

METADATA_S = 3600.0
"""How long a provider's own description is believed: keys are asked for again when one is unknown."""
ATTEMPT_S = 600.0
TIMEOUT_S = 10.0
LEEWAY_S = 120
"""Of the provider's clock, as Authlib assumes."""
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")
"""Signatures that a secret which others hold could not have made; never `none`."""


class Settings(NamedTuple):
    """What is configured."""

    issuer: str
    client_id: str
    secret: Callable[[], str]
    roles: Mapping[str, str]
    roles_claim: str
    name_claim: str
    scope: str
    title: str


class _Attempt(msgspec.Struct, frozen=True):
    """What is remembered of somebody who was sent to the provider."""

    state: str
    nonce: str
    verifier: str
    begun_s: float


class OpenId:
    """One provider.

    Attributes:
        title: What people call it.
    """

    def __init__(self, settings: Settings, clock_s: Callable[[], float]) -> None:
        self.title = settings.title
        self._settings, self._clock_s = settings, clock_s
        self._key = secrets.token_bytes(32)
        self._metadata: dict[str, Any] = {}
        self._read_s = -METADATA_S
        self._lock = threading.Lock()

    def begin(self, back: str) -> tuple[str, str]:
        """Return where to send the browser, and what it must bring back in a cookie."""
        attempt = _Attempt(
            secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48), self._clock_s()
        )
        with self._client(back) as client:
            where, _ = client.create_authorization_url(
                self._described()["authorization_endpoint"], state=attempt.state, nonce=attempt.nonce,
                code_verifier=attempt.verifier,
            )  # fmt: skip
        return str(where), self._sealed(attempt)

    def finish(self, kept: str, query: Mapping[str, str], back: str) -> Person:
        """Return who came back. Raises PermissionError, saying why nobody is signed in."""
        import httpx
        from authlib.common.errors import AuthlibBaseError
        from joserfc.errors import JoseError

        attempt = self._opened(kept)
        if not hmac.compare_digest(attempt.state.encode(), query.get("state", "").encode()):
            raise PermissionError("the answer is not to what this browser asked")
        if query.get("error"):
            raise PermissionError(f"the provider says {query['error'][:100]}")
        if query.get("iss", self._settings.issuer) != self._settings.issuer:  # RFC 9207 §2.4
            raise PermissionError("the answer is from another provider")
        try:
            return self._person(self._claims(attempt, query.get("code", ""), back))
        except (AuthlibBaseError, JoseError, ValueError, KeyError) as error:
            raise PermissionError(f"the provider's answer does not hold: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            raise PermissionError("the provider cannot be reached") from error

    def _claims(self, attempt: _Attempt, code: str, back: str) -> dict[str, Any]:
        """Trade the code for an ID token, check it, and return what it says of somebody."""
        described = self._described()
        with self._client(back) as client:
            token = client.fetch_token(
                described["token_endpoint"], code=code, code_verifier=attempt.verifier,
                grant_type="authorization_code",
            )  # fmt: skip
            claims = self._checked(str(token["id_token"]), attempt.nonce, token.get("access_token"))
            if self._settings.roles_claim not in claims and described.get("userinfo_endpoint"):
                more = client.get(described["userinfo_endpoint"]).raise_for_status().json()
                if more.get("sub") != claims["sub"]:  # §5.3.2
                    raise PermissionError("the provider speaks of two people")
                claims = {**more, **claims}
        return claims

    def _checked(self, token: str, nonce: str, access_token: str | None) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken
        from joserfc import jwt
        from joserfc.errors import InvalidKeyIdError
        from joserfc.jwk import KeySet
        from joserfc.jws import JWSRegistry

        offered = self._described().get("id_token_signing_alg_values_supported", ["RS256"])
        registry = JWSRegistry(
            algorithms=[name for name in offered if name in ALGORITHMS], strict_check_header=False
        )  # fmt: skip
        try:
            found = jwt.decode(token, key=KeySet.import_key_set(self._keys()), registry=registry)
        except InvalidKeyIdError:  # the provider has a new one
            found = jwt.decode(token, key=KeySet.import_key_set(self._keys(again=True)), registry=registry)
        settings = self._settings
        wanted = {"iss": settings.issuer, "aud": settings.client_id}
        claims = CodeIDToken(
            found.claims, found.header, {name: {"essential": True, "value": value} for name, value in wanted.items()},
            {"nonce": nonce, "client_id": settings.client_id, "access_token": access_token},
        )  # fmt: skip
        claims.validate(leeway=LEEWAY_S)
        if claims.get("nonce") != nonce:
            raise ValueError("nonce")
        return dict(claims)

    def _person(self, claims: Mapping[str, Any]) -> Person:
        settings = self._settings
        held = claims.get(settings.roles_claim, [])
        groups = held if isinstance(held, list) else [held]
        grants = [read_grant(settings.roles[str(one)]) for one in groups if str(one) in settings.roles]
        if not grants:
            raise PermissionError(f"none of what the provider says in {settings.roles_claim} gives a role here")
        name = str(claims.get(settings.name_claim) or claims.get("email") or claims["sub"]).strip().lower()
        return Person(name=name[:200], grants=highest(grants))

    def _client(self, back: str) -> "OAuth2Client":
        from authlib.integrations.httpx_client import OAuth2Client

        settings = self._settings
        return OAuth2Client(
            settings.client_id, settings.secret(), scope=settings.scope, redirect_uri=back,
            code_challenge_method="S256", timeout=TIMEOUT_S, follow_redirects=False,
        )  # fmt: skip

    def _described(self) -> dict[str, Any]:
        """Return the provider's description (OpenID Connect Discovery 1.0 §4). Raises ValueError, OSError."""
        import httpx

        with self._lock:
            if self._clock_s() - self._read_s >= METADATA_S:
                where = f"{self._settings.issuer.rstrip('/')}/.well-known/openid-configuration"
                try:
                    found = httpx.get(where, timeout=TIMEOUT_S).raise_for_status().json()
                except httpx.HTTPError as error:
                    raise OSError(f"the OpenID provider cannot be reached: {error}") from error
                if found.get("issuer") != self._settings.issuer:  # §4.3
                    raise ValueError(f"the OpenID provider calls itself {found.get('issuer')!r}")
                self._metadata, self._read_s = found, self._clock_s()
            return self._metadata

    def _keys(self, *, again: bool = False) -> Any:  # noqa: ANN401 - a JWK set, as joserfc reads it
        import httpx

        described = self._described()
        if again or "jwks" not in described:
            described["jwks"] = httpx.get(described["jwks_uri"], timeout=TIMEOUT_S).raise_for_status().json()
        return described["jwks"]

    def _sealed(self, attempt: _Attempt) -> str:
        body = base64.urlsafe_b64encode(msgspec.json.encode(attempt)).decode().rstrip("=")
        return f"{body}.{self._mac(body)}"

    def _opened(self, kept: str) -> _Attempt:
        body, _, mac = kept.partition(".")
        if not hmac.compare_digest(self._mac(body).encode(), mac.encode()):
            raise PermissionError("what this browser brought back was not given to it")
        attempt = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=_Attempt)
        if self._clock_s() - attempt.begun_s > ATTEMPT_S:
            raise PermissionError("it took too long")
        return attempt

    def _mac(self, body: str) -> str:
        return hmac.new(self._key, body.encode(), hashlib.sha256).hexdigest()
