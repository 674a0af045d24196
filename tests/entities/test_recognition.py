"""Which sightings are one device: laptops, docks, random MACs, clones, VPN and agents."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensor.entities.entities import Entities
from sensor.entities.proposals import proposals
from sensor.model.event import Event
from sensor.model.metadata import Dhcp, Kerberos, Ntlm
from tests.entities.test_entities import fresh, resolve
from tests.scenes import DAY, SECRET, START, S, common, flows
from tests.scenes import flow as flow_between

WIRED, WIRELESS, DOCK = "54:e1:ad:77:31:05", "00:28:f8:77:31:06", "00:e0:4c:68:00:01"
ADAPTER = "00:05:9a:3c:7a:00"
RANDOM = ("02:11:22:33:44:01", "06:11:22:33:44:02")


def flow(orig="10.0.0.5", **more):
    """A flow to somewhere outside."""
    return flow_between(orig, "198.51.100.1", **more)


def lease(mac, address, name=None, *, at_s=0.0, **more):
    return Dhcp(**common(at_s), mac=mac, host_name=name, assigned_addr=address, msg_type=5, **more)


def report(at_s=0.0, *, device_id="b7c1f7f0-1111-2222-3333-444455556666", name="LAPTOP-231", kind="other", **detail):
    return Event(
        ts=START + int(at_s * S), source="defender", kind=kind, action="DeviceInfo", device_id=device_id,
        device_name=name, detail=detail,
    )  # fmt: skip


def vpn(at_s, address, *, name="LAPTOP-231", account="ann@example.com", **detail):
    return Event(
        ts=START + int(at_s * S), source="globalprotect", kind="lease", action="connected", outcome="success",
        account=account, device_name=name, detail={"assigned_addr": address, "public_addr": "203.0.113.9", **detail},
    )  # fmt: skip


def step(entities, *, messages=(), events=(), rows=None, site=0, at_s=10):
    """One tick at a site; returns it."""
    rows = flows() if rows is None else rows
    return resolve(entities, rows, messages, site=site, at_s=at_s, events=events)


def who(entities, address, site=0):
    return entities.locate(site, address)


def names(entities):
    """The devices' names, those that are shown."""
    return sorted(entities.device_name(row) for row in range(entities.count()) if entities.devices.is_live(row))


def test_a_laptop_on_site_on_the_vpn_and_at_home_is_one_device():
    """MAC and hostname, a tunnel's address with the hostname, an agent's reports: one row, one history, both places."""
    entities = fresh()
    first = step(
        entities, messages=[lease(WIRED, "10.0.0.5", "LAPTOP-231")], rows=flows(flow(orig_mac=0x54E1AD773105, at_s=1))
    ).orig_device[0]
    away = step(
        entities, events=[vpn(DAY / S, "10.99.0.7")], rows=flows(flow("10.99.0.7", at_s=DAY / S + 5)), at_s=DAY / S + 10
    )
    home = step(entities, events=[report(2 * DAY / S, addresses=["192.168.1.20"])], at_s=2 * DAY / S + 10)

    assert [first] * 3 == [away.orig_device[0], away.event_device[0], home.event_device[0]]
    assert (1, ["LAPTOP-231"]) == (entities.devices.count(), names(entities))
    assert 3 == entities.devices.table.columns["place"][first]


def test_an_agent_known_before_joins_the_laptop_that_comes_on_site():
    """Home first, then the office: the MAC of its agent's report, or its hostname, makes them one."""
    for macs in ([WIRED], []):
        entities = fresh()
        home = step(entities, events=[report(macs=macs)]).event_device[0]
        tick = step(
            entities, messages=[lease(WIRED, "10.0.0.5", "laptop-231.example.com", at_s=3600)],
            rows=flows(flow(orig_mac=0x54E1AD773105, at_s=3601)), at_s=3610,
        )  # fmt: skip

        assert (home, 1) == (tick.orig_device[0], entities.devices.count())


def provider(at_s, name=None, device_id="b7c1f7f0-1111-2222-3333-444455556666"):
    """An identity provider's record of a device, which may not say its name."""
    return Event(
        ts=START + int(at_s * S),
        source="m365",
        kind="file",
        action="FileAccessed",
        device_id=device_id,
        device_name=name,
    )


