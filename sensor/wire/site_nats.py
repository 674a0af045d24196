"""What the two ends of a fleet's NATS agree on: subjects, the stream that waits at the site, and how to connect.

A site publishes its envelopes on `spanline.<site>.<kind>` into a small JetStream work queue `SPANLINE_<site>` of its
leaf node. That queue's durable consumer `hub` delivers them over the leaf's link on `hub.<site>.envelope`; the hub's
program stores them and only then acknowledges, to the consumer (`$JS.ACK…`) and, since JetStream acknowledges before
its own fsync and may lose its store, also to the site's program: `hub.<site>.have`, what it has. The same word says
what is the last thing that the hub gives the site; where the site does not have it, it says on `hub.<site>.taken` what
it has, and what follows comes on `hub.<site>.give` (`wire.site_return`), until it has all. The servers' accounts
(docs/nats) see to it that a message on a site's subject is of that site; what the message itself says proves nothing.
"""

import asyncio
import contextlib
import ipaddress
import re
import secrets
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from sensor.errors import Permanent, Transient
from sensor.model.given import Place

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

SITE = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""A site's name is one token of a subject, where dots, wildcards and blanks mean something else."""
CONSUMER = "hub"
CONNECT_S = 5
"""Until a server on this machine, or near it, has answered."""
PING_S, PINGS_MAX = 10, 2
"""As the servers themselves: a connection that has gone is noticed after half a minute."""
ASK_S = 12.0
"""The hub's program says every 5 s what it has."""
BACKOFF_S, BACKOFF_MAX_S = 0.5, 30.0
"""A server that is started again is there in a second; one that is away for hours is asked twice a minute."""


class Have(msgspec.Struct, frozen=True):
    """What the hub has of a site: everything up to a sequence of an epoch, contiguous."""

    epoch: int
    sequence: int
    given: Place = Place()
    """Place of the last thing that the site is given."""


class Link(msgspec.Struct, frozen=True):
    """How to reach a server."""

    url: str
    """`nats://127.0.0.1:4222` on this machine, `tls://…` elsewhere; several servers with commas between."""
    user: str = "spanline"
    password: Callable[[], str] | None = None
    """Raises Transient where it is not there at present."""
    ca: str = ""
    cert: str = ""
    key: str = ""


def problem(link: Link) -> str | None:
    """Say what will not do about it; None where nothing."""
    for url in link.url.split(","):
        there = urlsplit(url.strip())
        if there.scheme not in {"nats", "tls"} or not there.hostname:
            return f"nats = {link.url!r}: expected nats://host:port or tls://host:port"
        if there.username or there.password:
            return "nats: user and password are keys of their own, the password as { env = … } or { file = … }"
        if there.scheme == "nats" and not _is_loopback(there.hostname):
            return f"nats = {link.url!r}: off this machine the password would be readable on the way; use tls://"
    return "needs cert and key together" if bool(link.cert) != bool(link.key) else None


def wrong_site(site: str) -> str | None:
    """Say why a site of this name cannot use NATS; None where it can."""
    return None if SITE.fullmatch(site) else f"site {site!r}: over NATS a name is letters, digits, - and _, at most 32"


def stream_of(site: str) -> str:
    """Return the name of the stream that waits at the site."""
    return f"SPANLINE_{site}"


def subject_of(site: str, kind: str) -> str:
    """Return where a site publishes envelopes of a kind."""
    return f"spanline.{site}.{kind}"


def envelopes_of(site: str) -> str:
    """Return where a site's envelopes reach the hub's program."""
    return f"hub.{site}.envelope"


def have_of(site: str) -> str:
    """Return where the hub says what it has of a site."""
    return f"hub.{site}.have"


def taken_of(site: str) -> str:
    """Return where a site says what it has of that which it is given."""
    return f"hub.{site}.taken"


def give_of(site: str) -> str:
    """Return where the hub gives a site what follows."""
    return f"hub.{site}.give"


