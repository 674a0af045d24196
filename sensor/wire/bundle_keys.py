"""Keys of bundles: Ed25519 signs at a site (RFC 8032), X25519 opens at the hub (RFC 7748).

A private key is a PKCS #8 file in PEM (RFC 7468 §10), as `openssl pkey` reads it, and is written for its owner alone. A
public key is one word in a configuration, `ed25519:…` or `x25519:…`: the kind, so that the two are not taken for each
other, then the 32 bytes in hexadecimal. Keys are made, read and named here; nothing is signed or opened.
"""

import hashlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

Kind = Literal["ed25519", "x25519"]
SIGN: Kind = "ed25519"
OPEN: Kind = "x25519"
KEY_BYTES = 32
ID_BYTES = 8
"""Of the hash of a public key: enough to tell an organisation's keys apart, and proves nothing."""
FILE_MAX = 4096
"""A PKCS #8 file of either kind has 119 bytes."""
_PURPOSE = {SIGN: "signs bundles at a site", OPEN: "opens encrypted bundles at the hub"}
_SHARED = stat.S_IWGRP | stat.S_IRWXO
"""A group may read (a service's secrets are often mounted so); others may do nothing."""


def make(path: Path, kind: Kind) -> str:
    """Make a private key in a new file of mode 0600, and return its public key.

    Raises:
        FileExistsError: There is a file: a key is never replaced.
        OSError: It cannot be written.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, x25519

    made = ed25519.Ed25519PrivateKey.generate() if kind == SIGN else x25519.X25519PrivateKey.generate()
    text = made.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError as error:
        raise FileExistsError(f"{path} is there already, and a key is never replaced: name a new file") from error
    with os.fdopen(handle, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return public_text(made.public_key())


def read_file(path: Path) -> str:
    """Return the text of a key's file. Raises ValueError where others may read it too, OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError(f"{path} is no file")
        if found.st_mode & _SHARED:
            raise ValueError(f"{path} can be read or written by others: chmod 600 {path}, or make a new key")
        return file.read(FILE_MAX).decode("ascii", "replace")


def signing_key(text: str, name: str) -> "Ed25519PrivateKey":
    """Read the private key that signs. Raises ValueError, which names it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = _private(text, name)
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError(_told(name, SIGN, "keys FILE"))  # noqa: TRY004 - it is the text that is wrong
    return key


def opening_key(text: str, name: str) -> "X25519PrivateKey":
    """Read the private key that opens. Raises ValueError, which names it."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    key = _private(text, name)
    if not isinstance(key, X25519PrivateKey):
        raise ValueError(_told(name, OPEN, "keys --open FILE"))  # noqa: TRY004 - as above
    return key


def verifying_key(text: str) -> "Ed25519PublicKey":
    """Read the public key of a site. Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(_raw(text, SIGN))


def sealing_key(text: str) -> "X25519PublicKey":
    """Read the public key of a hub. Raises ValueError."""
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

    return X25519PublicKey.from_public_bytes(_raw(text, OPEN))


def public_text(key: "Ed25519PublicKey | X25519PublicKey") -> str:
    """Write a public key as it stands in a configuration."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return f"{SIGN if isinstance(key, Ed25519PublicKey) else OPEN}:{key.public_bytes_raw().hex()}"


def public_of(text: str, name: str) -> str:
    """Return the public key of a private key's text, of either kind. Raises ValueError."""
    return public_text(_private(text, name).public_key())


def key_id(key: "Ed25519PublicKey | X25519PublicKey") -> bytes:
    """Name a public key in ID_BYTES bytes."""
    return hashlib.sha256(key.public_bytes_raw()).digest()[:ID_BYTES]


def _told(name: str, kind: Kind, command: str) -> str:
    return f"{name} is no key that {_PURPOSE[kind]}: make one with `spanline bundle {command}`"


def _private(text: str, name: str) -> "Ed25519PrivateKey | X25519PrivateKey":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

    try:
        key = serialization.load_pem_private_key(text.encode(), None)
    except (UnsupportedAlgorithm, ValueError, TypeError) as error:
        raise ValueError(f"{name} holds no private key in PEM without a password") from error
    if not isinstance(key, Ed25519PrivateKey | X25519PrivateKey):
        raise ValueError(f"{name} is a key of another kind: make one with `spanline bundle keys FILE`")  # noqa: TRY004 - of text
    return key


def _raw(text: str, kind: Kind) -> bytes:
    found, _, digits = text.strip().partition(":")
    other = OPEN if kind == SIGN else SIGN
    if found == other:
        raise ValueError(f"{text!r} is a key that {_PURPOSE[other]}; expected {kind}:…, which {_PURPOSE[kind]}")
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    if found != kind or len(raw) != KEY_BYTES or not any(raw):
        raise ValueError(
            f"{text!r} is no public key: expected {kind}: and {2 * KEY_BYTES} hexadecimal digits, as "
            "`spanline bundle keys` prints them"
        )
    return raw
