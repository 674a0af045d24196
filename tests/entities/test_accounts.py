"""Accounts from Kerberos and NTLM."""

from sensor.entities.accounts import Accounts, account_of
from sensor.model.metadata import Dns, Kerberos, Ntlm
from tests.scenes import common


def test_accounts_are_folded_and_machines_are_none():
    """Kerberos and NTLM users become user@realm; machines, failures and other messages are no account."""
    told = [
        Kerberos(**common(), client="Ben.Ortiz/EXAMPLE.ORG"),
        Kerberos(**common(), client="LAPTOP$/EXAMPLE.ORG"),
        Kerberos(**common(), client="eve/EXAMPLE.ORG", success=False),
        Ntlm(**common(), username="Ann", domainname="CORP"),
        Ntlm(**common(), username="bob"), Dns(**common()),
    ]  # fmt: skip

    assert ["ben.ortiz@example.org", None, None, "ann@corp", "bob", None] == [account_of(one) for one in told]


def test_devices_are_linked_and_counted():
    """Sightings from two devices are two links; no device is no link."""
    accounts = Accounts()
    for device in (3, 5, -1, 3):
        accounts.observe(Kerberos(**common(at_s=device), client="a/R"), device)

    seen = accounts.by_name["a@r"]
    assert (4, [3, 5]) == (seen.sightings, sorted(seen.devices))


def test_save_and_load_is_identity():
    """A loaded table holds the same accounts."""
    accounts, other = Accounts(), Accounts()
    accounts.observe(Ntlm(**common(), username="bob"), 7)

    other.load(accounts.save())

    assert accounts.by_name == other.by_name
