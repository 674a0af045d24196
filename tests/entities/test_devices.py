"""Sightings to devices: MACs, routers, leases, sites, admission."""

import numpy as np
import pytest

from sensor.entities import devices as module
from sensor.entities import macs
from sensor.entities.devices import Devices
from sensor.model import addresses
from tests.scenes import DAY, SECRET, START, S

BURNED, LOCAL = 0x00AABBCCDD01, 0x02AABBCCDD01


@pytest.fixture
def known():
    """No devices yet."""
    return Devices(SECRET)


def sight(known, *seen, site=0, confirmed=True, at_s=0):
    """Sight (address, MAC) pairs in one go."""
    words = np.array([addresses.parse(address) for address, _ in seen], np.uint64)
    n = len(seen)
    known.sight(
        np.full(n, site, np.int32), words[:, 0].copy(), words[:, 1].copy(),
        np.array([mac for _, mac in seen], np.uint64),
        np.full(n, START + at_s * S), confirmed=np.full(n, confirmed),
    )  # fmt: skip


def row(known, address, site=0):
    hi, lo = (np.array([word], np.uint64) for word in addresses.parse(address))
    return int(known.find(np.array([site], np.int32), hi, lo)[0])


def test_addresses_of_one_mac_are_one_device(known):
    """IPv4 and IPv6 behind one MAC are one device; another MAC is another."""
    sight(known, ("10.0.0.5", BURNED), ("fe80::5", BURNED), ("10.0.0.6", BURNED + 1))

    assert row(known, "10.0.0.5") == row(known, "fe80::5") != row(known, "10.0.0.6")
    assert 2 == len(known)


def test_without_a_mac_the_address_is_the_key_of_its_site(known):
    """Two sites' 10.0.0.5 never meet."""
    sight(known, ("10.0.0.5", 0), site=0)
    sight(known, ("10.0.0.5", 0), site=1)

    assert row(known, "10.0.0.5", 0) != row(known, "10.0.0.5", 1)
    assert 2 == len(set(known.ids))


def test_a_burned_in_mac_is_one_device_at_two_sites_a_random_one_is_not(known):
    """Strong identities are the organisation's, weak ones the site's."""
    for site in (0, 1):
        sight(known, ("10.0.0.5", BURNED), ("10.0.0.6", LOCAL), site=site)

    assert row(known, "10.0.0.5", 0) == row(known, "10.0.0.5", 1)
    assert row(known, "10.0.0.6", 0) != row(known, "10.0.0.6", 1)
    assert [0, 1] == known.sites_of(row(known, "10.0.0.5", 0))


def test_a_mac_of_many_addresses_is_a_router(known):
    """Five IPv4 addresses behind one MAC are five devices, in one tick or over many."""
    for k in range(1, 6):
        sight(known, (f"10.0.0.{k}", BURNED), at_s=k)
    for k in range(1, 6):
        sight(known, (f"10.0.0.{k}", BURNED), at_s=10 + k)

    assert 5 == len({row(known, f"10.0.0.{k}") for k in range(1, 6)})
    assert known.table.columns["router"][row(known, "10.0.0.1")]


def test_a_mac_before_an_outside_address_is_a_router(known):
    """One outside IPv4 address is enough; a few global IPv6 addresses may be the host's own."""

    def outside(address, mac):
        hi, lo = (np.array([word], np.uint64) for word in addresses.parse(address))
        known.mark_routers(np.zeros(1, np.int32), hi, lo, np.array([mac], np.uint64))

    outside("2001:db8::1", BURNED)
    outside("198.51.100.1", BURNED + 1)
    sight(known, ("10.0.0.5", BURNED), ("fe80::5", BURNED), ("10.0.0.6", BURNED + 1), ("10.0.0.7", BURNED + 1))

    assert row(known, "10.0.0.5") == row(known, "fe80::5")
    assert row(known, "10.0.0.6") != row(known, "10.0.0.7")
    for k in range(macs.ROUTER_V6 + 1):
        outside(f"2001:db8::{k + 2:x}", BURNED)
    assert (0, BURNED) in known.macs.routers


def test_an_address_that_changes_hands_is_another_device(known):
    """After a new lease the address is the new MAC's; both keep their spans."""
    sight(known, ("10.0.0.5", BURNED), at_s=0)
    first = row(known, "10.0.0.5")
    known.lease(0, "10.0.0.5", BURNED + 7, START + 100 * S)
    sight(known, ("10.0.0.5", 0), at_s=200)

    second = row(known, "10.0.0.5")
    assert first != second
    assert [(START, START)] == [span[3:] for span in known.places_of(first)]
    assert [(START + 100 * S, START + 200 * S)] == [span[3:] for span in known.places_of(second)]


def test_a_device_known_by_address_keeps_its_row_when_its_mac_appears(known):
    """The baseline is not lost when DHCP names the MAC of an address."""
    sight(known, ("10.0.0.5", 0))
    before = row(known, "10.0.0.5")

    known.lease(0, "10.0.0.5", BURNED, START + S)

    assert before == row(known, "10.0.0.5")
    assert BURNED == known.table.columns["mac"][before]


def test_a_moved_device_takes_its_row_along(known):
    """One MAC with a new address is the same device."""
    known.claim(0, BURNED, "LAPTOP-231")
    known.lease(0, "10.0.0.5", BURNED, START)
    known.lease(0, "10.0.9.77", BURNED, START + S)

    assert row(known, "10.0.0.5") == row(known, "10.0.9.77") == 0
    assert {0: "LAPTOP-231"} == known.naming.names
    assert ["10.0.9.77", "10.0.0.5"] == [addresses.text(hi, lo) for _, hi, lo, *_ in known.places_of(0)]


def test_a_better_source_names_a_device(known):
    """DHCP's name stays when Kerberos says another; NTLM replaces Kerberos."""
    sight(known, ("10.0.0.5", BURNED))
    for name, source in (("A", "kerberos"), ("B", "ntlm"), ("C", "kerberos"), ("D", "dhcp"), ("E", "ntlm")):
        known.name(0, name, source)

    assert {0: "D"} == known.naming.names


def test_unconfirmed_addresses_cannot_fill_the_table(known, monkeypatch):
    """Beyond the cap a spoofed sender gets no row, is counted, and a confirmed one still gets its own."""
    monkeypatch.setattr(module, "UNCONFIRMED_MAX", 10)
    sight(known, *((f"10.1.0.{k}", 0) for k in range(50)), confirmed=False)
    sight(known, ("10.2.0.1", 0), confirmed=True)

    assert (11, 40) == (len(known), known.refused["unconfirmed"])
    assert row(known, "10.2.0.1") == 10


def test_an_address_seen_behind_two_macs_by_turns_shows_a_router(known):
    """Two captures of one host: behind its own MAC, and behind the router's, which stands before others too."""
    sight(known, ("10.0.0.5", BURNED), ("10.0.0.6", BURNED + 7), ("10.0.0.7", BURNED + 7))
    for k in range(4):
        sight(known, ("10.0.0.5", (BURNED + 7, BURNED)[k % 2]), at_s=60 + k)

    assert (0, BURNED + 7) in known.macs.routers
    assert (0, BURNED) not in known.macs.routers
    assert row(known, "10.0.0.5") == known.by_mac[macs.key_of(0, BURNED)] != row(known, "10.0.0.7")


def test_group_macs_identify_nobody(known):
    """A multicast MAC is no key."""
    sight(known, ("10.0.0.5", 0x01005E000001), ("10.0.0.6", 0x01005E000001))

    assert row(known, "10.0.0.5") != row(known, "10.0.0.6")


def test_save_and_load_is_identity(known):
    """A loaded table finds, names and goes on as the saved one."""
    sight(known, ("10.0.0.5", BURNED), ("fe80::5", BURNED), ("10.0.0.6", 0))
    known.claim(0, BURNED, "PC")
    other = Devices(SECRET)

    other.load(known.save())
    sight(other, ("10.0.0.9", BURNED), at_s=5)

    assert row(other, "10.0.0.5") == row(other, "10.0.0.9") == row(known, "10.0.0.5")
    assert (known.ids, {0: "PC"}) == (other.ids, other.naming.names)
    assert 2 == len(other)


def test_nothing_seen_changes_nothing(known):
    """An empty tick is legal."""
    known.sight(
        *(np.empty(0, t) for t in (np.int32, np.uint64, np.uint64, np.uint64, np.int64)), confirmed=np.empty(0, bool)
    )

    assert 0 == len(known)


def age(known, days):
    known.age(START + int(days * DAY))


def test_an_address_unused_for_45_days_is_nobodys(known):
    """A burned-in MAC comes back to its row; a random one, and an address, do not."""
    sight(known, ("10.0.0.5", BURNED), ("10.0.0.6", LOCAL), ("10.0.0.7", 0))
    for address in ("10.0.0.6", "10.0.0.7"):
        known.name(row(known, address), f"PC-{address[-1]}1", "dhcp")
    age(known, 44)
    assert [0, 1, 2] == [row(known, f"10.0.0.{k}") for k in (5, 6, 7)]
    age(known, 46)

    assert [-1] * 3 == [row(known, f"10.0.0.{k}") for k in (5, 6, 7)]
    assert (3, []) == (known.aged["idle"], known.naming.rows(0, "pc-61"))
    sight(known, ("10.0.0.5", BURNED), ("10.0.0.6", LOCAL), ("10.0.0.7", 0), at_s=47 * DAY // S)
    assert [0, 3, 4] == [row(known, f"10.0.0.{k}") for k in (5, 6, 7)]


def test_a_container_that_came_and_went_is_gone_after_a_day(known):
    """What lived under an hour without a name or a burned-in MAC is shown no more; a host that stays is."""
    sight(known, ("172.17.0.2", 0), ("172.17.0.3", LOCAL), ("10.0.0.5", BURNED), ("10.0.0.6", 0))
    sight(known, ("10.0.0.6", 0), at_s=7200)
    age(known, 1.5)

    assert [False, False, True, True] == [known.is_live(k) for k in range(4)]
    assert (2, 2, -1) == (known.count(), known.aged["short_lived"], row(known, "172.17.0.2"))
    assert (2, 0) == (known.count(0), known.count(1))


def test_joined_rows_are_one_device_with_one_history(known):
    """Times, flows, MACs, addresses and places are the device's; parted, both are themselves again."""
    sight(known, ("10.0.0.5", BURNED), at_s=50)
    sight(known, ("10.0.0.6", BURNED + 1), at_s=90)
    known.add_flows(np.array([0, 1, 1], np.int32))
    assert known.join(1, 0, "agent")

    assert [0, 0] == [row(known, "10.0.0.5"), row(known, "10.0.0.6")]
    assert (3, START + 90 * S, [BURNED, BURNED + 1], 1) == (
        known.table.columns["flows"][0], known.last(1), known.macs_of(1), known.count(),
    )  # fmt: skip
    other = Devices(SECRET)
    other.load(known.save())
    other.part(1)
    assert [0, 1] == [row(other, "10.0.0.5"), row(other, "10.0.0.6")]


def test_a_router_joins_no_host(known):
    """Whatever names say."""
    sight(known, ("10.0.0.5", BURNED), ("10.0.0.6", BURNED + 1))
    known.make_router(0, BURNED)

    assert not known.join(0, 1, "hostname")


def test_state_of_an_unknown_version_is_refused(known):
    """A newer release's."""
    state = known.save()
    state["held"] = np.frombuffer(bytes(state["held"]).replace(b'"version":2', b'"version":9'), np.uint8)

    with pytest.raises(ValueError, match="version 9"):
        Devices(SECRET).load(state)
