"""A live span port: an interface is captured, its packets become flows, messages and ARP rows, as a capture file's do.

AF_PACKET rings (Linux), each read by a process of its own; what the kernel hands out is decoded where it lies. With
`processes` above 1 the kernel deals whole conversations out to them (PACKET_FANOUT). Elsewhere scapy's sockets take the
place of rings: slower, in this process, and what they drop nobody counts.

In the account a record is a packet that came to the ring: accepted, a duplicate (a span port copies what enters by one
mirrored port and leaves by another), or dropped: `kernel_drop` where the ring was full, the decoder's reasons, and
`capture_failed` with a process that died. `queue_full` alone counts flows and messages, each a record of its own, that
this process was too slow to take. Kernels are imported in the capture processes.

Sockets are opened by `open_sockets` as the sensor starts and handed in, because afterwards nobody may open any.
"""

import contextlib
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from sensor.model.capture import ARP
from sensor.model.flow import FLOW
from sensor.model.protocols import AnyMessage
from sensor.model.records import joined
from sensor.model.source import Account, Batch
from sensor.sources._span_process import CaptureProcess, Capturing, added
from sensor.sources._span_watch import Watch
from sensor.wire import bpf, interfaces
from sensor.wire.capture_reports import Counts, Report, Task
from sensor.wire.packet_socket import PacketSocket

LIVE = True
"""Needs an interface, not a path."""
OPTIONS: dict[str, type] = {
    "interface": str, "filter": str, "snaplen": int, "promiscuous": bool, "outgoing": bool, "buffer_bytes": int,
    "processes": int, "timestamps": str, "keep_duplicates": bool, "ignore_checksums": bool, "max_flows": int,
    "keep_bytes": int, "user": str,
}  # fmt: skip
LIMITS = {
    "snaplen": (128, 65_535), "buffer_bytes": (4 << 20, 8 << 30), "processes": (1, 64), "max_flows": (1 << 10, 1 << 26),
    "keep_bytes": (0, 1 << 60),
}  # fmt: skip
"""Smallest and largest. A snaplen of 128 bytes still holds every header in use and nothing of what is said."""
POLL_FLOWS = 1 << 16
"""Flows of one poll: about a second's work of whoever takes them."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What its table may hold."""

    interface: str
    """Name of the network card that the span port is connected to."""
    filter: str = ""
    """As tcpdump takes it."""
    snaplen: int = 65_535
    """Bytes of a frame that are kept, from 128 on: fewer than all, and messages that are longer are not read."""
    promiscuous: bool = True
    """Take frames to other machines' cards, which is what a span port has."""
    outgoing: bool = False
    """Take what this machine itself sends by this interface, too."""
    buffer_bytes: int = 128 << 20
    """Of each process's ring: a second of 1 Gbit/s."""
    processes: int = 1
    """Capture processes, whole conversations each."""
    timestamps: str = "kernel"
    """`hardware`: the card's own clock, where it has one."""
    keep_duplicates: bool = False
    """Count a frame that comes again within 2 ms, as where a switch mirrors both of its sides, as another."""
    ignore_checksums: bool = False
    """Believe packets whose checksum is wrong."""
    max_flows: int = 1 << 20
    """Live flows of each process; the longest silent gives way."""
    keep_bytes: int = 0
    """Of recent packets on disk, for `inspect`; 0 keeps none."""
    user: str | None = None
    """Whom a sensor becomes that was started as root."""


def problem(table: Mapping[str, object]) -> str | None:
    """Say what is wrong with a table whose types are right; None where nothing is."""
    if "path" in table or not table.get("interface"):
        return 'needs interface = "…", as eth1, and no path'
    if table.get("timestamps", "kernel") not in {"kernel", "hardware"}:
        return f'timestamps = {table["timestamps"]!r}: "kernel" or "hardware"'
    for key, (least, most) in LIMITS.items():
        value = table.get(key, least)
        if not (isinstance(value, int) and least <= value <= most):
            return f"{key} = {value}: from {least} to {most}"
    return None


def settings_of(options: Mapping[str, object]) -> Settings:
    """Return a checked table's options with every default filled in."""
    return msgspec.convert({key: value for key, value in options.items() if key != "site"}, Settings)


def has_rings() -> bool:
    """Tell whether this system has AF_PACKET."""
    return sys.platform == "linux"


