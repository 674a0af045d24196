"""ISC dhcpd's lease file: who held which address from when to when.

A lease stands in the file once for each change of it, the last one holds; each is an event. `active` is a lease given,
at `cltt` (when the client was last heard) or `starts`; `free`, `released` and `expired` end it, at `ends`; `abandoned`
is an address that somebody else answered for. Times are UTC, or seconds after `epoch` (dhcpd.leases(5)).
"""

import re

from sensor.errors import Malformed
from sensor.model.event import Event
from sensor.model.times import SECOND_NS
from sensor.wire.details import present
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields, read_address
from sensor.wire.macs import read_mac

SOURCE = "dhcpd"
"""As dhcpd's log: the same server told both."""
_WRITTEN = re.compile(r"\d (\d{4})/(\d\d)/(\d\d) (\d\d:\d\d:\d\d)\Z")
_EPOCH = re.compile(r"epoch (\d{1,12})\b")
_GIVEN, _ENDED = ("active", "bootp"), ("free", "released", "expired", "backup", "reset")


def claims(record: Fields) -> bool:
    """Tell whether a record is a lease of such a file."""
    return record.has("dhcpd_lease.address")


def read(record: Fields) -> list[Event]:
    """Read one lease. Raises Malformed: `missing_time`, `bad_time`."""
    lease = record.part("dhcpd_lease") or record
    state = (lease.text("binding state") or "").lower()
    starts, ends = _time(lease.text("starts")), _time(lease.text("ends"))
    ended = state in _ENDED
    ts = ends if ended else _time(lease.text("cltt")) or starts
    if ts is None:
        raise Malformed("missing_time")
    hardware = (lease.text("hardware ethernet") or "").split(":")
    mac = read_mac(":".join(part.zfill(2) for part in hardware)) if len(hardware) > 1 else None
    name, address = lease.text("client-hostname"), read_address(lease.text("address"))[0]
    lasts = (ends - starts) // SECOND_NS if starts is not None and ends is not None else None
    return [
        Event(
            ts=ts, source=SOURCE, kind="lease", action=state or "lease",
            outcome="success" if state in _GIVEN or ended else "failure" if state == "abandoned" else "unknown",
            ip=address, device_name=name,
            detail=present(
                mac=mac, host_name=name, assigned_addr=None if state == "abandoned" else address,
                lease_time_s=lasts if lasts is not None and lasts > 0 and not ended else None, ended=ended or None,
            ),
        )
    ]  # fmt: skip


def _time(text: str | None) -> int | None:
    """Read a time of the file; None where there is none, or the lease never ends. Raises Malformed: `bad_time`."""
    if not text or text == "never":
        return None
    epoch = _EPOCH.match(text)
    if epoch:
        return int(epoch[1]) * SECOND_NS
    found = _WRITTEN.match(text)
    if found is None:
        raise Malformed("bad_time")
    return read_time(f"{found[1]}-{found[2]}-{found[3]}T{found[4]}Z")
