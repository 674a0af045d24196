"""Ports that servers listen on: Zeek's `likely_server_ports` as its default scripts fill it.

Those are the ports that scripts/base/protocols/*/main.zeek and scripts/base/packet-protocols/*/main.zeek register for
their analyzers, without those of clients (68/udp). Used only to tell who opened a flow whose beginning was not seen.
"""

import numpy as np

from baselines._jit import kernel

TCP = (
    *(21, 2811, 79, 80, 81, 631, 1080, 3128, 8000, 8080, 8888, 143, 6666, 6667, 6668, 6669, 88, 389, 3268, 1434, 3306),
    *(3389, 135, 139, 445, 25, 587, 22, 443, 563, 585, 614, 636, 989, 990, 992, 993, 995, 5223, 5222, 5269, 110, 502),
    *(20000, 53, 1883, 5432, 6379),
)
UDP = (
    *(53, 137, 5353, 5355, 67, 88, 389, 123, 161, 162, 514, 1812, 443, 784, 853, 3389, 5060, 20000),
    *(3544, 5072, 2152, 2123, 4789, 6081),
)

DNS = (53, 137, 5353, 5355)
"""UDP ports that Zeek hands to its DNS analyzer, whose flows end sooner (base/protocols/dns/main.zeek)."""
INTERACTIVE = (21, 22, 23, 513)
"""TCP ports whose flows may be idle for an hour (base/protocols/conn/inactivity.zeek)."""

_LIKELY = np.zeros((2, 65536), np.uint8)
_LIKELY[0, list(TCP)] = 1
_LIKELY[1, list(UDP)] = 1


@kernel()
def likely_server(proto, port):  # type: ignore[no-untyped-def]
    """Tell whether a TCP (6) or UDP (17) port is one that servers listen on."""
    return _LIKELY[0 if proto == 6 else 1, port] != 0


@kernel(inline=True)
def is_dns(port):  # type: ignore[no-untyped-def]
    """Tell whether a UDP responder's port is one of `DNS`."""
    return port == 53 or port == 137 or port == 5353 or port == 5355


@kernel(inline=True)
def is_interactive(port):  # type: ignore[no-untyped-def]
    """Tell whether a TCP responder's port is one of `INTERACTIVE`."""
    return port == 21 or port == 22 or port == 23 or port == 513
