r"""Turn a line of Microsoft's NPS (once IAS) log, in any of its three formats, into attributes by their RADIUS names.

- DTS compliant, XML: `<Event><Timestamp data_type="4">…`, an element for each attribute.
- ODBC, called database-compatible: `"SERVER","IAS",03/07/2008,13:04:33,2,…`, columns in a fixed order
  (https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/cc771748(v=ws.10)).
- IAS: `10.0.0.1,user,03/07/2008,13:04:33,IAS,SERVER,4136,2,…`, pairs of an attribute's number and value behind six
  columns (https://learn.microsoft.com/en-us/previous-versions/windows/it-pro/windows-server-2008-R2-and-2008/dd197432(v=ws.10)).

Names are the XML's, `Timestamp` is made of date and time where they are two. Texts that hold delimiters or what cannot
be printed are written as hexadecimal in the IAS format, and are read back where they are UTF-8. Nothing is interpreted.
"""

import csv
import re
from html import unescape

from sensor.errors import Malformed

TEXT_CHARS = 1 << 16
"""The longest record looked at: a RADIUS packet is 4,096 octets at most (RFC 2865 §3)."""
ATTRIBUTES_MAX = 256
"""Attributes kept of a record: a packet holds fewer, the XML adds about 30 of its own."""
_XML = re.compile(r"\s*<Event>\s*<[A-Z][A-Za-z0-9-]{1,63} data_type=[\"']")
_ELEMENT = re.compile(r"<([A-Za-z][\w.-]{0,99})(?: [^<>]{0,100})?>([^<]{0,8192})</")
_DATE = r"\d{1,2}/\d{1,2}/\d{4}, ?\d{1,2}:\d\d:\d\d"
_DATABASE = re.compile(rf"\"[^\",]{{1,255}}\", ?\"[A-Z]{{2,8}}\", ?{_DATE}, ?\d{{1,3}},")
_PAIRS = re.compile(rf"[0-9A-Fa-f.:]{{0,45}},[^,]{{0,512}}, ?{_DATE},[A-Z]{{2,8}},[^,]{{1,255}},\d{{1,10}},")
_HEX = re.compile(r"0x(?:[0-9A-Fa-f]{2})+\Z")

COLUMNS = (
    *("Computer-Name", "Event-Source", "Record-Date", "Record-Time", "Packet-Type", "User-Name"),
    *("Fully-Qualified-User-Name", "Called-Station-Id", "Calling-Station-Id", "Callback-Number", "Framed-IP-Address"),
    *("NAS-Identifier", "NAS-IP-Address", "NAS-Port", "Client-Vendor", "Client-IP-Address", "Client-Friendly-Name"),
    *("Event-Timestamp", "Port-Limit", "NAS-Port-Type", "Connect-Info", "Framed-Protocol", "Service-Type"),
    *("Authentication-Type", "NP-Policy-Name", "Reason-Code", "Class", "Session-Timeout", "Idle-Timeout"),
    *("Termination-Action", "EAP-Friendly-Name", "Acct-Status-Type", "Acct-Delay-Time", "Acct-Input-Octets"),
    *("Acct-Output-Octets", "Acct-Session-Id", "Acct-Authentic", "Acct-Session-Time", "Acct-Input-Packets"),
    *("Acct-Output-Packets", "Acct-Terminate-Cause", "Acct-Multi-Session-Id", "Acct-Link-Count"),
    *("Acct-Interim-Interval", "Tunnel-Type", "Tunnel-Medium-Type", "Tunnel-Client-Endpt", "Tunnel-Server-Endpt"),
)
"""Of the database format, as far as they are of use; the first page cited lists all 67."""
NUMBERS = {
    "1": "User-Name", "4": "NAS-IP-Address", "8": "Framed-IP-Address", "25": "Class", "30": "Called-Station-Id",
    "31": "Calling-Station-Id", "32": "NAS-Identifier", "40": "Acct-Status-Type", "44": "Acct-Session-Id",
    "49": "Acct-Terminate-Cause", "66": "Tunnel-Client-Endpt", "95": "NAS-IPv6-Address", "168": "Framed-IPv6-Address",
    "4108": "Client-IP-Address", "4127": "Authentication-Type", "4128": "Client-Friendly-Name",
    "4129": "SAM-Account-Name", "4130": "Fully-Qualified-User-Name", "4132": "EAP-Friendly-Name",
    "4136": "Packet-Type", "4142": "Reason-Code", "4149": "NP-Policy-Name",
}  # fmt: skip
"""RADIUS's own (IANA, RADIUS Types; RFC 2865, 2866, 2868, 3162, 6911), from 4108 on Microsoft's, of the second page."""
_FIRST = ("NAS-IP-Address", "User-Name", "Record-Date", "Record-Time", "Event-Source", "Computer-Name")

Attributes = dict[str, object]


def is_record(text: str) -> bool:
    """Tell whether a line is a record of one of the three formats."""
    return any(pattern.match(text) is not None for pattern in (_XML, _DATABASE, _PAIRS))


def attributes(text: str) -> Attributes:
    """Read a line that is a record; of an attribute that is there twice the first value stays.

    Raises:
        Malformed: `not_a_record`, `record_too_long`.
    """
    if len(text) > TEXT_CHARS:
        raise Malformed("record_too_long")
    if _XML.match(text):
        return _xml(text)
    try:
        cells = [cell.strip() for cell in next(csv.reader([text.replace("\r", " ").replace("\n", " ")]), [])]
    except csv.Error:
        raise Malformed("not_a_record") from None
    if _DATABASE.match(text):
        return _dated(dict(zip(COLUMNS, cells, strict=False)))
    if _PAIRS.match(text):
        return _pairs(cells)
    raise Malformed("not_a_record")


def named(cells: Attributes) -> Attributes:
    """Give a table's row, whose header somebody wrote in front of a database format's log, the XML's names."""
    return _dated({_OTHER_NAMES.get(name.lower(), name): value for name, value in cells.items()})


_OTHER_NAMES = {
    "computername": "Computer-Name",
    "servicename": "Event-Source",
    "fully-qualified-distinguished-name": "Fully-Qualified-User-Name",
    "policy-name": "NP-Policy-Name",
}


def _xml(text: str) -> Attributes:
    found: Attributes = {}
    for element in _ELEMENT.finditer(text):
        name = "Fully-Qualified-User-Name" if element[1] == "Fully-Qualifed-User-Name" else element[1]  # NPS's own slip
        found.setdefault(name, unescape(element[2]).strip())
        if len(found) >= ATTRIBUTES_MAX:
            break
    return found


def _pairs(cells: list[str]) -> Attributes:
    found: Attributes = {name: _shown(cell) for name, cell in zip(_FIRST, cells, strict=False) if cell}
    for at in range(len(_FIRST), min(len(cells) - 1, 2 * ATTRIBUTES_MAX), 2):
        name = NUMBERS.get(cells[at])
        if name is not None and cells[at + 1]:
            found.setdefault(name, _shown(cells[at + 1]))
    return _dated(found)


def _shown(text: str) -> str:
    """Return what hexadecimal stands for, where that is text."""
    if not _HEX.match(text):
        return text
    try:
        return bytes.fromhex(text[2:]).decode("utf-8").rstrip("\x00")
    except UnicodeDecodeError:
        return text


def _dated(found: Attributes) -> Attributes:
    date, time = found.pop("Record-Date", None), found.pop("Record-Time", None)
    if date and time:
        found.setdefault("Timestamp", f"{date} {time}")
    return found
