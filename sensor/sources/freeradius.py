"""FreeRADIUS's log: who authenticated, from which link-layer address, through which client.

Read: `Auth: (7) Login OK: [ann] (from client ap1 port 13 cli AA-BB-CC-DD-EE-FF)`, `Login incorrect (reason): [ann/…]`
of FreeRADIUS 2 and 3 (https://www.freeradius.org, src/main/auth.c), from its own file, whose time has no zone and is
read as UTC, or from syslog. A password that the log holds behind the name is left out. A success is a lease between
account and address, a failure a logon. Detail files are not read: their records span lines.
"""

import re

from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.wire.details import present
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields, read_address
from sensor.wire.macs import read_mac

SOURCE = "freeradius"
_LINE = re.compile(
    r"(?:([A-Z][a-z]{2} [A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d \d{4}) : )?(?:Auth: )?(?:\(\d{1,12}\) {1,2})?"
    r"(Login OK|Login incorrect|Invalid user)(?: \((.{0,400}?)\))?: \[(.{0,512}?)\] "
    r"\(from client (\S{1,255}) port (\S{1,32})"
    r"(?: cli ([^\s)]{1,128}))?"
)


def claims(record: Fields) -> bool:
    """Tell whether a line is an authentication of FreeRADIUS's."""
    text = record.text("message")
    return text is not None and _LINE.match(text) is not None


def read(record: Fields) -> list[Event]:
    """Read one line. Raises Malformed: `missing_time`, `bad_time`."""
    found = _LINE.match(record.text("message") or "")
    if found is None:
        return []
    ts = read_time(found[1]) if found[1] else record.time("syslog.timestamp")
    good = found[2] == "Login OK"
    public = read_address(found[7])[0]
    return [
        Event(
            ts=ts,
            source=SOURCE,
            kind="lease" if good else "logon",
            action=found[2],
            outcome="success" if good else "failure",
            reason=found[3] or None,
            account=fold(_name(found[4])),
            ip=public,
            resource=found[5],
            detail=present(mac=read_mac(found[7]), public_addr=public),
        )
    ]


def _name(text: str) -> str:
    """Return the name without the password, or how it was checked, behind the first slash; `host/…` is a machine's."""
    lead = "host/" if text.lower().startswith("host/") else ""
    return text[len(lead) :].partition("/")[0]
