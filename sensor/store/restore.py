"""Put a backup's state back, after all of it has been checked: its digests, its database, its seals, its audit log.

It is unpacked beside what is there, and moved into place with the database last: a folder without that holds no state,
so whoever was killed in between begins again.
"""

import contextlib
import hashlib
import os
import shutil
import sqlite3
import tarfile
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec
import zstandard

from sensor.store import audit, schema
from sensor.store.backup import CHECKPOINTS, LAST, VERSION, Kept, open_tar, sync
from sensor.store.manifest import FOLDER as ARCHIVE
from sensor.store.state import DATABASE, LOCK, State, drop, take_lock

RESTORING = ".restoring"
_CHUNK = 1 << 20


def restore(path: Path, folder: Path, *, force: bool = False) -> Kept:
    """Put a backup's state into a folder, after all of it has been checked.

    Args:
        path: The backup.
        folder: Where the state shall be.
        force: Replace the state that is there.

    Raises:
        FileExistsError: There is a state.
        ValueError: The file is no whole backup, or a sensor is using the folder. The state there is as it was.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with take_lock(folder):
        if (folder / DATABASE).exists() and not force:
            raise FileExistsError(f"{folder} holds a state: name another folder, or --force to replace it")
        fresh = folder / RESTORING
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        try:
            kept = _unpack(path, fresh)
            _check(fresh, kept)
            drop(folder)
            _put(fresh, folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return kept


def _unpack(path: Path, fresh: Path) -> Kept:
    """Write every member below a folder, and return what the last says of them, if that is true."""
    digests: dict[str, tuple[int, str]] = {}
    last = b""
    try:
        with (
            path.open("rb") as file,
            zstandard.ZstdDecompressor().stream_reader(file) as plain,
            open_tar(plain, "r|") as tar,
        ):
            for member in tar:
                source = tar.extractfile(member)
                if source is None or not member.isreg() or not _is_safe(member.name) or last:
                    raise ValueError(f"{path}: {member.name!r} is no member of a backup")
                if member.name == LAST:
                    last = source.read()
                else:
                    digests[member.name] = _copied(source, fresh / member.name)
        kept = msgspec.json.decode(last, type=Kept) if last else None
    except (zstandard.ZstdError, tarfile.TarError, msgspec.MsgspecError, EOFError) as error:
        raise ValueError(f"{path} is no whole backup: {error}") from error
    if kept is None or digests != kept.files:
        raise ValueError(f"{path} is no whole backup: it is cut short, or was changed")
    if kept.version > VERSION or kept.schema > schema.VERSION:
        raise ValueError(f"{path} was made by a newer release")
    return kept


def _is_safe(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and parts[0] not in {RESTORING, LOCK}


def _copied(source: IO[bytes], path: Path) -> tuple[int, str]:
    """Write a member durably; return its size and digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made, size = hashlib.blake2b(digest_size=32), 0
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        while chunk := source.read(_CHUNK):
            file.write(chunk)
            made.update(chunk)
            size += len(chunk)
        file.flush()
        os.fsync(file.fileno())
    return size, made.hexdigest()


def _check(fresh: Path, kept: Kept) -> None:
    """Check what was unpacked by what it says of itself. Raises ValueError."""
    connection = sqlite3.connect(f"file:{fresh / DATABASE}?mode=ro", uri=True)
    with contextlib.closing(connection):
        found = connection.execute("PRAGMA integrity_check").fetchone()[0]
        if found != "ok":
            raise ValueError(f"the backup's database is damaged: {found}")
    with State(fresh, readonly=True) as state:
        state.load_snapshot()
        faults = [state.seals.chain_fault()]
        for file in state.manifest.files():
            name = f"{ARCHIVE}/{file.path}"
            digest = bytes.fromhex(kept.files[name][1]) if name in kept.files else None
            if digest is None and name not in kept.missing:
                faults.append(f"{name} is missing")
            if digest is not None and state.seals.held("file", file.path) != state.manifest.seal(file, digest):
                faults.append(f"{name} is not as it was sealed")
    faults += audit.verify(fresh)[0]
    wrong = [one for one in faults if one]
    if wrong:
        raise ValueError(f"the backup's state does not verify: {wrong[0]}")


def _put(fresh: Path, folder: Path) -> None:
    """Move a checked state into place, its database last: without that there is no state."""
    for name in (audit.LOG, audit.HEAD, audit.KEY, audit.PUBLIC):
        (folder / name).unlink(missing_ok=True)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    for path in sorted(fresh.iterdir(), key=lambda one: one.name == DATABASE):
        if path.is_dir():
            shutil.rmtree(folder / path.name, ignore_errors=True)
        path.replace(folder / path.name)
        sync(folder)
