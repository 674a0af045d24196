"""Windows' events: logons and the address they came from, changes, processes, shares."""

import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.sources import windows
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records
from tests.sources.reading import only_event

DC, PC = "DC1.example.com", "PC1"
SECURITY = {"channel": "Security", "provider_name": "Microsoft-Windows-Security-Auditing", "computer_name": DC}
SID = "S-1-5-21-101361758-2486510592-3018839910-1105"
SUBJECT = {
    "SubjectUserName": "Admin",
    "SubjectDomainName": "EXAMPLE",
    "SubjectUserSid": f"{SID[:-4]}500",
    "SubjectLogonId": "0x4a727",
}
TARGET = {"TargetUserName": "Ann", "TargetDomainName": "EXAMPLE", "TargetUserSid": SID, "TargetLogonId": "0x210bbea"}
LOGON = {
    "SubjectUserName": "-",
    "SubjectDomainName": "-",
    "SubjectUserSid": "S-1-0-0",
    **TARGET,
    "LogonType": "3",
    "AuthenticationPackageName": "NTLM",
    "WorkstationName": PC,
    "IpAddress": "192.0.2.5",
    "IpPort": "59645",
    "LogonGuid": "{00000000-0000-0000-0000-000000000000}",
    "ProcessName": "-",
}


def winlog(number, data, success=True, **system):
    keywords = ["Audit Success" if success else "Audit Failure"]
    return {
        "@timestamp": "2024-05-01T10:00:00Z",
        "winlog": {**SECURITY, "event_id": number, "keywords": keywords, "event_data": data, **system},
    }


def read(record):
    return only_event(windows, record)


def test_a_network_logon_is_from_the_client():
    """Address and device are the client's; the machine logged on to is the target."""
    event = read(winlog(4624, LOGON))
    assert ("windows", "logon", "4624", "success") == (event.source, event.kind, event.action, event.outcome)
    assert ("ann@example", SID, "192.0.2.5", 59645) == (event.account, event.account_id, event.ip, event.port)
    assert (PC, "0x210bbea", None) == (event.device_name, event.session_id, event.correlation_id)
    assert {"logon_type": "Network", "package": "NTLM", "workstation": PC, "target": DC} == event.detail


def test_a_logon_without_an_address_is_at_the_machine_itself():
    """`-` and the loopback address are no other machine."""
    for ip in ("-", "127.0.0.1", "::1"):
        event = read(winlog(4624, {**LOGON, "IpAddress": ip, "IpPort": "0", "LogonType": "2"}))
        assert (DC, None, "Interactive") == (event.device_name, event.port, event.detail["logon_type"])


def test_mapped_addresses_are_ipv4():
    """Kerberos events write `::ffff:`."""
    assert "192.0.2.5" == read(winlog(4768, {**TARGET, "IpAddress": "::ffff:192.0.2.5", "Status": "0x0"})).ip


def test_a_failed_logon_has_its_account_and_reason():
    """It never has the account's SID; the sub-status says more than the status; keywords are not needed."""
    data = {**LOGON, "TargetUserSid": "S-1-0-0", "Status": "0xc000006d", "SubStatus": "0xc000006a"}
    for record in (winlog(4625, data, success=False), winlog(4625, data, keywords=[])):
        event = read(record)
        assert ("failure", "0xc000006a", "wrong password") == (event.outcome, event.reason_code, event.reason)
        assert ("ann@example", None) == (event.account, event.account_id)


@pytest.mark.parametrize(
    ("number", "data", "expected"),
    [
        (4768, {"TargetUserName": "ann", "TargetDomainName": "EXAMPLE.COM"}, "ann@example.com"),
        (4769, {"TargetUserName": "ann@EXAMPLE.COM", "TargetDomainName": "EXAMPLE.COM"}, "ann@example.com"),
        (4769, {"TargetUserName": "PC1$@EXAMPLE.COM", "TargetDomainName": "EXAMPLE.COM"}, "pc1$@example.com"),
        (4771, {"TargetUserName": "ann", "TargetSid": SID}, "ann"),
        (4776, {"TargetUserName": "ann", "Workstation": PC}, "ann"),
        (4634, TARGET, "ann@example"),
        (4672, SUBJECT, "admin@example"),
        (4648, {**SUBJECT, **TARGET}, "admin@example"),
        (4778, {"AccountName": "ann", "AccountDomain": "EXAMPLE"}, "ann@example"),
        (4720, {**SUBJECT, **TARGET}, "admin@example"),
        (4740, {**SUBJECT, **TARGET}, "admin@example"),
        (4624, {**LOGON, "TargetUserName": "ann@example.com", "TargetDomainName": "-"}, "ann@example.com"),
        (4624, {**LOGON, "TargetUserName": "SYSTEM", "TargetDomainName": "NT AUTHORITY"}, None),
        (4624, {**LOGON, "TargetUserName": "ANONYMOUS LOGON", "TargetDomainName": "NT AUTHORITY"}, None),
        (4688, {**SUBJECT, "TargetUserName": "-"}, "admin@example"),
        (5145, SUBJECT, "admin@example"),
        (9999, SUBJECT, "admin@example"),
    ],
)
def test_the_account_is_who_acts(number, data, expected):
    """The one that logs on or asks for a ticket; elsewhere the subject."""
    assert expected == read(winlog(number, data)).account


