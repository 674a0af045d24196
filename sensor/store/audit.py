"""The audit log of responses, reveals and erasures: STATE/audit.jsonl, hash-chained, signed, on disk before it counts.

Each line is a JSON object with `n` (from 0), `ts`, what happened, `prev` (the hash of the line before) and `hash`
(SHA-256 over `prev` and the rest), signed with an Ed25519 key of the installation (RFC 8032). STATE/audit.head holds
the last number and hash, signed as well, so that a log cut short is found; the actions of the state name the numbers of
their lines, so that a log and a head put back together from an older copy are found too. Several processes may add
lines, one at a time (STATE/audit.lock).

What a line says of a person can be taken out, where a line behind it says so (`take_out`): its number, time, hash and
signature stay, so the chain holds; a body has a salt that goes with it, so that nothing can be guessed from the hash.

The key lies beside the log: this finds what was changed by others, or by mistake, not by who holds the key. Copy
audit.pub elsewhere to check a log against it.
"""

import base64
import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LOG, HEAD, KEY, PUBLIC, LOCK = "audit.jsonl", "audit.head", "audit.key", "audit.pub", "audit.lock"
TAKEN_OUT = "taken out"
"""What a line says that names, as `lines` of its body, those of which the body is gone."""
_START = "0" * 64
_LINE_MAX = 1 << 20
"""Bytes of a line; a longer one is none of ours."""


class AuditLog:
    """The log of one state folder, open for writing.

    Attributes:
        count: Lines so far.
    """

    def __init__(self, folder: Path) -> None:
        """Open it, making key and log at first. Raises ValueError where what is there does not verify."""
        self._folder = folder
        self.count, self._last = 0, _START
        self._said, self._without = frozenset[int](), frozenset[int]()
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            self._key = _own_key(folder)
            self._file = (folder / LOG).open("ab")
            _give(self._file.fileno(), folder)
            self._look()

    def append(self, ts: str, what: str, body: Mapping[str, object]) -> int:
        """Add a line, and return its number once it is on disk. Raises ValueError where the log does not verify.

        Args:
            ts: When, RFC 3339.
            what: What happened.
            body: The rest, of what JSON can hold.
        """
        with _alone(self._folder):
            if self._seen != _mark(self._folder / LOG):
                self._look()
            return self._add(ts, what, body)

    def take_out(self, ts: str, body: Mapping[str, object], is_meant: Callable[[bytes], bool]) -> tuple[int, ...]:
        """Take the bodies out of lines, for good, and say so in a line of its own before; return their numbers.

        Args:
            ts: When, RFC 3339.
            body: What the line says beside their numbers.
            is_meant: Tells a line, as it is written, that is one of them.

        Raises:
            ValueError: The log does not verify.
        """
        with _alone(self._folder):
            self._look()
            lines = (self._folder / LOG).read_bytes().splitlines(keepends=True)
            meant = {n for n, line in enumerate(lines) if is_meant(line) and b'"without":' not in line}
            said = sorted(meant | (self._said - self._without))  # the process may have died between the two
            if said:
                self._add(ts, TAKEN_OUT, {**body, "lines": said})
                self._replace([self._bare(line) if n in said else line for n, line in enumerate(lines)])
            return tuple(said)

    def _add(self, ts: str, what: str, body: Mapping[str, object]) -> int:
        entry = {
            "n": self.count, "ts": ts, "what": what, "body": dict(body), "prev": self._last,
            "salt": secrets.token_hex(16),
        }  # fmt: skip
        digest = _digest(entry)
        signature = base64.b64encode(self._key.sign(bytes.fromhex(digest))).decode()
        self._file.write(msgspec.json.encode({**entry, "hash": digest, "sig": signature}) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.count, self._last = self.count + 1, digest
        self._seen = _mark(self._folder / LOG)
        self._write_head()
        return self.count - 1

    def _look(self) -> None:
        """Read what is there, which another process may have added to or replaced."""
        self._file.close()
        self._file = (self._folder / LOG).open("ab")
        found = _walk(self._folder, self._key.public_key())
        if found.problems:
            self._file.close()
            raise ValueError(
                f"{self._folder / LOG}: {found.problems[0]}; nothing is added to a log that does not verify"
            )
        self.count, self._last, self._said, self._without = found.count, found.last, found.said, found.without
        self._seen = _mark(self._folder / LOG)

    def _bare(self, line: bytes) -> bytes:
        """Return a line without its body."""
        entry = msgspec.json.decode(line)
        if "without" in entry:
            return line
        kept = {name: entry[name] for name in ("n", "ts", "what", "prev", "hash", "sig")}
        without = base64.b64encode(self._key.sign(_bare_digest(kept))).decode()
        return msgspec.json.encode({**kept, "without": without}) + b"\n"

    def _replace(self, lines: list[bytes]) -> None:
        """Write the log anew, whole or not at all; what was added since the lines were read stays behind them."""
        more = (self._folder / LOG).read_bytes().splitlines(keepends=True)[len(lines) :]
        beside = self._folder / f"{LOG}.new"
        with beside.open("wb") as file:
            _give(file.fileno(), self._folder)
            file.writelines([*lines, *more])
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._folder / LOG)
        self._look()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _write_head(self) -> None:
        signature = self._key.sign(f"{self.count}:{self._last}".encode())
        head = {"count": self.count, "hash": self._last, "sig": base64.b64encode(signature).decode()}
        beside = self._folder / f"{HEAD}.new"
        with beside.open("wb") as file:
            file.write(msgspec.json.encode(head))
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._folder / HEAD)


