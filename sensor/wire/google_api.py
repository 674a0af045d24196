"""Google Workspace's audit activities from the Reports API.

https://developers.google.com/workspace/admin/reports/reference/rest/v1/activities/list; scope
admin.reports.audit.readonly, a service account with domain-wide delegation, acting as an administrator. One request an
application; pages by `nextPageToken`; too many requests are 429, or 403 with a reason
(https://developers.google.com/workspace/admin/reports/v1/guides/limits).

How late records show up differs: most applications within minutes, some after hours
(https://support.google.com/a/answer/7061566), which is what the overlap is for. Does not read usage reports.
"""

from collections.abc import Iterator

import msgspec

from sensor.errors import Transient
from sensor.model.times import rfc3339
from sensor.wire.api_offer import COMMON, Asked, Offer
from sensor.wire.credentials import BearerToken, service_account
from sensor.wire.fields import Fields
from sensor.wire.http_client import Client
from sensor.wire.paging import body_token, follow
from sensor.wire.polling import Page, Timing, Window, moment_of

API_URL = "https://admin.googleapis.com"
LOGIN_URL = "https://oauth2.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/admin.reports.audit.readonly"
_DAY_S = 86_400
_TIMING = Timing(
    interval_s=300, delay_s=60, overlap_s=4 * 3600, window_s=24 * 3600, look_back_s=_DAY_S, oldest_s=179 * _DAY_S
)
"""`up to a couple of hours` is the longest lag of the applications read here; activities are kept for six months."""
_PAGE_RECORDS = "1000"
_STREAMS = (
    *("login", "admin", "drive", "token", "saml", "user_accounts", "groups", "groups_enterprise"),
    *("context_aware_access", "mobile", "rules", "access_evaluation", "calendar", "chrome", "gcp", "chat", "meet"),
    *("data_studio", "access_transparency", "keep", "vault", "jamboard"),
)
"""`applicationName` values; the first eight are read where the configuration names none."""
_QUOTA = frozenset({"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded"})


class Google:
    """A domain's activities, one stream an application."""

    def __init__(self, client: Client, api_url: str, streams: tuple[str, ...], timing: Timing) -> None:
        self._client, self._api_url = client, api_url
        self.streams, self.timing = streams, timing

    def pages(self, stream: str, window: Window) -> Iterator[Page]:
        """Fetch a window of one application. Raises Transient, Permanent."""
        url = f"{self._api_url}/admin/reports/v1/activity/users/all/applications/{stream}"
        asked = {
            "startTime": rfc3339(window.since_ns),
            "endTime": rfc3339(window.until_ns),
            "maxResults": _PAGE_RECORDS,
        }
        for reply in follow(self._client, (url, asked), body_token(url, asked, "nextPageToken", "pageToken")):
            records = reply.record().get("items", [])
            if not isinstance(records, list):
                raise Transient("the Reports API answered without a list of activities")
            yield Page(records)

    def identify(self, record: dict[str, object]) -> str | None:
        """Return the parts of `id`: its qualifier is unique for one time and application."""
        own = Fields(record)
        parts = (own.text("id.time"), own.text("id.uniqueQualifier"), own.text("id.applicationName"))
        return "/".join(part for part in parts if part is not None) if parts[0] and parts[1] else None

    def moment(self, record: dict[str, object]) -> int | None:
        """Return `id.time`, which is what the API filters by."""
        return moment_of(Fields(record).value("id.time"))

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _throttled(status: int, body: bytes) -> bool:
    """Too many requests, said with 403 and a reason."""
    if status != 403:
        return False
    try:
        said = Fields({"all": msgspec.json.decode(body)})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return any(one.text("reason") in _QUOTA for one in said.each("all.error.errors"))


def _build(asked: Asked) -> Google:
    api_url = asked.text("api_url", API_URL).rstrip("/")
    token_url = f"{asked.text('login_url', LOGIN_URL).rstrip('/')}/token"
    who = BearerToken(token_url, service_account(asked.secret, asked.text("subject"), (SCOPE,)))
    client = asked.client(api_url, who, token_url, _throttled)
    return Google(client, api_url, asked.streams(_STREAMS, _STREAMS[:8]), asked.timing(_TIMING))


OFFER = Offer(options=COMMON | {"subject": str}, needs=("subject",), held_in="key", build=_build)
