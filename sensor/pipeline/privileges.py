"""What a sensor does with what it was started with: it opens the interfaces of its live sources, and gives up the rest.

Called before any thread is started, before the state is opened and before anything is read. Afterwards no interface can
be opened by this process or any that it starts; the sockets are kept for as long as it lives, so that a source that
failed can be opened again. An interface that a new configuration names waits for a restart.
"""

import logging
import os
from pathlib import Path

import msgspec

from sensor.config import Component, Config, keep_kernels
from sensor.errors import ConfigError
from sensor.sources import span
from sensor.sources.span import Settings, SpanFeed
from sensor.wire import privileges
from sensor.wire.packet_socket import PacketSocket

USER = "spanline"
"""Whom a sensor becomes that was started as root, where there is such a user and none is configured."""
PACKETS, KERNELS = "packets", "kernels"
"""Folders in the state's: recent packets; compiled kernels of a sensor that became another user."""
_LOG = logging.getLogger(__name__)


class _Opened(msgspec.Struct):
    """One live source's sockets, with what they were opened for."""

    settings: Settings
    sockets: list[PacketSocket]
    networks: tuple[str, ...] | None
    folder: Path


_OPENED: dict[str, _Opened] = {}
"""By the source's table. Of the process, as privileges are."""


def open_and_drop(config: Config) -> None:
    """Open the interfaces of every live source, and give up every privilege; without a live source do nothing.

    Raises:
        ConfigError: An interface cannot be opened, or there is no such user; says the remedy.
        OSError: The kernel keeps privileges.
    """
    open_sources(config)
    if not _OPENED or not span.has_rings():
        return
    user = next((one.settings.user for one in _OPENED.values() if one.settings.user), None) or _usual_user()
    if os.getuid() == 0:
        if user is None:
            _LOG.warning(
                "runs as root without capabilities; user = ..., or adduser --system %s, makes it another", USER
            )
        else:
            privileges.hand_over(Path(config.state), user)
            keep_kernels(Path(config.state).absolute() / KERNELS)  # root's own cannot be read by that user
    privileges.drop(user)


def open_sources(config: Config) -> None:
    """Open the interfaces of every live source. Raises ConfigError."""
    live = [one for one in config.sources.values() if one.type == "span"]
    for number, one in enumerate(live):
        settings = span.settings_of(one.options)
        site = str(one.options.get("site", config.site))
        try:
            sockets = span.open_sockets(settings, (os.getpid() + number) & 0xFFFF) if span.has_rings() else []
        except ConfigError as error:
            raise ConfigError(f"[sources.{one.name}] {error}") from error
        folder = Path(config.state) / PACKETS
        _OPENED[one.name] = _Opened(settings, sockets, config.networks().get(site), folder)


def close_sources() -> None:
    """Let go of all sockets."""
    for one in _OPENED.values():
        for socket in one.sockets:
            socket.close()
    _OPENED.clear()


def open_span(one: Component, site: str, number: int) -> SpanFeed:
    """Start a live source, whose interface is open.

    Raises:
        ConfigError: It is not: the source is new, and privileges are given up.
    """
    opened = _OPENED.get(one.name)
    wanted = span.settings_of(one.options)
    if opened is None or opened.settings.interface != wanted.interface:
        raise ConfigError(f"[sources.{one.name}] interface = {wanted.interface!r} is opened by a restart alone")
    if opened.settings != wanted:
        _LOG.warning("other options of a live source need a restart source=%s", one.name)
    if opened.settings.keep_bytes:
        opened.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return SpanFeed(one.name, opened.settings, opened.sockets, site, number, opened.networks, opened.folder)
    except ImportError as error:
        raise ConfigError(f"[sources.{one.name}] without AF_PACKET it needs scapy: pip install scapy") from error


def _usual_user() -> str | None:
    return USER if privileges.has_user(USER) else None
