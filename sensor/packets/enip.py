"""EtherNet/IP and the CIP requests in it (ODVA, CIP volume 2 §2-3 encapsulation, volume 1 §2-4 messages).

Reads command and status of every encapsulation packet, and of SendRRData and SendUnitData the CIP message: service,
class (`unit`) and instance (`address`), and what is carried by Unconnected Send and in Multiple Service
Packets. Names are ICSNPP's (https://github.com/cisagov/icsnpp-enip). Tag values are not kept. Implicit I/O (UDP 2222)
is not read: it is cyclic and names nothing.
"""

from collections.abc import Iterator

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Industrial
from sensor.packets.octets import Octets, until_damage
from sensor.packets.payload import Payload

COMMANDS = {
    0x00: "NOP",
    0x04: "List Services",
    0x63: "List Identity",
    0x64: "List Interfaces",
    0x65: "Register Session",
    0x66: "Unregister Session",
    0x6F: "Send RR Data",
    0x70: "Send Unit Data",
    0x72: "Indicate Status",
    0x73: "Cancel",
}
SERVICES = {
    0x01: "Get Attributes All",
    0x02: "Set Attributes All",
    0x03: "Get Attribute List",
    0x04: "Set Attribute List",
    0x05: "Reset",
    0x06: "Start",
    0x07: "Stop",
    0x08: "Create",
    0x09: "Delete",
    0x0A: "Multiple Service Packet",
    0x0D: "Apply Attributes",
    0x0E: "Get Attributes Single",
    0x10: "Set Attributes Single",
    0x11: "Find Next Object Instance",
    0x15: "Restore",
    0x16: "Save",
    0x17: "No Forward Open",
    0x18: "Get Member",
    0x19: "Set Member",
    0x1A: "Insert Member",
    0x1B: "Remove Member",
    0x1C: "Group Sync",
    0x1D: "Get Connection Point Member List",
    0x4B: "Execute PCCC Service",
    0x4C: "Read Data",
    0x4D: "Write Data",
    0x4E: "Read Write Modify Data",
    0x52: "Read Data Fragmented",
    0x53: "Write Data Fragmented",
    0x54: "Forward Open",
}
MANAGER_SERVICES = {0x4E: "Forward Close", 0x52: "Unconnected Send", 0x54: "Forward Open", 0x5B: "Large Forward Open"}
"""Services of the Connection Manager, whose codes mean other things elsewhere (CIP volume 1 §3-5.5)."""
WRITES = frozenset(
    {0x02, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0D, 0x10, 0x15, 0x16, 0x19, 0x1A, 0x1B, 0x4D, 0x4E, 0x53}
)
"""Services that change the device. Execute PCCC is judged by its own function, see `PCCC_WRITES`."""
PCCC_WRITES = frozenset({0x00, 0x08, 0x02, 0x3A, 0x53, 0x57, 0x67, 0x80, 0x88, 0xA9, 0xAA, 0xAB, 0xAF})
"""Functions of DF1 command 0x0F that write or change the mode (Allen-Bradley 1770-6.5.16, chapter 7)."""
CONNECTION_MANAGER, UNCONNECTED_SEND, MULTIPLE, PCCC = 6, 0x52, 0x0A, 0x4B
SEND_RR, SEND_UNIT = 0x6F, 0x70
CONNECTED, UNCONNECTED = 0xB1, 0xB2
"""Items that hold CIP (volume 2 §2-6.3)."""
HEADER, PORT = 24, 44818
PACKETS_MAX, ITEMS_MAX, SERVICES_MAX = 4, 4, 8
"""Packets of a segment, items of a packet, services of a multiple request that are read."""
RESPONSE = 0x80


class _Request:
    """A CIP message's head."""

    def __init__(self, service: int) -> None:
        self.service = service
        self.object_class: int | None = None
        self.instance: int | None = None
        self.status: int | None = None
        self.writes = service & ~RESPONSE in WRITES


