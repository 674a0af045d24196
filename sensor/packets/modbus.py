"""Modbus/TCP: who asks which unit for what, and who writes (Modbus Messaging on TCP/IP V1.0b §3.1.3, Protocol V1.1b3).

Reads every request or answer of a segment. An answer repeats no address, so its own is None unless the protocol echoes
it, as it does for single writes. Names are Zeek's (base/protocols/modbus/consts.zeek). Register values are not kept.
"""

from collections.abc import Iterator

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Industrial
from sensor.packets.octets import Octets, until_damage
from sensor.packets.payload import Payload

FUNCTIONS = {
    1: "READ_COILS",
    2: "READ_DISCRETE_INPUTS",
    3: "READ_HOLDING_REGISTERS",
    4: "READ_INPUT_REGISTERS",
    5: "WRITE_SINGLE_COIL",
    6: "WRITE_SINGLE_REGISTER",
    7: "READ_EXCEPTION_STATUS",
    8: "DIAGNOSTICS",
    9: "PROGRAM_484",
    10: "POLL_484",
    11: "GET_COMM_EVENT_COUNTER",
    12: "GET_COMM_EVENT_LOG",
    13: "PROGRAM_584_984",
    14: "POLL_584_984",
    15: "WRITE_MULTIPLE_COILS",
    16: "WRITE_MULTIPLE_REGISTERS",
    17: "REPORT_SLAVE_ID",
    18: "PROGRAM_884_U84",
    19: "RESET_COMM_LINK_884_U84",
    20: "READ_FILE_RECORD",
    21: "WRITE_FILE_RECORD",
    22: "MASK_WRITE_REGISTER",
    23: "READ_WRITE_MULTIPLE_REGISTERS",
    24: "READ_FIFO_QUEUE",
    40: "PROGRAM_CONCEPT",
    41: "MULTIPLE_FUNCTION_CODES",
    43: "ENCAP_INTERFACE_TRANSPORT",
    90: "PROGRAM_UNITY",
    91: "OBJECT_MESSAGING",
    125: "FIRMWARE_REPLACEMENT",
    126: "PROGRAM_584_984_2",
    127: "REPORT_LOCAL_ADDRESS",
}
WRITES = frozenset({5, 6, 13, 15, 16, 18, 19, 21, 22, 23, 40, 90, 125, 126})
"""Functions that change the controller; 8 (diagnostics) does by some of its sub-functions, see `DIAGNOSTIC_WRITES`."""
DIAGNOSTIC_WRITES = frozenset({1, 3, 4, 10, 20})
"""Restart, change delimiter, force listen only, clear counters (Modbus Protocol V1.1b3 §6.8.1)."""
EXCEPTIONS = {
    1: "ILLEGAL_FUNCTION",
    2: "ILLEGAL_DATA_ADDRESS",
    3: "ILLEGAL_DATA_VALUE",
    4: "SLAVE_DEVICE_FAILURE",
    5: "ACKNOWLEDGE",
    6: "SLAVE_DEVICE_BUSY",
    8: "MEMORY_PARITY_ERROR",
    10: "GATEWAY_PATH_UNAVAILABLE",
    11: "GATEWAY_TARGET_DEVICE_FAILED_TO_RESPOND",
}
HEADER, PORT = 7, 502
UNITS_MAX = 8
"""Requests of one segment; masters rarely send more than two at once."""
RANGES = frozenset({1, 2, 3, 4, 15, 16})
"""Functions whose request begins with address and quantity; of 15 and 16 the answer does too."""
SINGLES = frozenset({5, 6, 22})
"""Functions about one address, which the answer repeats."""


class Conversation:
    """One connection to a controller."""

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a segment that begins with a header."""
        return until_damage(_messages(payload, Octets(payload.data)))

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []


def _messages(payload: Payload, at: Octets) -> Iterator[AnyMessage]:
    for _ in range(UNITS_MAX):
        if at.left < HEADER + 1:
            return
        at.skip(2)
        protocol, size = at.big(2), at.big(2)
        if protocol or not 2 <= size <= 254:
            raise Malformed("not_modbus")
        yield _message(payload, Octets(at.upto(size)))


def _message(payload: Payload, at: Octets) -> AnyMessage:
    unit, code = at.big(1), at.big(1)
    response = payload.sent_from(PORT)
    exception = None
    address = quantity = None
    writes = (code & 0x7F) in WRITES
    if code & 0x80:
        number = at.big(1) if at.left else None
        exception = EXCEPTIONS.get(number, f"unknown-{number}") if number is not None else None
        response = True
    elif code == 8 and at.left >= 2:
        writes = at.big(2) in DIAGNOSTIC_WRITES
    elif code in SINGLES and at.left >= 2:
        address, quantity = at.big(2), 1
    elif code == 23 and not response and at.left >= 8:
        at.skip(4)
        address, quantity = at.big(2), at.big(2)  # of what is written
    elif code in RANGES and (not response or code > 4) and at.left >= 4:
        address, quantity = at.big(2), at.big(2)
    name = FUNCTIONS.get(code & 0x7F, f"unknown-{code & 0x7F}")
    return Industrial(
        **payload.common,  # type: ignore[arg-type]
        protocol="modbus",
        function=name + "_EXCEPTION" if exception else name,
        code=code,
        writes=writes and exception is None,
        unit=unit,
        address=address,
        quantity=quantity,
        exception=exception,
        is_response=response,
        is_orig=payload.is_orig,
        count=payload.likes,
    )
