"""Facts about a network interface, asked of the kernel by ioctl (netdevice(7), linux/ethtool.h); nothing is changed.

By ioctl and not by /sys, which shows another network namespace's interfaces where it was mounted in one. No privilege
is needed.
"""

import ctypes
import fcntl
import socket
import struct

UP, RUNNING = 0x1, 0x40
"""IFF_UP, IFF_RUNNING: switched on; with a carrier."""
_GET_FLAGS, _GET_HARDWARE, _ETHTOOL = 0x8913, 0x8927, 0x8946
_OFFLOADS = {"gro": 0x2B, "gso": 0x23, "tso": 0x1E, "rx": 0x14, "tx": 0x16}
"""ETHTOOL_GGRO, GGSO, GTSO, GRXCSUM, GTXCSUM by ethtool's own short names."""
_GET_MORE, _LRO = 0x25, 1 << 15
"""ETHTOOL_GFLAGS, ETH_FLAG_LRO."""


def names() -> list[str]:
    """Return the interfaces that there are."""
    return sorted(name for _, name in socket.if_nameindex())


def flags(name: str) -> int:
    """Return its IFF_ flags. Raises OSError where it is not there."""
    return int(struct.unpack_from("=H", _asked(_GET_FLAGS, name), 16)[0])


def hardware(name: str) -> int:
    """Return its ARPHRD_ number. Raises OSError where it is not there."""
    return int(struct.unpack_from("=H", _asked(_GET_HARDWARE, name), 16)[0])


def offloads(name: str) -> list[str]:
    """Return which offloads are on, by ethtool's short names; those a driver does not speak of are off."""
    found = [short for short, command in _OFFLOADS.items() if _feature(name, command)]
    return [*found, "lro"] if _feature(name, _GET_MORE) & _LRO else found


def _asked(request: int, name: str) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        return fcntl.ioctl(one, request, struct.pack("=16s24x", name.encode()[:15]))


def _feature(name: str, command: int) -> int:
    """Return the value of struct ethtool_value for a command."""
    value = ctypes.create_string_buffer(struct.pack("=II", command, 0), 8)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            fcntl.ioctl(one, _ETHTOOL, struct.pack("16sP16x", name.encode()[:15], ctypes.addressof(value)))
    except OSError:
        return 0
    return int(struct.unpack_from("=I", value.raw, 4)[0])
