"""Whom a pseudonym stands for: every name that the state or its archive still holds is tried under the key.

There is no list of what was given out. A name that was erased, or has expired, is nobody's any more: then neither this
nor anybody else can tell whom the pseudonym stood for. Each question is in the audit log before it is answered.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from sensor.model.pseudonyms import KINDS, Pseudonyms
from sensor.store.archive_reader import ArchiveReader
from sensor.store.audit import AuditLog
from sensor.store.state import State

FOUND_MAX = 64
"""Spellings of one name."""
REASON_MAX = 2000
_PSEUDONYM = re.compile(r"(account|host|address|mac)-[0-9a-f]{16}(?![0-9a-f])")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}")
_WORD = re.compile(r"[^\s\"'<>()\[\]{},;=|\\/]+")
_COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "account": {"events": ("account", "account_entity", "object"), "signins": ("account",), "flows": ("\"user\"",)},
    "host": {"events": ("device_name",), "messages": ("query",)},
    "address": {
        "flows": ("orig_h", "resp_h"), "arp": ("sender_ip", "target_ip"), "events": ("ip",), "signins": ("ip",),
    },
    "mac": {"flows": ("orig_l2_addr", "resp_l2_addr"), "arp": ("sender_mac", "target_mac")},
}  # fmt: skip
"""Kind → table of the archive → columns that hold such names."""


def kind_of(pseudonym: str) -> str | None:
    """Return what a pseudonym stands for (account, host, address, mac), None where it is none."""
    found = _PSEUDONYM.match(pseudonym.strip().lower())
    if found is not None:
        return found.group(1)
    if _MAC.fullmatch(pseudonym.strip()):
        return "mac"
    try:
        return "address" if str(ipaddress.ip_address(pseudonym.strip())).startswith("fd73:706c:") else None
    except ValueError:
        return None


def reveal(folder: Path, key: bytes, pseudonym: str, *, reason: str, by: str, ts: str) -> tuple[str, ...]:
    """Return the names that a pseudonym stands for, after the question is in the audit log.

    Args:
        folder: Of the state.
        key: Under which it was made.
        pseudonym: As it was shown: with its domain or without, or an address that stands for one.
        reason: Why it is asked.
        by: Who asks.
        ts: When, RFC 3339.

    Raises:
        ValueError: It is no pseudonym, there is no reason, or the log cannot be written.
        FileNotFoundError: There is no state.
    """
    kind, asked = kind_of(pseudonym), pseudonym.strip().lower()
    shape = _PSEUDONYM.match(asked)
    wanted = shape.group() if shape is not None else asked
    if kind is None:
        raise ValueError(f"{pseudonym!r} is no pseudonym: account-, host-, address- or mac- and 16 digits")
    if not reason.strip() or len(reason) > REASON_MAX:
        raise ValueError(f"a reason is needed, of at most {REASON_MAX} characters: it stands in the audit log")
    made = Pseudonyms(key, KINDS, ("0.0.0.0/0", "::/0"))
    with State(folder, readonly=True) as state:
        found = _matching(made, kind, wanted, _of_state(state, kind))
        if not found:
            with ArchiveReader(state, folder) as archive:
                found = _matching(made, kind, wanted, _of_archive(archive, kind))
    log = AuditLog(folder)
    try:
        told = {"pseudonym": wanted, "reason": reason.strip(), "by": by, "found": len(found)}
        log.append(ts, "revealed", told)
    finally:
        log.close()
    return found


def _matching(made: Pseudonyms, kind: str, wanted: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return those names, once each, for which the pseudonym stands."""
    found = dict.fromkeys(name for name in names if name and wanted in _stands(made, kind, name))
    return tuple(sorted(found))[:FOUND_MAX]


def _stands(made: Pseudonyms, kind: str, name: str) -> tuple[str, ...]:
    if kind == "account":
        return (made.account(name).partition("@")[0].rstrip("$"),)
    if kind == "host":
        return (made.host(name).partition(".")[0],)
    if kind == "mac":
        return made.mac(name.lower()), made.column_mac(name.lower())
    return made.address(name), made.column_address(name)


def _of_state(state: State, kind: str) -> Iterator[str]:
    """Give the names of the inventory, of sign-ins and of what is told in incidents."""
    if kind == "account":
        for account in state.accounts():
            yield from (account.name, *account.names)
        yield from (one.account for one in state.signins())
    for device in state.devices() if kind != "account" else ():
        if kind == "host":
            yield from (device.name, *(span.value for span in device.names))
        else:
            yield from device.macs if kind == "mac" else device.addresses
            yield from (span.value for span in device.address_spans)
    for incident in state.incidents(digest=True):
        for word in set(_WORD.findall(msgspec.json.encode(incident).decode())):
            plain = word.strip(".:?!")
            yield plain
            if kind == "address" and ":" in plain:
                yield from (plain.partition(":")[2], plain.rpartition(":")[0])


def _of_archive(archive: ArchiveReader, kind: str) -> Iterator[str]:
    for table, columns in _COLUMNS[kind].items():
        for column in columns:
            rows = archive.rows(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")  # noqa: S608 - ours
            yield from (str(name) for (name,) in rows)
