"""Give up what a process was started with: capabilities, the root user, the means to regain either.

Every capability is dropped from every set of the calling thread (capabilities(7)); threads started later inherit that,
so it is called before any is started, and refuses to go on where one has been. With a user, the whole process becomes
that user.
"""

import ctypes
import os
import pwd
import struct
from pathlib import Path

from sensor.errors import ConfigError

_PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP, _PR_CAP_AMBIENT, _CLEAR_ALL = 38, 24, 47, 4
_CAP_LAST, _CAP_NET_RAW = 63, 13
_VERSION_3 = 0x20080522
"""_LINUX_CAPABILITY_VERSION_3."""


def drop(user: str | None = None) -> None:
    """Drop everything.

    Args:
        user: Whom to become, where this process runs as root.

    Raises:
        ConfigError: There is no such user.
        OSError: The kernel refused, or a thread of this process still holds what it was started with.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    whom = identity(user) if user is not None and os.getuid() == 0 else None
    for capability in range(_CAP_LAST + 1):  # fails where there is no such one, or where nothing may be set
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    if whom is not None:
        uid, gid = whom
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    libc.prctl(_PR_CAP_AMBIENT, _CLEAR_ALL, 0, 0, 0)
    header, nothing = struct.pack("=Ii", _VERSION_3, 0), bytes(24)
    if libc.capset(header, nothing) or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    capabilities, _ = held()
    if capabilities:
        raise OSError(f"a thread that was started before holds capabilities {capabilities:#x}")


def held(pid: int | None = None) -> tuple[int, bool]:
    """Return what any thread of a process holds: effective capabilities as bits, and whether none can gain more.

    Args:
        pid: The process; this one where None.
    """
    capabilities, locked = 0, True
    for status in Path(f"/proc/{pid or 'self'}/task").glob("*/status"):
        fields = dict(line.split(":\t", 1) for line in status.read_text().splitlines() if ":\t" in line)
        capabilities |= int(fields["CapEff"], 16)
        locked = locked and fields["NoNewPrivs"] == "1"
    return capabilities, locked


def may_capture() -> bool:
    """Tell whether packet sockets may be opened: CAP_NET_RAW."""
    return bool(held()[0] >> _CAP_NET_RAW & 1)


def identity(user: str) -> tuple[int, int]:
    """Return a user's number and that of its group. Raises ConfigError where there is no such user."""
    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        raise ConfigError(f"user = {user!r}: there is no such user; make it, e.g. adduser --system {user}") from None
    return entry.pw_uid, entry.pw_gid


def has_user(name: str) -> bool:
    """Tell whether there is a user of this name."""
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def hand_over(folder: Path, user: str) -> None:
    """Give a folder of ours, and what root wrote in it, to whom this process becomes; made where it is not there.

    One that is somebody else's already stays as it is: he may have put anything into it. Links are not followed.

    Raises:
        ConfigError: There is no such user.
    """
    uid, gid = identity(user)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.lstat().st_uid == 0:
        for path in (*folder.rglob("*"), folder):
            os.chown(path, uid, gid, follow_symlinks=False)
