"""BACnet/IP: who asks which device for what, and who writes (ANSI/ASHRAE 135 annex J, §6.2 network, §20.1 application).

Reads the virtual link header, skips network addresses, and reads the application header: kind of PDU, service, and of
reads and writes the object (`unit` is its type, `address` its instance). Segments after the first and network layer
messages give their kind only. Names are ICSNPP's (https://github.com/cisagov/icsnpp-bacnet). Values are not kept.
"""

from sensor.errors import Malformed
from sensor.model.protocols import AnyMessage, Industrial
from sensor.packets.octets import Octets
from sensor.packets.payload import Payload

LINK_FUNCTIONS = {
    0: "BVLC_Result",
    1: "Write_Broadcast_Table",
    2: "Read_Broadcast_Table",
    3: "Read_Broadcast_Table_ACK",
    4: "Forwarded_NPDU",
    5: "Register_Foreign_Device",
    6: "Read_Foreign_Device_Table",
    7: "Read_Foreign_Device_Table_ACK",
    8: "Delete_Foreign_Device_Table_Entry",
    9: "Distribute_Broadcast_to_Network",
    10: "Original_Unicast_NPDU",
    11: "Original_Broadcast_NPDU",
}
LINK_WRITES = frozenset({1, 5, 8})
"""Link functions that change who gets broadcasts."""
CARRIERS = frozenset({4, 9, 10, 11})
FORWARDED = 4
CONFIRMED = (
    *("acknowledge_alarm", "confirmed_cov_notification", "confirmed_event_notification", "get_alarm_summary"),
    *("get_enrollment_summary", "subscribe_cov", "atomic_read_file", "atomic_write_file", "add_list_element"),
    *("remove_list_element", "create_object", "delete_object", "read_property", "read_property_conditional"),
    *("read_property_multiple", "write_property", "write_property_multiple", "device_communication_control"),
    *("confirmed_private_transfer", "confirmed_text_message", "reinitialized_device", "vt_open", "vt_close"),
    *("vt_data", "authenticate", "request_key", "read_range", "life_safety_operation", "subscribe_cov_property"),
    "get_event_information",
)
"""Confirmed services by number (§21)."""
UNCONFIRMED = (
    *("i_am", "i_have", "unconfirmed_cov_notification", "unconfirmed_event_notification"),
    *("unconfirmed_private_transfer", "unconfirmed_text_message", "time_synchronization", "who_has", "who_is"),
    "utc_time_synchronization",
)
"""Unconfirmed services by number (§21)."""
WRITES = frozenset({7, 8, 9, 10, 11, 15, 16, 17, 20, 27})
"""Confirmed services that change the device."""
UNCONFIRMED_WRITES = frozenset({6, 9})
WITH_OBJECT = frozenset({8, 9, 11, 12, 14, 15, 16, 26})
"""Confirmed services whose request begins with an object identifier, in context tag 0."""
OBJECT_TAG = 0x0C
REQUEST, NOTICE, SIMPLE_ACK, COMPLEX_ACK, SEGMENT_ACK, ERROR, REJECT, ABORT = range(8)
FAILURES = {ERROR: "error", REJECT: "reject", ABORT: "abort"}
SEGMENTED = 0x08
LINK = 0x81


class Conversation:
    """One pair of devices."""

    def read(self, payload: Payload) -> list[AnyMessage]:
        """Take a datagram."""
        at = Octets(payload.data)
        if at.big(1) != LINK:
            raise Malformed("not_bacnet")
        function = at.big(1)
        at.skip(2)
        if function not in CARRIERS:
            name = LINK_FUNCTIONS.get(function, f"unknown-{function}")
            return [
                _industrial(payload, name, function, writes=function in LINK_WRITES, response=function in (0, 3, 7))
            ]
        if function == FORWARDED:
            at.skip(6)
        return _network(payload, at)

    def flush(self) -> list[AnyMessage]:
        """Nothing waits."""
        return []


def _industrial(
    payload: Payload,
    function: str | None,
    code: int | None,
    *,
    writes: bool = False,
    response: bool = False,
    exception: str | None = None,
    at: tuple[int | None, int | None] = (None, None),
) -> AnyMessage:
    return Industrial(
        **payload.common,  # type: ignore[arg-type]
        protocol="bacnet",
        function=function,
        code=code,
        writes=writes,
        unit=at[0],
        address=at[1],
        exception=exception,
        is_response=response,
        is_orig=payload.is_orig,
        count=payload.likes,
    )


def _network(payload: Payload, at: Octets) -> list[AnyMessage]:
    if at.big(1) != 1:
        raise Malformed("not_bacnet")
    control = at.big(1)
    for flag in (0x20, 0x08):  # destination, source
        if control & flag:
            at.skip(2)
            at.skip(at.big(1))
    if control & 0x20:
        at.skip(1)
    if control & 0x80:
        return []  # between routers
    return [_application(payload, at)]


def _application(payload: Payload, at: Octets) -> AnyMessage:
    first = at.big(1)
    kind = first >> 4
    if kind == NOTICE:
        service = at.big(1)
        return _industrial(payload, _name(UNCONFIRMED, service), service, writes=service in UNCONFIRMED_WRITES)
    if kind == REQUEST:
        at.skip(2)
        if first & SEGMENTED:
            at.skip(2)
        service = at.big(1)
        target = _object(at) if service in WITH_OBJECT else (None, None)
        return _industrial(payload, _name(CONFIRMED, service), service, writes=service in WRITES, at=target)
    if kind in (SEGMENT_ACK, REJECT, ABORT):
        at.skip(1)
        reason = at.big(1)
        exception = f"{FAILURES[kind]}-{reason}" if kind in FAILURES else None
        return _industrial(payload, None, None, response=True, exception=exception)
    if kind not in (SIMPLE_ACK, COMPLEX_ACK, ERROR):
        raise Malformed("not_bacnet")
    at.skip(1)
    if kind == COMPLEX_ACK and first & SEGMENTED:
        at.skip(2)
    service = at.big(1)
    exception = FAILURES.get(kind)
    writes = service in WRITES and exception is None
    return _industrial(payload, _name(CONFIRMED, service), service, writes=writes, response=True, exception=exception)


def _name(services: tuple[str, ...], number: int) -> str:
    return services[number] if number < len(services) else f"unknown-{number}"


def _object(at: Octets) -> tuple[int | None, int | None]:
    if at.left < 5 or at.big(1) != OBJECT_TAG:
        return None, None
    value = at.big(4)
    return value >> 22, value & 0x3FFFFF