@pytest.mark.parametrize(
    ("number", "status", "expected"),
    [
        (4768, "0x0", ("success", None)),
        (4768, "0x6", ("failure", "0x6")),
        (4769, "0x20", ("failure", "0x20")),
        (4771, "0x18", ("failure", "0x18")),
        (4776, "0xc0000064", ("failure", "0xc0000064")),
        (4776, "0x0", ("success", None)),
    ],
)
def test_status_codes_give_outcome_and_reason_without_keywords(number, status, expected):
    """A SIEM's export may lack the keywords."""
    event = read(winlog(number, {**TARGET, "Status": status}, keywords=[]))
    assert expected == (event.outcome, event.reason_code)


def test_a_ticket_names_what_it_is_for():
    """A service ticket's target is the machine whose service it is; a TGT's is the controller."""
    ticket = read(winlog(4769, {**TARGET, "ServiceName": "FILES1$", "IpAddress": "::ffff:192.0.2.5"}))
    granting = read(winlog(4768, {**TARGET, "ServiceName": "krbtgt", "IpAddress": "::ffff:192.0.2.5"}))
    assert ("FILES1$", "FILES1", "Kerberos") == (ticket.resource, ticket.detail["target"], ticket.detail["package"])
    assert ("krbtgt", DC, None) == (granting.resource, granting.detail["target"], granting.device_name)


def test_ntlm_at_a_controller_is_the_clients():
    """The machine that checked the password is not where the account is."""
    event = read(winlog(4776, {"TargetUserName": "ann", "Workstation": "\\\\PC1", "Status": "0x0"}))
    assert (PC, None, "NTLM") == (event.device_name, event.ip, event.detail["package"])


def test_explicit_credentials_name_both_accounts():
    """4648: the subject used the target's password, at another machine."""
    event = read(winlog(4648, {**SUBJECT, **TARGET, "TargetServerName": "files1.example.com", "IpAddress": "-"}))
    assert ("admin@example", "ann@example", "files1.example.com") == (
        event.account,
        event.object,
        event.detail["target"],
    )


def test_a_reconnected_session_is_from_its_client():
    """4778 has names of its own; LOCAL is the console."""
    data = {
        "AccountName": "ann",
        "AccountDomain": "EXAMPLE",
        "ClientName": PC,
        "ClientAddress": "192.0.2.5",
        "LogonID": "0x7",
    }
    event = read(winlog(4778, data))
    assert ("192.0.2.5", PC, "0x7") == (event.ip, event.device_name, event.session_id)
    local = read(winlog(4779, {**data, "ClientAddress": "LOCAL"}))
    assert ("127.0.0.1", DC, True) == (local.ip, local.device_name, local.detail["ended"])


def test_group_members_and_changed_attributes_are_told():
    """A member is a distinguished name; attributes that did not change are `-`."""
    group = {
        **SUBJECT,
        "TargetUserName": "Admins",
        "TargetDomainName": "EXAMPLE",
        "MemberName": "CN=Ann\\, S,DC=example",
    }
    event = read(winlog(4732, group))
    assert ("admin", "admins@example", ["admins@example", "Ann, S"]) == (
        event.kind,
        event.object,
        event.detail["targets"],
    )
    changed = read(winlog(4738, {**SUBJECT, **TARGET, "NewUacValue": "0x15", "DisplayName": "-"}))
    assert {"NewUacValue": "0x15"} == changed.detail["changes"]


def test_the_cleared_log_names_who_cleared_it():
    """1102 holds its values in UserData, under another provider."""
    record = winlog(1102, {}, provider_name="Microsoft-Windows-Eventlog", user_data=SUBJECT)
    assert ("admin", "admin@example") == (read(record).kind, read(record).account)


def test_a_new_process_has_its_number_in_decimal():
    """Security writes `0x11cc`."""
    data = {
        **SUBJECT,
        "NewProcessId": "0x11cc",
        "ProcessId": "0x122c",
        "NewProcessName": "C:\\w.exe",
        "CommandLine": "w cl",
    }
    event = read(winlog(4688, {**data, "ParentProcessName": "C:\\p.exe"}))
    assert {"process": "C:\\w.exe", "command_line": "w cl", "parent": "C:\\p.exe", "pid": 4556} == event.detail


