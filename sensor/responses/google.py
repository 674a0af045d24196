"""Google Workspace: sign a user out, suspend a user, by the Directory API.

https://developers.google.com/workspace/admin/directory/reference/rest/v1/users; scopes admin.directory.user and
admin.directory.user.security, a service account with domain-wide delegation that acts as an administrator. `signOut`
ends web and device sessions and resets sign-in cookies; Google does not tell when it has, so it cannot be looked at.
"""

from urllib.parse import quote

from sensor.model.response import Request
from sensor.wire.api_offer import Asked
from sensor.wire.credentials import BearerToken, service_account
from sensor.wire.google_api import API_URL, LOGIN_URL
from sensor.wire.http_client import Client
from sensor.wire.response_api import COMMON, serves_account

OPTIONS = COMMON | {"subject": str}
NEEDS = ("subject",)
HELD_IN = "key"
_SCOPES = (
    "https://www.googleapis.com/auth/admin.directory.user",
    "https://www.googleapis.com/auth/admin.directory.user.security",
)


def build(asked: Asked) -> "Google":
    """Make the connector. Raises ConfigError."""
    api_url = asked.text("api_url", API_URL).rstrip("/")
    login_url = f"{asked.text('login_url', LOGIN_URL).rstrip('/')}/token"
    credentials = BearerToken(login_url, service_account(asked.secret, asked.text("subject"), _SCOPES))
    return Google(asked.client(api_url, credentials, login_url), f"{api_url}/admin/directory/v1", asked)


class Google:
    """One domain."""

    verbs = ("revoke_sessions", "disable_account")

    def __init__(self, client: Client, api_url: str, asked: Asked) -> None:
        self._client, self._api_url, self._asked = client, api_url, asked

    def serves(self, request: Request) -> bool:
        """Tell whether the account is of the configured domains."""
        return serves_account(self._asked, request.target)

    def blast_radius(self, request: Request) -> str | None:
        """Say whether it is an administrator."""
        found = self._client.request("GET", self._user(request)).record()
        return "1 account, an administrator's" if found.get("isAdmin") is True else "1 account"

    def before(self, request: Request) -> dict[str, str]:
        """Return how things are. Raises Transient, Permanent."""
        if request.verb == "revoke_sessions":
            return {}
        return {"suspended": "true" if self._suspended(request) else "false"}

    def act(self, request: Request) -> None:
        """Do it. Raises Transient, Permanent."""
        if request.verb == "revoke_sessions":
            self._client.request("POST", f"{self._user(request)}/signOut")
        else:
            self._client.request("PUT", self._user(request), body={"suspended": True})

    def verify(self, request: Request) -> bool | None:
        """Tell whether the effect holds; of a sign-out nobody can. Raises Transient, Permanent."""
        return self._suspended(request) if request.verb == "disable_account" else None

    def undo(self, request: Request) -> None:
        """Take it back, unless the user was suspended before. Raises Transient, Permanent."""
        if request.before.get("suspended") != "true":
            self._client.request("PUT", self._user(request), body={"suspended": False})

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _user(self, request: Request) -> str:
        return f"{self._api_url}/users/{quote(request.target, safe='@')}"

    def _suspended(self, request: Request) -> bool:
        return self._client.request("GET", self._user(request)).record().get("suspended") is True
