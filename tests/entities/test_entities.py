"""Ticks resolved to devices."""

from datetime import UTC, datetime

import numpy as np

from sensor.entities.entities import Entities
from sensor.entities.flow_states import sides_of
from sensor.model.metadata import Dhcp, Kerberos, Ntlm
from tests.scenes import SECRET, START, S, arp, common, flow, flows

EMPTY = np.empty(0, np.int32)


def resolve(entities, rows=None, messages=(), asks=None, site=0, at_s=10, events=()):
    rows = flows() if rows is None else rows
    asks = arp()[:0] if asks is None else asks
    return entities.resolve(
        START + at_s * S, rows, np.full(len(rows), site, np.int32), asks, np.full(len(asks), site, np.int32),
        np.zeros(len(asks), np.int32), list(messages), [site] * len(messages), fresh=np.ones(len(rows), np.bool_),
        learn=True, events=list(events), event_site=[site] * len(events),
    )  # fmt: skip


def fresh(networks=None):
    entities = Entities(networks or {}, SECRET)
    entities.inputs = ["given"]
    for name in ("A", "B"):
        entities.site_number(name)
    return entities


def test_who_sent_is_a_device_and_who_was_only_sent_to_is_not():
    """The prober of a silent address is a device; the silent address and the outside are none."""
    entities = fresh()
    tick = resolve(entities, flows(flow("10.0.0.5", "10.0.0.9", state="S0"), flow("10.0.0.6", "198.51.100.1")))

    assert (True, True) == (tick.orig_device[0] >= 0, tick.orig_device[1] >= 0)
    assert [-1, -1] == tick.resp_device.tolist()
    assert [True, False] == tick.resp_local.tolist()
    assert 2 == entities.count()


def test_answers_are_seen_by_packets_bytes_or_state():
    """A log without packet counts is judged by bytes, then by state."""
    rows = flows(flow(), flow(state="S0"), flow(state="REJ"))
    rows["resp_pkts"] = -1

    assert [True, False, True] == sides_of(rows).replied.tolist()
    assert [True, True, True] == sides_of(rows).sent.tolist()


def test_configured_networks_replace_the_private_ranges():
    """A public range may be the site's own, and 10/8 somebody else's."""
    entities = fresh({"A": ["198.51.100.0/24"]})
    tick = resolve(entities, flows(flow("198.51.100.7", "10.0.0.9")))

    assert ([True], [False]) == (tick.orig_local.tolist(), tick.resp_local.tolist())


def test_a_logs_own_word_on_local_counts():
    """local_orig of a log makes an address local, whatever its range."""
    tick = resolve(fresh(), flows(flow("203.0.113.7", "198.51.100.1", local=(1, 0))))

    assert ([True], [False]) == (tick.orig_local.tolist(), tick.resp_local.tolist())


def test_dhcp_names_the_device_of_its_lease():
    """The hostname of a DHCP acknowledgement names flows of the leased address, joined by MAC."""
    entities = fresh()
    lease = Dhcp(**common(), mac="54:e1:ad:77:31:05", host_name="LAPTOP-KJ42", assigned_addr="10.0.0.5", msg_type=5)
    tick = resolve(entities, flows(flow(orig_mac=0x54E1AD773105)), [lease])

    device = int(tick.orig_device[0])
    assert ("LAPTOP-KJ42", "10.0.0.5") == (entities.device_name(device), entities.device_address(device))


def test_kerberos_and_ntlm_name_machines_and_accounts():
    """HOST$ names the client's device, NTLM's workstation too, users become accounts linked to it."""
    entities = fresh()
    resolve(entities, flows(flow("10.0.0.5"), flow("10.0.0.6")))
    told = [
        Kerberos(**common(), client="PC-5$/EXAMPLE.ORG", success=True),
        Kerberos(**common(), client="ann/EXAMPLE.ORG", success=True),
        Ntlm(**common(orig="10.0.0.6"), username="bob", hostname="PC-6"),
    ]  # fmt: skip
    tick = resolve(entities, messages=told)

    assert ["PC-5", "PC-5", "PC-6"] == [entities.device_name(int(device)) for device in tick.message_device]
    rows = entities.identity.accounts.rows
    assert [("ann@example.org", "user"), ("bob", "user"), ("pc-5$@example.org", "machine")] == sorted(
        (row.name, row.kind) for row in rows
    )


def test_arp_from_inside_confirms_a_device():
    """The sender of an ARP message is a device; a probe without an address is none."""
    entities = fresh()
    tick = resolve(entities, asks=np.concatenate([arp(), arp("0.0.0.0", mac=0x00AABBCCDD02)]))  # noqa: S104

    assert [0, -1] == tick.arp_device.tolist()
    assert 1 == entities.devices.table.columns["confirmed"][0]


def test_two_sites_never_share_an_address():
    """The same private address at two sites is two devices."""
    entities = fresh()
    first, second = resolve(entities, flows(flow()), site=0), resolve(entities, flows(flow()), site=1)

    assert first.orig_device[0] != second.orig_device[0]
    assert ("A", "B") == tuple(entities.device_site(int(t.orig_device[0])) for t in (first, second))


def test_unreadable_macs_and_addresses_in_messages_are_passed_over():
    """A log may say anything."""
    told = [Dhcp(**common(orig="?"), mac="zz", host_name="x"), Dhcp(**common(), mac="00aabbccdd01", assigned_addr="?")]

    assert [-1, -1] == resolve(fresh(), messages=told).message_device.tolist()


def test_a_realm_listed_with_a_tenants_domain_is_its_directory():
    """Kerberos knows somebody of ACME.LOCAL whom the provider knows of example.com."""
    entities = Entities({}, SECRET, tenants={"t": ("example.com", "acme.local")})

    assert [0, 0] == [
        entities.identity.accounts.sight(f"ann@{one}", 1, 0, "x") for one in ("acme.local", "example.com")
    ]


def test_local_time_follows_the_zone_and_its_summer_time():
    """Sydney is eleven hours ahead in January and ten in July; without a zone it is UTC."""
    sydney = Entities({}, SECRET, timezone="Australia/Sydney")
    summer, winter = (int(datetime(2026, month, 1, tzinfo=UTC).timestamp()) * 10**9 for month in (1, 7))

    assert (39_600, 36_000, 0) == (*map(sydney.utc_offset_s, (summer, winter)), fresh().utc_offset_s(winter))


def test_save_and_load_is_identity():
    """After a restart the same flows are the same devices."""
    entities, other = fresh(), Entities({}, SECRET)
    before = resolve(entities, flows(flow(), flow("10.0.0.6")))

    other.load(entities.save())

    assert before.orig_device.tolist() == resolve(other, flows(flow(), flow("10.0.0.6"))).orig_device.tolist()
    assert (["A", "B"], 3) == (other.sites, other.count())


def test_a_site_that_is_configured_later_has_its_networks_and_egress():
    """As if it had been there from the start."""
    entities = fresh()
    entities.expect("B", ["198.51.100.0/24"], ["203.0.113.7"])
    tick = resolve(entities, flows(flow("198.51.100.7", "10.0.0.9")), site=1)

    assert ([True], [False]) == (tick.orig_local.tolist(), tick.resp_local.tolist())
    assert "B" == entities.identity.site_of_egress("203.0.113.7", entities.sites)
