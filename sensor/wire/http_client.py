"""One API's HTTP client: credentials, retries, bounded replies, and no way to another host.

A request is repeated after 408, 429 and 5xx, after a break, a timeout or a reply that is not the JSON it should be; the
wait is the server's (`Retry-After`, RFC 9110 §10.2.3, as seconds or as a date; `X-Rate-Limit-Reset`, Okta's) or grows
with every attempt, with full jitter (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). A 401
renews the credentials, once a request. Certificates are verified; plain HTTP is for loopback alone. A link or redirect
that leads to another origin is refused, for the credentials would go with it.

Does not keep cookies, does not read proxies or certificates from the environment, and does not log an address's query.
"""

import email.utils
import ipaddress
import logging
import secrets
import ssl
import time
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import urljoin, urlsplit

import msgspec

from sensor.errors import Permanent, Transient
from sensor.wire.clock import Clock
from sensor.wire.halves import mended

if TYPE_CHECKING:
    import httpx

_LOG = logging.getLogger(__name__)
_RETRIED = frozenset({408, 429, 500, 502, 503, 504})
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_REDIRECTS_MAX = 3
_SAID_MAX = 200
"""Characters of a server's own explanation that go into an error."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a request may cost."""

    attempts: int = 7
    """With waits of up to 1, 2, 4 … 32 s: about a minute of a server's trouble is outlasted."""
    connect_s: float = 10.0
    silence_s: float = 60.0
    """Longest wait for the next bytes; Microsoft Graph takes tens of seconds for a page of sign-ins."""
    total_s: float = 600.0
    """Longest time for one reply, however steadily it drips."""
    backoff_s: float = 1.0
    backoff_max_s: float = 60.0
    wait_max_s: float = 900.0
    """Longest wait that a server may ask for."""
    body_bytes: int = 64 << 20
    """Largest reply, unpacked; a page of 1,000 sign-ins is 5 MB."""


class Reply(msgspec.Struct, frozen=True):
    """A reply that was accepted."""

    url: str
    status: int
    headers: dict[str, str]
    """By lower-case name; several of one name are joined with commas (RFC 9110 §5.3)."""
    value: object
    """What its JSON holds; None where there was no body."""

    def record(self) -> dict[str, object]:
        """Return the JSON object. Raises Transient where it is none: it may be one the next time."""
        if not isinstance(self.value, dict):
            raise Transient(f"{urlsplit(self.url).hostname} answered with something else than an object")
        return self.value


class Credentials(Protocol):
    """What shows the server who asks."""

    def headers(self, client: "Client") -> dict[str, str]:
        """Return the headers of a request; asks for a token first where one is needed."""

    def renew(self) -> None:
        """Forget a token that the server no longer takes."""


