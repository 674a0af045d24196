"""osquery's rows: sockets, logins, processes, told by their columns."""

import json

import pytest
from hypothesis import given

from sensor.errors import Malformed
from sensor.sources import osquery
from sensor.wire.fields import Fields
from tests.sources.hostile import check, records
from tests.sources.reading import only_event

WRITTEN = 1678936138
RECORD = {
    "name": "pack_sockets",
    "hostIdentifier": "web1",
    "calendarTime": "Thu Mar 16 03:08:58 2023 UTC",
    "unixTime": WRITTEN,
    "epoch": 0,
    "counter": 174,
    "decorations": {"host_uuid": "40443dd9-5b21-a345-8f89-aadde84c3719", "username": "ann"},
    "action": "added",
}
SOCKET = {
    "family": "2",
    "protocol": "6",
    "local_address": "192.0.2.5",
    "local_port": "40122",
    "remote_address": "198.51.100.9",
    "remote_port": "443",
    "path": "/usr/bin/curl",
    "pid": "77",
}


def read(columns, **more):
    return only_event(osquery, {**RECORD, "columns": columns, **more})


def test_an_open_socket_is_a_connection():
    """All values are texts; who decorates the record is the account."""
    event = read(SOCKET)
    assert ("osquery", "connection", "added", "pack_sockets") == (event.source, event.kind, event.action, event.object)
    assert ("ann", "192.0.2.5", "web1", WRITTEN * 10**9) == (event.account, event.ip, event.device_name, event.ts)
    assert "40443dd9-5b21-a345-8f89-aadde84c3719" == event.device_id
    assert event.detail == {
        "orig_h": "192.0.2.5",
        "orig_p": 40122,
        "resp_h": "198.51.100.9",
        "resp_p": 443,
        "proto": "tcp",
        "process": "/usr/bin/curl",
        "pid": 77,
        "initiated": True,
    }


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"local_port": "22", "remote_port": "50122"}, "198.51.100.9"),
        ({"action": "accept4"}, "198.51.100.9"),
        ({"syscall": "accept"}, "198.51.100.9"),
        ({"action": "connect", "local_port": "0"}, "192.0.2.5"),
        ({"local_port": "1024", "remote_port": "389"}, "192.0.2.5"),
    ],
)
def test_who_opened_a_connection(changes, expected):
    """The system call says so; else the end with a port that is given to clients did."""
    event = read({**SOCKET, **changes})
    assert (expected, "192.0.2.5") == (event.detail["orig_h"], event.ip)


@pytest.mark.parametrize(
    "changes",
    [
        {"remote_address": "0.0.0.0", "remote_port": "0"},  # noqa: S104
        {"remote_address": "::", "state": "LISTEN"},
        {"remote_address": "", "local_address": "", "family": "1", "path": "/run/x.sock"},
        {"remote_address": "fe80::1", "state": "LISTEN"},
    ],
)
def test_sockets_without_a_peer_are_no_connections(changes):
    """Listening ones, and those of the file system."""
    assert "other" == read({**SOCKET, **changes}).kind


def test_a_login_is_from_its_host_and_at_its_own_time():
    """The remote end is where the account is; the host is what was logged on to."""
    columns = {"user": "ann", "host": "203.0.113.7", "tty": "pts/0", "type": "user", "time": "1678932421", "pid": "2"}
    event = read(columns)
    assert ("logon", "success", "ann", "203.0.113.7") == (event.kind, event.outcome, event.account, event.ip)
    assert (1678932421 * 10**9, None, None) == (event.ts, event.device_name, event.device_id)
    assert {"target": "web1"} == event.detail
    ended = read(columns, action="removed")
    assert (WRITTEN * 10**9, True) == (ended.ts, ended.detail["ended"])


def test_a_login_at_the_machine_is_its_own():
    """`last` names types by number; a display is no host."""
    event = read({"username": "ann", "host": ":0", "tty": "tty1", "type": "7", "time": "0"})
    assert ("logon", None, "web1", WRITTEN * 10**9) == (event.kind, event.ip, event.device_name, event.ts)
    assert {"target": "web1"} == event.detail


@pytest.mark.parametrize("columns", [{"type": "2"}, {"type": "login"}, {"type": "7", "username": ""}])
def test_what_else_utmp_holds_is_no_login(columns):
    """Boots, waiting terminals, entries without a user."""
    assert "other" == read({"username": "ann", "host": "", "tty": "~", "time": "5", **columns}).kind


def test_a_waiting_terminal_is_nobody():
    """LOGIN is what utmp writes where nobody is logged in."""
    assert read(SOCKET, decorations={"username": "LOGIN"}).account is None
    assert "root" == read({**SOCKET, "username": "root"}, decorations={"username": "LOGIN"}).account


