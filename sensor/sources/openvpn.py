"""OpenVPN servers: which account has which tunnel address, from where.

Read: the server's log, from syslog or its own file (`Mon Jun 18 08:12:15 2015 …`, `2023-03-16 03:08:58 …`, with or
without `us=…`; the messages are those of OpenVPN 2.x, https://github.com/OpenVPN/openvpn, src/openvpn/multi.c and
ssl.c); the status file of `--status`, versions 1 to 3; Access Server's log (`AUTH SUCCESS {'user': …}`) and the table
of its `logdba`.

A client is named `name/address:port` before its messages. An assigned address is a lease, a client that goes ends it
(the line names no address), a refused one is a failed logon. Times have no zone unless written and are read as UTC. A
line that is about no client says nothing and is accepted.
"""

import re

from sensor.errors import Malformed
from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.wire.details import present
from sensor.wire.event_times import read_time
from sensor.wire.fields import Fields, read_address

SOURCE = "openvpn"
_TIME = re.compile(
    r"((?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d \d{4}"
    r"|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d{4})?)(?: us=\d{1,7})? "
)
_ADDRESS = r"(?:\[AF_INET6?\])?(\[?[0-9a-fA-F.:]{3,45}\]?:\d{1,5})"
_CLIENT = re.compile(rf"(?:([^/\[\]]{{1,128}})/)?{_ADDRESS} ")
_STDOUT = re.compile(r"\[(?:-|std\w{2,4}#\w{1,16})\] (?:\w{1,16} \d{1,6} )?(?:OUT: )?")
"""Access Server's own prefix: `[stdout#info]`, `[-] OVPN 0 OUT:`."""
_LEARN = re.compile(rf"MULTI: Learn: (\S{{1,64}}) -> (?:(.{{1,128}})/)?{_ADDRESS}")
_POOL = re.compile(r"MULTI_sva: pool returned IPv4=(\(Not enabled\)|\S{1,64}?)(?:, IPv6=(\S{1,64}))?(?: |$)")
_PEER = re.compile(rf"\[(.{{0,128}}?)\] Peer Connection Initiated with {_ADDRESS}")
_PASSWORD = re.compile(r"TLS: Username/Password authentication (succeeded|deferred) for username '(.{1,128}?)'")
_VERIFY = re.compile(r"VERIFY ERROR: depth=\d{1,3}, error=([^:]{1,200}): (.{0,1024})")
_CN = re.compile(r"(?:^|[,/ ])CN ?= ?([^,/]{1,128})")
_SENT = re.compile(r"SENT CONTROL \[(.{0,128}?)\]: '(AUTH_FAILED|PUSH_REPLY)")
_IFCONFIG = re.compile(r",ifconfig ([0-9.]{7,15}) ")
_REFUSED = re.compile(
    r"(TLS Auth Error: .{1,200}|AUTH: Received control message: AUTH_FAILED.{0,200}"
    r"|TLS Error: TLS (?:handshake failed|key negotiation failed).{0,100}|MULTI: connection rejected: .{1,200})"
)
_GONE = re.compile(
    r"(SIG(?:TERM|USR1|HUP|INT)\[[^\]]{1,64}\] received, client-instance \w+|Connection reset, restarting"
    r"|CC-EEN exit message received|.{0,64}client-instance exiting)"
)
_ACCESS = re.compile(
    r"(AUTH SUCCESS|AUTH FAILED|Web login \w{1,32}|VPN Auth Failed)\b[^{]{0,32}\{(.{1,4096})", re.DOTALL
)
_PAIR = re.compile(r"'(user|username|reason|common_name|client_addr|real_ip|vpn_ip)': '([^']{0,256})'")
_ANY = re.compile(
    r"MULTI(?:_sva)?: |Peer Connection Initiated|VERIFY (?:OK|ERROR)|TLS(?:_ERROR)?: |TLS (?:Auth )?Error: "
    r"|SENT CONTROL \[|PUSH: |peer info: |Control Channel|Data Channel|OpenVPN \d|AUTH SUCCESS \{|AUTH FAILED \{"
    r"|client-instance|Connection reset, restarting"
)
"""What tells OpenVPN's line where no syslog tag does."""
_STAMP = r"(?:\w{3} \w{3} {1,2}\d{1,2} \d\d:\d\d:\d\d \d{4}|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)"
_CLIENT_1 = re.compile(rf"[^,]{{1,128}},[^,\s]{{3,64}},\d{{1,20}},\d{{1,20}},{_STAMP}$")
_ROUTE_1 = re.compile(rf"[^,\s]{{2,64}},[^,]{{1,128}},[^,\s]{{3,64}},{_STAMP}$")
_STATUS = ("CLIENT_LIST", "ROUTING_TABLE", "TITLE", "HEADER", "TIME", "GLOBAL_STATS")
_LOGDBA = ("username", "real ip", "vpn ip", "start time")