def test_a_share_is_used_from_an_address():
    """The share's machine is the target."""
    data = {
        **SUBJECT,
        "IpAddress": "192.0.2.5",
        "IpPort": "53247",
        "ShareName": "\\\\*\\SYSVOL",
        "RelativeTargetName": "a\\gpt.ini",
    }
    event = read(winlog(5145, data))
    assert ("file", "192.0.2.5", None, "a\\gpt.ini") == (event.kind, event.ip, event.device_name, event.object)
    assert {"file": "a\\gpt.ini", "folder": "\\\\*\\SYSVOL", "target": DC} == event.detail


@pytest.mark.parametrize(("direction", "expected"), [("%%14592", "198.51.100.9"), ("%%14593", "192.0.2.5")])
def test_a_filtered_connection_is_the_machines_own(direction, expected):
    """Source opened it in both directions; the event's address is the local end."""
    data = {
        "SourceAddress": "192.0.2.5",
        "SourcePort": "59641",
        "DestAddress": "198.51.100.9",
        "DestPort": "80",
        "Protocol": "6",
        "Direction": direction,
        "ProcessID": "4",
    }
    event = read(winlog(5156, data))
    assert ("connection", expected, "tcp", "192.0.2.5") == (
        event.kind,
        event.ip,
        event.detail["proto"],
        event.detail["orig_h"],
    )


def test_network_access_binds_an_account_to_a_mac_address():
    """6272 grants, 6273 refuses; the client is known by its MAC at the switch, or by its address at a VPN gateway."""
    data = {
        "SubjectUserName": "ann",
        "SubjectDomainName": "EXAMPLE",
        "CallingStationID": "00-00-5E-00-53-23",
        "ReasonCode": "16",
    }
    granted, refused = read(winlog(6272, data)), read(winlog(6273, {**data, "Reason": "no"}, success=False))
    assert ("lease", "ann@example", "00:00:5e:00:53:23") == (granted.kind, granted.account, granted.detail["mac"])
    assert ("logon", "failure", "16", "no") == (refused.kind, refused.outcome, refused.reason_code, refused.reason)
    vpn = read(winlog(6272, {**data, "CallingStationID": "203.0.113.9"}))
    assert "203.0.113.9" == vpn.detail["public_addr"]
    assert "pc1$@example" == read(winlog(6272, {**data, "SubjectUserName": "host/pc1.example.com"})).account


def test_remote_desktop_sessions_have_user_and_address():
    """1149 numbers its values; 21, 24 and 25 name them."""
    name = "Microsoft-Windows-TerminalServices-{}"
    first = winlog(
        1149,
        {},
        provider_name=name.format("RemoteConnectionManager"),
        channel="x",
        user_data={"Param1": "ann", "Param2": "EXAMPLE", "Param3": "192.0.2.5"},
    )
    ended = winlog(
        24,
        {"User": "EXAMPLE\\ann", "Address": "192.0.2.5", "SessionID": "3"},
        provider_name=name.format("LocalSessionManager"),
        channel="y",
    )
    assert {("logon", "ann@example", "192.0.2.5")} == {(e.kind, e.account, e.ip) for e in (read(first), read(ended))}
    assert read(ended).detail["ended"] is True


def test_numbers_mean_what_they_mean_in_the_security_log_only():
    """4624 of another log is some other event; installed services are changes."""
    assert "other" == read(winlog(4624, LOGON, channel="Application", provider_name="Other")).kind
    service = winlog(
        7045,
        {"ServiceName": "Updater", "AccountName": "LocalSystem"},
        channel="System",
        provider_name="Service Control Manager",
    )
    assert ("admin", "Updater", None) == (read(service).kind, read(service).object, read(service).account)


def test_who_an_event_was_written_as_acts_where_it_names_nobody():
    """A service is installed by the user of the log's entry, not by the account that it will run under."""
    names = {"provider_name": "Service Control Manager", "channel": "System"}
    data = {"ServiceName": "Updater", "AccountName": "LocalSystem"}
    user = {"name": "Ann", "domain": "EXAMPLE", "identifier": SID, "type": "User"}
    assert "ann@example" == read(winlog(7045, data, user=user, **names)).account
    flat = {"EventID": 4104, "Channel": "Windows PowerShell", "EventTime": "2024-05-01 10:00:00", "Hostname": PC}
    nxlog = {**flat, "AccountName": "Ann", "Domain": "EXAMPLE", "AccountType": "User", "UserID": SID}
    assert ("other", "ann@example") == (read(nxlog).kind, read(nxlog).account)


