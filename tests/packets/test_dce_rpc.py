"""Remote procedure calls."""

from sensor.flows.engine import FlowEngine
from sensor.packets.dce_rpc import Association
from tests.packets.handed import say
from tests.packets.reading_captures import messages_of
from tests.packets.talks import rpc_bind, rpc_request

CALL = {"named_pipe": "135", "endpoint": "svcctl", "operation": "CreateServiceW", "count": 1}
SAMR = "12345778-1234-abcd-ef00-0123456789ac"


def test_a_request_is_named_by_the_interface_that_its_context_was_bound_to():
    """Over TCP the port stands for the pipe, as in Zeek."""
    assert [CALL] == say(Association(), (True, rpc_bind()), (True, rpc_request(12)), resp_p=135)
    assert [CALL | {"named_pipe": "svcctl"}] == say(Association("svcctl"), (True, rpc_bind() + rpc_request(12)))


def test_both_byte_orders_and_altered_contexts():
    """C706 §14.2.5; alter_context adds an interface."""
    assert [CALL] == say(Association(), (True, rpc_bind(order=">") + rpc_request(12, order=">")), resp_p=135)
    turns = [(True, rpc_bind()), (True, rpc_bind(SAMR, 1, kind=14)), (True, rpc_request(64, 1))]
    assert ["SamrConnect5"] == [found["operation"] for found in say(Association(), *turns)]


def test_a_cut_call_takes_nothing_from_the_one_before():
    """A segment ends in the header of its second PDU's body."""
    turns = [(True, rpc_bind()), (True, rpc_request(12) + rpc_request(12)[:18])]
    assert [CALL] == say(Association(), *turns, resp_p=135)


def test_a_call_whose_bind_was_not_seen_is_not_guessed():
    """Nor is an answer a call."""
    assert [] == say(Association(), (True, rpc_request(12)), (True, rpc_bind()), (False, rpc_request(12)))


def test_calls_of_a_real_attack(data_dir):
    """PsExec over TCP: a service is created, started and deleted (tshark's operation numbers 24, 31 and 2)."""
    path = data_dir / "network/otrf/empire_psexec_dcerpc_tcp_svcctl_WORKSTATION5_2020-09-20121608.cap"
    operations = [found.operation for found in messages_of(FlowEngine, path, "dce_rpc")]
    assert ["CreateServiceA", "StartServiceA", "DeleteService"] == [
        name for name in operations if name in ("CreateServiceA", "StartServiceA", "DeleteService")
    ]