def verify(folder: Path, least: int = 0, public: Path | None = None) -> tuple[list[str], int]:
    """Check a log.

    Args:
        folder: Of the state.
        least: Lines that must be there: one more than the highest number an action names.
        public: A copy of audit.pub from elsewhere; None: the one beside the log.

    Returns:
        What is wrong, empty if nothing is; and how many lines are good from the start.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    path = public or folder / PUBLIC
    if not path.exists():
        there = (folder / LOG).exists() or least > 0
        return ([f"{path} is missing: nothing can be checked"] if there else []), 0
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(path.read_text().strip()))
    except ValueError:
        return [f"{path} is no Ed25519 public key"], 0
    found = _walk(folder, key)
    problems, count = found.problems, found.count
    if not problems and count < least:
        problems = [f"the log ends after {count} lines, and actions name line {least - 1}: it was cut"]
    return problems, count


class _Found(msgspec.Struct):
    """What is in a log: what is wrong first, and lines that are good."""

    problems: list[str]
    count: int = 0
    last: str = _START
    said: frozenset[int] = frozenset()
    """Lines of which a line says that their body is gone."""
    without: frozenset[int] = frozenset()
    """Lines of which it is."""


def _walk(folder: Path, key: "Ed25519PublicKey") -> _Found:
    """Check line by line."""
    found, said, without = _Found([]), set[int](), set[int]()
    path = folder / LOG
    if path.exists():
        with path.open("rb") as file:
            for line in iter(lambda: file.readline(_LINE_MAX), b""):
                wrong, digest = _check_line(line, found.count, found.last, key)
                if wrong:
                    found.problems = [f"line {found.count + 1}: {wrong}"]
                    return found
                said.update(_said_in(line))
                without.update({found.count} if b'"without":' in line else ())
                found.count, found.last = found.count + 1, digest
    found.said, found.without = frozenset(said), frozenset(without)
    if without - said:
        found.problems = [f"line {min(without - said) + 1}: its body is gone, and no line says so"]
        return found
    found.problems = _check_head(folder, found.count, found.last, key)
    return found


def _said_in(line: bytes) -> Collection[int]:
    """Return the lines of which a line says that their body is gone."""
    if TAKEN_OUT.encode() not in line:
        return ()
    entry = msgspec.json.decode(line)
    body = entry.get("body")
    numbers = body.get("lines") if entry["what"] == TAKEN_OUT and isinstance(body, dict) else None
    return [one for one in numbers if isinstance(one, int)] if isinstance(numbers, list) else ()


def _check_line(line: bytes, number: int, last: str, key: "Ed25519PublicKey") -> tuple[str, str]:
    from cryptography.exceptions import InvalidSignature

    try:
        entry = msgspec.json.decode(line)
        digest, signature = str(entry.pop("hash")), base64.b64decode(str(entry.pop("sig")), validate=True)
    except (msgspec.DecodeError, ValueError, KeyError, AttributeError, TypeError):
        return "it is no line of an audit log", last
    if not line.endswith(b"\n") or _written(entry, digest, signature) != line:
        return "it is not as it was written", last
    if entry.get("n") != number:
        return f"its number is {entry.get('n')}: a line is missing or out of place", last
    if entry.get("prev") != last:
        return "it does not follow the line before", last
    without = entry.pop("without", None)
    if without is None and _digest(entry) != digest:
        return "its content was changed", last
    try:
        if without is not None:
            whole = {**entry, "hash": digest, "sig": _text(signature)}
            key.verify(base64.b64decode(str(without), validate=True), _bare_digest(whole))
        key.verify(signature, bytes.fromhex(digest))
    except (InvalidSignature, ValueError):
        return "its signature is not the installation's", last
    return "", digest


def _check_head(folder: Path, count: int, last: str, key: "Ed25519PublicKey") -> list[str]:
    """Compare with the head: a log may be one line longer, where the program was killed in between."""
    from cryptography.exceptions import InvalidSignature

    path = folder / HEAD
    if not path.exists():
        return [f"{HEAD} is missing"] if count > 1 else []
    try:
        head = msgspec.json.decode(path.read_bytes())
        said, at = int(head["count"]), str(head["hash"])
        key.verify(base64.b64decode(head["sig"], validate=True), f"{said}:{at}".encode())
    except (InvalidSignature, ValueError, KeyError, TypeError, msgspec.DecodeError):
        return [f"{HEAD} is not as it was written"]
    if count < said:
        return [f"the log ends after {count} lines, {said} were written: it was cut"]
    if count > said + 1 or (count == said and last != at):
        return [f"{HEAD} is of another log"]
    return []


def _digest(entry: Mapping[str, object]) -> str:
    return hashlib.sha256(msgspec.json.encode(dict(entry), order="sorted")).hexdigest()


def _bare_digest(kept: Mapping[str, object]) -> bytes:
    """Return what is signed where a line's body was taken out."""
    return hashlib.sha256(b"without " + msgspec.json.encode(dict(kept), order="sorted")).digest()