class Conversation:
    """One session with a device."""

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a segment or datagram that begins with an encapsulation header."""
        return until_damage(_messages(payload, Octets(payload.data)))

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []


def _messages(payload: Payload, at: Octets) -> Iterator[AnyMessage]:
    for _ in range(PACKETS_MAX):
        if at.left < HEADER:
            return
        command, size = at.little(2), at.little(2)
        at.skip(4)
        status = at.little(4)
        at.skip(12)
        if command not in COMMANDS:
            raise Malformed("not_enip")
        body = Octets(at.upto(size))
        requests = _requests(body) if command in (SEND_RR, SEND_UNIT) else []
        yield from (_cip(payload, request) for request in requests)
        if not requests:
            yield _bare(payload, command, status)


def _bare(payload: Payload, command: int, status: int) -> AnyMessage:
    return Industrial(
        **payload.common,  # type: ignore[arg-type]
        protocol="enip",
        function=COMMANDS[command],
        code=command,
        writes=False,
        exception=f"0x{status:02x}" if status else None,
        is_response=payload.sent_from(PORT),
        is_orig=payload.is_orig,
        count=payload.likes,
    )


def _cip(payload: Payload, request: _Request) -> AnyMessage:
    code = request.service & ~RESPONSE
    names = MANAGER_SERVICES if request.object_class == CONNECTION_MANAGER else SERVICES
    response = bool(request.service & RESPONSE)
    return Industrial(
        **payload.common,  # type: ignore[arg-type]
        protocol="cip",
        function=names.get(code) or SERVICES.get(code, f"unknown-{code}"),
        code=code,
        writes=request.writes and request.object_class != CONNECTION_MANAGER and not request.status,
        unit=request.object_class,
        address=request.instance,
        exception=f"0x{request.status:02x}" if request.status else None,
        is_response=response,
        is_orig=payload.is_orig,
        count=payload.likes,
    )


def _requests(at: Octets) -> list[_Request]:
    """Find the CIP messages of a common packet format."""
    found: list[_Request] = []
    try:
        at.skip(6)
        for _ in range(min(at.little(2), ITEMS_MAX)):
            kind, size = at.little(2), at.little(2)
            item = Octets(at.upto(size))
            if kind == CONNECTED:
                item.skip(2)
            if kind in (CONNECTED, UNCONNECTED) and item.left:
                _message(item, found, depth=0)
    except Malformed:
        pass
    return found


def _message(at: Octets, found: list[_Request], *, depth: int) -> None:
    """Read one message; what it carries follows, one level deep each."""
    service = at.little(1)
    request = _Request(service)
    found.append(request)
    if service & RESPONSE:
        at.skip(1)
        request.status = at.little(1)
        return
    path = Octets(at.take(2 * at.little(1)))
    _path(path, request)
    if depth > 1:
        return
    if service == UNCONNECTED_SEND and request.object_class == CONNECTION_MANAGER:
        at.skip(2)
        inner = Octets(at.upto(at.little(2)))
        found.pop()
        _message(inner, found, depth=depth + 1)
    elif service == MULTIPLE:
        start = at.at
        offsets = [at.little(2) for _ in range(min(at.little(2), SERVICES_MAX))]
        for offset in offsets:
            _message(Octets(at.data, start + offset), found, depth=2)
    elif service == PCCC:
        request.writes = _pccc_writes(at)


def _path(at: Octets, request: _Request) -> None:
    """Read class and instance from an encoded path (CIP volume 1 appendix C-1.4): logical segments only."""
    while at.left >= 2:
        kind = at.little(1)
        if kind & 0xE0 != 0x20:
            return
        if kind & 3 == 0:
            value = at.little(1)
        elif kind & 3 == 1:
            at.skip(1)
            value = at.little(2)
        else:
            return
        if kind & 0x1C == 0:
            request.object_class = value
        elif kind & 0x1C == 4:
            request.instance = value


def _pccc_writes(at: Octets) -> bool:
    """Tell whether a PCCC command changes the processor; its requester id comes first."""
    at.skip(max(at.little(1) - 1, 0))
    command = at.little(1)
    at.skip(3)
    if command == 0x0F:
        return at.little(1) in PCCC_WRITES
    return command in (0x00, 0x02, 0x05, 0x08)
