"""What replayed inputs make a site tell its hub, written to a file of envelopes as the replay goes on.

The file is an input of a hub's replay. Its epoch is a digest of its beginning, so that the same inputs write the same
bytes; its sequences begin at 1, for no spool stands behind it.
"""

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import zstandard
from numpy.typing import NDArray

from sensor.model.site_packet import Envelope, Packet
from sensor.pipeline.core import Core
from sensor.pipeline.disguising import disguise_of, recognised_of
from sensor.pipeline.forwarding import Forwarding
from sensor.store.spool import LEVEL
from sensor.wire.site_envelope import encode

_EPOCH_BITS = 62


@contextlib.contextmanager
def reporting(core: Core, site: str, path: Path | None) -> Iterator[None]:
    """Write what is stepped within as a site's reports; nothing where there is no path. Raises ConfigError."""
    core.recognise = recognised_of(core.config, core.state.folder, core)
    if path is None:
        yield
        return
    file = ReportsFile(core, site, path)
    try:
        yield
    finally:
        core.forwarder = None
        file.close()


class ReportsFile:
    """Gathers like a site and writes at once."""

    def __init__(self, core: Core, site: str, path: Path) -> None:
        """Begin a file."""
        self._forwarding = Forwarding(core, site, disguise_of(core.config, core.state.folder, core))
        self._site, self._out = site, path.open("wb")
        self._packer = zstandard.ZstdCompressor(level=LEVEL)
        self._epoch = self._sequence = 0
        core.forwarder = self

    def after(self, end_ns: int) -> None:
        """Look at what a step changed, and write what is due."""
        self._forwarding.after(end_ns)
        self._write(self._forwarding.packets())

    def packets(self) -> list[Packet]:
        """Return nothing: it is in the file, and goes into no spool."""
        self._write(self._forwarding.finish())
        return []

    def save(self) -> dict[str, NDArray[Any]]:
        """Return what is gathered, as named arrays."""
        return self._forwarding.save()

    def close(self) -> None:
        """End the file."""
        self._out.close()

    def _write(self, packets: Sequence[Packet]) -> None:
        for one in packets:
            if not self._epoch:
                digest = hashlib.blake2b(self._site.encode() + one.body, digest_size=8).digest()
                self._epoch = int.from_bytes(digest) >> (64 - _EPOCH_BITS) | 1
            before, self._sequence = self._sequence, self._sequence + 1
            envelope = Envelope(
                self._site, self._epoch, self._sequence, 0, before, one.kind, one.first_ns, one.last_ns, len(one.body),
                self._packer.compress(one.body),
            )  # fmt: skip
            self._out.write(encode(envelope))
