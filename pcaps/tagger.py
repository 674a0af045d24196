"""Join untagged ports to a trunk with 802.1Q tags, in user space: for kernels whose bridge has no VLAN filtering.

    python tagger.py TRUNK PORT=VLAN...

Runs in the namespace that holds the devices. Frames from a port leave on the trunk with its tag; frames from the trunk
leave on the port of their tag, untagged. It learns no addresses and ends when it is told to.
"""

import select
import socket
import struct
import sys

ETH_P_ALL = 3
PACKET_AUXDATA, SOL_PACKET = 8, 263
PACKET_OUTGOING = 4


def opened(device: str) -> socket.socket:
    """Open a raw socket on a device, promiscuous by the device's own setting."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.bind((device, 0))
    raw.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
    return raw


def received(raw: socket.socket) -> tuple[bytes, int] | None:
    """Read a frame and its VLAN (0: none), which the kernel hands over beside it; None for what we sent ourselves."""
    frame, ancillary, _, address = raw.recvmsg(65536, 128)
    if address[2] == PACKET_OUTGOING:
        return None
    for level, kind, octets in ancillary:
        if level == SOL_PACKET and kind == PACKET_AUXDATA:
            tci = struct.unpack("IIIHHHH", octets[:20])[5]
            if tci:
                return frame, tci & 0xFFF
    if frame[12:14] == b"\x81\x00":
        return frame[:12] + frame[16:], struct.unpack(">H", frame[14:16])[0] & 0xFFF
    return frame, 0


def main(trunk_name: str, ports: dict[str, int]) -> None:
    """Forward until killed."""
    trunk = opened(trunk_name)
    by_socket = {opened(name): tag for name, tag in ports.items()}
    by_tag = {tag: port for port, tag in by_socket.items()}
    while True:
        ready, _, _ = select.select([trunk, *by_socket], [], [])
        for raw in ready:
            got = received(raw)
            if got and raw is trunk and got[1] in by_tag:
                by_tag[got[1]].send(got[0])
            elif got and raw is not trunk:
                trunk.send(got[0][:12] + struct.pack(">HH", 0x8100, by_socket[raw]) + got[0][12:])


if __name__ == "__main__":
    main(sys.argv[1], {name: int(tag) for name, tag in (word.split("=") for word in sys.argv[2:])})
