"""Entra's sign-in and audit logs from Microsoft Graph.

https://learn.microsoft.com/graph/api/signin-list and …/directoryaudit-list; permission AuditLog.Read.All. Sign-ins that
are not interactive, and those of programs, are in the beta version alone (`signInEventTypes`). Pages lead on by
`@odata.nextLink`; throttling is 429 with `Retry-After` (https://learn.microsoft.com/graph/throttling).

Does not read risk detections.
"""

from collections.abc import Iterator

from sensor.errors import Transient
from sensor.model.times import rfc3339
from sensor.wire.api_offer import COMMON, Asked, Offer
from sensor.wire.http_client import Client
from sensor.wire.microsoft_login import credentials, token_url
from sensor.wire.paging import body_link, follow
from sensor.wire.polling import Page, Timing, Window, moment_of

API_URL = "https://graph.microsoft.com"
_DAY_S = 86_400
_TIMING = Timing(interval_s=60, delay_s=60, overlap_s=3600, window_s=6 * 3600, look_back_s=_DAY_S, oldest_s=30 * _DAY_S)
"""Entra keeps 30 days (https://learn.microsoft.com/entra/identity/monitoring-health/reference-reports-data-retention);
most records are there within minutes, some after more (…/reference-audit-activities, `latency`)."""
_PAGE_RECORDS = "999"
"""Graph takes `$top` up to 999 for these."""
_SIGNINS = {
    "noninteractive": "nonInteractiveUser",
    "serviceprincipal": "servicePrincipal",
    "managedidentity": "managedIdentity",
}
_STREAMS = ("signins", *_SIGNINS, "audits")


class Graph:
    """A tenant's sign-ins and directory audits."""

    def __init__(self, client: Client, api_url: str, streams: tuple[str, ...], timing: Timing) -> None:
        self._client, self._api_url = client, api_url
        self.streams, self.timing = streams, timing

    def pages(self, stream: str, window: Window) -> Iterator[Page]:
        """Fetch a window of one log. Raises Transient, Permanent."""
        field = "activityDateTime" if stream == "audits" else "createdDateTime"
        condition = f"{field} ge {_written(window.since_ns)} and {field} lt {_written(window.until_ns)}"
        kind = _SIGNINS.get(stream)
        if kind is not None:
            condition += f" and signInEventTypes/any(t: t eq '{kind}')"
        log = "directoryAudits" if stream == "audits" else "signIns"
        url = f"{self._api_url}/{'beta' if kind is not None else 'v1.0'}/auditLogs/{log}"
        first = (url, {"$filter": condition, "$top": _PAGE_RECORDS})
        for reply in follow(self._client, first, body_link("@odata.nextLink")):
            records = reply.record().get("value")
            if not isinstance(records, list):
                raise Transient("Microsoft Graph answered without a list of records")
            yield Page(records)

    def identify(self, record: dict[str, object]) -> str | None:
        """Return `id`."""
        found = record.get("id")
        return found if isinstance(found, str) and found else None

    def moment(self, record: dict[str, object]) -> int | None:
        """Return when it happened, which is what Graph filters by."""
        return moment_of(record.get("createdDateTime") or record.get("activityDateTime"))

    def close(self) -> None:
        """Close its connections."""
        self._client.close()


def _written(ts_ns: int) -> str:
    return rfc3339(ts_ns)[:19] + "Z"


def _build(asked: Asked) -> Graph:
    api_url = asked.text("api_url", API_URL).rstrip("/")
    client = asked.client(api_url, credentials(asked, api_url), token_url(asked))
    return Graph(client, api_url, asked.streams(_STREAMS, _STREAMS), asked.timing(_TIMING))


OFFER = Offer(
    options=COMMON | {"tenant": str, "client_id": str}, needs=("tenant", "client_id"), held_in="secret", build=_build
)
