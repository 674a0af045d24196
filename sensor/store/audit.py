"""The audit log of responses: STATE/audit.jsonl, hash-chained and signed, on disk before it counts.

Each line is a JSON object with `n` (from 0), `ts`, what happened, `prev` (the hash of the line before) and `hash`
(SHA-256 over `prev` and the rest), signed with an Ed25519 key of the installation (RFC 8032). STATE/audit.head holds
the last number and hash, signed as well, so that a log cut short is found; the actions of the state name the numbers of
their lines, so that a log and a head put back together from an older copy are found too.

The key lies beside the log: this finds what was changed by others, or by mistake, not by who holds the key. Copy
audit.pub elsewhere to check a log against it.
"""

import base64
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

LOG, HEAD, KEY, PUBLIC = "audit.jsonl", "audit.head", "audit.key", "audit.pub"
_START = "0" * 64
_LINE_MAX = 1 << 20
"""Bytes of a line; a longer one is none of ours."""


class AuditLog:
    """The log of one state folder, open for writing by one process.

    Attributes:
        count: Lines so far.
    """

    def __init__(self, folder: Path) -> None:
        """Open it, making key and log at first. Raises ValueError where what is there does not verify."""
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._key = _own_key(folder)
        problems, self.count, self._last = _walk(folder, self._key.public_key())
        if problems:
            raise ValueError(f"{folder / LOG}: {problems[0]}; nothing is added to a log that does not verify")
        self._file = (folder / LOG).open("ab")

    def append(self, ts: str, what: str, body: Mapping[str, object]) -> int:
        """Add a line, and return its number once it is on disk.

        Args:
            ts: When, RFC 3339.
            what: What happened.
            body: The rest, of what JSON can hold.
        """
        entry = {"n": self.count, "ts": ts, "what": what, "body": dict(body), "prev": self._last}
        digest = _digest(entry)
        signature = base64.b64encode(self._key.sign(bytes.fromhex(digest))).decode()
        self._file.write(msgspec.json.encode({**entry, "hash": digest, "sig": signature}) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        self.count, self._last = self.count + 1, digest
        self._write_head()
        return self.count - 1

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
    problems, count, _ = _walk(folder, key)
    if not problems and count < least:
        problems = [f"the log ends after {count} lines, and actions name line {least - 1}: it was cut"]
    return problems, count


def _walk(folder: Path, key: "Ed25519PublicKey") -> tuple[list[str], int, str]:
    """Return what is wrong first, how many lines are good, and the hash of the last."""
    count, last = 0, _START
    path = folder / LOG
    if path.exists():
        with path.open("rb") as file:
            for line in iter(lambda: file.readline(_LINE_MAX), b""):
                wrong, digest = _check_line(line, count, last, key)
                if wrong:
                    return [f"line {count + 1}: {wrong}"], count, last
                count, last = count + 1, digest
    return _check_head(folder, count, last, key), count, last


def _check_line(line: bytes, number: int, last: str, key: "Ed25519PublicKey") -> tuple[str, str]:
    from cryptography.exceptions import InvalidSignature

    try:
        entry = msgspec.json.decode(line)
        digest, signature = str(entry.pop("hash")), base64.b64decode(str(entry.pop("sig")), validate=True)
    except (msgspec.DecodeError, ValueError, KeyError, AttributeError, TypeError):
        return "it is no line of an audit log", last
    if (
        not line.endswith(b"\n")
        or msgspec.json.encode({**entry, "hash": digest, "sig": _text(signature)}) + b"\n" != line
    ):
        return "it is not as it was written", last
    if entry.get("n") != number:
        return f"its number is {entry.get('n')}: a line is missing or out of place", last
    if entry.get("prev") != last:
        return "it does not follow the line before", last
    if _digest(entry) != digest:
        return "its content was changed", last
    try:
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
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(made.private_bytes_raw().hex().encode())
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(path.read_text().strip()))
