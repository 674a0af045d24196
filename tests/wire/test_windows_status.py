"""Status codes of refused logons."""

import pytest

from sensor.wire.windows_status import code_text, kerberos_reason, status_reason


@pytest.mark.parametrize(
    ("status", "sub_status", "expected"),
    [
        (0xC000006D, 0xC000006A, ("0xc000006a", "wrong password")),
        (0xC000006D, 0, ("0xc000006d", "bad user name or authentication information")),
        (0xC000015B, None, ("0xc000015b", "logon type not granted")),
        (-1073741718, None, ("0xc000006a", "wrong password")),
        (0xC0FFEE, None, ("0xc0ffee", None)),
        (0, 0, (None, None)),
        (None, None, (None, None)),
    ],
)
def test_the_sub_status_says_more_where_there_is_one(status, sub_status, expected):
    """Codes may be written as signed numbers; an unknown one has no text."""
    assert expected == status_reason(status, sub_status)


def test_kerberos_codes_have_their_own_meaning():
    """0x18 is a wrong password; 0 is no error."""
    assert ("0x18", "wrong password") == kerberos_reason(0x18)
    assert (None, None) == kerberos_reason(0)
    assert "0xffffffff" == code_text(-1)
