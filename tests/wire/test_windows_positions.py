"""Values of Security events in the order of their definition."""

import pytest

from sensor.wire.windows_positions import named

LOGON = "S-1-0-0 - - 0x0 S-1-5-21-1 ann EXAMPLE 0xcee 3 NtLmSsp NTLM PC1 {0} - - 128 0x0 - 192.0.2.5 59645 %%1833 -"
FAILED = "S-1-0-0 - - 0x0 S-1-0-0 ann X 0xc000006d %%2313 0xc000006a 3 NtLmSsp NTLM PC1 - - 0 0x0 - 192.0.2.5 0"
TICKET = "ann@EXAMPLE.COM EXAMPLE.COM FILES1$ S-1-5-21-2 0x40810000 0x12 ::ffff:192.0.2.5 50000 0x0 {1} -"


@pytest.mark.parametrize(
    ("number", "values", "expected"),
    [
        (4624, LOGON, {"TargetUserName": "ann", "LogonType": "3", "WorkstationName": "PC1", "IpAddress": "192.0.2.5"}),
        (4625, FAILED, {"TargetUserName": "ann", "SubStatus": "0xc000006a", "LogonType": "3", "IpPort": "0"}),
        (4769, TICKET, {"ServiceName": "FILES1$", "IpAddress": "::ffff:192.0.2.5", "IpPort": "50000", "Status": "0x0"}),
        (4776, "MICROSOFT ann PC1 0x0", {"TargetUserName": "ann", "Workstation": "PC1", "Status": "0x0"}),
        (4732, "CN=a S-1 Admins X S-2 S-3 root", {"MemberName": "CN=a", "SubjectUserName": "root"}),
    ],
)
def test_values_get_the_names_of_their_place(number, values, expected):
    """Values that a later Windows appended stay unnamed."""
    found = named(number, values.split())
    assert expected == {name: found[name] for name in expected}


def test_short_lists_and_unknown_events_give_what_they_have():
    """A list may be cut; an event that is not listed has no names."""
    assert {"PackageName": "x"} == named(4776, ["x"])
    assert {} == named(9999, ["x"])