@pytest.mark.parametrize(
    "record",
    [
        {"winlog": {"event_id": 3, "channel": "Microsoft-Windows-Sysmon/Operational"}},
        {"EventID": 501, "EventSourceName": "AD FS Auditing", "Channel": "Security"},
        {"EventID": 342, "Channel": "AD FS/Admin", "Provider": "AD FS"},
        {"event": {"module": "endpoint"}, "winlog": {"event_data": {"PrivilegeList": []}}},
        {"EventID": "4624"},
        {"eventType": "user.session.start"},
    ],
)
def test_events_of_other_sources_are_not_claimed(record):
    """Sysmon and AD FS have readers of their own."""
    assert not windows.claims(Fields(record))


def test_the_agents_host_is_the_machines_only_where_it_runs_there():
    """A collector of forwarded events names itself; a remote client's device is not the host either."""
    host = {"name": "dc1", "id": "h-1", "ip": ["192.0.2.1", "::1"], "mac": ["00-00-5E-00-53-01"]}
    at_home = read({**winlog(4672, SUBJECT), "host": host})
    assert ("h-1", {"addresses": ["192.0.2.1"], "macs": ["00:00:5e:00:53:01"]}) == (
        at_home.device_id,
        {name: at_home.detail[name] for name in ("addresses", "macs")},
    )
    collected = read({**winlog(4672, SUBJECT), "host": {**host, "name": "collector"}})
    remote = read({**winlog(4624, LOGON), "host": host})
    assert [(None, False), (None, False)] == [(e.device_id, "addresses" in e.detail) for e in (collected, remote)]


def test_rows_of_log_analytics_need_neither_log_nor_provider():
    """Exports of SecurityEvent often hold a few columns."""
    row = {"EventID": 4624, "TimeGenerated": "2019-02-12T04:37:25.340", "Computer": DC, **LOGON}
    assert ("logon", "success", "ann@example") == (read(row).kind, read(row).outcome, read(row).account)


def test_rows_of_log_analytics_may_hold_whole_account_names_alone():
    r"""A query that keeps `TargetAccount` or `SubjectAccount` only still names `DOMAIN\user`."""
    row = {"TimeGenerated": "2019-02-12T04:37:25.340Z", "Computer": DC, "Channel": "Security"}
    logon = read(
        {**row, "EventID": 4624, "TargetAccount": r"EXAMPLE\Ann", "SubjectAccount": "-\\-", "IpAddress": "192.0.2.5"}
    )
    special = read({**row, "EventID": 4672, "SubjectAccount": r"EXAMPLE\Admin"})
    own = read({**row, "EventID": 4672, "SubjectAccount": r"NT AUTHORITY\SYSTEM"})
    assert ("ann@example", "192.0.2.5") == (logon.account, logon.ip)
    assert ["admin@example", None] == [special.account, own.account]


NAMES = [
    *LOGON,
    *SUBJECT,
    "Status",
    "SubStatus",
    "ServiceName",
    "CallingStationID",
    "Protocol",
    "MemberName",
    "Address",
]


@given(st.integers(0, 8000) | st.sampled_from([4624, 4625, 4688, 4768, 4776, 5156, 6272]), records(*NAMES))
def test_any_values_give_an_event(number, data):
    """Names of accounts and machines are whatever somebody chose."""
    assert "none" == check(windows, winlog(number, data))


def test_an_event_without_time_is_refused():
    """There is no other clock to take it from."""
    with pytest.raises(Malformed, match="missing_time"):
        windows.read(Fields({"winlog": {"event_id": 4624, "channel": "Security"}}))


def test_every_real_event_is_read(data_dir):
    """Hosts of three attack recordings, a controller's and a test machine's Security rows: none is refused."""
    kinds = {}
    for record in real_events(data_dir):
        fields = Fields(record)
        if windows.claims(fields):
            [event] = windows.read(fields)
            kinds[event.kind] = kinds.get(event.kind, 0) + 1
    assert {"other": 7268, "file": 1017, "connection": 264, "logon": 255, "process": 46, "admin": 11} == kinds


def real_events(data_dir):
    for path in sorted((data_dir / "identity" / "otrf-pairs").glob("*.host.zip")):
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as lines:
            yield from map(json.loads, lines)
    for name in (
        "otrf-goldensaml/WindowsEvents.json",
        "msticpy/windows_host_logons.jsonl",
        "msticpy/windows_failed_logons.jsonl",
    ):
        with (data_dir / "identity" / name).open() as lines:
            yield from (json.loads(line) for line in lines if line.strip())
