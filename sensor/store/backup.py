"""A whole state in one file, taken while a sensor goes on.

The file is a tar, packed by zstandard: the database as one transaction saw it, the snapshot and the archive's files
that it names, then whatever else lies in the folder (keys, the audit log, users, checkpoints), and last
`digests.json`, by which all of it is checked. It holds the state's keys: readable by its owner only.

Of what is written meanwhile nothing is in it. Checkpoints of APIs are copied first and the audit log last, so that they
are never ahead of, nor behind, what the database says. `sensor.store.restore` puts it back.
"""

import contextlib
import hashlib
import io
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec
import zstandard

from sensor.store import audit
from sensor.store.alive import FILE as ALIVE
from sensor.store.inbox import FILE as INBOX
from sensor.store.manifest import FOLDER as ARCHIVE
from sensor.store.room import RESERVE
from sensor.store.state import DATABASE, State, take_lock

VERSION = 1
LEVEL = 1
"""Of zstandard: the archive is packed already, and the rest is a small part."""
PIN_TRIES = 100
"""A commit between two looks takes the snapshot away; they are milliseconds apart, and commits seconds."""
CHECKPOINTS = "checkpoints"
LAST = "digests.json"
_LINKS = ".backup-"
_SKIPPED = ("snapshot-*.npz", f"{DATABASE}*", f"{INBOX}*", RESERVE, ALIVE, "*lock", "*.new", "*.tmp", ".*")
"""Kept apart, or of no use in another place. The ring of packets is as large as it is configured, and soon over."""
_SKIPPED_FOLDERS = (ARCHIVE, "packets", "kernels")
LOCK = "backup.lock"


class Kept(msgspec.Struct, frozen=True):
    """What a backup holds, as its last member says it."""

    version: int
    schema: int
    serial: str
    """Number of the commit."""
    clock_ns: str
    """Event time up to which the state had learned."""
    files: dict[str, tuple[int, str]]
    """Name → bytes, BLAKE2b of 32 bytes."""
    missing: list[str]
    """Files of the archive that were not there when it was made."""


def backup(folder: Path, out: Path, *, force: bool = False) -> Kept:
    """Write the state of a folder to a file, whole or not at all.

    Args:
        folder: The state; a sensor may go on with it.
        out: The file.
        force: Replace it where it is there.

    Raises:
        FileExistsError: It is there.
        FileNotFoundError: There is no state.
        ValueError: The audit log does not verify, or the state is of a newer release.
    """
    if out.exists() and not force:
        raise FileExistsError(f"{out} is there already: name another, or --force")
    State(folder, readonly=True).close()
    with take_lock(folder, LOCK):
        for left in folder.glob(f"{_LINKS}*"):  # of one that was killed
            shutil.rmtree(left, ignore_errors=True)
        return _backup(folder, out)


def _backup(folder: Path, out: Path) -> Kept:
    partial = out.with_name(out.name + ".part")
    links = Path(tempfile.mkdtemp(prefix=_LINKS, dir=folder))
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            packer = zstandard.ZstdCompressor(level=LEVEL, threads=1)
            with packer.stream_writer(file, closefd=False) as packed, open_tar(packed, "w|") as tar:
                kept = _write(tar, folder, links, partial)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(out)
        sync(out.parent)
    finally:
        partial.unlink(missing_ok=True)
        shutil.rmtree(links, ignore_errors=True)
    return kept


def _write(tar: tarfile.TarFile, folder: Path, links: Path, partial: Path) -> Kept:
    """Write every member."""
    digests: dict[str, tuple[int, str]] = {}
    others = sorted(_others(folder))
    for name in others:
        if name.split("/")[0] == CHECKPOINTS:
            _add(tar, digests, name, (folder / name).read_bytes())
    database = partial.with_name(partial.name + ".sqlite")
    try:
        kept = _pin(folder, links, database)
        _add(tar, digests, DATABASE, database)
        for path in sorted(one for one in links.rglob("*") if one.is_file()):
            _add(tar, digests, path.relative_to(links).as_posix(), path)
        for name, content in _log_of(folder, database).items():
            _add(tar, digests, name, content)
    finally:
        for path in database.parent.glob(f"{database.name}*"):
            path.unlink()
    for name in others:
        if name not in digests and name not in (audit.LOG, audit.HEAD):
            with contextlib.suppress(FileNotFoundError):
                _add(tar, digests, name, (folder / name).read_bytes())
    kept = msgspec.structs.replace(kept, files=digests)
    _add(tar, {}, LAST, msgspec.json.encode(kept))
    return kept


