"""Packet filters: libpcap's language compiled by libpcap itself, through ctypes.

libpcap and not the output of `tcpdump -ddd`: it is the same compiler, without a process and a text to parse, and it is
there wherever tcpdump, tshark or nmap are. It is loaded when a filter is configured, and only then.
"""

import ctypes
import ctypes.util

from sensor.errors import ConfigError

_ETHERNET, _RAW = 1, 12
"""DLT_EN10MB, DLT_RAW of pcap/dlt.h."""
SNAPLEN = 262_144
REMEDY = "install libpcap (Debian: apt install libpcap0.8), or leave the filter out"


class _Instruction(ctypes.Structure):
    _fields_ = (("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint32))


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_uint), ("instructions", ctypes.POINTER(_Instruction)))


def library() -> str | None:
    """Return libpcap's name, None where it is not installed."""
    return ctypes.util.find_library("pcap")


def compiled(text: str, *, ethernet: bool = True) -> bytes:
    """Compile a filter into instructions of struct sock_filter.

    Args:
        text: As tcpdump takes it, e.g. `not port 22`.
        ethernet: Whether frames begin with an Ethernet header; else with IP.

    Raises:
        ConfigError: libpcap is missing, or does not understand the filter.
    """
    if "vlan" in text.split():  # the kernel takes a tag off before the filter sees the frame
        raise ConfigError(f"filter = {text!r}: vlan is not filtered by; leave tags to the sensor, which reads them")
    name = library()
    if name is None:
        raise ConfigError(f"filter = {text!r} needs libpcap, which is not here: {REMEDY}")
    pcap = ctypes.CDLL(name)
    pcap.pcap_open_dead.restype = ctypes.c_void_p
    pcap.pcap_geterr.restype = ctypes.c_char_p
    handle = ctypes.c_void_p(pcap.pcap_open_dead(_ETHERNET if ethernet else _RAW, SNAPLEN))
    program = _Program()
    try:
        if pcap.pcap_compile(handle, ctypes.byref(program), text.encode(), 1, ctypes.c_uint32(0xFFFFFFFF)) != 0:
            why = pcap.pcap_geterr(handle).decode(errors="replace")
            raise ConfigError(f"filter = {text!r}: {why}")
        found = ctypes.string_at(program.instructions, program.length * ctypes.sizeof(_Instruction))
        pcap.pcap_freecode(ctypes.byref(program))
    finally:
        pcap.pcap_close(handle)
    return found