def open_sockets(settings: Settings, group: int) -> list[PacketSocket]:
    """Open a source's rings, one a process.

    Args:
        settings: The source's.
        group: Number of its fanout group, this machine's only one of that number.

    Raises:
        ConfigError: What is missing, and the remedy.
    """
    program = bpf.compiled(settings.filter) if settings.filter else b""
    with contextlib.ExitStack() as failing:
        opened = []
        for _ in range(settings.processes):
            one = PacketSocket(
                settings.interface, ring_bytes=settings.buffer_bytes, snaplen=settings.snaplen,
                promiscuous=settings.promiscuous, outgoing=settings.outgoing,
                hardware=settings.timestamps == "hardware", program=program,
                group=group if settings.processes > 1 else None,
            )  # fmt: skip
            opened.append(one)
            failing.callback(one.close)
        failing.pop_all()
    return opened


class SpanFeed:
    """One interface."""

    live = True
    """Nothing is pushed back on it: it drops, and counts."""

    def __init__(
        self, name: str, settings: Settings, sockets: Sequence[PacketSocket], site: str, number: int,
        networks: Sequence[str] | None, folder: Path,
    ) -> None:  # fmt: skip
        """Start capturing.

        Args:
            name: Its table's name.
            settings: Its options.
            sockets: As `open_sockets` gave them; they stay open. None: capture by scapy.
            site: Whose packets these are.
            number: The input's place.
            networks: What counts as local; the engine's default where None.
            folder: Where recent packets go, if any are kept; must be there then.
        """
        self.account = Account(path=settings.interface, site=site, format="span")
        self.problem = ""
        self._settings = settings
        self._watch = Watch(name, settings.interface)
        tasks = [_task(settings, number, networks, folder, f"{name}-{k}") for k in range(max(1, len(sockets)))]
        self._captures: list[Capturing] = []
        with contextlib.ExitStack() as failing:
            failing.callback(self.close)
            if not sockets:
                from sensor.sources._span_scapy import ScapyCapture

                self._captures.append(ScapyCapture(settings.interface, settings.filter, tasks[0]))
            for socket, task in zip(sockets, tasks, strict=False):
                self._captures.append(CaptureProcess(socket, task))
            failing.pop_all()

    def poll(self) -> Batch:
        """Hand out what the capture processes said."""
        flows, arp, messages = [np.empty(0, FLOW)], [np.empty(0, ARP)], list[AnyMessage]()
        count = 0
        for report in self._reports():
            flows.append(report.flows)
            arp.append(report.arp)
            messages += report.messages
            count += len(report.flows) + len(report.messages)
            if count >= POLL_FLOWS:
                break
        self._settle()
        batch = Batch(flows=joined(flows), messages=messages, arp=joined(arp))
        self._watch.flows(batch.flows)
        return batch

    @property
    def warnings(self) -> list[str]:
        """What was found wrong with what comes, each once."""
        return self._watch.warnings

    def position(self) -> None:
        """Return None: a wire cannot be read again."""

    def acknowledge(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Capture no more; `poll` gives what was captured, and flows that went on until now."""
        for one in self._captures:
            one.stop()

    def close(self) -> None:
        """Let go of everything but the sockets."""
        for one in self._captures:
            one.close()
        self._captures = []

    def _reports(self) -> Iterator[Report]:
        for one in self._captures:
            yield from one.reports()

    def _settle(self) -> None:
        """Bring the account up to date."""
        total, drops = Counts(), 0
        for one in self._captures:
            total, drops = added(total, one.totals()), drops + one.drops()
        account = self.account
        account.accepted, account.duplicates, account.bytes = total.accepted, total.duplicates, total.bytes
        account.rejected = dict(total.rejected)
        for reason, count in (("kernel_drop", drops), ("queue_full", total.queue_full)):
            if count:
                account.reject(reason, count)
        account.records = account.accepted + account.duplicates + sum(account.rejected.values())
        self.problem = next((one.problem for one in self._captures if one.problem), self._interface())
        self._watch.look(total, account.records, drops)

    def _interface(self) -> str:
        """Say what is wrong with the interface."""
        name = self._settings.interface
        if not has_rings():
            return ""
        try:
            return "" if interfaces.flags(name) & interfaces.UP else f"{name} is down: ip link set {name} up"
        except OSError:
            return f"{name} is gone: restart the sensor when it is there again"


def _task(settings: Settings, number: int, networks: Sequence[str] | None, folder: Path, name: str) -> Task:
    """Return what one capture process does."""
    return Task(
        seed=secrets.randbits(62), input_index=number, max_flows=settings.max_flows,
        local_networks=None if networks is None else tuple(networks),
        keep_duplicates=settings.keep_duplicates, ignore_checksums=settings.ignore_checksums,
        keep_folder=str(folder) if settings.keep_bytes else "",
        keep_bytes=settings.keep_bytes // settings.processes, keep_name=name,
    )  # fmt: skip
