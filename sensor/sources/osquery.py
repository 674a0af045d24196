"""osquery's results and snapshots: sockets, logins, processes, files and addresses of a host.

Read: the results log of the file system and TLS loggers, a row a record (`columns`), a batch (`diffResults`), a
snapshot (`snapshot`); values are texts. Rows are told by their columns, since a query may have any name:
https://osquery.io/schema. Sockets (`process_open_sockets`, `socket_events`, `bpf_socket_events`) are a `connection`;
`logged_in_users` and `last` a `logon`; `processes`, `process_events` and shells' histories a `process`; `file_events`
a `file`; all else `other`. Listening sockets and sockets of files are no connections. The status log says nothing here.

`action` is osquery's: added, removed, snapshot; `object` the query's name. The time is the row's own where it has one
(when a user logged in), else when osquery wrote it. Polled sockets do not say who opened them: the end with a port of
32768 or more (the lowest that Linux gives to clients) did, where the other end's is lower; else the host itself.

The account is the row's, else the one that decorates the record; `LOGIN`, which utmp(5) writes for a waiting terminal,
is nobody.
"""

import re
from collections.abc import Iterator

from sensor.model.accounts import fold
from sensor.model.event import Event
from sensor.model.protocols import AnyMessage
from sensor.model.times import DAY_NS
from sensor.wire.details import present
from sensor.wire.fields import Fields, read_address
from sensor.wire.macs import read_mac

_ROWS_MAX = 100_000
"""Rows of one batch or snapshot: a record is at most a megabyte."""
_EPHEMERAL = 32768
"""net.ipv4.ip_local_port_range begins here (Linux, ip-sysctl); IANA's own range (RFC 6335 §6) begins above it."""
_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmp"}
_ACCEPTS = frozenset({"accept", "accept4"})
_NO_PEERS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared with, not bound to
_BEFORE_NS = 366 * DAY_NS
"""A row's own time is believed this far back: `last` reads the whole wtmp file."""
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")
_USER_SESSIONS = frozenset({"user", "user-process", "7", "active"})
_NO_SESSIONS = frozenset({"dead", "dead-process", "8"})
"""USER_PROCESS and DEAD_PROCESS of utmp(5), as the tables name or number them; `active` on Windows."""


def claims(record: Fields) -> bool:
    """Tell whether osquery wrote this."""
    if not record.has("unixTime") and not record.has("hostIdentifier"):
        return False
    if record.has("name") and any(record.has(key) for key in ("columns", "snapshot", "diffResults")):
        return True
    return record.has("hostIdentifier", "severity", "filename", "line")


def read(record: Fields) -> list[Event | AnyMessage]:
    """Read a record: an event a row, none for the status log. Raises Malformed: `missing_time`, `bad_time`."""
    if not record.has("name"):
        return []
    logged_ns = record.time("unixTime", "calendarTime")
    rows = _rows(record)
    return [_read(record, row, action, logged_ns) for _, (row, action) in zip(range(_ROWS_MAX), rows, strict=False)]


def _rows(record: Fields) -> Iterator[tuple[Fields, str]]:
    action = record.text("action") or ("snapshot" if record.has("snapshot") else "added")
    if record.has("columns"):
        yield record.part("columns"), action
    for row in record.each("snapshot"):
        yield row, "snapshot"
    for said in ("removed", "added"):
        for row in record.each(f"diffResults.{said}"):
            yield row, said


def _read(record: Fields, row: Fields, action: str, logged_ns: int) -> Event:
    host = record.text("decorations.hostname", "decorations.computer_name", "hostIdentifier", "host_identifier")
    device_id = record.text("decorations.host_uuid", "decorations.uuid")
    if host is not None and _UUID.match(host):
        device_id, host = device_id or host, None
    found: dict[str, object] = {"kind": "other", "detail": {}}
    for has, reader in _READERS:
        if any(row.has(*columns) for columns in has):
            found = reader(row, action) or found
            break
    when = found.pop("when", None)
    is_own = isinstance(when, int) and logged_ns - _BEFORE_NS <= when <= logged_ns
    values = {
        "ts": when if is_own else logged_ns,
        "account": _name(row.text("username", "user")) or _name(record.text("decorations.username")),
        "device_name": host,
        "device_id": device_id,
        "object": record.text("name"),
        **found,
    }
    if found["kind"] == "logon" and found["ip"] is not None:
        values["device_name"] = values["device_id"] = None
    detail = found["detail"]
    if found["kind"] == "logon" and isinstance(detail, dict):
        values["detail"] = present(**detail, target=host)
    return Event(source="osquery", action=action, **values)  # type: ignore[arg-type] # fields of Event, all