def is_ack_of(site: str, reply: str) -> bool:
    """Tell whether a reply goes to this site's consumer, and to nobody else: it is the sender who wrote it."""
    return (
        re.fullmatch(rf"\$JS\.ACK\.{re.escape(stream_of(site))}\.{CONSUMER}(\.[0-9]{{1,20}}){{5}}", reply) is not None
    )


@contextlib.asynccontextmanager
async def connected(link: Link, name: str, *, problem_of: Callable[[Exception], None]) -> "AsyncIterator[Client]":
    """Connect, for the time of an `async with`; whoever uses it connects anew when it has closed.

    Args:
        link: The server.
        name: Of ours, for the server's log.
        problem_of: Hears what goes wrong meanwhile.

    Raises:
        Transient: The server cannot be reached, or does not take us.
        Permanent: nats-py is not installed.
    """
    try:
        import nats
        from nats.aio.client import Client
    except ImportError as error:
        raise Permanent("NATS needs nats-py: pip install 'spanline[nats]'") from error

    async def said(error: Exception) -> None:
        problem_of(error)

    client = Client()
    try:
        await client.connect(
            [one.strip() for one in link.url.split(",")], name=name, user=link.user if link.password else None,
            password=link.password() if link.password else None, tls=_tls(link), allow_reconnect=False,
            max_reconnect_attempts=1, reconnect_time_wait=0, connect_timeout=CONNECT_S, ping_interval=PING_S,
            max_outstanding_pings=PINGS_MAX, error_cb=said,
        )  # fmt: skip
    except (OSError, TimeoutError, nats.errors.Error) as error:
        await _close(client)
        raise Transient(f"{link.url} not reached: {error or type(error).__name__}") from error
    try:
        yield client
    except (nats.errors.Error, TimeoutError) as error:
        raise Transient(f"{link.url}: {error or type(error).__name__}") from error
    finally:
        await _close(client)


async def _close(client: "Client") -> None:
    """Close a connection, also one that was never whole."""
    import nats

    with contextlib.suppress(OSError, TimeoutError, nats.errors.Error):
        await client.close()


def ask(link: Link, site: str) -> str:
    """Reach a site's leaf node, and wait for a word of the hub's; say what came of it. Raises Transient, Permanent."""
    return asyncio.run(_ask(link, site))


def look(link: Link) -> str:
    """Reach a server; say so. Raises Transient, Permanent."""
    return asyncio.run(_look(link))


async def _look(link: Link) -> str:
    async with connected(link, "spanline doctor", problem_of=lambda _: None) as client:
        await client.flush()
        return f"{link.url} answers"


async def _ask(link: Link, site: str) -> str:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    async with connected(link, f"spanline {site}", problem_of=lambda _: None) as client:

        async def hear(message: "Msg") -> None:
            await heard.put(message.data)

        await client.subscribe(have_of(site), cb=hear)
        await client.flush()
        try:
            have = msgspec.json.decode(await asyncio.wait_for(heard.get(), ASK_S), type=Have)
        except TimeoutError as error:
            raise Transient(f"{link.url} answers; of the hub nothing was heard for {ASK_S:.0f} s") from error
        except msgspec.DecodeError as error:
            raise Transient(f"{link.url}: what came on {have_of(site)} is none of the hub's words") from error
        return f"{link.url} answers, and the hub has {have.sequence} envelopes of site {site}"


async def rest(stop: threading.Event, failures: int) -> None:
    """Wait, the longer the more attempts have failed, unless told to stop."""
    most = min(BACKOFF_S * 2.0 ** min(failures - 1, 10), BACKOFF_MAX_S)
    await asyncio.to_thread(stop.wait, most / 2 + secrets.SystemRandom().random() * most / 2)


def _tls(link: Link) -> ssl.SSLContext | None:
    if "tls://" not in link.url:  # files may be there for another way to the hub
        return None
    try:
        context = ssl.create_default_context(cafile=link.ca or None)
        if link.cert:
            context.load_cert_chain(link.cert, link.key)
    except OSError as error:  # ssl.SSLError is one
        raise Transient(f"certificates for {link.url}: {error}") from error
    return context


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