def _pin(folder: Path, links: Path, database: Path) -> Kept:
    """Copy the database as it is now, and link every file that it names, before a sensor deletes one."""
    source = sqlite3.connect(f"file:{folder / DATABASE}?mode=ro", uri=True, isolation_level=None)
    with contextlib.closing(source), contextlib.closing(sqlite3.connect(database)) as copy:
        for _ in range(PIN_TRIES):
            source.execute("BEGIN")
            meta = dict(source.execute("SELECT key, value FROM meta"))
            if "snapshot" not in meta or _linked(folder, links, meta["snapshot"]):
                break
            source.execute("COMMIT")
        else:
            raise ValueError(f"{folder / meta['snapshot']} is missing: the state is damaged")
        missing = [
            f"{ARCHIVE}/{path}"
            for (path,) in source.execute("SELECT path FROM archive_files WHERE gone IS NULL")
            if not _linked(folder, links, f"{ARCHIVE}/{path}")
        ] if _has_archive(source) else []  # fmt: skip
        source.backup(copy)
        version = int(source.execute("PRAGMA user_version").fetchone()[0])
        source.execute("COMMIT")
        copy.execute("PRAGMA journal_mode=DELETE")
    database.chmod(0o600)
    return Kept(VERSION, version, meta.get("serial", "0"), meta.get("clock_ns", "0"), {}, missing)


def _has_archive(source: sqlite3.Connection) -> bool:
    """Tell whether the schema knows an archive: the first releases' did not."""
    return source.execute("SELECT 1 FROM sqlite_master WHERE name = 'archive_files'").fetchone() is not None


def _linked(folder: Path, links: Path, name: str) -> bool:
    """Give a file another name, under which it stays; False where it is gone."""
    beside = links / name
    beside.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(folder / name, beside)
    except FileNotFoundError:
        return False
    return True


def _others(folder: Path) -> Iterator[str]:
    """Name everything else in the folder."""
    for path in folder.rglob("*"):
        name = path.relative_to(folder)
        if (
            path.is_file() and not path.is_symlink() and name.parts[0] not in _SKIPPED_FOLDERS
            and not any(PurePosixPath(part).match(one) for part in name.parts for one in _SKIPPED)
        ):  # fmt: skip
            yield name.as_posix()


def _log_of(folder: Path, database: Path) -> dict[str, bytes]:
    """Return the audit log and its head as they belong together; it may be written meanwhile."""
    if not (folder / audit.LOG).exists():
        return {}
    with tempfile.TemporaryDirectory(dir=database.parent, prefix=_LINKS) as name:
        beside, problems = Path(name), [""]
        shutil.copy(folder / audit.PUBLIC, beside)
        for _ in range(3):
            for part in (audit.HEAD, audit.LOG):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copy(folder / part, beside)
            _cut_to_head(beside)
            problems, _ = audit.verify(beside)
            if not problems:
                return {path.name: path.read_bytes() for path in sorted(beside.iterdir()) if path.name != audit.PUBLIC}
    raise ValueError(f"{folder / audit.LOG}: {problems[0]}")


def _cut_to_head(beside: Path) -> None:
    """Take off lines that were written after the head was copied."""
    if not (beside / audit.HEAD).exists():
        return
    count = int(msgspec.json.decode((beside / audit.HEAD).read_bytes())["count"])
    lines = (beside / audit.LOG).read_bytes().splitlines(keepends=True)
    (beside / audit.LOG).write_bytes(b"".join(lines[:count]))


def _add(tar: tarfile.TarFile, digests: dict[str, tuple[int, str]], name: str, content: bytes | Path) -> None:
    """Write one member, and note its size and digest."""
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    made = hashlib.blake2b(digest_size=32)
    with contextlib.closing(io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")) as source:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o600
        tar.addfile(member, _Counted(source, made))
    digests[name] = size, made.hexdigest()


class _Counted:
    """Passes on what is read, through a digest."""

    def __init__(self, source: IO[bytes], made: "hashlib.blake2b") -> None:
        self._source, self._made = source, made

    def read(self, size: int = -1) -> bytes:
        """Read."""
        content = self._source.read(size)
        self._made.update(content)
        return content


@contextlib.contextmanager
def open_tar(stream: IO[bytes], mode: str) -> Iterator[tarfile.TarFile]:
    """Open a tar that goes through a stream, once."""
    with tarfile.open(fileobj=stream, mode=mode, format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
        yield tar


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
