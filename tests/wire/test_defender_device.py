"""Rows of Defender for Endpoint's and Defender for Identity's tables."""

import pytest

from sensor.wire.defender_device import (
    read_account,
    read_connection,
    read_directory,
    read_inventory,
    read_logon,
    read_process,
)
from sensor.wire.fields import Fields

OWN = {
    "ActionType": "ConnectionSuccess",
    "Protocol": "TcpV4",
    "LocalIP": "192.0.2.10",
    "LocalPort": 50123,
    "RemoteIP": "198.51.100.7",
    "RemotePort": 443,
    "RemoteUrl": "https://Evil.example/path?q=1",
    "InitiatingProcessFileName": "powershell.exe",
    "InitiatingProcessFolderPath": "c:\\windows\\powershell.exe",
    "InitiatingProcessCommandLine": "powershell -enc AA",
    "InitiatingProcessId": 4711,
}


def test_a_connection_of_the_devices_own():
    """The device opened it; the name asked for is the URL's host alone."""
    found = read_connection(Fields(OWN))
    assert ("connection", "success", "192.0.2.10", 50123) == tuple(
        found[name] for name in ("kind", "outcome", "ip", "port")
    )
    assert {
        "orig_h": "192.0.2.10",
        "orig_p": 50123,
        "resp_h": "198.51.100.7",
        "resp_p": 443,
        "proto": "tcp",
        "resp_name": "evil.example",
        "process": "c:\\windows\\powershell.exe",
        "command_line": "powershell -enc AA",
        "pid": 4711,
        "initiated": True,
    } == found["detail"]


@pytest.mark.parametrize(
    ("action", "initiated", "outcome"),
    [
        ("InboundConnectionAccepted", False, "success"),
        ("InboundConnectionBlocked", False, "failure"),
        ("InboundConnectionAttempt", False, "unknown"),
        ("InboundConnectionAcknowledged", True, "unknown"),
        ("ConnectionFailed", True, "failure"),
        ("ConnectionAttempt", True, "unknown"),
        ("ListeningConnectionCreated", True, "unknown"),
    ],
)
def test_who_opened_a_connection_is_told_by_the_action(action, initiated, outcome):
    """An acknowledgement that came in is the answer to what the device itself had opened."""
    found = read_connection(Fields(OWN | {"ActionType": action}))
    ends = ("192.0.2.10", "198.51.100.7") if initiated else ("198.51.100.7", "192.0.2.10")
    assert ends == (found["detail"]["orig_h"], found["detail"]["resp_h"])
    assert (initiated, outcome, "192.0.2.10") == (found["detail"]["initiated"], found["outcome"], found["ip"])


def test_the_inspecting_sensor_says_the_direction_itself():
    """`NetworkSignatureInspected` rows tell it in AdditionalFields, JSON in a text."""
    row = OWN | {"ActionType": "HttpConnectionInspected", "AdditionalFields": '{"direction":"In","host":"a"}'}
    assert False is read_connection(Fields(row))["detail"]["initiated"]


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("evil.example", "evil.example"),
        ("evil.example:8443/x", "evil.example"),
        ("http://u:p@EVIL.example/", "evil.example"),
        ("", None),
        ("///", None),
    ],
)
def test_a_remote_url_gives_its_host(url, name):
    """`RemoteUrl` is a name, a name with a port, or a whole URL."""
    assert name == read_connection(Fields(OWN | {"RemoteUrl": url}))["detail"].get("resp_name")


def test_a_row_without_both_ends_is_no_connection():
    """A port that is listened on has no other end."""
    assert "other" == read_connection(Fields(OWN | {"RemoteIP": ""}))["kind"]


@pytest.mark.parametrize(("word", "proto"), [("TcpV4", "tcp"), ("UdpV6", "udp"), ("Tcp", "tcp"), ("Icmp", "icmp")])
def test_protocols_lose_their_version(word, proto):
    """The version is told by the addresses."""
    assert proto == read_connection(Fields(OWN | {"Protocol": word}))["detail"]["proto"]


@pytest.mark.parametrize(
    ("row", "account"),
    [
        ({"AccountUpn": "Ann@Example.com", "AccountName": "ann", "AccountDomain": "CORP"}, "ann@example.com"),
        ({"AccountName": "ann", "AccountDomain": "corp.example"}, "ann@corp.example"),
        ({"InitiatingProcessAccountUpn": "ann@example.com", "InitiatingProcessAccountName": "ann"}, "ann@example.com"),
        ({"RequestAccountName": "ann", "RequestAccountDomain": "corp.example"}, "ann@corp.example"),
        ({}, None),
    ],
)
def test_the_account_a_row_is_about(row, account):
    """The row's own account is taken before that of the process which did it."""
    assert account == read_account(Fields(row))[0]


def test_a_logon_failed():
    """The address is where the logon came from; the reason is the source's word."""
    row = {
        "ActionType": "LogonFailed",
        "LogonType": "RemoteInteractive",
        "FailureReason": "InvalidUserNameOrPassword",
        "RemoteIP": "203.0.113.9",
        "RemotePort": 50111,
        "RemoteDeviceName": "EVIL",
        "Protocol": "NTLM",
        "AdditionalFields": '{"IsLocalLogon":false}',
    }
    found = read_logon(Fields(row))
    assert ("logon", "failure", "InvalidUserNameOrPassword") == (found["kind"], found["outcome"], found["reason"])
    assert ("203.0.113.9", 50111) == (found["ip"], found["port"])
    assert {"logon_type": "RemoteInteractive", "package": "NTLM", "workstation": "EVIL", "local": False} == found[
        "detail"
    ]


