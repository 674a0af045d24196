"""Read records of Zeek's modbus and dnp3 logs and of the ICSNPP packages': what a controller was asked, or answered.

Columns as in Zeek's (https://docs.zeek.org/en/master/script-reference/log-files.html) and in the
READMEs of https://github.com/cisagov/ICSNPP: modbus, dnp3, s7comm, enip, bacnet, opcua-binary. One record, one message,
also where one packet gives several (bacnet and bacnet_property): who counts packets must not count these twice.

`writes` is judged by the function's name, for requests and answers alike; None where the log names no function.
"""

import re
from collections.abc import Callable
from functools import partial

import msgspec

from sensor.model import protocols
from sensor.model.flow import TCP, UDP
from sensor.model.protocols import AnyMessage
from sensor.wire import zeek_values as values
from sensor.wire.zeek_columns import connection, first_text, text
from sensor.wire.zeek_rows import Get


class Log(msgspec.Struct, frozen=True):
    """Which columns of one log mean what; the first that is set counts."""

    protocol: str
    proto: int = 0
    function: tuple[str, ...] = ()
    code: str = ""
    unit: str = ""
    address: tuple[str, ...] = ()
    quantity: tuple[str, ...] = ()
    exception: tuple[str, ...] = ()


_ENIP = ("cip_status",)
LOGS: dict[str, Log] = {
    "modbus": Log("modbus", TCP, ("func",), unit="unit", exception=("exception",)),
    "modbus_detailed": Log(
        "modbus", TCP, ("func",), unit="unit", address=("address",), quantity=("quantity",), exception=("error_code",)
    ),
    "modbus_mask_write_register": Log("modbus", TCP, ("func",), unit="unit", address=("address",)),
    "modbus_read_write_multiple_registers": Log(
        "modbus", TCP, ("func",), unit="unit", address=("write_start_address", "read_start_address"),
        quantity=("read_quantity",),
    ),
    "modbus_read_device_identification": Log("modbus", TCP, ("func",), unit="unit"),
    "dnp3": Log("dnp3", 0, ("fc_request", "fc_reply")),
    "dnp3_control": Log("dnp3", 0, ("function_code",), address=("index_number",), exception=("status_code",)),
    "dnp3_objects": Log("dnp3", 0, ("function_code",), address=("range_low",), quantity=("object_count",)),
    "s7comm": Log("s7comm", TCP, ("function_name",), "function_code", exception=("error_code",)),
    "s7comm_plus": Log("s7comm_plus", TCP, ("function_name", "opcode_name"), "function_code"),
    "s7comm_read_szl": Log("s7comm", TCP, ("method", "szl_id_name"), exception=("return_code_name",)),
    "s7comm_upload_download": Log("s7comm", TCP, ("function_name",), "function_code"),
    "enip": Log("enip", 0, ("enip_command",), "enip_command_code"),
    "cip": Log("cip", 0, ("cip_service",), "cip_service_code", address=("instance_id",), exception=_ENIP),
    "cip_io": Log("cip", UDP, (), quantity=("data_length",)),
    "cip_identity": Log("cip", 0, ()),
    "bacnet": Log("bacnet", UDP, ("pdu_service",), exception=("result_code",)),
    "bacnet_property": Log("bacnet", UDP, ("pdu_service",), address=("instance_number",)),
    "bacnet_discovery": Log("bacnet", UDP, ("pdu_service",), address=("instance_number",)),
    "bacnet_device_control": Log("bacnet", UDP, ("pdu_service",), exception=("result_code",)),
    "opcua_binary": Log("opcua", TCP, ("identifier_str", "msg_type")),
}  # fmt: skip
"""Each log, by its path."""
_FINE = frozenset({"success", "no error", "noerror", "none", "0x00", "0x0000"})
"""What a status column says where nothing went wrong."""
_CHANGING: dict[str, frozenset[str]] = {
    # https://modbus.org/docs/Modbus_Application_Protocol_V1_1b3.pdf, section 6
    "modbus": frozenset({"write"}),
    # IEEE 1815-2012, table 4-2: what sets outputs, freezes counters, restarts, loads or configures
    "dnp3": frozenset({"write", "operate", "freeze", "restart", "initialize", "appl", "save", "assign", "delete",
                       "activate", "unsolicited", "record"}),
    # The parameter functions of S7comm, and those of its successor that set or make something
    "s7comm": frozenset({"write", "download", "control", "stop"}),
    "s7comm_plus": frozenset({"setvariable", "setmultivariables", "setvarsubstreamed", "createobject", "deleteobject",
                              "addlink", "removelink", "invoke", "beginsequence", "endsequence"}),
    # CIP Networks Library volume 1, appendix A
    "cip": frozenset({"set", "write", "reset", "start", "stop", "create", "delete", "apply", "restore", "save",
                      "insert", "remove"}),
    # ASHRAE 135, clauses 14 to 16
    "bacnet": frozenset({"write", "create", "delete", "add", "remove", "control", "reinitialize", "safety",
                         "synchronization"}),
    # OPC 10000-4, section 5
    "opcua": frozenset({"write", "add", "delete", "call", "update"}),
}  # fmt: skip
"""Words in the name of a function that changes the controller, by protocol."""
_NUMBER = re.compile(r"0[xX][0-9a-fA-F]{1,16}|[0-9]{1,19}", re.ASCII)
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def read(log: Log, get: Get, input: int, offset: int) -> protocols.Industrial:
    """Read one record of a log."""
    function = first_text(get, *log.function)
    return protocols.Industrial(
        **connection(get, log.proto), protocol=log.protocol, function=function, code=_number(get, log.code),
        writes=writes(log.protocol, function), unit=_number(get, log.unit), address=_first(get, log.address),
        quantity=_first(get, log.quantity), exception=_exception(get, log), is_response=_is_response(get, function),
        input=input, offset=offset,
    )  # fmt: skip


