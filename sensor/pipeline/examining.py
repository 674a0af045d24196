"""What a live source needs of this machine, looked at one by one: permission, interface, filter, memory, disk.

For `doctor`, before a sensor is started. An interface that may be opened is opened, and let go of at once: of what a
driver refuses nothing else tells. Nothing is captured: what only traffic shows (one direction, drops) is told by the
running sensor.
"""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sensor.config import Component, Config
from sensor.errors import ConfigError
from sensor.pipeline.privileges import USER
from sensor.sources import span
from sensor.sources.span import Settings
from sensor.wire import interfaces, privileges

MEMORY_SHARE = 0.5
"""Of what is free: a ring is memory that the kernel does not give back, and the sensor needs as much again."""
_GROUP = 0xFFFF
"""A fanout group for the moment of a look; a running sensor's is its process's number."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at."""

    what: str
    ok: bool
    why: str = ""
    remedy: str = ""
    needed: bool = True
    """Whether the source does not work without it."""


def examined(one: Component, config: Config) -> Iterator[Look]:
    """Look at what a live source needs.

    Args:
        one: Its table, checked.
        config: What it is part of.
    """
    settings = span.settings_of(one.options)
    name = settings.interface
    if not span.has_rings():
        found = importlib.util.find_spec("scapy") is not None
        yield Look(what="capture without AF_PACKET, by scapy", ok=found, why="slow", remedy="pip install scapy")
        return
    if name not in interfaces.names():
        there = ", ".join(interfaces.names())
        yield Look(what=f"interface {name}", ok=False, why=f"there are {there}", remedy="name one that is there")
        return
    yield _link(name)
    yield from _offload(name)
    yield _opened(settings)
    yield _memory(settings)
    if settings.keep_bytes:
        yield _disk(settings, Path(config.state))
    yield _user(settings)


def _link(name: str) -> Look:
    flags = interfaces.flags(name)
    if not flags & interfaces.UP:
        return Look(what=f"{name} is up", ok=False, why="it is down", remedy=f"ip link set {name} up")
    is_there = bool(flags & interfaces.RUNNING)
    return Look(
        what=f"{name} is up", ok=is_there, why="" if is_there else "no carrier",
        remedy="check the cable, and that the switch mirrors to this port",
    )  # fmt: skip


def _offload(name: str) -> Iterator[Look]:
    """GRO and LRO change what is seen; the others change only what this machine sends."""
    joins = [short for short in interfaces.offloads(name) if short in {"gro", "lro"}]
    yield Look(
        what=f"{name} shows packets as they are on the wire", ok=not joins, needed=False,
        why=f"{' and '.join(joins)} joins them" if joins else "",
        remedy=f"ethtool -K {name} {' '.join(f'{short} off' for short in joins)}",
    )  # fmt: skip


def _opened(settings: Settings) -> Look:
    """Open it, as `run` would."""
    what = f"{settings.interface} can be captured"
    if not privileges.may_capture():
        return Look(
            what=what, ok=False, why="this user lacks CAP_NET_RAW",
            remedy="run as root, or by the unit that `spanline run --print-unit` prints; it is given up at once",
        )  # fmt: skip
    try:
        for socket in span.open_sockets(settings, _GROUP):
            socket.close()
    except ConfigError as error:
        return Look(what=what, ok=False, why=str(error), remedy="see there")
    return Look(what=what, ok=True)


def _memory(settings: Settings) -> Look:
    lines = Path("/proc/meminfo").read_text().splitlines()
    free = next(int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:"))
    wanted = settings.buffer_bytes * settings.processes
    return Look(
        what=f"{wanted >> 20:,} MiB for rings", ok=wanted <= MEMORY_SHARE * free, why=f"{free >> 20:,} MiB are free",
        remedy=f"buffer_bytes = {max(4, int(MEMORY_SHARE * free) // settings.processes >> 20) << 20}, or more memory",
    )  # fmt: skip


def _disk(settings: Settings, state: Path) -> Look:
    nearest = next(one for one in (state, *state.absolute().parents) if one.exists())
    free = shutil.disk_usage(nearest).free
    return Look(
        what=f"{settings.keep_bytes >> 20:,} MiB for recent packets", ok=free > settings.keep_bytes, needed=False,
        why=f"{free >> 20:,} MiB are free", remedy="keep fewer (keep_bytes)",
    )  # fmt: skip


def _user(settings: Settings) -> Look:
    what = "a user of its own"
    if os.getuid() != 0:
        return Look(what=what, ok=True)
    user = settings.user or USER
    return Look(
        what=what, ok=privileges.has_user(user), needed=settings.user is not None, why=user,
        remedy=f"adduser --system --group {user}; until then it runs as root without capabilities",
    )  # fmt: skip
