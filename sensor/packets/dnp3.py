"""DNP3: which master does what to which outstation (IEEE 1815-2012 §9.2 link layer, §8.2 transport, §4.2 application).

Of each link frame the addresses, and of the first transport segment the application function, are read; objects of a
command give the index of the first point where they are of the plain kind. Names are Zeek's
(base/protocols/dnp3/consts.zeek). CRCs are not checked: a wrong one is the network's business.
"""

from collections.abc import Iterator

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Industrial
from sensor.packets.octets import Octets, until_damage
from sensor.packets.payload import Payload

FUNCTIONS = {
    0: "CONFIRM",
    1: "READ",
    2: "WRITE",
    3: "SELECT",
    4: "OPERATE",
    5: "DIRECT_OPERATE",
    6: "DIRECT_OPERATE_NR",
    7: "IMMED_FREEZE",
    8: "IMMED_FREEZE_NR",
    9: "FREEZE_CLEAR",
    10: "FREEZE_CLEAR_NR",
    11: "FREEZE_AT_TIME",
    12: "FREEZE_AT_TIME_NR",
    13: "COLD_RESTART",
    14: "WARM_RESTART",
    15: "INITIALIZE_DATA",
    16: "INITIALIZE_APPL",
    17: "START_APPL",
    18: "STOP_APPL",
    19: "SAVE_CONFIG",
    20: "ENABLE_UNSOLICITED",
    21: "DISABLE_UNSOLICITED",
    22: "ASSIGN_CLASS",
    23: "DELAY_MEASURE",
    24: "RECORD_CURRENT_TIME",
    25: "OPEN_FILE",
    26: "CLOSE_FILE",
    27: "DELETE_FILE",
    28: "GET_FILE_INFO",
    29: "AUTHENTICATE_FILE",
    30: "ABORT_FILE",
    31: "ACTIVATE_CONFIG",
    32: "AUTHENTICATE_REQ",
    33: "AUTHENTICATE_ERR",
    129: "RESPONSE",
    130: "UNSOLICITED_RESPONSE",
    131: "AUTHENTICATE_RESP",
}
WRITES = frozenset({2, 4, 5, 6, 9, 10, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 27, 31})
"""Functions that change the outstation. SELECT only prepares; freezes copy counters."""
FIRST_RESPONSE = 129
LINK_HEADER, BLOCK, CRC = 10, 16, 2
"""A link frame: ten bytes with their CRC, then blocks of up to 16 bytes, each with its CRC (IEEE 1815 §9.2.4)."""
FRAMES_MAX = 8
"""Link frames of one segment; a fragment of 2,048 bytes takes nine."""
PRIMARY = 0x40
FIRST_SEGMENT = 0x40
"""FIR of the transport header."""
LINK_DATA = (3, 4)
"""Link functions with user data: confirmed, unconfirmed."""
COMMANDS = frozenset({2, 3, 4, 5, 6})


class Conversation:
    """One channel between a master and its outstations."""

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a segment or datagram that begins with a link frame."""
        return until_damage(_messages(payload))

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []


def _messages(payload: Payload) -> Iterator[AnyMessage]:
    data, at = payload.data, 0
    for _ in range(FRAMES_MAX):
        if len(data) - at < LINK_HEADER or data[at : at + 2] != b"\x05\x64":
            return
        size = data[at + 2] - 5
        if size < 0:
            raise Malformed("not_dnp3")
        body = at + LINK_HEADER
        if data[at + 3] & PRIMARY and data[at + 3] & 15 in LINK_DATA:
            yield from _application(payload, data[at + 4 : at + 8], _user_data(data[body:], size))
        at = body + size + CRC * -(-size // BLOCK)


def _user_data(data: bytes, size: int) -> bytes:
    """Leave out the CRCs."""
    blocks = -(-size // BLOCK)
    return b"".join(data[k * (BLOCK + CRC) : k * (BLOCK + CRC) + BLOCK] for k in range(blocks))[:size]


def _application(payload: Payload, addresses: bytes, segment: bytes) -> list[AnyMessage]:
    if len(segment) < 3 or not segment[0] & FIRST_SEGMENT:
        return []
    code = segment[2]
    response = code >= FIRST_RESPONSE
    target, source = int.from_bytes(addresses[:2], "little"), int.from_bytes(addresses[2:], "little")
    address, quantity = _point(Octets(segment, 3)) if code in COMMANDS else (None, None)
    return [
        Industrial(
            **payload.common,  # type: ignore[arg-type]
            protocol="dnp3",
            function=FUNCTIONS.get(code, f"unknown-{code}"),
            code=code,
            writes=code in WRITES,
            unit=source if response else target,
            address=address,
            quantity=quantity,
            is_response=response,
            is_orig=payload.is_orig,
            count=payload.likes,
        )
    ]


def _point(at: Octets) -> tuple[int | None, int | None]:
    """Read index and number of points from the first object header (IEEE 1815 §4.2.2.7)."""
    try:
        at.skip(2)
        qualifier = at.big(1)
        width = {0: 1, 1: 2, 2: 4}.get(qualifier & 15)
        if width is not None:  # start and stop
            start, stop = at.little(width), at.little(width)
            return start, stop - start + 1 if start <= stop else None
        width = {7: 1, 8: 2, 9: 4}.get(qualifier & 15)
        if width is None:
            return None, None
        count, prefix = at.little(width), {1: 1, 2: 2, 3: 4}.get(qualifier >> 4 & 7)
        return (at.little(prefix) if prefix else None), count
    except Malformed:
        return None, None