def test_an_id_whose_name_comes_later_is_the_laptop_of_that_name():
    """Known by a lease, then by a bare id, which is named, then by a tunnel: one row; another's id is another."""
    entities = fresh()
    step(entities, messages=[lease(WIRED, "10.0.0.5", "LAPTOP-231")])
    step(entities, events=[provider(100), provider(101, "laptop-231.example.com")], at_s=110)
    away = step(entities, events=[vpn(DAY / S, "10.99.0.7")], at_s=DAY / S + 10)
    again = step(
        entities,
        events=[provider(DAY / S + 20), provider(DAY / S + 21, "LAPTOP-231", "f" * 36)],
        at_s=DAY / S + 30,
    )

    laptop = who(entities, "10.0.0.5")
    assert [laptop] * 2 == [away.event_device[0], again.event_device[0]]
    assert ["LAPTOP-231", "laptop-231.example.com"] == names(entities)
    assert laptop != again.event_device[1]


def test_a_tunnel_of_two_namesakes_is_theirs_once_they_are_one():
    """Lease, bare id and tunnel within one tick: each knows the name before the others are joined."""
    entities = fresh()
    step(entities, events=[provider(0)])
    step(
        entities, messages=[lease(WIRED, "10.0.0.5", "LAPTOP-231", at_s=11)],
        events=[provider(12, "LAPTOP-231"), vpn(13, "10.99.0.7")], at_s=20,
    )  # fmt: skip
    step(entities, events=[vpn(30, "10.99.0.8")], at_s=40)

    assert ["LAPTOP-231"] == names(entities)
    assert who(entities, "10.0.0.5") == who(entities, "10.99.0.7") == who(entities, "10.99.0.8") >= 0


def test_an_id_named_late_at_another_site_is_the_roaming_laptop():
    """Where the name is nobody's at the site that the record came in at, it is looked for at the others."""
    entities = fresh()
    step(entities, messages=[lease(WIRED, "10.0.0.5", "LAPTOP-231")], site=1)
    tick = step(entities, events=[provider(100), provider(101, "LAPTOP-231")], at_s=110)
    step(entities, at_s=120)

    assert ["LAPTOP-231"] == names(entities)
    assert who(entities, "10.0.0.5", 1) == entities.devices.kept(int(tick.event_device[1]))


def test_two_macs_that_one_agent_lists_are_one_device():
    """A dock and the wireless card, met apart and in use at once, are joined when the agent says so; ids stay."""
    entities = fresh()
    step(entities, messages=[lease(WIRELESS, "10.0.0.6", "A-LAPTOP"), lease(DOCK, "10.0.0.5", "A-LAPTOP")])
    rows = who(entities, "10.0.0.6"), who(entities, "10.0.0.5")
    ids = [entities.device_id(row) for row in rows]
    tick = step(entities, events=[report(20, name="A-LAPTOP", macs=[WIRELESS, DOCK])], at_s=30)

    assert rows[0] != rows[1]
    assert [(1, 0)] == tick.merged
    assert [0, 0, 0] == [who(entities, "10.0.0.6"), who(entities, "10.0.0.5"), tick.event_device[0]]
    assert ids == [entities.device_id(row) for row in rows]
    assert {int(WIRELESS.replace(":", ""), 16), int(DOCK.replace(":", ""), 16)} == set(entities.devices.macs_of(0))


def test_a_laptop_that_moves_to_its_dock_is_one_device():
    """Two burned-in MACs with one hostname, one after the other."""
    entities = fresh()
    step(entities, messages=[lease(WIRELESS, "10.0.0.6", "A-LAPTOP")])
    step(entities, messages=[lease(DOCK, "10.0.0.5", "A-LAPTOP", at_s=900)], at_s=910)

    assert who(entities, "10.0.0.5") == who(entities, "10.0.0.6")


def test_a_dock_that_goes_to_another_laptop_takes_no_history_along():
    """Its MAC then has the hostname of a device known otherwise: the address is that device's."""
    entities = fresh()
    step(entities, messages=[lease(WIRED, "10.0.0.5", "A-LAPTOP"), lease(WIRELESS, "10.0.0.6", "B-LAPTOP")])
    step(entities, messages=[lease(DOCK, "10.0.0.9", "A-LAPTOP", at_s=900)], at_s=910)
    assert who(entities, "10.0.0.9") == who(entities, "10.0.0.5")
    step(entities, messages=[lease(DOCK, "10.0.0.9", "B-LAPTOP", at_s=9000)], at_s=9010)

    assert who(entities, "10.0.0.9") == who(entities, "10.0.0.6") != who(entities, "10.0.0.5")


