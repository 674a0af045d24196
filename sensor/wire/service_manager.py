"""Tell the service manager how a process is: sd_notify(3), by a datagram to the socket it names, if it names one.

Assumes systemd's protocol (READY=1, RELOADING=1 with MONOTONIC_USEC, STOPPING=1, STATUS=, WATCHDOG=1). Does not pass
file descriptors.
"""

import contextlib
import socket
import time

WATCHDOG_SHARE = 0.25
"""Of the watchdog's time between two signs of life: half is what sd_watchdog_enabled(3) recommends at most."""


class ServiceManager:
    """Where to tell, and when the last sign of life was."""

    def __init__(self, address: str | None, watchdog_s: float = 0.0) -> None:
        """Take the socket's path, `@` for an abstract one, and how long the manager waits for a sign of life."""
        self._address = address
        self._every_s = watchdog_s * WATCHDOG_SHARE
        self._last_s = 0.0

    def ready(self, status: str) -> None:
        """Say that it is up, or up again after a reload."""
        self._send(f"READY=1\nSTATUS={status}")

    def reloading(self) -> None:
        """Say that the configuration is read again."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that it ends."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Give a sign of life, where the last one is a while ago."""
        now_s = time.monotonic()
        if self._every_s and now_s - self._last_s >= self._every_s:
            self._last_s = now_s
            self._send("WATCHDOG=1")

    def _send(self, text: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            out.sendto(text.encode(), address)
