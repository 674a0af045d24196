"""A packet socket with a ring, AF_PACKET and TPACKET_V3 (packet(7), Documentation/networking/packet_mmap.rst).

Opening needs CAP_NET_RAW; reading, counting and filtering what is open need nothing. The ring belongs to the socket and
not to a process: who reads it may die, and another go on where it was. Bound only when the filter is in place, so that
nothing else ever enters the ring.
"""

import contextlib
import ctypes
import fcntl
import mmap
import os
import socket
import struct

import msgspec
import numpy as np
from numpy.typing import NDArray

from sensor.errors import ConfigError
from sensor.wire import interfaces

SOL_PACKET, ETH_P_ALL, TPACKET_V3 = 263, 3, 2
ADD_MEMBERSHIP, RX_RING, STATISTICS, VERSION, RESERVE, TIMESTAMP, FANOUT, IGNORE_OUTGOING = 1, 5, 6, 10, 12, 17, 18, 23
PROMISCUOUS = 1
FANOUT_HASH, FANOUT_ROLLOVER, FANOUT_DEFRAG = 0, 0x1000, 0x8000
"""Whole flows each, of fragments too; where one ring is full, the next takes its packets."""
TIMESTAMP_HARDWARE = 1 << 6
"""SOF_TIMESTAMPING_RAW_HARDWARE of linux/net_tstamp.h."""
SIOCSHWTSTAMP = 0x89B0
SO_ATTACH_FILTER = 26
BLOCK_BYTES = 1 << 20
"""A block is handed over when it is full or RETIRE_MS old: as large as the reader's blocks of files."""
RETIRE_MS = 50
FRAME_BYTES = 1 << 11
"""Of no meaning with TPACKET_V3 but for the sum of sizes, which the kernel checks."""
VLAN_ROOM = 4
_MAP_FIXED = 0x10
_CLASSIC_MAX = 0xFFFF
KEEP_NOTHING = struct.pack("=HBBI", 6, 0, 0, 0)
"""A filter of one instruction: return 0."""


class Statistics(msgspec.Struct):
    """What the kernel counted for one ring since it was opened."""

    packets: int = 0
    """Those that passed the filter, the dropped included."""
    drops: int = 0
    freezes: int = 0
    """How often the ring was full."""


