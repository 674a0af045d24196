"""The key of pseudonyms: STATE/pseudonym.key, made at the site, readable by its owner only.

It never leaves the site but in a backup, which holds every real name anyway: a state that was put back without its key
would give other pseudonyms, and could tell nobody any more whom the former ones stand for.
"""

import contextlib
import os
import secrets
from pathlib import Path

from sensor.model.pseudonyms import KEY_BYTES

FILE = "pseudonym.key"


def own(folder: Path) -> bytes:
    """Return the state's key, making it at first. Raises ValueError where the file is damaged."""
    path = folder / FILE
    if not path.exists():
        beside = path.with_suffix(f".{secrets.token_hex(4)}.new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        if os.geteuid() == 0:  # made by root for a sensor that runs as another
            owner = folder.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES).hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process made it at the same moment: that one holds
            path.hardlink_to(beside)
        beside.unlink()
    return read(path.read_text(), str(path))


def read(text: str, place: str) -> bytes:
    """Read a key as it is written. Raises ValueError, which names the place."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(
            f"{place}: expected a key of {2 * KEY_BYTES} hexadecimal digits, as openssl rand -hex 32 makes"
        )
    return key