def claims(record: Fields) -> bool:
    """Tell whether a record is a line or a row of OpenVPN's."""
    if _cells(record) or _table(record):
        return True
    text = record.text("message")
    if text is None:
        return False
    name = (record.text("syslog.appname") or "").lower()
    if name.startswith(("openvpn", "ovpn")):
        return True
    stamp = _TIME.match(text)
    return stamp is not None and _ANY.search(text, stamp.end(), stamp.end() + 400) is not None


def read(record: Fields) -> list[Event]:
    """Read one record. Raises Malformed: `missing_time`, `bad_time`."""
    cells = _cells(record)
    if cells:
        return _status(cells)
    if _table(record):
        return _logged(record)
    text = record.text("message") or ""
    stamp = _TIME.match(text)
    said = text[stamp.end() if stamp else 0 :]
    own = _STDOUT.match(said)
    said = said[own.end() :] if own else said
    inner = _TIME.match(said.lstrip("'"))
    if inner:
        said = said.lstrip("'")[inner.end() :]
    client = _CLIENT.match(said)
    found = _said(said[client.end() :] if client else said)
    if found is None:
        return []
    action, outcome, given = found
    when = inner or stamp
    ts = read_time(when[1]) if when else record.time("syslog.timestamp")
    ip, port = _real(given.get("address") or (client[2] if client else ""))
    account = fold(given.get("account") or (client[1] if client else None))
    return [_event(ts, action, outcome, account, (ip, port), given)]


def _real(text: str) -> tuple[str | None, int | None]:
    """Read a client's address, behind which its port always stands: IPv6 has no brackets here."""
    address, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or not read_address(address.strip("[]"))[0]:
        return read_address(text)
    return read_address(address.strip("[]"))[0], int(port) if len(port) <= 5 and int(port) <= 65_535 else None


def _event(
    ts: int, action: str, outcome: str, account: str | None, real: tuple[str | None, int | None], given: dict[str, str]
) -> Event:
    assigned, ended = read_address(given.get("assigned"))[0], "ended" in given
    kind = "lease" if outcome != "failure" and (assigned or ended or action == "CLIENT_LIST") else "logon"
    return Event(
        ts=ts,
        source=SOURCE,
        kind=kind,
        action=action,
        outcome=outcome,
        reason=given.get("reason"),
        account=account,
        ip=real[0],
        port=real[1],
        app="OpenVPN",
        detail=present(assigned_addr=assigned, public_addr=real[0], ended=ended or None),
        raw_id=given.get("id"),
    )


def _said(text: str) -> tuple[str, str, dict[str, str]] | None:
    """Read a message: its word, the outcome, and what it gives; None where it is about no client's coming or going."""
    for pattern, reader in _READERS:
        found = pattern.match(text) if pattern is not _ACCESS else pattern.search(text)
        if found:
            return reader(found)
    return None


def _learn(m: re.Match[str]) -> tuple[str, str, dict[str, str]] | None:
    if "/" in m[1] or read_address(m[1])[0] is None:
        return None  # a network behind the client, or its MAC on a bridged tunnel
    return "MULTI: Learn", "success", _given(assigned=m[1], account=m[2], address=m[3])


def _pool(m: re.Match[str]) -> tuple[str, str, dict[str, str]] | None:
    address = next((text.rstrip(",") for text in (m[1], m[2]) if read_address((text or "").rstrip(","))[0]), None)
    return ("MULTI_sva: pool returned", "success", _given(assigned=address)) if address else None


def _sent(m: re.Match[str]) -> tuple[str, str, dict[str, str]] | None:
    if m[2] == "AUTH_FAILED":
        return "AUTH_FAILED", "failure", _given(account=m[1], reason="AUTH_FAILED")
    pushed = _IFCONFIG.search(m.string[m.end() : m.end() + 4096])
    return ("PUSH_REPLY", "success", _given(account=m[1], assigned=pushed[1])) if pushed else None


