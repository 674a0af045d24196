"""Entra and Microsoft 365 through Microsoft Graph: sessions, sign-in, mail rules, messages.

Permissions of the program: User.RevokeSessions.All, User.EnableDisableAccount.All, User.Read.All,
MailboxSettings.ReadWrite and Mail.ReadWrite (https://learn.microsoft.com/graph/permissions-reference).

- revoke_sessions: `POST /users/{id}/revokeSignInSessions`; it has taken effect when `signInSessionsValidFromDateTime`
  is not before the request. Access tokens that are out live on for up to an hour without continuous access evaluation
  (https://learn.microsoft.com/entra/identity/conditional-access/concept-continuous-access-evaluation).
- disable_account: `PATCH accountEnabled`.
- remove_mail_rule: rules of the inbox by name (https://learn.microsoft.com/graph/api/resources/messagerule); the rule
  is kept for `undo`. A rule made in Outlook alone, or hidden, is not among them: that fails, and is said.
- quarantine_message: moved to the mailbox's recoverable items, where its owner's mail client does not show it.
"""

from urllib.parse import quote

import msgspec

from sensor.errors import Permanent
from sensor.model.evidence import FORWARDING
from sensor.model.response import Request
from sensor.model.times import parse, rfc3339
from sensor.wire.api_offer import Asked
from sensor.wire.fields import Fields
from sensor.wire.graph_api import API_URL
from sensor.wire.http_client import Client
from sensor.wire.microsoft_login import credentials, token_url
from sensor.wire.response_api import COMMON, halves, serves_account

OPTIONS = COMMON | {"tenant": str, "client_id": str}
NEEDS = ("tenant", "client_id")
HELD_IN = "secret"
VERBS = ("revoke_sessions", "disable_account", "remove_mail_rule", "quarantine_message")
_GONE = frozenset({404})
_HIDDEN = "recoverableitemsdeletions"
"""A well-known folder (https://learn.microsoft.com/graph/api/resources/mailfolder)."""
_SLACK_NS = 300 * 10**9
"""The two clocks may differ by as much (RFC 4120's skew for tokens); an older revocation is not ours."""
_IMMUTABLE = {"prefer": 'IdType="ImmutableId"'}
"""A message keeps its id when it is moved (https://learn.microsoft.com/graph/outlook-immutable-id)."""
_READ_ONLY = ("id", "hasError", "isReadOnly", "@odata.context", "@odata.etag")


def build(asked: Asked) -> "Entra":
    """Make the connector. Raises ConfigError."""
    api_url = asked.text("api_url", API_URL).rstrip("/")
    return Entra(asked.client(api_url, credentials(asked, api_url), token_url(asked)), f"{api_url}/v1.0", asked)


