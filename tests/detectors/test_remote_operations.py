"""Which messages do something to another host."""

import pytest

from sensor.detectors import remote_operations as r
from sensor.detectors.remote_operations import call_of, operation_of
from sensor.model.metadata import Http
from sensor.model.protocols import DceRpc, Smb
from tests.scenes import common


def rpc(endpoint, operation, count=1, pipe="49726"):
    return DceRpc(**common(), endpoint=endpoint, operation=operation, named_pipe=pipe, count=count)


@pytest.mark.parametrize(
    ("endpoint", "operation", "expected"),
    [
        ("svcctl", "CreateServiceA", r.SERVICE), ("svcctl", "OpenSCManager2", r.SERVICE_QUERY),
        ("atsvc", "NetrJobAdd", r.TASK), ("atsvc", "NetrJobEnum", None),
        ("ITaskSchedulerService", "SchRpcRegisterTask", r.TASK), ("winreg", "BaseRegSetValue", r.REGISTRY),
        ("winreg", "BaseRegQueryValue", r.REGISTRY_QUERY), ("winreg", "BaseInitiateSystemShutdownEx", r.SHUTDOWN),
        ("IWbemServices", "ExecMethod", r.WMI), ("IWbemServices", "ExecQuery", r.WMI_QUERY),
        ("IRemoteSCMActivator", "RemoteCreateInstance", r.DCOM), ("IObjectExporter", "ServerAlive2", None),
        ("srvsvc", "NetrSessionEnum", r.SESSIONS), ("srvsvc", "NetrShareEnum", None),
        ("netlogon", "NetrServerAuthenticate2", r.NETLOGON), ("netlogon", "NetrLogonSamLogonEx", None),
        ("drsuapi", "DRSGetNCChanges", r.REPLICATION), ("drsuapi", "DRSCrackNames", None),
        ("efsrpc", "unknown-0", r.COERCION), ("epmapper", "ept_map", None), (None, None, None),
    ],
)  # fmt: skip
def test_calls_are_told_by_endpoint_and_operation(endpoint, operation, expected):
    """What changes a host, what asks it, and what every client does."""
    assert expected is operation_of(rpc(endpoint, operation))


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        (r"\\srv\ADMIN$", None, r.ADMIN_SHARE), (r"\\srv\C$", "temp\\a.txt", r.ADMIN_SHARE),
        (r"\\srv\ADMIN$", "PSEXESVC.exe", r.PROGRAM), (r"\\srv\IPC$", "svcctl", None), (r"\\srv\print$", None, None),
        (r"\\srv\tools", "setup.exe", None), (None, None, None),
    ],
)  # fmt: skip
def test_administrators_shares_are_told_by_name(path, name, expected):
    """A program there is more than the share itself."""
    assert expected is operation_of(Smb(**common(), action="mapping", path=path, name=name))


def test_remote_management_is_a_post_to_wsman_that_forwards_no_events():
    """Event forwarding posts there too, under its own paths."""
    of = [
        operation_of(Http(**common(), method=method, uri=uri))
        for method, uri in (
            ("POST", "/wsman?PSVersion=5.1"), ("GET", "/wsman"), ("POST", "/wsman/SubscriptionManager/WEC"),
            ("POST", "/wsman/subscriptions/8A/1"), ("POST", None),
        )
    ]  # fmt: skip

    assert [r.WINRM, None, None, None, None] == of


def test_numbers_are_places_and_calls_are_named():
    """Saved state has a column a number; a call is named as in Zeek's logs."""
    assert list(range(len(r.OPERATIONS))) == [kind.number for kind in r.OPERATIONS]
    assert ("svcctl::StartServiceW", 3) == call_of(rpc("svcctl", "StartServiceW", 3))
    assert (r"\\srv\C$ a.exe", 1) == call_of(Smb(**common(), path=r"\\srv\C$", name="a.exe"))
    assert ("POST /wsman", 1) == call_of(Http(**common(), method="POST", uri="/wsman"))