def _written(entry: Mapping[str, object], digest: str, signature: bytes) -> bytes:
    """Return a line as it is written."""
    after = {"without": entry["without"]} if "without" in entry else {}
    before = {name: value for name, value in entry.items() if name != "without"}
    return msgspec.json.encode({**before, "hash": digest, "sig": _text(signature), **after}) + b"\n"


def _mark(path: Path) -> tuple[int, int]:
    """Tell one log from another, or from itself when it was shorter."""
    found = path.stat()
    return found.st_ino, found.st_size


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold off other processes that add lines."""
    with (folder / LOCK).open("a") as lock:
        _give(lock.fileno(), folder)
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _give(handle: int, folder: Path) -> None:
    """Let a file be the folder's owner's, where root made it for a sensor that runs as another."""
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(handle, owner.st_uid, owner.st_gid)


def _text(signature: bytes) -> str:
    return base64.b64encode(signature).decode()


def _own_key(folder: Path) -> "Ed25519PrivateKey":
    """Read the installation's key, making it at first; readable by its owner only."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = folder / KEY
    if not path.exists():
        if (folder / LOG).exists():
            raise ValueError(f"{path} is missing: the log beside it cannot go on")
        made = Ed25519PrivateKey.generate()
        (folder / PUBLIC).write_text(made.public_key().public_bytes_raw().hex() + "\n")
        beside = folder / f"{KEY}.new"
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        _give(handle, folder)
        with os.fdopen(handle, "wb") as file:
            file.write(made.private_bytes_raw().hex().encode())
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))
