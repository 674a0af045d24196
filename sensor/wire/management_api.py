"""Microsoft 365's unified audit log from the Office 365 Management Activity API.

https://learn.microsoft.com/office/office-365-management-api/office-365-management-activity-api-reference; permission
ActivityFeed.Read. A subscription a content type is started where there is none; its first content may take twelve
hours. Content is listed by when it was made available, in windows of at most 24 hours and not older than 7 days, page
after page by `NextPageUri`; each item is an address to fetch records from. Records come in no order, and late ones in
new content, so that an overlap of the listing is enough.

Does not use webhooks.
"""

from collections.abc import Iterator

from sensor.errors import Transient
from sensor.model.times import rfc3339
from sensor.wire.api_offer import COMMON, Asked, Offer
from sensor.wire.http_client import Client
from sensor.wire.microsoft_login import credentials, token_url
from sensor.wire.paging import Step, follow, header_uri
from sensor.wire.polling import Page, Timing, Window, moment_of

API_URL = "https://manage.office.com"
_DAY_S = 86_400
_TIMING = Timing(
    interval_s=60, delay_s=0, overlap_s=1800, window_s=12 * 3600, look_back_s=_DAY_S, oldest_s=7 * _DAY_S - 600
)
"""Windows stay under 24 hours with their overlap, and ten minutes inside of the seven days, for clocks differ."""
_STREAMS = ("Audit.AzureActiveDirectory", "Audit.Exchange", "Audit.SharePoint", "Audit.General", "DLP.All")
_ALREADY = frozenset({400})
"""How it answers to a subscription that was started meanwhile (`AF20024`)."""
_GONE = frozenset({400, 404, 410})
"""How it answers for content that has expired since it was listed (`AF20051`)."""
_FETCHED_MAX = 100_000
"""Content of an overlap that is remembered as fetched; beyond it some is fetched again, and its records are known."""


class Management:
    """A tenant's audit content."""

    def __init__(self, client: Client, feed: str, publisher: str, streams: tuple[str, ...], timing: Timing) -> None:
        self._client, self._feed, self._publisher = client, feed, publisher
        self.streams, self.timing = streams, timing
        self._started: set[str] = set()
        self._fetched: dict[str, int] = {}

    def pages(self, stream: str, window: Window) -> Iterator[Page]:
        """List the content of a window and fetch each item. Raises Transient, Permanent."""
        self._start(stream)
        self._fetched = {uri: at for uri, at in self._fetched.items() if at >= window.since_ns}
        first: Step = (
            f"{self._feed}/content",
            {
                "contentType": stream,
                "startTime": rfc3339(window.since_ns)[:19],
                "endTime": rfc3339(window.until_ns)[:19],
                "PublisherIdentifier": self._publisher,
            },
        )
        for listed in follow(self._client, first, header_uri("NextPageUri")):
            items = listed.value if listed.value is not None else []
            if not isinstance(items, list):
                raise Transient("the Management Activity API answered without a list of content")
            for item in items:
                yield from self._fetch(item, window)

    def identify(self, record: dict[str, object]) -> str | None:
        """Return `Id`."""
        found = record.get("Id")
        return found if isinstance(found, str) and found else None

    def moment(self, record: dict[str, object]) -> int | None:
        """Return None: content is filed by when it was made, which its page says."""
        del record
        return None

    def close(self) -> None:
        """Close its connections."""
        self._client.close()

    def _fetch(self, item: object, window: Window) -> Iterator[Page]:
        """Fetch one item of content, once: who asks for the next page has stored this one."""
        uri = item.get("contentUri") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(uri, str):
            yield Page([None])
            return
        if uri in self._fetched:
            return
        asked = {"PublisherIdentifier": self._publisher}
        reply = self._client.request("GET", uri, params=asked, accept=_GONE)
        if reply.status not in _GONE and not isinstance(reply.value, list):
            raise Transient("the Management Activity API answered without a list of records")
        created_ns = moment_of(item.get("contentCreated"))
        yield Page(reply.value if isinstance(reply.value, list) else [None], created_ns)
        if len(self._fetched) < _FETCHED_MAX:
            self._fetched[uri] = created_ns if created_ns is not None else window.until_ns

    def _start(self, stream: str) -> None:
        """Start a subscription that is not there, once a process."""
        if stream in self._started:
            return
        asked = {"contentType": stream, "PublisherIdentifier": self._publisher}
        listed = self._client.request("GET", f"{self._feed}/subscriptions/list", params=asked).value
        found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        if not any(one.get("contentType") == stream and one.get("status") == "enabled" for one in found):
            self._client.request("POST", f"{self._feed}/subscriptions/start", params=asked, accept=_ALREADY)
        self._started.add(stream)


def _throttled(status: int, body: bytes) -> bool:
    """Too many requests (`AF429`), which is said with 403 as well as with 429."""
    return status == 403 and b"AF429" in body[:4096]


def _build(asked: Asked) -> Management:
    api_url = asked.text("api_url", API_URL).rstrip("/")
    tenant = asked.part("tenant")
    client = asked.client(api_url, credentials(asked, api_url), token_url(asked), _throttled)
    feed = f"{api_url}/api/v1.0/{tenant}/activity/feed"
    return Management(client, feed, tenant, asked.streams(_STREAMS, _STREAMS[:4]), asked.timing(_TIMING))


OFFER = Offer(
    options=COMMON | {"tenant": str, "client_id": str}, needs=("tenant", "client_id"), held_in="secret", build=_build
)