def _verify(m: re.Match[str]) -> tuple[str, str, dict[str, str]]:
    name = _CN.search(m[2])
    return "VERIFY ERROR", "failure", _given(account=name[1].strip() if name else None, reason=m[1])


def _access(m: re.Match[str]) -> tuple[str, str, dict[str, str]]:
    pairs = dict(_PAIR.findall(m[2].rpartition("}")[0]))
    outcome = "success" if "SUCCESS" in m[1] or "success" in m[1] else "failure"
    account = pairs.get("user") or pairs.get("username") or pairs.get("common_name")
    address = pairs.get("client_addr") or pairs.get("real_ip")
    return m[1], outcome, _given(account=account, address=address, reason=pairs.get("reason"))


def _given(**values: str | None) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


_DONE = {"succeeded": "success", "deferred": "interrupt"}
_READERS = (
    (_LEARN, _learn),
    (_POOL, _pool),
    (_PEER, lambda m: ("Peer Connection Initiated", "success", _given(account=m[1], address=m[2]))),
    (_PASSWORD, lambda m: (f"Username/Password authentication {m[1]}", _DONE[m[1]], _given(account=m[2]))),
    (_VERIFY, _verify),
    (_SENT, _sent),
    (_REFUSED, lambda m: (m[1].partition(": ")[0], "failure", _given(reason=m[1].partition(": ")[2]))),
    (_GONE, lambda m: (m[1].partition("[")[0], "success", _given(ended="1", reason=m[1]))),
    (_ACCESS, _access),
)


def _cells(record: Fields) -> list[str]:
    """Return a status file's row; empty where this is none. A table's reader may have taken its first row for names."""
    if record.has("HEADER", "CLIENT_LIST") or record.has("Common Name", "Real Address", "Bytes Received"):
        return [str(value) for value in record.raw.values() if value is not None]
    text = record.text("message")
    if text is None or len(text) > _ROW_MAX:
        return []
    for separator in (",", "\t"):
        cells = text.split(separator)
        if cells[0] in _STATUS and len(cells) > 1:
            return cells
    return text.split(",") if _CLIENT_1.match(text) or _ROUTE_1.match(text) else []


_ROW_MAX = 1024


def _status(cells: list[str]) -> list[Event]:
    """Read a client's or a route's row; other rows say nothing."""
    text = ",".join(cells)
    if cells[0] == "CLIENT_LIST" and len(cells) >= 8:
        wide = not cells[4].isdigit()  # 2.4 put a column for IPv6 before the counters
        at = 5 if wide else 4
        name = next((cell for cell in cells[at + 4 : at + 5] if cell not in {"", "UNDEF"}), cells[1])
        assigned = cells[3] or (cells[4] if wide else "")
        return _seen(name, cells[2], assigned, cells[at + 2 : at + 4], "CLIENT_LIST")
    if cells[0] == "ROUTING_TABLE" and len(cells) >= 5:
        return _seen(cells[2], cells[3], cells[1], cells[4:6], "ROUTING_TABLE")
    if cells[0] in _STATUS:
        return []
    if _CLIENT_1.match(text):
        name, real, *_, since = text.split(",")
        return _seen(name, real, "", [since], "CLIENT_LIST")
    if _ROUTE_1.match(text):
        assigned, name, real, last = text.split(",")
        return _seen(name, real, assigned, [last], "ROUTING_TABLE")
    return []


def _seen(name: str, real: str, assigned: str, times: list[str], action: str) -> list[Event]:
    """Make a lease of a client that is connected; a network behind it is none."""
    if name == "UNDEF" or "/" in assigned:
        return []
    stamps = [text for text in times if text]
    if not stamps:
        raise Malformed("missing_time")
    ts = read_time(stamps[-1])
    given = _given(assigned=assigned.removesuffix("C"), id=f"{action} {name} {real} {assigned} {stamps[-1]}")
    return [_event(ts, action, "success", fold(name), read_address(real), given)]


def _table(record: Fields) -> bool:
    return all(record.has(name) for name in _LOGDBA)


def _logged(record: Fields) -> list[Event]:
    """Read a row of Access Server's `logdba`: one session, or a refused one."""
    ts = record.time("start time")
    fault = record.text("error")
    given = _given(assigned=record.text("vpn ip"), reason=fault)
    outcome = "failure" if fault else "success"
    action = record.text("service") or "VPN"
    return [_event(ts, action, outcome, fold(record.text("username")), record.address("real ip"), given)]