def test_clones_with_one_hostname_stay_two_devices():
    """In use at once they are not joined; joined while one was silent, they are parted, and the name joins no more."""
    for pause in (10, 900):
        entities = fresh()
        step(entities, messages=[lease(WIRED, "10.0.0.5", "CLONE-7")])
        step(entities, messages=[lease(WIRELESS, "10.0.0.6", "CLONE-7", at_s=pause)], at_s=pause + 10)
        for k in range(8):
            at = pause + 30 * (k + 1)
            step(entities, rows=flows(flow(f"10.0.0.{5 + k % 2}", at_s=at)), at_s=at + 10)

        assert who(entities, "10.0.0.5") != who(entities, "10.0.0.6")
        assert ["CLONE-7", "CLONE-7"] == names(entities)


@pytest.mark.parametrize(
    ("name", "prints", "joined"),
    [
        ("Anns-Phone", ("android-dhcp-13", "android-dhcp-13"), True),
        ("Anns-Phone", (None, None), False),
        ("Anns-Phone", ("android-dhcp-13", "MSFT 5.0"), False),
        ("iPhone", ("x", "x"), False),
    ],
)
def test_random_macs_need_more_than_a_name(name, prints, joined):
    """The same hostname and DHCP fingerprint; a bare hostname, another system or a default name is not enough."""
    entities = fresh()
    for k in range(2):
        told = [lease(RANDOM[k], f"10.0.0.{5 + k}", name, at_s=900 * k, vendor_class=prints[k])]
        step(entities, messages=told, at_s=900 * k + 10)

    assert joined == (who(entities, "10.0.0.5") == who(entities, "10.0.0.6"))


def test_a_client_identifier_joins_random_macs_and_an_address_in_it_does_not():
    """Type 255 is the host's (RFC 4361), type 1 a MAC."""
    for kind, joined in (("ff", True), ("01", False)):
        entities = fresh()
        for k in range(2):
            step(entities, messages=[lease(RANDOM[k], f"10.0.0.{5 + k}", client_id=f"{kind}0011223344")], at_s=10 + k)

        assert joined == (who(entities, "10.0.0.5") == who(entities, "10.0.0.6"))


def test_random_macs_and_hostnames_are_the_sites():
    """The same at two sites is two devices; a burned-in MAC is one."""
    entities = fresh()
    for mac in (RANDOM[0], WIRED):
        for site in (0, 1):
            step(entities, messages=[lease(mac, "10.0.0.5", "KIOSK-1")], site=site)
        assert (mac == WIRED) == (who(entities, "10.0.0.5", 0) == who(entities, "10.0.0.5", 1))


def test_an_address_that_is_leased_anew_is_another_device():
    """From the lease on, also where flows carry no MAC; the first keeps its history; a release frees the address."""
    entities = fresh()
    first = step(entities, messages=[lease(WIRED, "10.0.0.5", "PC-ONE")], rows=flows(flow(at_s=1))).orig_device[0]
    second = step(
        entities, messages=[lease(WIRELESS, "10.0.0.5", "PC-TWO", at_s=5000)], rows=flows(flow(at_s=5001)), at_s=5010
    ).orig_device[0]
    gone = Dhcp(**common(6000), mac=WIRELESS, client_addr="10.0.0.5", msg_type=7)
    step(entities, messages=[gone], at_s=6010)

    assert ["PC-ONE", "PC-TWO"] == [entities.device_name(int(row)) for row in (first, second)]
    assert -1 == who(entities, "10.0.0.5")


def test_a_bare_address_with_a_name_is_not_the_next_lease():
    """Without MACs in the log a named host keeps its row when its address is leased to another."""
    entities = fresh()
    step(entities, rows=flows(flow(at_s=0)))
    step(entities, messages=[Kerberos(**common(20), client="PC-ONE$/R", success=True)], at_s=30)
    step(entities, messages=[lease(WIRED, "10.0.0.5", "PC-TWO", at_s=40)], at_s=50)

    assert "PC-TWO" == entities.device_name(who(entities, "10.0.0.5"))
    assert ["PC-ONE", "PC-TWO"] == names(entities)


def test_kerberos_shows_that_an_address_changed_hands_and_ntlm_does_not():
    """Another machine account at a bare address is another machine, with its own row; a claimed name moves nothing."""
    entities = fresh()
    told = []
    for k, name in enumerate(("PC-ONE", "PC-TWO", "PC-ONE")):
        at = 10 + 20 * k
        step(entities, rows=flows(flow(at_s=at)), at_s=at + 5)
        step(entities, messages=[Kerberos(**common(at + 6), client=f"{name}$/R", success=True)], at_s=at + 10)
        told.append(who(entities, "10.0.0.5"))
    step(entities, messages=[Ntlm(**common(90), username="eve", hostname="PC-TWO")], at_s=95)

    assert told[0] == told[2] == who(entities, "10.0.0.5") != told[1]