class Client:
    """Requests to one API, and to where its tokens come from."""

    def __init__(
        self,
        api_url: str,
        credentials: Credentials | None,
        clock: Clock,
        *,
        token_url: str | None = None,
        limits: Limits | None = None,
        proxy: str | None = None,
        ca_file: str | None = None,
        throttled: Callable[[int, bytes], bool] | None = None,
        jitter: Callable[[], float] | None = None,
        plain_http: bool = False,
        any_reply: bool = False,
    ) -> None:
        """Prepare; nothing is sent yet.

        Args:
            api_url: Where the API begins; every request that carries credentials stays at its origin.
            credentials: Who asks; None for nobody.
            clock: Time of day, and waiting.
            token_url: Where tokens come from; its origin may be asked without credentials.
            limits: What a request may cost.
            proxy: An HTTP proxy's address.
            ca_file: Certificates to trust instead of the public ones.
            throttled: Tells from status and body whether a refusal means `later`: some APIs say so with 403.
            jitter: Gives numbers from 0 to 1.
            plain_http: Allow HTTP without TLS off loopback, too.
            any_reply: Take a reply that is no JSON, its value None: receivers of webhooks say what they like.

        Raises:
            Permanent: An address is plain HTTP and not loopback, or no address.
        """
        import httpx

        self.clock, self._credentials = clock, credentials
        self.retries: dict[str, int] = {}
        self._limits = limits or Limits()
        self._throttled = throttled or (lambda _status, _body: False)
        self._jitter = jitter or secrets.SystemRandom().random
        self._plain_http, self._any_reply = plain_http, any_reply
        self._api = origin(api_url, plain_http=plain_http)
        self._origins = {self._api} | ({origin(token_url)} if token_url is not None else set())
        timeout = httpx.Timeout(self._limits.silence_s, connect=self._limits.connect_s)
        verify = True if ca_file is None else ssl.create_default_context(cafile=ca_file)
        self._http = httpx.Client(
            timeout=timeout, verify=verify, proxy=proxy, follow_redirects=False, trust_env=False,
            headers={"accept": "application/json", "accept-encoding": "gzip", "user-agent": "spanline"},
        )  # fmt: skip

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        authorised: bool = True,
        accept: frozenset[int] = frozenset(),
    ) -> Reply:
        """Send a request until it succeeds.

        Args:
            method: GET, POST, PATCH, PUT or DELETE; what is not GET must be safe to send twice.
            url: Absolute, at the API's origin (or the tokens', if not `authorised`).
            params: Added to the query.
            form: Sent as a form.
            body: Sent as JSON; None sends nothing.
            headers: Sent beside the credentials.
            authorised: Send the credentials.
            accept: Statuses beside 2xx that are an answer, too.

        Raises:
            Transient: It failed as often as is allowed, or the program ends.
            Permanent: The server refuses it, or leads elsewhere, or answers without end.
        """
        renewed, said = False, ""
        for attempt in range(self._limits.attempts):
            try:
                sent = _Sent(method, url, params, form, body, headers or {})
                reply, said, wait_s = self._once(sent, authorised=authorised, accept=accept)
            except _Unauthorised as refused:
                if renewed or self._credentials is None or not authorised:
                    raise Permanent(str(refused)) from None
                self._credentials.renew()
                renewed = True
                continue
            if reply is not None:
                return reply
            self.retries[said] = self.retries.get(said, 0) + 1
            if attempt + 1 == self._limits.attempts:
                break
            wait_s = min(wait_s if wait_s is not None else self._backoff(attempt), self._limits.wait_max_s)
            _LOG.info("request is repeated host=%s reason=%s wait_s=%.1f", urlsplit(url).hostname, said, wait_s)
            if not self.clock.sleep(wait_s):
                raise Transient("the program ends")
        raise Transient(f"{urlsplit(url).hostname} failed {self._limits.attempts} times, the last time: {said}")

    def _backoff(self, attempt: int) -> float:
        return self._jitter() * min(self._limits.backoff_s * 2.0**attempt, self._limits.backoff_max_s)

    def _once(
        self, sent: "_Sent", *, authorised: bool, accept: frozenset[int]
    ) -> tuple[Reply | None, str, float | None]:  # fmt: skip
        """Send it once: the reply; or none, why not, and how long the server wants to be left alone."""
        import httpx

        method, url, params = sent.method, sent.url, sent.params
        headers = {**sent.headers}
        if authorised and self._credentials is not None:
            headers |= self._credentials.headers(self)
        content = None
        if sent.body is not None:
            content, headers["content-type"] = msgspec.json.encode(sent.body), "application/json"
        for _ in range(_REDIRECTS_MAX + 1):
            self._check(url, authorised=authorised)
            try:
                request = self._http.build_request(
                    method, url, params=params, data=sent.form, content=content, headers=headers
                )
                answer, body = self._exchange(request)
            except httpx.TimeoutException:
                return None, "timeout", None
            except (httpx.RequestError, zlib.error):
                return None, "broken", None
            except (httpx.InvalidURL, UnicodeError):
                raise Permanent(f"{self._api}: a link that is no address") from None
            if answer.status_code not in _REDIRECTS:
                return self._judge(str(request.url), answer, body, accept)
            if method != "GET":
                raise Permanent(f"{urlsplit(url).hostname} redirects a {method}")
            url, params = joined(str(request.url), answer.headers.get("location", "")), None
        raise Permanent(f"{urlsplit(url).hostname} redirects without end")

    def _exchange(self, request: "httpx.Request") -> tuple["httpx.Response", bytes]:
        """Receive a reply within the limits."""
        import httpx

        answer = self._http.send(request, stream=True)
        try:
            ends, held = time.monotonic() + self._limits.total_s, bytearray()
            packed = answer.headers.get("content-encoding", "identity").lower()
            if packed not in {"identity", "gzip"}:
                raise httpx.DecodingError(f"reply is packed as {packed}")
            unpack = zlib.decompressobj(31) if packed == "gzip" else None
            for piece in answer.iter_raw():
                room = self._limits.body_bytes - len(held) + 1
                held += piece if unpack is None else unpack.decompress(piece, room)
                if len(held) > self._limits.body_bytes:
                    raise Permanent(f"{request.url.host} answered with more than {self._limits.body_bytes} bytes")
                if time.monotonic() > ends:
                    raise httpx.ReadTimeout("the reply took too long")
            if unpack is not None and held and not unpack.eof:
                raise httpx.RemoteProtocolError("the reply was cut")
            return answer, bytes(held)
        finally:
            answer.close()

    def _judge(
        self, url: str, answer: "httpx.Response", body: bytes, accept: frozenset[int]
    ) -> tuple[Reply | None, str, float | None]:
        status, host = answer.status_code, urlsplit(url).hostname
        if 200 <= status < 300 or status in accept:
            try:
                value = _decoded(body) if body.strip() else None
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                if not self._any_reply:
                    return None, "garbage", None
                value = None
            return Reply(url, status, _headers(answer), value), "", None
        if status in _RETRIED or self._throttled(status, body):
            return None, str(status), self._asked_wait(answer)
        said = body[:_SAID_MAX].decode("utf-8", "replace").replace("\n", " ")
        if status == 401:
            raise _Unauthorised(f"{host} does not accept the credentials: {said}")
        raise Permanent(f"{host} answered {status}: {said}")

    def _asked_wait(self, answer: "httpx.Response") -> float | None:
        """Return how long the server asks to be left alone, seconds; None where it does not say."""
        now_s = self.clock.now_ns() / 1e9
        said = answer.headers.get("retry-after", "").strip()
        if said.isdecimal():
            return float(said[:9])
        if said:
            try:
                return max(email.utils.parsedate_to_datetime(said).timestamp() - now_s, 0.0)
            except (ValueError, OverflowError):
                return None
        reset = answer.headers.get("x-rate-limit-reset", "").strip()
        return max(float(reset[:12]) - now_s, 0.0) if answer.status_code == 429 and reset.isdecimal() else None

    def _check(self, url: str, *, authorised: bool) -> None:
        found = origin(url, plain_http=self._plain_http)
        if found != self._api and (authorised or found not in self._origins):
            raise Permanent(f"{self._api} leads to {found}: refused, for the credentials would go there")


