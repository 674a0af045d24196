"""Okta's System Log from its API.

https://developer.okta.com/docs/reference/api/system-log/. Bounded requests (`since`, `until`), ascending, pages by the
`Link` header; a record may be filed some time after it happened, so windows overlap. Throttling is 429 with
`X-Rate-Limit-Reset`, the second from which it goes on (https://developer.okta.com/docs/reference/rl-best-practices/).

Does not use OAuth: an API token (`SSWS`) of a read-only administrator is enough.
"""

from collections.abc import Iterator

from sensor.errors import ConfigError, Transient
from sensor.model.times import rfc3339
from sensor.wire.api_offer import COMMON, Asked, Offer
from sensor.wire.credentials import StaticToken
from sensor.wire.http_client import Client
from sensor.wire.paging import follow, link_header
from sensor.wire.polling import Page, Timing, Window, moment_of

_DAY_S = 86_400
_TIMING = Timing(interval_s=30, delay_s=5, overlap_s=600, window_s=6 * 3600, look_back_s=_DAY_S, oldest_s=90 * _DAY_S)
"""Okta keeps 90 days (https://help.okta.com/en-us/content/topics/security/data-retention.htm)."""
_PAGE_RECORDS = "1000"
_STREAMS = ("logs",)


class Okta:
    """An organisation's System Log."""

    def __init__(self, client: Client, api_url: str, streams: tuple[str, ...], timing: Timing) -> None:
        self._client, self._api_url = client, api_url
        self.streams, self.timing = streams, timing

    def pages(self, stream: str, window: Window) -> Iterator[Page]:
        """Fetch a window of the log. Raises Transient, Permanent."""
        asked = {
            "since": _written(window.since_ns),
            "until": _written(window.until_ns),
            "sortOrder": "ASCENDING",
            "limit": _PAGE_RECORDS,
        }
        for reply in follow(self._client, (f"{self._api_url}/api/v1/{stream}", asked), link_header):
            if not isinstance(reply.value, list):
                raise Transient("Okta answered without a list of records")
            yield Page(reply.value)
            if not reply.value:
                return  # the last link of a bounded request may lead to an empty page that leads on

    def identify(self, record: dict[str, object]) -> str | None:
        """Return `uuid`."""
        found = record.get("uuid")
        return found if isinstance(found, str) and found else None

    def moment(self, record: dict[str, object]) -> int | None:
        """Return `published`, which is what the API filters by."""
        return moment_of(record.get("published"))

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _written(ts_ns: int) -> str:
    return rfc3339(ts_ns)[:23] + "Z"


def _build(asked: Asked) -> Okta:
    api_url = asked.text("api_url").rstrip("/") or f"https://{asked.part('domain')}"
    if api_url.count("/") > 2:
        raise ConfigError("api_url: the organisation's address alone, without a path")
    client = asked.client(api_url, StaticToken("SSWS", asked.secret))
    return Okta(client, api_url, asked.streams(_STREAMS, _STREAMS), asked.timing(_TIMING))


OFFER = Offer(options=COMMON | {"domain": str}, needs=("domain",), held_in="token", build=_build)
