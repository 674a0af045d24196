"""Sysmon's events: connections with their process and user."""

import json
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.errors import Malformed
from sensor.sources import sysmon
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records
from tests.sources.reading import only_event

SYSTEM = {
    "channel": "Microsoft-Windows-Sysmon/Operational",
    "provider_name": "Microsoft-Windows-Sysmon",
    "computer_name": "pc1.example.com",
    "record_id": 66,
    "time_created": "2024-05-01T10:00:02.025Z",
}
CONNECTION = {
    "UtcTime": "2024-05-01 10:00:00.352",
    "ProcessId": "9848",
    "Image": "C:\\Windows\\System32\\svchost.exe",
    "User": "EXAMPLE\\Ann",
    "Protocol": "TCP",
    "Initiated": "true",
    "SourceIp": "192.0.2.5",
    "SourceHostname": "-",
    "SourcePort": "59644",
    "DestinationIp": "198.51.100.9",
    "DestinationHostname": "www.example.org",
    "DestinationPort": "443",
}


def winlog(number, data, **more):
    return {
        "@timestamp": "2024-05-01T11:00:00Z",
        "winlog": {**SYSTEM, "event_id": str(number), "event_data": data},
        **more,
    }


def read(record):
    return only_event(sysmon, record)


def test_a_connection_has_its_flow_process_and_account():
    """The time is Sysmon's own UtcTime, the address is the machine's."""
    event = read(winlog(3, CONNECTION))
    assert ("sysmon", "connection", "3", "unknown") == (event.source, event.kind, event.action, event.outcome)
    assert Fields({"t": CONNECTION["UtcTime"]}).time("t") == event.ts
    assert ("ann@example", "192.0.2.5", "pc1.example.com") == (event.account, event.ip, event.device_name)
    assert event.detail == {
        "orig_h": "192.0.2.5",
        "orig_p": 59644,
        "resp_h": "198.51.100.9",
        "resp_p": 443,
        "proto": "tcp",
        "process": "C:\\Windows\\System32\\svchost.exe",
        "pid": 9848,
        "initiated": True,
        "resp_name": "www.example.org",
    }


def test_an_inbound_connection_is_the_receivers():
    """Source opened it; the address of the event is that of the machine that wrote it, the destination."""
    event = read(winlog(3, {**CONNECTION, "Initiated": "false"}))
    assert ("198.51.100.9", "192.0.2.5", False) == (event.ip, event.detail["orig_h"], event.detail["initiated"])


@pytest.mark.parametrize("user", ["AUTORITE NT\\Système", "NT AUTHORITY\\SYSTEM", "NT-AUTORITÄT\\Netzwerkdienst", "-"])
def test_the_systems_accounts_are_nobody_in_any_language(user):
    """`User` is written in the language of Windows."""
    assert read(winlog(3, {**CONNECTION, "User": user})).account is None


def test_what_an_ingest_pipeline_moved_to_ecs_is_found():
    """Elastic's Sysmon pipeline empties event_data into source, destination, process and user."""
    moved = {
        "@timestamp": "2024-05-01T10:00:00.352Z",
        "winlog": {**{name: SYSTEM[name] for name in SYSTEM if name != "time_created"}, "event_id": "3"},
        "source": {"ip": "192.0.2.5", "port": 59644},
        "destination": {"ip": "198.51.100.9", "port": 443, "domain": "www.example.org"},
        "network": {"transport": "tcp", "direction": "egress"},
        "process": {"executable": "C:\\Windows\\System32\\svchost.exe", "pid": 9848},
        "user": {"name": "Ann", "domain": "EXAMPLE", "id": "S-1-5-18"},
    }
    before, after = read(winlog(3, CONNECTION)), read(moved)
    assert (before.ts, before.account, before.ip, before.detail) == (after.ts, after.account, after.ip, after.detail)


def test_the_pid_of_the_log_service_is_not_the_process():
    """NXLog writes its number as `ProcessID`, which differs from Sysmon's `ProcessId` in case alone."""
    flat = {"EventID": 3, "SourceName": "Microsoft-Windows-Sysmon", "Hostname": "pc1", "SourceModuleName": "eventlog"}
    own = {"ProcessID": 3912, "ThreadID": 532, "UtcTime": "2019-05-17 09:52:38.882", "EventTime": "2019-05-17 11:52:46"}
    event = read({**flat, **own, "SourceIp": "192.0.2.5"})
    assert "pid" not in event.detail
    assert 4200 == read({**flat, **own, "ProcessId": "4200"}).detail["pid"]
    assert Fields(own).time("UtcTime") == event.ts