def test_a_process_has_its_command_line():
    """From processes, process_events, or a shell's history."""
    columns = {
        "pid": "9",
        "path": "/bin/sh",
        "cmdline": "sh -c x",
        "name": "sh",
        "pcmdline": "init",
        "username": "root",
    }
    event = read(columns)
    assert ("process", "root") == (event.kind, event.account)
    assert {"process": "/bin/sh", "command_line": "sh -c x", "parent": "init", "pid": 9} == event.detail
    typed = read({"command": "ls", "history_file": "/home/alice/.bash_history", "username": "ann", "time": "0"})
    assert ("process", {"command_line": "ls"}, WRITTEN * 10**9) == (typed.kind, typed.detail, typed.ts)


def test_a_changed_file_has_its_own_time():
    """File events are written in batches later."""
    event = read({"target_path": "/etc/passwd", "action": "UPDATED", "time": str(WRITTEN - 2), "username": "root"})
    assert ("file", (WRITTEN - 2) * 10**9) == (event.kind, event.ts)
    assert {"file": "/etc/passwd", "folder": "/etc"} == event.detail


def test_addresses_of_the_host_are_its_inventory():
    """Its own interfaces; other hosts in its ARP table are not."""
    own = read({"interface": "eth0", "address": "192.0.2.5", "mask": "255.255.255.0"})
    assert {"addresses": ["192.0.2.5"]} == own.detail
    card = read({"interface": "eth0", "mac": "00:00:5e:00:53:23", "mtu": "1500"})
    assert {"macs": ["00:00:5e:00:53:23"]} == card.detail
    assert (
        {} == read({"interface": "eth0", "address": "192.0.2.1", "mac": "00:00:5e:00:53:01", "permanent": "0"}).detail
    )


def test_batches_and_snapshots_are_one_event_a_row():
    """What was removed comes before what was added."""
    batch = {**RECORD, "diffResults": {"added": [SOCKET], "removed": [SOCKET, {"x": "1"}]}}
    del batch["action"]
    events = osquery.read(Fields(batch))
    assert [("connection", "removed"), ("other", "removed"), ("connection", "added")] == [
        (event.kind, event.action) for event in events
    ]
    snapshot = Fields({**RECORD, "action": "snapshot", "snapshot": [SOCKET, SOCKET]})
    assert ["snapshot"] * 2 == [event.action for event in osquery.read(snapshot)]


def test_the_status_log_says_nothing():
    """It is osquery's own log."""
    fields = Fields({"hostIdentifier": "web1", "severity": "0", "filename": "a.cpp", "line": "1", "unixTime": "1"})
    assert osquery.claims(fields)
    assert [] == osquery.read(fields)


def test_a_record_needs_no_host_and_its_id_may_be_its_name():
    """`--host_identifier=uuid` puts the id where the name would be."""
    bare = Fields({"name": "mounts", "unixTime": "1514472018", "columns": {"path": "/"}, "action": "removed"})
    assert [(None, None, None)] == [(e.device_name, e.device_id, e.account) for e in osquery.read(bare)]
    event = read(SOCKET, hostIdentifier="4AB2906D-5516-5794-AF54-86D1D7F533F3", decorations={})
    assert (None, "4AB2906D-5516-5794-AF54-86D1D7F533F3") == (event.device_name, event.device_id)


def test_a_record_without_time_is_refused():
    """It is osquery's all the same."""
    fields = Fields({"name": "x", "hostIdentifier": "web1", "action": "added", "columns": {}})
    assert osquery.claims(fields)
    with pytest.raises(Malformed, match="missing_time"):
        osquery.read(fields)


@given(records(*SOCKET, "user", "host", "tty", "type", "time", "cmdline"))
def test_any_values_give_an_event(columns):
    """Values are whatever a host holds."""
    assert "none" == check(osquery, {**RECORD, "columns": columns})


def test_every_real_row_is_read(data_dir):
    """A real host's results and snapshots: four logins from outside, no row refused."""
    kinds = {}
    for name in ("osqueryd.results.log", "osqueryd.snapshots.log"):
        for line in (data_dir / "identity" / "msticpy" / name).read_text().splitlines():
            fields = Fields(json.loads(line))
            assert osquery.claims(fields)
            [event] = osquery.read(fields)
            kinds.setdefault(event.kind, []).append((event.account, event.ip))
    assert {"other": 246, "process": 36, "file": 21, "logon": 6} == {kind: len(found) for kind, found in kinds.items()}
    assert {
        ("robert.sparrow", "109.159.104.127"),
        ("johndoe", "24.50.184.180"),
        ("myadmin", "24.50.184.180"),
    } == set(kinds["logon"])
