"""From one page of an API's answer to the next, with an end.

The way on is a link: `@odata.nextLink` (OData 4.01 JSON §4.6.5), `NextPageUri` (Microsoft's Management Activity API), a
`Link` header (RFC 8288 §3), or a token to repeat the request with (`nextPageToken`). A server that leads back to a page
that was read, or on and on, is given up.

Does not look at what a page holds.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping

from sensor.errors import Transient
from sensor.wire.http_client import Client, Reply, joined

PAGES_MAX = 10_000
"""Pages of one answer: ten million records at the 1,000 that every API here gives at most."""
_LINK = re.compile(r"<([^<>]*)>([^<]*)")
_REL = re.compile(r";\s*rel\s*=\s*\"?([^\";,]*)", re.IGNORECASE)

Step = tuple[str, Mapping[str, str] | None]
"""An address, and what is added to its query."""


def follow(
    client: Client, first: Step, onward: Callable[[Reply], Step | None], pages_max: int = PAGES_MAX
) -> Iterator[Reply]:
    """Read page after page.

    Args:
        client: Who asks.
        first: The first page.
        onward: Tells the next page from a page; None where it was the last.
        pages_max: How many are read.

    Raises:
        Transient: A page leads back, or there is no end.
        Permanent: The server refuses, or leads to another.
    """
    seen: set[bytes] = set()
    step: Step | None = first
    while step is not None:
        url, params = step
        mark = hashlib.blake2b(repr((url, sorted((params or {}).items()))).encode(), digest_size=16).digest()
        if mark in seen:
            raise Transient("the pages lead in a circle")
        if len(seen) >= pages_max:
            raise Transient(f"the pages have no end: {pages_max} were read")
        seen.add(mark)
        reply = client.request("GET", url, params=params)
        yield reply
        step = onward(reply)


def body_link(name: str) -> Callable[[Reply], Step | None]:
    """Return a function that finds the next page's address in a field of the body."""

    def onward(reply: Reply) -> Step | None:
        link = reply.record().get(name)
        return (joined(reply.url, link), None) if isinstance(link, str) and link else None

    return onward


def header_uri(name: str) -> Callable[[Reply], Step | None]:
    """Return a function that finds the next page's address in a header of its own."""

    def onward(reply: Reply) -> Step | None:
        link = reply.headers.get(name.lower(), "").strip()
        return (joined(reply.url, link), None) if link else None

    return onward


def link_header(reply: Reply) -> Step | None:
    """Find the next page's address in `Link` headers: the one whose `rel` holds `next`."""
    for link, said in _LINK.findall(reply.headers.get("link", "")):
        found = _REL.search(said)
        if found and "next" in found[1].lower().split():
            return joined(reply.url, link), None
    return None


def body_token(url: str, params: Mapping[str, str], name: str, asked: str) -> Callable[[Reply], Step | None]:
    """Return a function that repeats a request with the token that its answer holds.

    Args:
        url: The request's address.
        params: Its query.
        name: The field that holds the token.
        asked: The query's name for it.
    """

    def onward(reply: Reply) -> Step | None:
        token = reply.record().get(name)
        return (url, {**params, asked: token}) if isinstance(token, str) and token else None

    return onward
