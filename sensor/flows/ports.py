"""Ports that servers listen on: Zeek's `likely_server_ports` as its default scripts fill it.

Used only to tell who opened a flow whose beginning was not seen.
"""

import numpy as np

from baselines._jit import kernel

TCP = (
    *(21, 2811, 80, 81, 631, 1080, 3128, 8000, 8080, 8888, 143, 6666, 6667, 6668, 6669, 88, 750, 389, 3268, 1434, 3306),
    *(3389, 135, 139, 445, 25, 587, 22, 443, 563, 585, 614, 636, 989, 990, 992, 993, 995, 5223, 5222, 5269, 110, 502),
    *(20000, 53, 1883, 8883, 5432, 6379),
)
UDP = (53, 137, 5353, 5355, 67, 88, 389, 123, 161, 162, 514, 1812, 443, 5060, 20000, 3544, 5072, 2152, 2123, 4789, 6081)

_LIKELY = np.zeros((2, 65536), np.uint8)
_LIKELY[0, list(TCP)] = 1
_LIKELY[1, list(UDP)] = 1


@kernel()
def likely_server(proto, port):  # type: ignore[no-untyped-def]
    """Tell whether a TCP (6) or UDP (17) port is one that servers listen on."""
    return _LIKELY[0 if proto == 6 else 1, port] != 0