class Entra:
    """One tenant."""

    verbs = VERBS

    def __init__(self, client: Client, api_url: str, asked: Asked) -> None:
        self._client, self._api_url, self._asked = client, api_url, asked

    def serves(self, request: Request) -> bool:
        """Tell whether the account, or the mailbox's, is of the configured domains; a mailbox's forwarding is not here.

        Graph shows no forwarding of a mailbox: that takes Exchange's `Set-Mailbox`.
        """
        if request.verb == "remove_mail_rule" and halves(request)[1] == FORWARDING:
            return False
        return serves_account(self._asked, _account(request))

    def blast_radius(self, request: Request) -> str | None:
        """Say whom it touches."""
        if request.verb not in {"disable_account", "revoke_sessions"}:
            return "1 mailbox"
        groups = self._client.request("GET", f"{self._user(request)}/memberOf", params={"$top": "999"}).record()
        held = groups.get("value")
        found = [one for one in held if isinstance(one, dict)] if isinstance(held, list) else []
        roles = [str(one.get("displayName")) for one in found if "Role" in str(one.get("@odata.type"))]
        return "1 account" + (f", which holds {', '.join(sorted(roles)[:5])}" if roles else ", no directory role")

    def before(self, request: Request) -> dict[str, str]:
        """Return how things are. Raises Transient, Permanent."""
        if request.verb == "revoke_sessions":
            return {"asked": rfc3339(self._client.clock.now_ns())}
        if request.verb == "disable_account":
            return {"enabled": "true" if self._enabled(request) else "false"}
        if request.verb == "remove_mail_rule":
            rules = self._rules(request)
            if not rules:
                raise Permanent(
                    f"the mailbox has no rule {halves(request)[1]!r} that Graph shows: look for it in Outlook"
                )
            kept = [{key: value for key, value in rule.items() if key not in _READ_ONLY} for rule in rules]
            return {"rules": msgspec.json.encode(kept).decode()}
        shown = [(one.text("id") or "", one.text("parentFolderId") or "inbox") for one in self._messages(request)]
        if not shown:
            raise Permanent("the mailbox does not show this message: it was moved or deleted already")
        return {"messages": msgspec.json.encode(shown).decode()}

    def act(self, request: Request) -> None:
        """Do it. Raises Transient, Permanent."""
        if request.verb == "revoke_sessions":
            self._client.request("POST", f"{self._user(request)}/revokeSignInSessions")
        elif request.verb == "disable_account":
            self._client.request("PATCH", self._user(request), body={"accountEnabled": False})
        elif request.verb == "remove_mail_rule":
            for rule in self._rules(request):
                place = f"{self._rules_url(request)}/{quote(str(rule.get('id')), safe='')}"
                self._client.request("DELETE", place, accept=_GONE)
        else:
            for message in self._messages(request):
                self._move(request, message.text("id") or "", _HIDDEN)

    def verify(self, request: Request) -> bool | None:
        """Tell whether the effect holds. Raises Transient, Permanent."""
        if request.verb == "revoke_sessions":
            return self._revoked(request)
        if request.verb == "disable_account":
            return not self._enabled(request)
        if request.verb == "remove_mail_rule":
            return not self._rules(request)
        return not self._messages(request)

    def undo(self, request: Request) -> None:
        """Take it back. Raises Transient, Permanent."""
        if request.verb == "disable_account":
            if request.before.get("enabled") != "false":
                self._client.request("PATCH", self._user(request), body={"accountEnabled": True})
        elif request.verb == "remove_mail_rule":
            if not self._rules(request):
                for rule in msgspec.json.decode(request.before["rules"], type=list[dict[str, object]]):
                    self._client.request("POST", self._rules_url(request), body=rule)
        else:
            for message, folder in msgspec.json.decode(request.before["messages"], type=list[tuple[str, str]]):
                self._move(request, message, folder)

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _user(self, request: Request) -> str:
        return f"{self._api_url}/users/{quote(_account(request), safe='@')}"

    def _enabled(self, request: Request) -> bool:
        found = self._client.request("GET", self._user(request), params={"$select": "accountEnabled"}).record()
        if not isinstance(found.get("accountEnabled"), bool):
            raise Permanent("Graph does not say whether the account is enabled: User.Read.All is missing")
        return bool(found["accountEnabled"])

    def _revoked(self, request: Request) -> bool:
        """Tell whether sessions from before the request are void: the product's own time says so."""
        found = self._client.request(
            "GET", self._user(request), params={"$select": "signInSessionsValidFromDateTime"}
        ).record()
        valid_from, asked = found.get("signInSessionsValidFromDateTime"), request.before.get("asked")
        if not isinstance(valid_from, str) or asked is None:
            return False
        return parse(valid_from) >= parse(asked) - _SLACK_NS

    def _rules_url(self, request: Request) -> str:
        return f"{self._user(request)}/mailFolders/inbox/messageRules"

    def _rules(self, request: Request) -> list[dict[str, object]]:
        name = halves(request)[1]
        found = self._client.request("GET", self._rules_url(request)).record().get("value")
        rules = [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
        return [one for one in rules if str(one.get("displayName", "")) == name]

    def _messages(self, request: Request) -> list[Fields]:
        """Return the message where the mailbox shows it."""
        identity = halves(request)[0].replace("'", "''")
        asked = {"$filter": f"internetMessageId eq '{identity}'", "$select": "id,parentFolderId"}
        place = f"{self._user(request)}/messages"
        found = self._client.request("GET", place, params=asked, headers=_IMMUTABLE).record().get("value")
        return [Fields(one) for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    def _move(self, request: Request, message: str, folder: str) -> None:
        place = f"{self._user(request)}/messages/{quote(message, safe='')}/move"
        self._client.request("POST", place, body={"destinationId": folder}, headers=_IMMUTABLE, accept=_GONE)


def _account(request: Request) -> str:
    if request.verb == "remove_mail_rule":
        return halves(request)[0]
    return halves(request)[1] if request.verb == "quarantine_message" else request.target
