"""Siemens S7 communication over ISO on TCP: jobs to a PLC and their answers (RFC 1006, ISO 8073; S7comm is not public).

Layout and codes as described by Wireshark's dissector notes (https://wiki.wireshark.org/S7comm) and by ICSNPP
(https://github.com/cisagov/icsnpp-s7comm), whose names these are. Reads message type, function, and of reads and writes
the first variable's data block as `unit`, byte address and length. S7comm-plus (0x72) is recognised, its contents are
not read. Set-up of the ISO connection says nothing by itself.
"""

from collections.abc import Iterator

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Industrial
from sensor.packets.octets import Octets, until_damage
from sensor.packets.payload import Payload

FUNCTIONS = {
    0x00: "CPU Services",
    0x04: "Read Variable",
    0x05: "Write Variable",
    0x1A: "Request Download",
    0x1B: "Download Block",
    0x1C: "Download Ended",
    0x1D: "Start Upload",
    0x1E: "Upload",
    0x1F: "End Upload",
    0x28: "PLC Control",
    0x29: "PLC Stop",
    0xF0: "Setup Communication",
}
WRITES = frozenset({0x05, 0x1A, 0x1B, 0x1C, 0x28, 0x29})
"""Functions that change variables, the program or the run state."""
GROUPS = {
    0: "Mode-Transition",
    1: "Programmer Controls",
    2: "Cyclic Services",
    3: "Block Functions",
    4: "CPU Functions",
    5: "Security",
    6: "PBC BSEND-BRECV",
    7: "Time Functions",
    15: "NC Programming",
}
"""Function groups of user data."""
USERDATA_WRITES = frozenset({(1, 8), (1, 9), (1, 12), (1, 18), (7, 2), (7, 4)})
"""User data (group, subfunction) that change the PLC: modify variable, force, memory reset, replace job, set clock."""
JOB, ACK, ACK_DATA, USERDATA = 1, 2, 3, 7
TPKT, COTP_DATA, S7, S7_PLUS = 3, 0xF0, 0x32, 0x72
PORT = 102
"""iso-tsap (RFC 1006)."""
PACKETS_MAX = 4
"""ISO packets of one segment."""


class Conversation:
    """One connection to a PLC."""

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a segment that begins with an ISO transport packet."""
        return until_damage(_messages(payload, Octets(payload.data)))

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []


def _messages(payload: Payload, at: Octets) -> Iterator[AnyMessage]:
    for _ in range(PACKETS_MAX):
        if at.left < 7 or at.big(1) != TPKT:
            return
        at.skip(1)
        packet = Octets(at.upto(max(at.big(2) - 4, 3)))
        header = packet.big(1)
        code = packet.big(1)
        packet.skip(header - 1)
        if code != COTP_DATA or not packet.left:
            continue
        protocol = packet.big(1)
        if protocol == S7:
            yield _message(payload, packet)
        elif protocol == S7_PLUS:
            yield _plus(payload)


def _plus(payload: Payload) -> AnyMessage:
    return Industrial(
        **payload.common,  # type: ignore[arg-type]
        protocol="s7comm-plus",
        is_response=payload.sent_from(PORT),
        is_orig=payload.is_orig,
        count=payload.likes,
    )


def _message(payload: Payload, at: Octets) -> AnyMessage:
    kind = at.big(1)
    at.skip(4)
    parameters, _ = at.big(2), at.big(2)
    exception = None
    if kind in (ACK, ACK_DATA):
        error = at.big(2)
        exception = f"0x{error:04x}" if error else None
    block = Octets(at.upto(parameters))
    if kind == USERDATA:
        return _user_data(payload, block)
    code = block.big(1) if block.left else None
    unit, address, quantity = _variable(block) if kind == JOB and code in (4, 5) else (None, None, None)
    return Industrial(
        **payload.common,  # type: ignore[arg-type]
        protocol="s7comm",
        function=FUNCTIONS.get(code, f"unknown-{code}") if code is not None else None,
        code=code,
        writes=code in WRITES and exception is None,
        unit=unit,
        address=address,
        quantity=quantity,
        exception=exception,
        is_response=kind in (ACK, ACK_DATA),
        is_orig=payload.is_orig,
        count=payload.likes,
    )


def _variable(at: Octets) -> tuple[int | None, int | None, int | None]:
    """Read data block, byte address and length of the first item (syntax S7ANY)."""
    try:
        items = at.big(1)
        if not items or at.big(1) != 0x12:
            return None, None, None
        at.skip(1)
        if at.big(1) != 0x10:
            return None, None, None
        at.skip(1)
        quantity, block = at.big(2), at.big(2)
        at.skip(1)
        return block or None, at.big(3) >> 3, quantity
    except Malformed:
        return None, None, None


def _user_data(payload: Payload, at: Octets) -> AnyMessage:
    at.skip(4)
    at.skip(1)
    kind = at.big(1)
    subfunction = at.big(1)
    group = kind & 15
    return Industrial(
        **payload.common,  # type: ignore[arg-type]
        protocol="s7comm",
        function=GROUPS.get(group, f"unknown-{group}"),
        code=subfunction,
        writes=(group, subfunction) in USERDATA_WRITES and kind >> 4 == 4,
        is_response=kind >> 4 == 8,
        is_orig=payload.is_orig,
        count=payload.likes,
    )
