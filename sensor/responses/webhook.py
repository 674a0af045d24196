"""Any product through an address of the user's: blocking, isolating, or whatever stands behind it.

`POST url` with the action as JSON and an `Idempotency-Key` (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/)
of the action's id, so that a request sent twice is done once; with `undo` in it where it is to be taken back. Where
`status_url` is configured, `GET status_url?id=…` must answer `{"done": true|false}`; without it nothing can be looked
at, and what was taken stays `unknown`.
"""

from urllib.parse import urlsplit

from sensor.errors import ConfigError, Transient
from sensor.model.response import VERBS, Request
from sensor.wire.api_offer import Asked
from sensor.wire.credentials import StaticToken
from sensor.wire.http_client import Client

OPTIONS: dict[str, type] = {"url": str, "status_url": str, "verbs": list, "scheme": str, "proxy": str, "ca_file": str}
NEEDS = ("url", "verbs")
HELD_IN = "token"
_DEFAULT_SCHEME = "Bearer"


def build(asked: Asked) -> "Webhook":
    """Make the connector. Raises ConfigError."""
    url, status_url = asked.text("url"), asked.text("status_url")
    if status_url and urlsplit(status_url)[:2] != urlsplit(url)[:2]:
        raise ConfigError("status_url must be of the same server as url: the token goes there, too")
    found = asked.options.get("verbs")
    verbs = tuple(str(one) for one in found) if isinstance(found, list | tuple) else ()
    wrong = [one for one in verbs if one not in VERBS]
    if wrong or not verbs:
        raise ConfigError(f"verbs: {', '.join(wrong) or 'none'} of {', '.join(VERBS)}")
    token = StaticToken(asked.text("scheme", _DEFAULT_SCHEME), asked.secret)
    return Webhook(asked.client(url, token), url, status_url, verbs)


class Webhook:
    """One address."""

    def __init__(self, client: Client, url: str, status_url: str, verbs: tuple[str, ...]) -> None:
        self._client, self._url, self._status_url, self.verbs = client, url, status_url, verbs

    def serves(self, request: Request) -> bool:  # noqa: ARG002 - what stands behind it is not known
        """Take whatever its verbs name."""
        return True

    def blast_radius(self, request: Request) -> str | None:  # noqa: ARG002
        """Leave it to the incident."""
        return None

    def before(self, request: Request) -> dict[str, str]:  # noqa: ARG002
        """Keep nothing: what stands behind it does."""
        return {}

    def act(self, request: Request) -> None:
        """Ask for it. Raises Transient, Permanent."""
        self._send(request, undo=False)

    def verify(self, request: Request) -> bool | None:
        """Ask whether it is done; None where there is nobody to ask. Raises Transient, Permanent."""
        if not self._status_url:
            return None
        found = self._client.request("GET", self._status_url, params={"id": request.id}).record().get("done")
        if not isinstance(found, bool):
            raise Transient(f"{urlsplit(self._status_url).hostname} does not say whether it is done")
        return found

    def undo(self, request: Request) -> None:
        """Ask to take it back. Raises Transient, Permanent."""
        self._send(request, undo=True)

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _send(self, request: Request, *, undo: bool) -> None:
        body = {
            "id": request.id, "verb": request.verb, "target": request.target, "addresses": request.addresses,
            "incident": request.incident, "reason": request.reason, "undo": undo,
        }  # fmt: skip
        key = f"{request.id}{'-undo' if undo else ''}"
        self._client.request("POST", self._url, body=body, headers={"idempotency-key": f'"{key}"'})
