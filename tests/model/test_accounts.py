"""One spelling for an account."""

import pytest

from sensor.model.accounts import fold, is_machine, is_nobody


@pytest.mark.parametrize(
    ("name", "realm", "expected"),
    [
        ("JoeB@Example.com", None, "joeb@example.com"),
        ("JoeB@Example.com", "OTHER", "joeb@example.com"),
        (r"EXAMPLE\JoeB", None, "joeb@example"),
        ("dschrute/DMEVALS.LOCAL", None, "dschrute@dmevals.local"),
        ("joeb", "EXAMPLE", "joeb@example"),
        ("joeb", "WORKGROUP", "joeb"),
        (" joeb ", None, "joeb"),
        ("ｊｏｅｂ", None, "joeb"),
        ("host/server.example.com", None, "host@server.example.com"),
        ("ANONYMOUS LOGON", "NT AUTHORITY", "anonymous logon"),
        ("SYSTEM", "NT AUTHORITY", "system"),
        ("-", None, None),
        ("", None, None),
        (None, "x", None),
    ],
)
def test_names_are_folded(name, realm, expected):
    """Case, width and the ways to write a realm make no difference; blanks and Windows' own are nobody."""
    assert expected == fold(name, realm)


@pytest.mark.parametrize(("name", "expected"), [("system", True), ("anonymous logon@pc5", True), ("systema", False)])
def test_what_every_computer_has_is_nobody(name, expected):
    """Windows' own accounts, whatever realm stands beside them."""
    assert expected == is_nobody(name)


@pytest.mark.parametrize(("name", "expected"), [("ws5$@example", True), ("ws5$", True), ("joe$mith", False)])
def test_a_machine_is_told_by_its_dollar(name, expected):
    """Only at the end of the name."""
    assert expected == is_machine(name)
