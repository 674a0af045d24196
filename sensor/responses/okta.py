"""Okta: sessions and suspension of a user.

`DELETE /api/v1/users/{id}/sessions?oauthTokens=true` ends sessions and OAuth tokens; Okta offers no list of sessions to
look at, so its own log must show it: a `user.session.clear` event for the user since the request
(https://developer.okta.com/docs/reference/api/event-types/). Suspension is a state of the user, and can be taken back
(https://developer.okta.com/docs/api/openapi/okta-management/management/tag/UserLifecycle/). The API token's
administrator needs to manage users.
"""

from urllib.parse import quote

from sensor.errors import ConfigError, Permanent
from sensor.model.response import Request
from sensor.model.times import rfc3339
from sensor.wire.api_offer import Asked
from sensor.wire.credentials import StaticToken
from sensor.wire.http_client import Client
from sensor.wire.response_api import COMMON, serves_account

OPTIONS = COMMON | {"domain": str}
NEEDS = ("domain",)
HELD_IN = "token"
_CLEARED = "user.session.clear"
_SUSPENDED = "SUSPENDED"
_SLACK_S = 300
"""How far the two clocks may be apart; an older event is not ours."""
_WRONG_STATE = frozenset({400})
"""Okta's answer to suspending who is suspended (E0000001)."""


def build(asked: Asked) -> "Okta":
    """Make the connector. Raises ConfigError."""
    api_url = asked.text("api_url").rstrip("/") or f"https://{asked.part('domain')}"
    if api_url.count("/") > 2:
        raise ConfigError("api_url: the organisation's address alone, without a path")
    return Okta(asked.client(api_url, StaticToken("SSWS", asked.secret)), f"{api_url}/api/v1", asked)


class Okta:
    """One organisation."""

    verbs = ("revoke_sessions", "disable_account")

    def __init__(self, client: Client, api_url: str, asked: Asked) -> None:
        self._client, self._api_url, self._asked = client, api_url, asked

    def serves(self, request: Request) -> bool:
        """Tell whether the account is of the configured domains."""
        return serves_account(self._asked, request.target)

    def blast_radius(self, request: Request) -> str | None:
        """Say whom it touches."""
        found = self._client.request("GET", f"{self._user(request)}/appLinks").value
        return f"1 account, {len(found)} applications" if isinstance(found, list) else "1 account"

    def before(self, request: Request) -> dict[str, str]:
        """Return how things are. Raises Transient, Permanent."""
        if request.verb == "revoke_sessions":
            return {"asked": rfc3339(self._client.clock.now_ns() - _SLACK_S * 10**9)}
        return {"status": self._status(request)}

    def act(self, request: Request) -> None:
        """Do it. Raises Transient, Permanent."""
        if request.verb == "revoke_sessions":
            self._client.request("DELETE", f"{self._user(request)}/sessions", params={"oauthTokens": "true"})
            return
        reply = self._client.request("POST", f"{self._user(request)}/lifecycle/suspend", accept=_WRONG_STATE)
        if reply.status in _WRONG_STATE and self._status(request) != _SUSPENDED:
            raise Permanent(f"a user whose status is {request.before.get('status')} cannot be suspended")

    def verify(self, request: Request) -> bool | None:
        """Tell whether the effect holds. Raises Transient, Permanent."""
        if request.verb == "disable_account":
            return self._status(request) == _SUSPENDED
        asked = request.before.get("asked")
        if asked is None:
            return False
        identity = str(self._client.request("GET", self._user(request)).record().get("id", ""))
        condition = f'eventType eq "{_CLEARED}" and target.id eq "{identity}"'
        found = self._client.request("GET", f"{self._api_url}/logs", params={"since": asked, "filter": condition}).value
        return isinstance(found, list) and bool(found)

    def undo(self, request: Request) -> None:
        """Take it back, unless the user was suspended before. Raises Transient, Permanent."""
        if request.before.get("status") != _SUSPENDED:
            self._client.request("POST", f"{self._user(request)}/lifecycle/unsuspend", accept=_WRONG_STATE)

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _user(self, request: Request) -> str:
        return f"{self._api_url}/users/{quote(request.target, safe='@')}"

    def _status(self, request: Request) -> str:
        return str(self._client.request("GET", self._user(request)).record().get("status", ""))