def writes(protocol: str, function: str | None) -> bool | None:
    """Tell whether a function changes the controller, by its name in Zeek's or the package's spelling."""
    if function is None:
        return None
    words = {word.lower() for word in _WORDS.findall(function)} | {function.lower()}
    return not words.isdisjoint(_CHANGING.get(protocol, frozenset()))


def _number(get: Get, column: str) -> int | None:
    """Read a number that may be written in hexadecimal."""
    found = text(get, column) if column else None
    if found is None:
        return None
    if _NUMBER.fullmatch(found) is None:
        raise values.bad(column)
    return int(found, 16 if found[:2].lower() == "0x" else 10)


def _first(get: Get, columns: tuple[str, ...]) -> int | None:
    return next((number for number in (_number(get, column) for column in columns) if number is not None), None)


def _exception(get: Get, log: Log) -> str | None:
    found = first_text(get, *log.exception)
    return None if found is None or found.lower() in _FINE else found


def _is_response(get: Get, function: str | None) -> bool:
    """Read which way a message went, from whichever column of today's and former versions says so."""
    said = (first_text(get, "request_response", "network_direction", "direction", "pdu_type", "rosctr_name",
                       "opcode_name") or "").lower()  # fmt: skip
    if said:
        return not said.startswith(("req", "job", "conf", "unconf", "user"))
    is_orig = values.boolean(get("is_orig"), "is_orig")
    if is_orig is not None:
        return not is_orig
    return get("fc_reply") is not None and function == text(get, "fc_reply") and get("fc_request") is None


def _reader(log: Log) -> Callable[[Get, int, int], AnyMessage]:
    return partial(read, log)


INDUSTRIAL: dict[str, Callable[[Get, int, int], AnyMessage]] = {path: _reader(log) for path, log in LOGS.items()}
"""What reads a record of each log: (record, input, row) to the message. Raises Malformed with the reason."""