class _Sent(NamedTuple):
    """A request as it is sent, and sent again."""

    method: str
    url: str
    params: Mapping[str, str] | None
    form: Mapping[str, str] | None
    body: object
    headers: Mapping[str, str]


class _Unauthorised(Exception):  # noqa: N818 - leads to one renewal
    """The server does not take the credentials."""


def origin(url: str, *, plain_http: bool = False) -> str:
    """Return scheme, host and port of an address (RFC 6454 §4).

    Args:
        url: The address.
        plain_http: Allow HTTP without TLS off loopback, too.

    Raises:
        Permanent: It is no address, or plain HTTP and not loopback.
    """
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise Permanent("a link that is no address") from None
    if parts.scheme not in {"https", "http"} or not host or parts.username is not None:
        raise Permanent(f"a link that is no address of a server: {parts.scheme}")
    if parts.scheme == "http" and not plain_http and not _is_loopback(host):
        raise Permanent(f"{host}: plain HTTP is for loopback alone")
    return f"{parts.scheme}://{host}:{port or (443 if parts.scheme == 'https' else 80)}"


def _decoded(body: bytes) -> object:
    """Parse a reply; halves of characters in it are text, or the same page would be asked for again for ever."""
    try:
        return msgspec.json.decode(body)
    except msgspec.DecodeError:
        whole = mended(body)
        if whole is None:
            raise
        return msgspec.json.decode(whole)


def joined(base: str, link: str) -> str:
    """Resolve a link against the address it was found at (RFC 3986 §5). Raises Permanent where it is none."""
    try:
        return urljoin(base, link)
    except ValueError:
        raise Permanent("a link that is no address") from None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _headers(answer: "httpx.Response") -> dict[str, str]:
    return {name: answer.headers[name] for name in {name.lower() for name in answer.headers}}
