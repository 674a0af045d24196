"""Names of procedures."""

from sensor.packets.rpc_names import ENDPOINTS, OPERATIONS, endpoint_of, operation_of

KNOWN = {
    ("svcctl", 12): "CreateServiceW", ("svcctl", 19): "StartServiceW", ("svcctl", 64): "OpenSCManager2",
    ("samr", 13): "SamrEnumerateUsersInDomain", ("samr", 64): "SamrConnect5", ("samr", 50): "SamrCreateUser2InDomain",
    ("lsarpc", 44): "LsarOpenPolicy2", ("lsarpc", 57): "LsarLookupSids2", ("lsarpc", 76): "LsarLookupSids3",
    ("lsarpc", 68): "LsarLookupNames3", ("lsarpc", 77): "LsarLookupNames4", ("drsuapi", 3): "DRSGetNCChanges",
    ("drsuapi", 12): "DRSCrackNames", ("winreg", 22): "BaseRegSetValue", ("winreg", 15): "BaseRegOpenKey",
    ("srvsvc", 12): "NetrSessionEnum", ("srvsvc", 15): "NetrShareEnum", ("wkssvc", 2): "NetrWkstaUserEnum",
    ("netlogon", 26): "NetrServerAuthenticate3", ("netlogon", 30): "NetrServerPasswordSet2", ("atsvc", 0): "NetrJobAdd",
    ("ITaskSchedulerService", 1): "SchRpcRegisterTask", ("epmapper", 3): "ept_map", ("IWbemServices", 24): "ExecMethod",
}  # fmt: skip
"""From Microsoft's specifications, table of methods of each (MS-SCMR §3.1.4, MS-SAMR §3.1.5, MS-LSAT §3.1.4 …)."""


def test_operations_have_the_numbers_of_their_specifications():
    """A list that slipped by one would show here."""
    assert KNOWN == {key: operation_of(*key) for key in KNOWN}


def test_what_is_not_listed_is_named_by_number():
    """And a gap of the specification as well."""
    assert ("unknown-99", "unknown-0", "unknown-0") == (
        operation_of("samr", 99), operation_of("IWbemServices", 0), operation_of("other", 0),
    )  # fmt: skip
    assert "unknown-1" == endpoint_of("1")


def test_every_list_belongs_to_an_interface():
    """No list is out of reach."""
    assert set() == set(OPERATIONS) - set(ENDPOINTS.values())
