"""Erase a person or a device from a state: what would go, its going, and the proof that nothing is left.

The request is a file in the state's folder until everything is done, so that a process that is killed at any point is
followed by one that does it again: what is gone is not found a second time. Tables, archive and snapshot change in one
commit; then the database is written anew, files that held the subject are deleted, the lines of the audit log that name
it lose their bodies, the folder is searched whole, and the log gets a line with counts and digests. Backups, and what
sinks and the hub were told, are out of reach.
"""

import hashlib
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sensor.model.account import Account
from sensor.model.erasure import Counted, Finder, Subject, terms_of_account
from sensor.model.incident import Incident
from sensor.model.times import rfc3339
from sensor.pipeline.forgetting import forget
from sensor.store import audit, erasing, erasing_archive, pseudonym_key
from sensor.store.actions import Actions
from sensor.store.erasing_archive import Changed
from sensor.store.searching import REQUEST, Searched, search
from sensor.store.state import State, take_lock
from sensor.wire.clock import SystemClock

PROOFS = "erasures"
"""Folder of the files that erasures wrote anew, with digests of before and after; each is named in the audit log."""
PACKETS = "packets"
"""Folder of kept packets: a file that holds the subject goes whole."""
WAIT_S = 600.0
"""For a sensor to get to it: it looks each turn, and reads files of its start to their end first."""
LOOK_S = 0.2
UNDER_WAY = ("approved", "executing", "verified", "unknown")
"""States of a response that is to be taken back, or looked at, by the name of its target."""
ERASED = "erased_ns"
"""Key of the event time up to which records may be missing because somebody was erased."""
_DONE = "erasure:"
"""Key of what was done in the commit, until the proof is written."""


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be erased, as it waits in the state's folder."""

    id: str
    subject: Subject
    reason: str
    by: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What would go, and what speaks against it."""

    subject: Subject
    counts: tuple[Counted, ...]
    open_incidents: tuple[str, ...]
    """That are about it: evidence in use."""
    under_way: tuple[str, ...]
    """Responses against it that are not over: their target must be known to take them back."""
    linked: tuple[str, ...]
    """Devices it is linked to, which stay: each is erased by itself."""


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """What an erasure did."""

    id: str
    kind: str
    stands: str
    counts: tuple[Counted, ...]
    files: tuple[Changed, ...]
    lines: tuple[int, ...]
    """Of the audit log, whose bodies went."""
    searched: Searched


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """Whether erasures hold."""

    erasures: tuple[str, ...]
    problems: tuple[str, ...]
    searched: Searched


class _Done(msgspec.Struct):
    counts: list[Counted] = []
    files: list[Changed] = []


def plan(folder: Path, name: str, also: Sequence[str] = ()) -> Plan | None:
    """Return what would go, changing nothing; None where the state has nobody of that name, nor anything that says it.

    Raises:
        ValueError: The name is an account's and a device's.
        FileNotFoundError: There is no state.
    """
    with State(folder, readonly=True) as state:
        subject, linked = _subject(state, name, also)
        finder = Finder(subject)
        counts = [
            *state.look(lambda one: erasing.counted(one, finder)),
            *erasing_archive.counted(state, folder, finder),
        ]
        columns = state.load_snapshot()
        rows, (_, changed) = forget(columns, subject)[1], erasing.scrubbed(columns, finder)
        counts += [Counted("snapshot", rows, changed)] if rows or changed else []
        found = [one for one in state.incidents(digest=True, states=("open",)) if _is_about(one, subject)]
    packets = len(_packet_files(folder, finder))
    counts += [Counted("packets", packets, 0)] if packets else []
    lines = sum(finder.in_bytes(line) for line in _lines(folder))
    counts += [Counted("audit log", 0, lines)] if lines else []
    if not counts:
        return None
    return Plan(
        subject=subject, counts=tuple(counts), open_incidents=tuple(one.id for one in found),
        under_way=tuple(_under_way(folder, subject)), linked=linked,
    )  # fmt: skip


def ask(folder: Path, subject: Subject, reason: str, by: str) -> Request:
    """Put a request into the state's folder, durably. Raises ValueError where another waits."""
    made = Request(id=f"ERA-{secrets.token_hex(6)}", subject=subject, reason=reason, by=by)
    beside = folder / f"{REQUEST}.{made.id}"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(made))
        file.flush()
        os.fsync(file.fileno())
    try:
        (folder / REQUEST).hardlink_to(beside)
    except FileExistsError:
        raise ValueError("another erasure waits, or was interrupted: run `spanline erase --resume`") from None
    finally:
        beside.unlink()
    return made


def waiting(folder: Path) -> Request | None:
    """Return the request that waits, or was interrupted; None where there is none."""
    try:
        return msgspec.json.decode((folder / REQUEST).read_bytes(), type=Request)
    except FileNotFoundError:
        return None


def is_asked(folder: Path) -> bool:
    """Tell whether a request waits; asked by a sensor that runs, each turn."""
    return (folder / REQUEST).exists()