def test_a_process_has_its_command_line_and_parent():
    """Event 1 starts it, event 5 ends it."""
    data = {
        "UtcTime": "2024-05-01 10:00:00.000",
        "Image": "C:\\cmd.exe",
        "CommandLine": "cmd /c dir",
        "ParentImage": "C:\\explorer.exe",
        "ProcessId": "12",
        "LogonId": "0x3e7",
        "User": "EXAMPLE\\ann",
    }
    started, ended = read(winlog(1, data)), read(winlog(5, data))
    assert started.detail == {
        "process": "C:\\cmd.exe",
        "command_line": "cmd /c dir",
        "parent": "C:\\explorer.exe",
        "pid": 12,
    }
    assert ("process", "0x3e7") == (started.kind, started.session_id)
    assert ended.detail["ended"] is True


def test_a_name_query_keeps_its_answers():
    """Aliases stand behind `type:`, addresses in their mapped form."""
    data = {
        "QueryName": "a.example",
        "QueryResults": "type:  5 b.example;::ffff:192.0.2.9;2001:db8::1;",
        "ProcessId": "3",
    }
    event = read(winlog(22, data))
    assert ("other", "a.example") == (event.kind, event.object)
    assert ["b.example", "192.0.2.9", "2001:db8::1"] == event.detail["answers"]
    assert Fields(SYSTEM).time("time_created") == event.ts


def test_a_file_has_its_folder():
    """Created, deleted, or seen to be executable."""
    event = read(winlog(11, {"TargetFilename": "C:\\Users\\ann\\x.exe", "Image": "C:\\a.exe"}))
    assert ("file", "C:\\Users\\ann\\x.exe") == (event.kind, event.object)
    assert {"process": "C:\\a.exe", "file": "C:\\Users\\ann\\x.exe", "folder": "C:\\Users\\ann"} == event.detail


def test_sysmon_for_linux_is_read():
    """It writes the same XML under another name, to syslog."""
    text = (
        '<Event><System><Provider Name="Linux-Sysmon"/><EventID>3</EventID>'
        '<TimeCreated SystemTime="2024-05-01T10:00:00.352931000Z"/><EventRecordID>9</EventRecordID>'
        "<Channel>Linux-Sysmon/Operational</Channel><Computer>web1</Computer></System><EventData>"
        '<Data Name="UtcTime">2024-05-01 10:00:00.352</Data><Data Name="User">ann</Data>'
        '<Data Name="Initiated">true</Data>'
        '<Data Name="SourceIp">192.0.2.5</Data><Data Name="DestinationIp">2001:db8::1</Data></EventData></Event>'
    )
    event = read({"message": text, "syslog": {"appname": "sysmon"}})
    assert ("ann", "web1", "192.0.2.5", "2001:db8::1") == (
        event.account,
        event.device_name,
        event.ip,
        event.detail["resp_h"],
    )


def test_other_logs_are_not_claimed():
    """Neither other Windows events, nor a mere mention of Sysmon."""
    assert not sysmon.claims(Fields({"winlog": {"event_id": 4624, "channel": "Security"}}))
    assert not sysmon.claims(Fields({"message": "Sysmon started", "EventID": 3}))


def test_an_event_without_time_is_refused():
    """There is no other clock to take it from."""
    with pytest.raises(Malformed, match="missing_time"):
        sysmon.read(Fields({"winlog": {"event_id": 3, "channel": "Microsoft-Windows-Sysmon/Operational"}}))


@given(st.sampled_from([1, 3, 11, 22, 255]), records(*CONNECTION, "QueryResults", "TargetFilename"))
def test_any_values_give_an_event_or_a_reason(number, data):
    """Values come from whoever named a process or a host."""
    assert check(sysmon, winlog(number, data)) in {"none", "bad_time"}


def test_every_real_event_is_read(data_dir):
    """The hosts of three attack recordings: each Sysmon event is read, connections have both ends."""
    count = 0
    for path in sorted((data_dir / "identity" / "otrf-pairs").glob("*.host.zip")):
        with zipfile.ZipFile(path) as archive, archive.open(archive.namelist()[0]) as lines:
            for line in lines:
                record = json.loads(line)
                if record["SourceName"] == "Microsoft-Windows-Sysmon":
                    event = read(record)
                    count += 1
                    assert event.kind != "connection" or {"orig_h", "resp_h", "resp_p", "proto"} <= set(event.detail)
                    assert abs(event.ts - Fields(record).time("@timestamp")) < 60 * 10**9
    assert 6102 == count
