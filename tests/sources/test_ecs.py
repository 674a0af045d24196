"""Documents in the Elastic Common Schema, of products that observe a host themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.sources import ecs
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records
from tests.sources.reading import only_event

HOST = {
    "id": "2beebb8e-e5f0-46ca-8635-97ba7bb8ccca",
    "name": "laptop1",
    "ip": ["192.0.2.5", "fe80::1", "127.0.0.1", "::1"],
    "mac": ["00-00-5E-00-53-23"],
    "os": {"full": "Windows 11 23H2"},
}
BASE = {
    "@timestamp": "2024-05-01T10:00:00.1283846Z",
    "ecs": {"version": "1.11.0"},
    "host": HOST,
    "user": {"name": "Ann", "domain": "EXAMPLE", "id": "S-1-5-21-1-2-3-1001"},
    "process": {
        "name": "curl.exe",
        "executable": "C:\\curl.exe",
        "pid": 2772,
        "command_line": "curl x",
        "parent": {"executable": "C:\\cmd.exe"},
    },
}
INVENTORY = {"addresses": ["192.0.2.5"], "macs": ["00:00:5e:00:53:23"], "os_version": "Windows 11 23H2"}


def endpoint(kind, categories, action, **more):
    event = {
        "module": "endpoint",
        "dataset": f"endpoint.events.{kind}",
        "category": categories,
        "action": action,
        "id": "MYfZ/1",
        "kind": "event",
    }
    return {**BASE, "event": {**event, **more.pop("event", {})}, **more}


NETWORK = endpoint(
    "network",
    ["network"],
    "connection_attempted",
    source={"ip": "192.0.2.5", "port": 50000, "bytes": 10},
    destination={"ip": "198.51.100.9", "port": 443, "bytes": 20, "domain": "www.example.org"},
    network={"transport": "tcp", "direction": "egress"},
)


def read(record):
    return only_event(ecs, record)


def test_a_connection_has_its_flow_process_account_and_host():
    """The host says what it is, so that it is known away from the site too."""
    event = read(NETWORK)
    assert ("ecs", "connection", "connection_attempted") == (event.source, event.kind, event.action)
    assert ("ann@example", "192.0.2.5", "laptop1", HOST["id"]) == (
        event.account,
        event.ip,
        event.device_name,
        event.device_id,
    )
    assert f"{HOST['id']}/MYfZ/1" == event.raw_id
    assert event.detail == INVENTORY | {
        "orig_h": "192.0.2.5",
        "orig_p": 50000,
        "resp_h": "198.51.100.9",
        "resp_p": 443,
        "proto": "tcp",
        "process": "C:\\curl.exe",
        "pid": 2772,
        "initiated": True,
        "orig_bytes": 10,
        "resp_bytes": 20,
        "resp_name": "www.example.org",
    }


def test_an_inbound_connection_is_the_receivers():
    """Auditbeat's own sample, from before ECS had categories."""
    event = read(
        {
            "@timestamp": "2017-10-12T08:05:34.853Z",
            "destination": {"ip": "10.0.2.15", "port": 22},
            "event": {"action": "socket_closed", "dataset": "socket", "kind": "event", "module": "system"},
            "network": {"direction": "inbound", "transport": "tcp"},
            "process": {"name": "sshd", "pid": 22799},
            "source": {"ip": "10.0.2.2", "port": 55270},
            "user": {"id": 0, "name": "root"},
        }
    )
    assert ("connection", "root", "10.0.2.15", "10.0.2.2") == (
        event.kind,
        event.account,
        event.ip,
        event.detail["orig_h"],
    )
    assert (False, True) == (event.detail["initiated"], event.detail["ended"])


def test_a_remote_logon_is_from_where_the_user_is():
    """The host's own name and addresses are those of the target."""
    event = read(
        {
            "@timestamp": "2017-10-12T08:05:34.853Z",
            "agent": {"hostname": "host.example.com"},
            "event": {"action": "user_login", "dataset": "login", "module": "system"},
            "source": {"ip": "10.0.2.2"},
            "user": {"id": 1000, "name": "vagrant"},
        }
    )
    assert ("logon", "vagrant", "10.0.2.2", None) == (event.kind, event.account, event.ip, event.device_name)
    assert {"target": "host.example.com"} == event.detail


def test_a_logon_at_the_host_names_the_host():
    """Loopback and the host's own addresses are no other machine."""
    info = {
        "session_info": {"logon_type": "Interactive", "client_address": "127.0.0.1", "authentication_package": "NTLM"}
    }
    record = endpoint("security", ["authentication", "session"], "log_on", event={"outcome": "success"})
    event = read({**record, "process": {"Ext": info}, "winlog": {"event_data": {"PrivilegeList": ["SeX"]}}})
    assert ("logon", "success", "laptop1", "127.0.0.1") == (event.kind, event.outcome, event.device_name, event.ip)
    assert INVENTORY | {"logon_type": "Interactive", "package": "NTLM", "target": "laptop1"} == event.detail


