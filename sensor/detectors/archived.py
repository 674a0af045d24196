"""Questions that detectors of attacks on hosts ask the archive, so that what they observed can be counted again.

Written against the tables as `sensor.model.archive` names them. None stands for records that have expired.
"""

import msgspec

from sensor.model.archive import Archive
from sensor.model.evidence import Evidence


class FlowRow(msgspec.Struct, frozen=True):
    """A flow of the archive, as far as counting again needs it."""

    ts: int
    duration: int | None
    orig_device: str | None
    resp_device: str | None
    orig: str
    resp: str
    port: int
    proto: str
    state: str | None
    history: str | None
    service: str | None
    orig_bytes: int | None
    resp_bytes: int | None
    orig_pkts: int | None
    resp_pkts: int | None
    local_resp: bool | None

    @property
    def end(self) -> int:
        """When it was over, ns."""
        return self.ts + (self.duration or 0)


_COLUMNS = (
    "ts, duration, orig_device, resp_device, orig_h, resp_h, resp_p, proto, conn_state, history, service, "
    "orig_bytes, resp_bytes, orig_pkts, resp_pkts, local_resp"
)


def device_flows(archive: Archive, evidence: Evidence, since_ns: int, until_ns: int) -> list[FlowRow] | None:
    """Return the flows of an evidence's device, on either side, that ended between two times (both included)."""
    if archive.since_ns > since_ns:
        return None
    sql = (
        f"SELECT {_COLUMNS} FROM flows WHERE site = ? AND (orig_device = ? OR resp_device = ?) "  # noqa: S608
        "AND ts + coalesce(duration, 0) BETWEEN ? AND ? ORDER BY ts + coalesce(duration, 0), ts"
    )
    who = evidence.entity.id
    return [FlowRow(*row) for row in archive.rows(sql, (evidence.site, who, who, since_ns, until_ns))]


def other_side(row: FlowRow, device: str) -> tuple[str, str | None]:
    """Return the address and the device id of the side that is not the device."""
    return (row.resp, row.resp_device) if row.orig_device == device else (row.orig, row.orig_device)