def finish(folder: Path, wait_s: float = WAIT_S) -> Proof | None:
    """Have what is asked for done, by this process or by the sensor that holds the state; None where nothing is.

    Raises:
        ValueError: It was not done in time, or cannot be.
    """
    request = waiting(folder)
    if request is None:
        return None
    until_s = time.monotonic() + wait_s
    while (now := waiting(folder)) is not None and now.id == request.id:
        try:
            take_lock(folder).close()
        except ValueError:
            if time.monotonic() > until_s:
                raise ValueError(
                    f"{request.id} waits in {folder}: whoever uses the state has not got to it, or lets go of it yet"
                ) from None
            time.sleep(LOOK_S)
            continue
        return carry_out(folder)
    return msgspec.json.decode((folder / PROOFS / f"{request.id}.json").read_bytes(), type=Proof)


def carry_out(folder: Path) -> Proof | None:
    """Do what is asked for, from wherever it was interrupted; None where nothing is.

    Raises:
        ValueError: Another process learns into the state, or the audit log does not verify.
    """
    with State(folder, exclusive=True) as state:
        request = waiting(folder)
        if request is None:
            return None
        if _told(folder, "erased", request.id):  # it died just before its end
            (folder / REQUEST).unlink()
            return msgspec.json.decode((folder / PROOFS / f"{request.id}.json").read_bytes(), type=Proof)
        finder = Finder(request.subject)
        log = audit.AuditLog(folder)
        try:
            return _erase(folder, state, request, finder, log)
        finally:
            log.close()


def verify(folder: Path, name: str, also: Sequence[str] = ()) -> Verified:
    """Check the erasures of a name: their lines in the log, their files, and that nothing of it is left."""
    with State(folder, readonly=True) as state:
        subject, _ = _subject(state, name, also)
        listed = {one.path for one in state.manifest.files()}
    problems, _ = audit.verify(folder)
    mine = {_digest(folder, one) for one in (*subject.names, *subject.terms)}
    erasures = []
    for line in _lines(folder):
        entry = msgspec.json.decode(line)
        body = entry.get("body")
        if entry.get("what") == "erased" and isinstance(body, dict) and mine & set(body.get("subject", ())):
            erasures.append(str(body["erasure"]))
            problems += _proof_faults(folder, str(body["erasure"]), str(body["proof"]), listed)
    searched = search(folder, Finder(subject))
    problems += [f"it is still in {place}" for place in searched.found]
    return Verified(erasures=tuple(erasures), problems=tuple(problems), searched=searched)


def _erase(folder: Path, state: State, request: Request, finder: Finder, log: audit.AuditLog) -> Proof:
    done = _commit(folder, state, request, finder)
    erasing_archive.remove_unlisted(state, folder)
    current = state.meta("snapshot")
    for path in folder.glob("snapshot-*.npz"):
        if path.name != current:
            path.unlink()
    for path in _packet_files(folder, finder):
        done.counts.append(Counted(PACKETS, 1, 0))
        path.unlink()
    state.look(erasing.write_anew)
    ts = rfc3339(SystemClock(threading.Event()).now_ns())
    log.take_out(ts, {"erasure": request.id}, finder.in_bytes)
    lines = tuple(sorted({n for body in _told(folder, audit.TAKEN_OUT, request.id) for n in body["lines"]}))
    proof = Proof(
        id=request.id, kind=request.subject.kind, stands=request.subject.stands, counts=tuple(done.counts),
        files=tuple(done.files), lines=lines, searched=search(folder, finder),
    )  # fmt: skip
    _write_proof(folder, proof)
    digests = sorted({_digest(folder, one) for one in (*request.subject.names, *request.subject.terms)})
    told = {
        "erasure": proof.id, "kind": proof.kind, "subject": digests, "stands": proof.stands,
        "reason": finder.scrubbed(request.reason), "by": finder.scrubbed(request.by),
        "counts": msgspec.to_builtins(proof.counts), "files": len(proof.files), "proof": _sha256(folder, proof.id),
        "searched": msgspec.to_builtins(proof.searched),
    }  # fmt: skip
    log.append(ts, "erased", told)
    (folder / REQUEST).unlink()
    return proof


def _commit(folder: Path, state: State, request: Request, finder: Finder) -> _Done:
    """Change tables, archive and snapshot in one commit; return what was done, before it was interrupted too."""
    key = f"{_DONE}{request.id}"
    held = state.meta(key)
    done = msgspec.json.decode(held, type=_Done) if held is not None else _Done()
    before = state.load_snapshot()
    columns, rows = forget(before, request.subject)
    columns, changed = erasing.scrubbed(columns, finder)
    done.counts += [Counted("snapshot", rows, changed)] if rows or changed else []
    counts, files = erasing_archive.rewrite(state, folder, finder)
    done.counts += counts
    done.files += files

    def change(connection: sqlite3.Connection) -> None:
        done.counts += erasing.rewrite(connection, finder, state.seals.put_row)
        text = msgspec.json.encode(done).decode()
        held = [(key, text), (ERASED, state.meta("clock_ns") or "0")]
        connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", held)

    state.rewrite(columns, change)
    return done


