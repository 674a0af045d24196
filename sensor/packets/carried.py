"""What begins in the data of an ICMP echo: an SSH identification, behind whatever the tunnel puts before it.

A ping's data are a pattern and perhaps a time; a line as RFC 4253 §4.2 asks for is none. One a direction is enough.
Not here: what the connection does, which is encrypted.
"""

import re

from sensor.model.metadata import Ssh
from sensor.model.protocols import AnyMessage
from sensor.packets.payload import Payload

LINE = re.compile(rb"SSH-(?:2\.0|1\.\d{1,2})-[\x20-\x7e]{1,240}(?=\r?\n)")


class Echo:
    """Echo between one pair of hosts."""

    def __init__(self) -> None:
        """Begin before any message."""
        self._said: set[bool] = set()

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a request's or a reply's data."""
        found = LINE.search(payload.data)
        if found is None or payload.is_orig in self._said:
            return []
        self._said.add(payload.is_orig)
        banner = found.group().decode("ascii")
        client, server = (banner, None) if payload.is_orig else (None, banner)
        return [Ssh(**payload.common, client=client, server=server)]  # type: ignore[arg-type]

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []
