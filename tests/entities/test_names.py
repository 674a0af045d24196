"""Names of addresses from DNS, TLS and HTTP."""

from sensor.entities.names import AddressNames
from sensor.model import addresses
from sensor.model.metadata import Dns, Http, Tls
from tests.scenes import common


def known(names, site, address):
    return names.get(site, *addresses.parse(address))


def test_the_name_asked_for_is_the_address_name():
    """Each answer of a response gets the name of the question, folded."""
    names = AddressNames()
    names.observe([Dns(**common(), query="WWW.Example.com.", addresses=("192.0.2.1", "2001:db8::7"))], [0])

    assert ["www.example.com"] * 2 == [known(names, 0, "192.0.2.1"), known(names, 0, "2001:db8::7")]
    assert names.dns_seen


def test_names_are_the_sites_own():
    """Two sites' 10.0.0.9 never meet."""
    names = AddressNames()
    names.observe([Tls(**common(), server_name="a.example"), Tls(**common(), server_name="b.example")], [0, 1])

    assert ["a.example", "b.example", None] == [known(names, site, "10.0.0.9") for site in (0, 1, 2)]


def test_a_host_header_gives_its_name_without_port_and_no_address():
    """host:8080 is host; an address is no name."""
    names = AddressNames()
    for host in ("192.0.2.9", "[2001:db8::1]", None, "files.example:8080"):
        names.observe([Http(**common(resp="192.0.2.80"), host=host)], [0])

    assert "files.example" == known(names, 0, "192.0.2.80")


def test_nonsense_is_left_out():
    """Answers that are no addresses and endless names change nothing."""
    names = AddressNames()
    names.observe(
        [Dns(**common(), query="x", addresses=("not-an-address",)), Tls(**common(), server_name="a" * 300)], [0, 0]
    )

    assert 0 == len(names)


def test_save_and_load_is_identity():
    """A loaded table knows the same."""
    names, other = AddressNames(), AddressNames()
    names.observe([Dns(**common(), query="x.example", addresses=("192.0.2.1",))], [3])

    other.load(names.save())

    assert ("x.example", True) == (known(other, 3, "192.0.2.1"), other.dns_seen)
