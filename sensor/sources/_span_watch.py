"""What is wrong with a span port, seen from what comes by it: joined packets, offload, one direction only, drops.

Each thing is said once, drops each time that there are more. Judges nothing else: what is unusual is for detectors.
"""

import logging

import numpy as np
from numpy.typing import NDArray

from sensor.model.flow import TCP
from sensor.wire.capture_reports import Counts

OFFLOAD_SHARE = 0.05
"""Of all packets with wrong checksums: from there on Zeek blames a NIC (base/misc/find-checksum-offloading.zeek)."""
SEEN_LEAST = 1_000
"""Packets, or TCP flows that carry something, before anything is said of all."""
ONE_WAY_SHARE = 0.5
"""Of TCP flows that carry something, those of which one side was never seen: nobody sends for long without an answer,
so that a healthy port has next to none, and one that mirrors a single direction all."""
_LOG = logging.getLogger(__name__)


class Watch:
    """One source's.

    Attributes:
        warnings: What was found, each once.
    """

    def __init__(self, name: str, interface: str) -> None:
        """Begin with nothing seen.

        Args:
            name: The source's table.
            interface: Its interface.
        """
        self.warnings: list[str] = []
        self._name, self._interface = name, interface
        self._said: set[str] = set()
        self._carrying = self._one_way = self._dropped = 0

    def flows(self, flows: NDArray[np.void]) -> None:
        """Count those that carry something, and those of them of which one side was never seen; dtype FLOW."""
        carries = (flows["proto"] == TCP) & ((flows["orig_bytes"] > 0) | (flows["resp_bytes"] > 0))
        silent = (flows["orig_pkts"] == 0) | (flows["resp_pkts"] == 0)
        self._carrying += int(carries.sum())
        self._one_way += int((carries & silent).sum())

    def look(self, total: Counts, records: int, drops: int) -> None:
        """Say what is wrong.

        Args:
            total: What became of all frames.
            records: How many there were.
            drops: What the kernel dropped of them.
        """
        interface = self._interface
        if drops > self._dropped:
            _LOG.warning(
                "packets dropped by the kernel, the ring was full source=%s dropped=%d in_all=%d of=%d",
                self._name, drops - self._dropped, drops, records,
            )  # fmt: skip
            self._dropped = drops
        if total.joined:
            self._say(f"{interface} joins packets before they are seen: ethtool -K {interface} gro off lro off")
        wrong = total.rejected.get("bad_checksum", 0)
        if records >= SEEN_LEAST and wrong > OFFLOAD_SHARE * records:
            self._say(
                f"packets on {interface} have wrong checksums, most likely from a NIC's offload: ethtool -K "
                f"{interface} rx off tx off, or ignore_checksums = true"
            )
        if self._carrying >= SEEN_LEAST and self._one_way > ONE_WAY_SHARE * self._carrying:
            self._say(f"most TCP flows on {interface} show one side only: mirror both directions, rx and tx, of a port")
        if total.kept_problem:
            self._say(f"recent packets are kept no more: {total.kept_problem}")

    def _say(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.warnings.append(text)
            _LOG.warning("%s source=%s", text, self._name)
