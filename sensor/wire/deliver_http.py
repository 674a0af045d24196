"""What sinks over HTTP share: their options, and a POST that says whether the other side will never take it.

TLS is verified; HTTP without it is for loopback, or where `plain_http` says so. A refusal of what was sent (400, 413,
422; RFC 9110 §15.5) is Malformed: the same again would be refused again. Any other refusal (credentials, a wrong path)
is Permanent: the sink waits for somebody to mend it.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec

from sensor.errors import Malformed, Permanent
from sensor.model.sink import Fit, Options, SecretPlace
from sensor.wire.credentials import StaticToken
from sensor.wire.http_client import Client, Limits, origin

REFUSED = frozenset({400, 413, 422})
REFUSES_A_GET = frozenset(range(400, 500)) - {401, 403, 408, 429}
"""A receiver of POSTs may well refuse to be asked; that it answers is what a probe wants to know."""
LIMITS = Limits(attempts=3, connect_s=5.0, silence_s=10.0, total_s=30.0, wait_max_s=60.0)
"""The delivery tries again by itself, for as long as it takes."""


class HttpSettings(Options, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of every sink over HTTP."""

    url: str = ""
    token: SecretPlace | None = None
    """Sent in the Authorization header."""
    scheme: str = "Bearer"
    """Word before the token: Basic, Splunk, GenieKey …"""
    proxy: str | None = None
    """Address of an HTTP proxy on the way there."""
    ca_file: str | None = None
    """Certificates that vouch for the receiver, PEM, in place of the system's."""
    plain_http: bool = False
    """Send without TLS to another machine: who can listen on the way reads incidents."""


def problem(settings: HttpSettings) -> str | None:
    """Say what will not do about them, None where nothing."""
    if not settings.url:
        return 'needs url = "https://…"'
    try:
        origin(settings.url, plain_http=settings.plain_http)
    except Permanent as error:
        more = " (plain_http = true sends it all the same)" if "plain HTTP" in str(error) else ""
        return f"url = {settings.url!r}: {error}{more}"
    return None


class _Clock:
    """The time of day as a sink is given it."""

    def __init__(self, fit: Fit) -> None:
        self.now_ns, self.sleep = fit.now_ns, fit.sleep


class Target:
    """One receiver."""

    def __init__(self, settings: HttpSettings, fit: Fit, limits: Limits = LIMITS) -> None:
        """Prepare. Raises Permanent, OSError, ValueError where an option will not do."""
        place = settings.token
        token = StaticToken(settings.scheme, lambda: fit.secret(place)) if place is not None else None
        self._client = Client(
            settings.url, token, _Clock(fit), limits=limits, proxy=settings.proxy, ca_file=settings.ca_file,
            plain_http=settings.plain_http, any_reply=True,
        )  # fmt: skip

    def post(self, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Send JSON. Raises Malformed, Transient, Permanent."""
        reply = self._client.request("POST", url, body=msgspec.Raw(body), headers=headers, accept=REFUSED)
        if reply.status in REFUSED:
            raise Malformed(f"{urlsplit(url).hostname} answered {reply.status}: {str(reply.value)[:200]}")

    def get(self, url: str, accept: frozenset[int] = frozenset()) -> int:
        """Ask for something; return the status. Raises Transient, Permanent."""
        return self._client.request("GET", url, accept=accept).status

    def close(self) -> None:
        """Close connections."""
        self._client.close()