def _name(text: str | None) -> str | None:
    return None if text == "LOGIN" else fold(text)


def _seconds(row: Fields, *names: str) -> int | None:
    number = row.number(*names)
    return number * 10**9 if number is not None and 0 < number < 1 << 33 else None


def _socket(row: Fields, action: str) -> dict[str, object] | None:
    local, remote = row.address("local_address")[0], row.address("remote_address")[0]
    if remote is None or remote in _NO_PEERS or (row.text("state") or "").upper() == "LISTEN":
        return None
    local_port, remote_port = row.port("local_port"), row.port("remote_port")
    call = (row.text("action", "syscall") or "").lower()
    initiated = call not in _ACCEPTS
    if not call and local_port is not None and remote_port is not None:
        initiated = not local_port < _EPHEMERAL <= remote_port
    here, there = (local, local_port), (remote, remote_port)
    orig, resp = (here, there) if initiated else (there, here)
    protocol = row.text("protocol")
    return {
        "kind": "connection",
        "ip": local,
        "when": _seconds(row, "time"),
        "detail": present(
            orig_h=orig[0],
            orig_p=orig[1],
            resp_h=resp[0],
            resp_p=resp[1],
            proto=_PROTOCOLS.get(protocol or "", protocol),
            process=row.text("process_path", "path", "process", "process_name", "name", "cmdline"),
            pid=row.number("pid"),
            initiated=initiated,
            ended=action == "removed" or None,
        ),
    }


def _login(row: Fields, action: str) -> dict[str, object] | None:
    """Read a session of logged_in_users or last; its time is when it began, but for the record of its end."""
    said = (row.text("type_name", "type") or "user").lower()
    who = _name(row.text("username", "user"))
    if said not in _USER_SESSIONS | _NO_SESSIONS or who is None:
        return None
    ended = action == "removed" or said in _NO_SESSIONS
    host = row.text("host")
    address = read_address(host)[0]
    return {
        "kind": "logon",
        "outcome": "success",
        "ip": address,
        "when": None if action == "removed" else _seconds(row, "time"),
        "detail": present(
            workstation=host if address is None and host and not host.startswith(":") else None,
            process=row.text("name", "cmdline"),
            ended=ended or None,
        ),
    }


def _process(row: Fields, action: str) -> dict[str, object]:
    return {
        "kind": "process",
        "when": _seconds(row, "time") if action == "added" else None,
        "detail": present(
            process=row.text("path", "name"),
            command_line=row.text("cmdline", "command"),
            parent=row.text("pcmdline", "parent_path", "parent_name"),
            pid=row.number("pid"),
            ended=action == "removed" or None,
        ),
    }


def _history(row: Fields, _action: str) -> dict[str, object]:
    return {"kind": "process", "when": _seconds(row, "time"), "detail": present(command_line=row.text("command"))}


def _file(row: Fields, _action: str) -> dict[str, object]:
    path = row.text("target_path")
    return {
        "kind": "file",
        "when": _seconds(row, "time"),
        "detail": present(file=path, folder=path.rpartition("/")[0] if path else None),
    }


def _inventory(row: Fields, _action: str) -> dict[str, object]:
    """Read an interface's own address or MAC; the version of the system."""
    mac = read_mac(row.text("mac"))
    address = row.address("address")[0]
    is_own = address is not None and address != "::1" and not address.startswith("127.")
    return {
        "kind": "other",
        "detail": present(addresses=[address] if is_own else None, macs=[mac] if mac else [], os_version=_version(row)),
    }


def _version(row: Fields) -> str | None:
    return " ".join(filter(None, (row.text("name"), row.text("version")))) if row.has("platform_like") else None


_READERS = (
    ((("local_address", "remote_address"),), _socket),
    ((("host", "tty"), ("host", "user")), _login),
    ((("command", "history_file"),), _history),
    ((("target_path", "action"),), _file),
    ((("pid", "cmdline"), ("pid", "path", "parent")), _process),
    ((("interface", "address", "mask"), ("interface", "mac", "mtu"), ("platform_like", "version")), _inventory),
)
"""Columns that tell a table, and who reads its rows; the first that fits. `arp_cache` names other hosts: not here."""
