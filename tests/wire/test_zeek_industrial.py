"""Records of modbus, dnp3 and ICSNPP logs."""

import pytest

from sensor.errors import Malformed
from sensor.model import protocols
from sensor.wire.zeek_industrial import writes
from sensor.wire.zeek_messages import READERS

ID = {"ts": "1.5", "uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": "4000", "id.resp_h": "10.0.0.2", "id.resp_p": "5"}
SHARED = {"ts": 1_500_000_000, "uid": "C1", "orig_h": "10.0.0.1", "orig_p": 4000, "resp_h": "10.0.0.2", "resp_p": 5}


def read(kind, **columns):
    """Read one record of a log."""
    return READERS[kind]((ID | columns).get, 0, 0)


def test_modbus():
    """A request of Zeek's own log, and its answer with an exception."""
    assert protocols.Industrial(
        **SHARED, proto=6, protocol="modbus", function="READ_COILS", writes=False, unit=1
    ) == read("modbus", func="READ_COILS", unit="1", pdu_type="REQ")
    answer = read("modbus", func="WRITE_SINGLE_COIL", pdu_type="RESP", exception="ILLEGAL_FUNCTION")
    assert (True, "ILLEGAL_FUNCTION", True) == (answer.is_response, answer.exception, answer.writes)


def test_modbus_detailed():
    """Where was written, and how much."""
    found = read("modbus_detailed", func="WRITE_MULTIPLE_REGISTERS", unit="2", address="40", quantity="3", matched="T")
    assert (True, 2, 40, 3, False) == (found.writes, found.unit, found.address, found.quantity, found.is_response)
    found = read("modbus_read_write_multiple_registers", func="READ_WRITE_MULTIPLE_REGISTERS", is_orig="F",
                 write_start_address="9")  # fmt: skip
    assert (9, True) == (found.address, found.is_response)


def test_dnp3():
    """Zeek's log joins request and answer; a lone answer is one."""
    assert ("READ", False, False) == (
        (found := read("dnp3", fc_request="READ", fc_reply="RESPONSE")).function, found.writes, found.is_response
    )  # fmt: skip
    alone = read("dnp3", fc_reply="UNSOLICITED_RESPONSE")
    assert ("UNSOLICITED_RESPONSE", True) == (alone.function, alone.is_response)
    control = read("dnp3_control", function_code="OPERATE", index_number="8", status_code="Success", is_orig="T")
    assert (True, 8, None, False) == (control.writes, control.address, control.exception, control.is_response)


def test_s7comm():
    """Numbers are hexadecimal; a job is a request."""
    found = read("s7comm", rosctr_name="Job-Request", function_code="0x05", function_name="Write Variable")
    assert ("s7comm", 5, True, False) == (found.protocol, found.code, found.writes, found.is_response)
    answer = read("s7comm", rosctr_name="Ack-Data", function_name="Read Variable", error_code="0x00")
    assert (True, None) == (answer.is_response, answer.exception)


def test_cip_and_enip():
    """A service of the upper protocol, a command of the lower."""
    found = read("cip", direction="request", cip_service_code="0x10", cip_service="Set Attributes Single",
                 instance_id="0x01")  # fmt: skip
    assert (16, True, False, 1) == (found.code, found.writes, found.is_response, found.address)
    answer = read("cip", direction="response", cip_service="Get Attribute Single", cip_status="Path Unknown")
    assert (True, False, "Path Unknown") == (answer.is_response, answer.writes, answer.exception)
    assert ("Register Session", 0x65) == (
        (lower := read("enip", enip_command="Register Session", enip_command_code="0x0065")).function, lower.code
    )  # fmt: skip
    assert read("cip_identity").function is None


def test_bacnet():
    """Acknowledgements and errors are answers."""
    found = read("bacnet", pdu_type="CONFIRMED_REQUEST", pdu_service="write_property")
    assert (True, False) == (found.writes, found.is_response)
    assert read("bacnet", pdu_type="COMPLEX_ACK", pdu_service="read_property").is_response
    control = read("bacnet_device_control", pdu_service="reinitialize_device", result_code="password-failure",
                   is_orig="F")  # fmt: skip
    assert (True, True, "password-failure") == (control.writes, control.is_response, control.exception)


@pytest.mark.parametrize(
    ("protocol", "function", "changes"),
    [
        ("modbus", "MASK_WRITE_REGISTER", True), ("modbus", "READ_HOLDING_REGISTERS", False), ("modbus", None, None),
        ("dnp3", "DIRECT_OPERATE_NR", True), ("dnp3", "COLD_RESTART", True), ("dnp3", "SELECT", False),
        ("s7comm", "Request Download", True), ("s7comm", "PLC Stop", True), ("s7comm", "Start Upload", False),
        ("s7comm_plus", "SetMultiVariables", True), ("s7comm_plus", "GetMultiVariables", False),
        ("cip", "Write Tag Fragmented", True), ("cip", "Get Attributes All", False),
        ("bacnet", "write-property-multiple", True), ("bacnet", "i_am", False), ("opcua", "WriteRequest", True),
        ("opcua", "BrowseRequest", False), ("other", "write", False),
    ],
)  # fmt: skip
def test_what_changes_a_controller(protocol, function, changes):
    """By the words of the function's name, in the spelling of each log."""
    assert changes == writes(protocol, function)


def test_a_number_that_is_none():
    """The reason names the column."""
    with pytest.raises(Malformed, match=r"^bad_cip_service_code$"):
        read("cip", cip_service_code="0xZZ")