class PacketSocket:
    """One socket and its ring, bound to an interface."""

    def __init__(
        self, interface: str, *, ring_bytes: int, snaplen: int, promiscuous: bool, outgoing: bool, hardware: bool,
        program: bytes, group: int | None,
    ) -> None:  # fmt: skip
        """Open.

        Args:
            interface: Its name.
            ring_bytes: Size of the ring.
            snaplen: Bytes of each frame that are kept.
            promiscuous: Take frames for other hosts too.
            outgoing: Take what this machine sends as well.
            hardware: Ask the card for its own times.
            program: Filter as `sensor.wire.bpf` compiles it; empty for none.
            group: Fanout group, None for a socket on its own.

        Raises:
            ConfigError: The interface is not there, or what is missing to open it; says the remedy.
        """
        try:
            index = socket.if_nametoindex(interface)
        except OSError:
            there = ", ".join(interfaces.names())
            raise ConfigError(f"interface = {interface!r}: no such interface; there are {there}") from None
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        except PermissionError:
            raise ConfigError(
                f"interface = {interface!r}: opening it needs CAP_NET_RAW; start as root (it is given up at once), or "
                "AmbientCapabilities=CAP_NET_RAW in the systemd unit"
            ) from None
        self.interface, self.statistics = interface, Statistics()
        self.blocks = max(2, ring_bytes // BLOCK_BYTES)
        try:
            self._prepare(index, snaplen, promiscuous=promiscuous, outgoing=outgoing, program=program)
            if hardware:
                self._ask_hardware()
            self.socket.bind((interface, ETH_P_ALL))
            if group is not None:
                kind = FANOUT_HASH | FANOUT_ROLLOVER | FANOUT_DEFRAG
                self.socket.setsockopt(SOL_PACKET, FANOUT, struct.pack("=HH", group & 0xFFFF, kind))
        except ConfigError:
            self.socket.close()
            raise
        except OSError as error:
            self.socket.close()
            raise ConfigError(f"interface = {interface!r}: cannot capture: {error.strerror}") from error

    def _prepare(self, index: int, snaplen: int, *, promiscuous: bool, outgoing: bool, program: bytes) -> None:
        option = self.socket.setsockopt
        option(SOL_PACKET, VERSION, TPACKET_V3)
        option(SOL_PACKET, RESERVE, VLAN_ROOM)
        frames = self.blocks * (BLOCK_BYTES // FRAME_BYTES)
        asked = struct.pack("=7I", BLOCK_BYTES, self.blocks, FRAME_BYTES, frames, RETIRE_MS, 0, 0)
        try:
            option(SOL_PACKET, RX_RING, asked)
        except OSError as error:
            raise ConfigError(
                f"buffer: the kernel has no {self.blocks} MiB for a ring of {self.interface}: {error.strerror}; ask "
                "for less"
            ) from error
        program = program or struct.pack("=HBBI", 6, 0, 0, snaplen)
        if snaplen < _CLASSIC_MAX:
            program = cut(program, snaplen)
        self._program = program
        self.pause()
        if not outgoing:
            with contextlib.suppress(OSError):  # before Linux 4.20 there is no such option
                option(SOL_PACKET, IGNORE_OUTGOING, 1)
        if promiscuous:
            option(SOL_PACKET, ADD_MEMBERSHIP, struct.pack("=iHH8s", index, PROMISCUOUS, 0, b""))

    def _ask_hardware(self) -> None:
        """Have the card note times of all that it receives. Raises ConfigError where it has no clock."""
        config = ctypes.create_string_buffer(struct.pack("=iii", 0, 0, 1))
        request = struct.pack("16sP16x", self.interface.encode(), ctypes.addressof(config))
        try:
            fcntl.ioctl(self.socket, SIOCSHWTSTAMP, request)
        except OSError as error:
            raise ConfigError(
                f'timestamps = "hardware": {self.interface} has no such clock ({error.strerror}); say "kernel"'
            ) from error
        self.socket.setsockopt(SOL_PACKET, TIMESTAMP, TIMESTAMP_HARDWARE)

    def start(self) -> None:
        """Take what passes the filter from now on."""
        self._attach(self._program)

    def pause(self) -> None:
        """Take nothing; what is in the ring stays there. So it begins, for a sensor needs seconds to be ready."""
        self._attach(KEEP_NOTHING)

    def _attach(self, program: bytes) -> None:
        held = ctypes.create_string_buffer(program, len(program))
        self.socket.setsockopt(
            socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(held))
        )

    def count(self) -> Statistics:
        """Take over what the kernel counted; it starts again at nothing each time it is asked."""
        packets, drops, freezes = struct.unpack("=III", self.socket.getsockopt(SOL_PACKET, STATISTICS, 12))
        one = self.statistics
        one.packets, one.drops, one.freezes = one.packets + packets, one.drops + drops, one.freezes + freezes
        return one

    @property
    def hardware(self) -> int:
        """ARPHRD_ number of the interface."""
        return interfaces.hardware(self.interface)

    def close(self) -> None:
        """Let go of the ring."""
        self.socket.close()


def cut(program: bytes, snaplen: int) -> bytes:
    """Return a filter that keeps at most `snaplen` bytes of what it accepts (BPF_RET | BPF_K with a count)."""
    out = bytearray(program)
    for at in range(0, len(out), 8):
        code, _, _, value = struct.unpack_from("=HBBI", out, at)
        if code == 6 and value > snaplen:
            struct.pack_into("=HBBI", out, at, code, 0, 0, snaplen)
    return bytes(out)


def map_ring(descriptor: int, ring_bytes: int, behind_bytes: int) -> NDArray[np.uint8]:
    """Map a socket's ring with writable memory right behind it, for a decoder that needs room there.

    Args:
        descriptor: The socket.
        ring_bytes: Size of the ring.
        behind_bytes: Room behind it.

    Returns:
        Both as one array, uint8. Never unmapped: a capture process has one ring for as long as it lives.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (
        ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
    )  # fmt: skip
    both = mmap.PROT_READ | mmap.PROT_WRITE
    total = ring_bytes + behind_bytes
    base = libc.mmap(None, total, both, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, -1, 0)
    failed = ctypes.c_void_p(-1).value
    if base == failed or libc.mmap(base, ring_bytes, both, mmap.MAP_SHARED | _MAP_FIXED, descriptor, 0) == failed:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return np.ctypeslib.as_array((ctypes.c_uint8 * total).from_address(base))
