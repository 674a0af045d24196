"""LDAP."""

import pytest

from sensor.errors import Malformed
from sensor.flows.engine import FlowEngine
from sensor.packets.ldap import Session
from tests.packets.handed import payload, say
from tests.packets.reading_captures import messages_of
from tests.packets.talks import ldap, ldap_bind, ldap_result, ldap_sasl, ldap_search, tlv

NAME = "cn=ben,dc=example"


@pytest.mark.parametrize(("code", "result"), [(0, "success"), (49, "invalid credentials"), (99, "unknown")])
def test_a_simple_bind_has_a_name_and_a_result_and_no_password(code, result):
    """RFC 4511 §4.2."""
    turns = [(True, ldap_bind(1, NAME.encode())), (False, ldap_result(1, 0x61, code))]
    assert [{"opcode": "bind simple", "object": NAME, "result": result}] == say(Session(), *turns)


def test_a_sasl_bind_has_its_mechanism():
    """And waits for its answer to the end."""
    assert [{"opcode": "bind SASL", "argument": "GSS-SPNEGO"}] == say(Session(), (True, ldap_sasl(1, b"GSS-SPNEGO")))


def test_a_bind_outlives_a_damaged_answer():
    """It is written at the end."""
    session = Session()
    session.read(payload(ldap_bind(1, b"cn=a")))
    with pytest.raises(Malformed):
        session.read(payload(ldap(1, 0x61), is_orig=False))
    assert ["cn=a"] == [found.object for found in session.flush()]


def test_what_stands_before_a_damaged_message_is_kept():
    """A search, then something that is no LDAP."""
    assert ["search"] == [found["opcode"] for found in say(Session(), (True, ldap_search(2, b"dc=x") + tlv(0x30)))]


def test_searches_and_changes_are_written_at_once():
    """Base and scope; entry."""
    turns = [
        (
            True,
            ldap_search(2, b"dc=example")
            + ldap(3, 0x4A, b"cn=x")
            + ldap(4, 0x77, tlv(0x80, b"1.3.6.1.4.1.4203.1.11.3")),
        )
    ]
    assert [
        {"opcode": "search", "object": "dc=example", "argument": "tree"},
        {"opcode": "extended", "object": "1.3.6.1.4.1.4203.1.11.3", "argument": "whoami"},
    ] == [found for found in say(Session(), *turns) if found["opcode"] != "delete"]


def test_an_answer_of_another_message_answers_nothing():
    """Message ids belong together."""
    turns = [(True, ldap_bind(1, b"cn=a")), (False, ldap_result(2, 0x61, 0))]
    assert [{"opcode": "bind simple", "object": "cn=a"}] == say(Session(), *turns)


def test_real_captures(data_dir):
    """A simple bind and a whoami; binds by SPNEGO."""
    traces = data_dir / "network/zeek-btest/Traces/ldap"
    bind, whoami = messages_of(FlowEngine, traces / "ldap-who-am-i.pcap", "ldap")
    assert ("cn=admin,dc=example,dc=com", "success", "whoami") == (bind.object, bind.result, whoami.argument)
    found = messages_of(FlowEngine, traces / "missing_ldap_logs.pcapng", "ldap")
    assert 3 == sum((one.opcode, one.argument, one.result) == ("bind SASL", "GSS-SPNEGO", "success") for one in found)