def _subject(state: State, name: str, also: Sequence[str]) -> tuple[Subject, tuple[str, ...]]:
    """Find whom a name means, and the devices linked to it; who is not known is an account of that name."""
    stands = f"erased-{secrets.token_hex(6)}"
    account, device = state.account(name), state.device(name)
    if account is not None and device is not None and "@" not in name and not name.startswith("dev-"):
        raise ValueError(f"{name} is account {account.name} and device {device.id}: name one of these")
    if device is not None and (account is None or name.startswith("dev-")):
        ids = (device.id, *device.aliases)
        hosts = [one.value for one in device.names if one.value] or [device.name]
        macs = [form for mac in device.macs for form in (mac, mac.replace(":", "-"), mac.replace(":", ""))]
        labels = [host.partition(".")[0] for host in hosts if not _is_address(host)]
        terms = dict.fromkeys((*ids, *hosts, *labels, *macs, *device.agents.values(), *also))
        names = tuple(one.lower() for one in ids)
        return Subject(kind="device", names=names, terms=tuple(one for one in terms if one), stands=stands), ()
    found = account or Account(name=name.lower(), first_seen="", last_seen="", sightings=0)
    names = tuple(dict.fromkeys((found.name, *found.names, *found.ids)))
    others = [form for one in state.accounts() if one.name != found.name for form in (one.name, *one.names)]
    terms_all = terms_of_account(names, others, also)
    small = tuple(one.lower() for one in names)
    return Subject(kind="account", names=small, terms=terms_all, stands=stands), found.devices


def _is_address(text: str) -> bool:
    return text.replace(".", "").isdigit() or ":" in text


def _is_about(incident: Incident, subject: Subject) -> bool:
    """Tell whether an incident's evidence or parties are the subject."""
    ids = {*(one.id for one in incident.entities), *(one.entity.id for one in incident.evidence)}
    return any(one.lower() in subject.names for one in ids)


def _under_way(folder: Path, subject: Subject) -> Iterable[str]:
    with Actions(folder, readonly=True) as actions:
        for one in actions.all(UNDER_WAY):
            if one.action.target["id"].partition("/")[0].lower() in subject.names and (
                one.action.state != "verified" or one.next_ns is not None
            ):
                yield one.action.id


def _lines(folder: Path) -> list[bytes]:
    path = folder / audit.LOG
    return path.read_bytes().splitlines() if path.exists() else []


def _told(folder: Path, what: str, key: str) -> list[dict[str, Any]]:
    """Return what the audit log's lines of a kind say of an erasure."""
    found = (msgspec.json.decode(line) for line in _lines(folder) if key.encode() in line)
    return [one["body"] for one in found if one["what"] == what and one.get("body", {}).get("erasure") == key]


def _packet_files(folder: Path, finder: Finder) -> list[Path]:
    held = (folder / PACKETS).rglob("*") if (folder / PACKETS).is_dir() else ()
    return [one for one in sorted(held) if one.is_file() and finder.in_bytes(one.read_bytes())]


def _digest(folder: Path, name: str) -> str:
    """Return what the log has in place of a name: keyed, so that it tells nobody else who it was."""
    key = pseudonym_key.own(folder)
    return hashlib.blake2b(
        b"erased\0" + name.lower().encode("utf-8", "surrogatepass"), digest_size=16, key=key
    ).hexdigest()


def _write_proof(folder: Path, proof: Proof) -> None:
    path = folder / PROOFS / f"{proof.id}.json"
    path.parent.mkdir(exist_ok=True)
    beside = path.with_suffix(".new")
    with beside.open("wb") as file:
        file.write(msgspec.json.encode(proof))
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)


def _sha256(folder: Path, key: str) -> str:
    return hashlib.sha256((folder / PROOFS / f"{key}.json").read_bytes()).hexdigest()


def _proof_faults(folder: Path, key: str, digest: str, listed: set[str]) -> list[str]:
    """Say what of an erasure's files is not as its proof says; a file that was merged or has expired is neither."""
    try:
        if _sha256(folder, key) != digest:
            return [f"{PROOFS}/{key}.json is not as it was written"]
        proof = msgspec.json.decode((folder / PROOFS / f"{key}.json").read_bytes(), type=Proof)
    except (OSError, msgspec.DecodeError) as error:
        return [f"{PROOFS}/{key}.json cannot be read: {error}"]
    faults = []
    for one in proof.files:
        if (folder / "archive" / one.path).exists():
            faults.append(f"archive/{one.path} is there again")
        path = folder / "archive" / one.new
        if one.new in listed and hashlib.sha256(path.read_bytes()).hexdigest() != one.after:
            faults.append(f"archive/{one.new} is not as the erasure wrote it")
    return faults