@pytest.mark.parametrize(
    ("action", "outcome"),
    [("LogonSuccess", "success"), ("LogonAttempted", "unknown"), ("LogonFailed", "failure")],
)
def test_a_logons_outcome_is_its_action(action, outcome):
    """An attempt is neither."""
    assert outcome == read_logon(Fields({"ActionType": action}))["outcome"]


def test_a_logon_that_a_controller_saw():
    """Defender for Identity tells the controller and the machine that was logged on to."""
    row = {
        "ActionType": "LogonSuccess",
        "Application": "Active Directory",
        "LogonType": "Resource access",
        "Protocol": "Kerberos",
        "IPAddress": "192.0.2.10",
        "Port": 50000,
        "DestinationDeviceName": "dc1.corp.example",
        "DestinationIPAddress": "192.0.2.1",
        "DestinationPort": 88,
        "TargetDeviceName": "files.corp.example",
        "Location": "de",
    }
    found = read_logon(Fields(row))
    assert ("192.0.2.10", 50000, "DE", "Active Directory") == tuple(
        found[name] for name in ("ip", "port", "country", "app")
    )
    assert ("files.corp.example", "192.0.2.1", 88) == tuple(
        found["detail"][name] for name in ("target", "resp_h", "resp_p")
    )


def test_a_process_and_its_parent():
    """The process that was made, not the one that made it."""
    row = {
        "FileName": "cmd.exe",
        "FolderPath": "C:\\Windows\\cmd.exe",
        "ProcessCommandLine": "cmd /c whoami",
        "ProcessId": 77,
        "InitiatingProcessFileName": "winword.exe",
        "InitiatingProcessFolderPath": "",
        "SHA256": "ab",
    }
    assert {
        "process": "C:\\Windows\\cmd.exe",
        "command_line": "cmd /c whoami",
        "pid": 77,
        "parent": "winword.exe",
        "sha256": "ab",
    } == read_process(Fields(row))["detail"]


def test_a_device_with_its_users():
    """`LoggedOnUsers` is JSON in a text; the joined device is managed and has Entra's id too."""
    row = {
        "PublicIP": "203.0.113.9",
        "OSPlatform": "Windows11",
        "OSVersion": "10.0",
        "JoinType": "AAD Joined",
        "AadDeviceId": "aad-1",
        "DeviceType": "Workstation",
        "LoggedOnUsers": '[{"UserName":"Ann","DomainName":"corp.example","Sid":"S-1"},{"UserName":""}]',
    }
    found = read_inventory(Fields(row))
    assert ("203.0.113.9", "Windows11", True) == (found["ip"], found["os"], found["managed"])
    assert {
        "public_addr": "203.0.113.9",
        "logged_on": ["ann@corp.example"],
        "aad_device_id": "aad-1",
        "join_type": "AAD Joined",
        "device_type": "Workstation",
        "os_version": "10.0",
    } == found["detail"]


@pytest.mark.parametrize("mac", ["000D3A9EC781", "00-0D-3A-9E-C7-81", "00:0d:3a:9e:c7:81", "000d.3a9e.c781"])
def test_a_devices_addresses(mac):
    """Link-layer addresses come in four forms; `IPAddresses` is JSON in a text."""
    row = {
        "MacAddress": mac,
        "IPAddresses": '[{"IPAddress":"192.0.2.10","SubnetPrefix":24},{"IPAddress":"fe80::1%eth0"},{"IPAddress":"x"}]',
        "DefaultGateways": '["192.0.2.1"]',
        "NetworkAdapterType": "Ethernet",
    }
    detail = read_inventory(Fields(row))["detail"]
    assert ["00:0d:3a:9e:c7:81"] == detail["macs"]
    assert "192.0.2.10" == detail["addresses"][0]
    assert "x" not in detail["addresses"]
    assert (["192.0.2.1"], "Ethernet") == (detail["gateways"], detail["adapter"])


@pytest.mark.parametrize("written", ["n/a?", "00-00-00-00-00-00"])
def test_what_is_no_link_layer_address_is_left_out(written):
    """No device is joined to the network by it."""
    assert "macs" not in read_inventory(Fields({"MacAddress": written}))["detail"]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ({"ActionType": "Group Membership changed"}, "admin"),
        ({"ActionType": "Account Password changed"}, "admin"),
        ({"ActionType": "User Account Created"}, "admin"),
        ({"ActionType": "SMB file copy"}, "other"),
        ({"ActionType": "LDAP query", "QueryType": "AllUsers", "QueryTarget": "Domain Admins"}, "other"),
    ],
)
def test_a_change_in_the_directory_is_administration(row, kind):
    """What a controller saw without changing anything is not."""
    found = read_directory(Fields(row | {"IPAddress": "192.0.2.10", "TargetAccountUpn": ""}))
    assert (kind, "192.0.2.10", row.get("QueryTarget")) == (found["kind"], found["ip"], found["object"])