def test_a_process_has_its_command_line():
    """Started or ended."""
    event = read(endpoint("process", ["process"], "end"))
    assert event.detail == INVENTORY | {
        "process": "C:\\curl.exe",
        "command_line": "curl x",
        "parent": "C:\\cmd.exe",
        "pid": 2772,
        "ended": True,
    }


def test_a_name_query_is_no_connection():
    """Elastic's endpoint files it under network."""
    dns = {"question": {"name": "www.example.org"}, "resolved_ip": ["198.51.100.9"]}
    event = read(endpoint("network", ["network"], "lookup_result", dns=dns))
    assert ("other", "www.example.org", ["198.51.100.9"]) == (event.kind, event.object, event.detail["answers"])


@pytest.mark.parametrize(
    ("category", "more", "kind", "thing"),
    [
        ("file", {"file": {"path": "C:\\x\\y.docx"}}, "file", "C:\\x\\y.docx"),
        ("iam", {"group": {"name": "sudo"}}, "admin", "sudo"),
        ("email", {"email": {"subject": "Hi", "from": {"address": ["A@b.example"]}}}, "email", "Hi"),
        ("registry", {"registry": {"path": "HKLM\\X"}}, "other", "HKLM\\X"),
    ],
)
def test_other_categories_keep_what_they_were_about(category, more, kind, thing):
    """One kind a category, `other` for the rest."""
    event = read(endpoint(category, [category], "change", **more))
    assert (kind, thing) == (event.kind, event.object)


@pytest.mark.parametrize("senders", ["A@b.example", ["A@b.example"], ["A@b.example", "c@d.example"]])
def test_a_mail_is_from_its_first_sender(senders):
    """ECS lets a mail have several."""
    event = read(endpoint("email", ["email"], "receive", email={"from": {"address": senders}}))
    assert "a@b.example" == event.detail["sender"]


def test_flattened_documents_are_the_same():
    """A store may write `source.ip` as one key."""
    flat = {"@timestamp": BASE["@timestamp"], "user.name": "Ann", "user.domain": "EXAMPLE", "event.module": "endpoint"}
    for part in ("source", "destination", "network"):
        flat |= {f"{part}.{name}": value for name, value in NETWORK[part].items()}
    flat |= {"event.category": "network", "event.action": "connection_attempted", "ecs.version": "8.11.0"}
    event, nested = read(flat), read(NETWORK)
    assert ("ann@example", nested.ip, nested.ts) == (event.account, event.ip, event.ts)
    assert {name: nested.detail[name] for name in ("orig_h", "resp_p", "resp_name", "initiated")} == {
        name: event.detail[name] for name in ("orig_h", "resp_p", "resp_name", "initiated")
    }


def test_the_systems_account_is_nobody():
    """By its SID, whatever its name."""
    record = {**NETWORK, "user": {"name": "Système", "domain": "AUTORITE NT", "id": "S-1-5-18"}}
    assert read(record).account is None


@pytest.mark.parametrize(
    "record",
    [
        {**BASE, "event": {"module": "okta", "category": ["authentication"], "action": "user.session.start"}},
        {**BASE, "event": {"dataset": "azure.signinlogs", "category": ["authentication"]}},
        {**BASE, "event": {"category": ["network"]}, "suricata": {"eve": {}}},
        {**BASE, "event": {"category": ["network"], "original": '{"x": 1}'}},
        {**BASE, "event": {"module": "system", "code": "4624"}, "winlog": {"event_id": 4624, "channel": "Security"}},
        {**BASE, "event": {"module": "windows"}, "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational"}},
        {"event": {"category": ["network"]}, "source": {"ip": "192.0.2.1"}},
        {"@timestamp": "2024-05-01T10:00:00Z", "EventID": 4624, "Channel": "Security"},
        {"@timestamp": "2024-05-01T10:00:00Z", "event": {"kind": "metric"}, "system": {"cpu": {}}},
    ],
)
def test_documents_of_other_products_are_left_to_them(record):
    """They are named by a module, an object of their own, or hold the original."""
    assert not ecs.claims(Fields(record))


def test_a_document_without_time_is_refused():
    """`@timestamp` is there, and no time."""
    with pytest.raises(Malformed, match="missing_time"):
        ecs.read(Fields({**NETWORK, "@timestamp": ""}))


@given(records(*NETWORK, "dns", "file", "email"), st.sampled_from(["network", "session"]))
def test_any_values_give_an_event_or_a_reason(values, category):
    """Fields may have any type."""
    record = {**NETWORK, "event.category": category, **values}
    assert check(ecs, record) in {"none", "missing_time", "bad_time"}