def test_tunnels_without_a_hostname_are_their_accounts():
    """Two tunnels of one account are one device, whatever the address; another account's is another; an end frees."""
    entities = fresh()
    events = [
        vpn(0, "10.99.0.7", name=None),
        vpn(5, "10.99.0.8", name=None),
        vpn(6, "10.99.0.9", name=None, account="bob"),
    ]
    rows = step(entities, events=events).event_device.tolist()
    step(entities, events=[vpn(20, "10.99.0.8", name=None, ended=True)], at_s=30)

    assert rows[0] == rows[1] != rows[2]
    assert -1 == who(entities, "10.99.0.8")
    (pool,) = proposals(entities, {})
    assert {"site": "A", "value": "10.99.0.0/24", "why": "3 addresses of VPN leases"} == pool


def test_an_adapters_mac_that_every_laptop_has_joins_nobody():
    """AnyConnect's, and a dock's that two agents list: the laptops stay apart."""
    entities = fresh()
    events = [
        report(k, device_id=f"aaaaaaaa-0000-0000-0000-00000000000{k}", name=f"LAPTOP-{k}0", macs=[ADAPTER, DOCK])
        for k in (1, 2)
    ]  # fmt: skip

    assert 2 == len(set(step(entities, events=events).event_device.tolist()))


def test_an_id_of_a_clone_is_another_device():
    """Two agents of one kind with one hostname are two devices; one that was enrolled anew on its MAC is one."""
    entities = fresh()
    events = [
        report(k, device_id=f"aaaaaaaa-0000-0000-0000-00000000000{k}", name="CLONE-7", macs=macs)
        for k, macs in ((1, [WIRED]), (2, [WIRELESS]), (3, [WIRED]))
    ]  # fmt: skip
    rows = step(entities, events=events).event_device.tolist()

    assert rows[0] == rows[2] != rows[1]


def test_provider_and_agent_with_one_id_are_one_device():
    """Entra's device id is the agent's AadDeviceId; a sign-in without one is no device."""
    entities = fresh()
    signin = Event(
        ts=START, source="entra", kind="signin", action="x", device_id="b7c1f7f0-1111-2222-3333-444455556666"
    )
    bare = Event(ts=START, source="entra", kind="signin", action="x", device_name="LAPTOP-9")
    rows = step(entities, events=[report(), signin, bare]).event_device.tolist()

    assert (rows[0], -1) == (rows[1], rows[2])


def test_save_and_load_go_on():
    """Ids, prints and listed MACs are there after a restart."""
    entities, other = fresh(), Entities({}, SECRET)
    row = step(entities, events=[report(macs=[WIRED])], messages=[lease(RANDOM[0], "10.0.0.5", vendor_class="x")])
    other.load(entities.save())
    other.inputs = ["given"]
    again = step(other, events=[report(20, name=None)], at_s=30)

    assert row.event_device.tolist() == again.event_device.tolist()
    assert "x" == other.sightings.recognition.vendor_class(who(other, "10.0.0.5"))
    assert {"defender": "b7c1f7f0-1111-2222-3333-444455556666"} == other.sightings.recognition.agents_of(
        again.event_device[0]
    )


ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.lists(st.text(max_size=12), max_size=3),
    st.sampled_from(["10.0.0.5", "::1", WIRED, "ff:ff:ff:ff:ff:ff", "LAPTOP-231"]),
)  # fmt: skip
TEXT = st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["10.0.0.5", WIRED, "LAPTOP-231", "xn--a"]))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["lease", "other", "logon", "signin", "connection"]), TEXT, TEXT, TEXT, TEXT,
            st.dictionaries(
                st.sampled_from(
                    ["mac", "macs", "addresses", "assigned_addr", "public_addr", "ended", "host_name", "workstation"]
                ), ODD,
            ),
        ), max_size=6,
    )
)  # fmt: skip
def test_whatever_events_say_devices_stay_consistent(told):
    """Any values under the right keys: every event has a device row or −1, and each row stands for one device."""
    entities = fresh()
    events = [
        Event(
            ts=START + k * S, source="x", kind=kind, action="a", device_id=identity, device_name=name, ip=ip,
            account=account, detail=detail,
        )
        for k, (kind, identity, name, ip, account, detail) in enumerate(told)
    ]  # fmt: skip
    tick = step(entities, events=events)
    kept = entities.devices.table.columns["kept"]

    assert all(-1 <= row < entities.count() for row in tick.event_device.tolist())
    assert all(int(kept[kept[row]]) == int(kept[row]) for row in range(entities.count()))
