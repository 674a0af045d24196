"""Incidents to any receiver: `POST url` with one version of an incident as JSON, signed.

The body is the incident as `incidents --json` shows it, with `delivery` (its version's id) and `page` (its page on the
console). `Idempotency-Key` is the same id: what is sent twice, after an answer was lost, is taken once by a receiver
that looks. With a `secret`, `X-Spanline-Signature: sha256=…` is the HMAC-SHA256 (RFC 2104) of `X-Spanline-Timestamp`,
a dot and the body's bytes; a receiver that refuses old timestamps refuses replays.
"""

import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from sensor.model.sink import Delivery, Fit, SecretPlace, page_of
from sensor.wire import deliver_http
from sensor.wire.deliver_http import HttpSettings, Target


class Settings(HttpSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the receiver."""

    secret: SecretPlace | None = None
    """Key of the signature; `token` goes into the Authorization header instead, or beside it."""


problem = deliver_http.problem


def build(settings: Settings, fit: Fit) -> "Webhook":
    """Make the sink."""
    return Webhook(settings, fit)


class Webhook:
    """One address."""

    most, repeat_s = 1, 0.0

    def __init__(self, settings: Settings, fit: Fit) -> None:
        self._settings, self._fit, self._target = settings, fit, Target(settings, fit)

    def send(self, deliveries: Sequence[Delivery], now_ns: int) -> list[str]:
        """Send one by one. Raises Malformed, Transient, Permanent."""
        for one in deliveries:
            page = page_of(self._settings.console_url, one.incident.id)
            body = msgspec.json.encode({"delivery": one.id, "page": page, **msgspec.to_builtins(one.incident)})
            headers = {"idempotency-key": f'"{one.id}"', **self._signed(body, now_ns)}
            self._target.post(self._settings.url, body, headers)
        return [one.id for one in deliveries]

    def probe(self) -> str:
        """Ask the address for anything: a receiver of POSTs may well refuse a GET. Raises Transient, Permanent."""
        status = self._target.get(self._settings.url, accept=deliver_http.REFUSES_A_GET)
        return f"{self._settings.url} answers ({status} to a GET)"

    def close(self) -> None:
        """Close connections."""
        self._target.close()

    def _signed(self, body: bytes, now_ns: int) -> dict[str, str]:
        if self._settings.secret is None:
            return {}
        at = str(now_ns // 10**9)
        key = self._fit.secret(self._settings.secret).encode()
        digest = hmac.new(key, at.encode() + b"." + body, hashlib.sha256).hexdigest()
        return {"x-spanline-timestamp": at, "x-spanline-signature": f"sha256={digest}"}
