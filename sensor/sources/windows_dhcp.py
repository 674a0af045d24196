r"""Microsoft's DHCP server: its audit log, %windir%\System32\dhcp\DhcpSrvLog-*.log.

Columns and event ids: Microsoft Learn, "Analyze DHCP Server Log Files" (`ID,Date,Time,Description,IP Address,Host Name,
MAC Address`; later releases append more, DHCPv6's ids are above 11000). The page of explanations before the columns is
passed over by the table's reader; rows without their header are read too.

Dates are the server's local time in its own order, without a zone: month first is assumed unless that is no month, and
the time is read as UTC.
"""

import csv
import re
from datetime import UTC, datetime

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.wire.details import present
from sensor.wire.fields import Fields
from sensor.wire.macs import read_mac

SOURCE = "windows_dhcp"
_COLUMNS = ("ID", "Date", "Time", "Description", "IP Address", "Host Name", "MAC Address", "User Name", "TransactionID")
_ROW = re.compile(r"\d{1,5},\d{1,2}/\d{1,2}/(?:\d\d|\d{4}),\d\d:\d\d:\d\d,[^,]{1,128},")
_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}|\d\d)$")
_TIME = re.compile(r"(\d\d):(\d\d):(\d\d)$")
LEASES = frozenset({10, 11, 20, 21, 11002, 11004, 11005})
"""A lease given or renewed; BOOTP's; DHCPv6's request, renew and rebind."""
ENDS = frozenset({12, 16, 17, 18, 23, 11007})
"""Released, deleted, expired."""
REFUSED = frozenset({13, 14, 15, 22, 33, 36, 11006})
"""In use elsewhere, pool exhausted, denied, dropped, declined."""


def claims(record: Fields) -> bool:
    """Tell whether a row is the audit log's."""
    if record.has("ID", "Date", "Time", "Description") and (record.has("IP Address") or record.has("IPv6 Address")):
        return True
    text = record.text("message")
    return text is not None and _ROW.match(text) is not None


def read(record: Fields) -> list[Event]:
    """Read one row. Raises Malformed: `bad_time`, `bad_event`, `not_a_record`."""
    text = record.text("message")
    if text is not None and _ROW.match(text):
        try:
            cells = next(csv.reader([text.replace("\n", " ").replace("\r", " ")]))
        except csv.Error:
            raise Malformed("not_a_record") from None
        record = Fields(dict(zip(_COLUMNS, cells, strict=False)))
    number = record.number("ID")
    if number is None:
        raise Malformed("bad_event")
    ts = _time(record.text("Date") or "", record.text("Time") or "")
    ip = record.address("IP Address", "IPv6 Address")[0]
    host, refused, ended = record.text("Host Name"), number in REFUSED, number in ENDS
    known = refused or ended or number in LEASES
    return [
        Event(
            ts=ts,
            source=SOURCE,
            kind="lease" if known else "other",
            action=record.text("Description") or str(number),
            outcome="failure" if refused else "success" if known else "unknown",
            reason_code=str(number),
            account=fold(record.text("User Name")),
            ip=ip,
            device_name=host,
            detail=present(
                mac=read_mac(record.text("MAC Address")),
                host_name=host,
                assigned_addr=None if refused else ip,
                ended=ended or None,
            ),
        )
    ]


def _time(date: str, time: str) -> int:
    day, clock = _DATE.match(date), _TIME.match(time)
    if day is None or clock is None:
        raise Malformed("bad_time")
    first, second, year = int(day[1]), int(day[2]), int(day[3])
    if first > 12:
        first, second = second, first
    try:
        moment = datetime(
            year + 2000 if year < 100 else year, first, second, int(clock[1]), int(clock[2]), int(clock[3]), tzinfo=UTC
        )
    except ValueError:
        raise Malformed("bad_time") from None
    return int(moment.timestamp()) * 10**9
