"""NetFlow v5, v9 and IPFIX by UDP (RFC 3954, RFC 7011): a socket that only receives.

A thread takes packets off the socket and holds them until the next poll, HELD_BYTES at most: what comes beyond is
dropped and counted (`queue_full`). What the kernel drops before is seen as a gap in the exporter's sequence. Who sends
is not checked, and UDP's sender can be forged: listen where only exporters reach.

A refused packet, a set of records without template, a gap: each counts as one refused record. Nothing is kept across a
restart, and exporters repeat their templates.
"""

import contextlib
import socket
import threading
from collections import deque

from sensor.errors import Malformed
from sensor.model.source import Account, Batch
from sensor.wire.netflow_packets import Exports
from sensor.wire.netflow_records import Way, flows, way_of

LISTENS = True
"""Needs an address to listen at, not a path."""
OPTIONS = {"listen": str}
HELD_BYTES = 16 << 20
"""About 300,000 records of v5 (48 bytes each): over a second of the fastest export that can be read."""
RECEIVE_BYTES = 4 << 20
"""Asked of the kernel, which may give less (net.core.rmem_max)."""
POLL_RECORDS = 65_536
"""Records a poll, and those of the last packet: about a second's work."""
OVERHEAD_BYTES = 200
"""Counted for each packet held beside its bytes: its objects, so that empty packets are bounded too."""
DATAGRAM_BYTES = 65_535
WAKE_S = 0.2
"""How long closing waits at most for the thread to see it."""


class NetflowListener:
    """One socket, and what it received."""

    problem = ""

    def __init__(self, host: str, port: int, site: str, number: int, held_bytes: int = HELD_BYTES) -> None:
        """Bind, and start receiving. Raises OSError.

        Args:
            host: Address to bind, exactly this one.
            port: Port; 0 for any.
            site: Whose flows these are.
            number: The input's place.
            held_bytes: Most that is held between two polls.
        """
        self._socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            with contextlib.suppress(OSError):
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self._socket.settimeout(WAKE_S)
        self.port = int(self._socket.getsockname()[1])
        self.account = Account(path=f"udp:{host}:{self.port}", site=site, format="netflow")
        self._number, self._held_limit = number, held_bytes
        self._exports = Exports()
        self._lock, self._stop = threading.Lock(), threading.Event()
        self._held: deque[tuple[bytes, str]] = deque()
        self._held_bytes = self._dropped = self._dropped_bytes = 0
        self._thread = threading.Thread(target=self._receive, name=f"netflow-{self.port}", daemon=True)
        self._thread.start()

    def poll(self) -> Batch:
        """Hand out the flows of what was received."""
        self._count_dropped()
        ways: list[Way] = []
        end = self.account.records + POLL_RECORDS
        while self.account.records < end:
            with self._lock:
                if not self._held:
                    break
                data, exporter = self._held.popleft()
                self._held_bytes -= len(data) + OVERHEAD_BYTES
            self._take(data, exporter, ways)
        made = flows(ways)
        made["input"] = self._number
        return Batch(flows=made)

    def position(self) -> None:
        """Return None: there is nothing to go back to."""

    def acknowledge(self) -> None:
        """Do nothing: a packet is not sent again."""

    def close(self) -> None:
        """Stop receiving."""
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _receive(self) -> None:
        while not self._stop.is_set():
            try:
                data, sender = self._socket.recvfrom(DATAGRAM_BYTES)
            except OSError:
                continue
            size = len(data) + OVERHEAD_BYTES
            with self._lock:
                if self._held_bytes + size > self._held_limit:
                    self._dropped += 1
                    self._dropped_bytes += len(data)
                else:
                    self._held.append((data, f"{sender[0]} {sender[1]}"))
                    self._held_bytes += size

    def _count_dropped(self) -> None:
        with self._lock:
            count, size, self._dropped, self._dropped_bytes = self._dropped, self._dropped_bytes, 0, 0
        self.account.bytes += size
        if count:
            self._refuse("queue_full", count)

    def _take(self, data: bytes, exporter: str, ways: list[Way]) -> None:
        """Read one packet."""
        account = self.account
        account.bytes += len(data)
        try:
            packet = self._exports.read(data, exporter)
        except Malformed as error:
            self._refuse(str(error))
            return
        for reason, count in packet.refused.items():
            self._refuse(reason, count)
        for record in packet.records:
            account.records += 1
            try:
                way = way_of(record, packet, account.records - 1)
            except Malformed as error:
                account.reject(str(error))
                continue
            account.accepted += 1
            if way is not None:
                ways.append(way)

    def _refuse(self, reason: str, count: int = 1) -> None:
        self.account.records += count
        self.account.reject(reason, count)
