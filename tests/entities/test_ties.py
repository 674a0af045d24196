"""Devices that accounts are tied to."""

from sensor.entities.links import NOWHERE, Links
from sensor.entities.ties import OTHERS_NS, own, tied
from sensor.model.addresses import parse
from sensor.model.times import DAY_NS

NOW = 20 * DAY_NS


class Who:
    """Device 7 stands for many, device 8 is a server; 10.0.0.5 is device 5's. Accounts from 10 on are services."""

    def locate(self, site, address):
        """Return the device of an address."""
        return 5 if address == "10.0.0.5" else -1

    def stands_for_many(self, device):
        """Tell it of device 7."""
        return device == 7

    def role(self, device):
        """Return a role."""
        return "server" if device == 8 else "workstation"

    def account_kind(self, account):
        """Return a kind."""
        return "service" if account >= 10 else "user"


def seen(*sightings):
    links = Links()
    for account, device, kind, days, last in sightings:
        for day in range(days):
            links.see(account, device, NOWHERE, kind, last - (days - 1 - day) * DAY_NS)
    return links


def test_an_agents_or_providers_word_is_enough_and_kerberos_needs_three_days():
    """A claim, or two days, do not make a device the account's own."""
    links = seen(
        (0, 1, "idp_device", 1, NOW), (0, 2, "kerberos_as", 3, NOW), (0, 3, "kerberos_as", 2, NOW),
        (0, 4, "ntlm_claim", 9, NOW), (0, 7, "agent", 9, NOW), (0, 8, "ntlm", 9, NOW),
    )  # fmt: skip

    assert {1, 2} == set(own(links, 0, NOW, Who()))
    assert {1, 2, 3, 4, 7, 8} == set(tied(links, 0, NOW, Who()))


def test_days_through_different_addresses_count_once_each():
    """A laptop with a new lease every day."""
    links = Links()
    for day in range(3):
        for _ in range(4):
            links.see(0, 1, (0, *parse(f"10.0.0.{day}")), "kerberos_as", NOW - day * DAY_NS)

    assert [1] == own(links, 0, NOW, Who())


def test_another_person_on_the_device_makes_it_nobodys():
    """More than half must be the account's, and nobody else's of the last hours; a service's is no person's."""
    mine = (0, 1, "kerberos_as", 4, NOW)

    assert [] == own(seen(mine, (1, 1, "kerberos_as", 6, NOW - 2 * DAY_NS)), 0, NOW, Who())
    assert [1] == own(seen(mine, (1, 1, "kerberos_as", 3, NOW - 2 * DAY_NS)), 0, NOW, Who())
    assert [] == own(seen(mine, (1, 1, "ntlm", 1, NOW - OTHERS_NS + 1)), 0, NOW, Who())
    assert [1] == own(seen(mine, (10, 1, "ntlm", 9, NOW)), 0, NOW, Who())


def test_a_shared_address_ties_its_device():
    """A terminal server's link names the address alone; it can support, and contradicts nobody."""
    links = Links()
    links.see(0, -1, (0, *parse("10.0.0.5")), "kerberos_as", NOW)
    links.see(0, -1, (0, *parse("10.0.0.6")), "kerberos_as", NOW)
    links.see(0, 9, NOWHERE, "rdp_cookie", NOW)

    assert [5] == tied(links, 0, NOW, Who())
    assert [] == own(links, 0, NOW, Who())
