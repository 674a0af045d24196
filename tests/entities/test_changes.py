"""What is written of the inventory as it changes, against the inventory written whole."""

import msgspec
import numpy as np
import pytest

from sensor.entities.changes import Changes
from sensor.entities.inventory import devices
from sensor.entities.inventory_accounts import accounts
from sensor.entities.macs import mac_of
from sensor.model.event import Event
from sensor.model.metadata import Dhcp, Http, Kerberos, Ntlm
from sensor.model.protocols import Name
from sensor.model.report import Linked, Sighting
from tests.entities.test_entities import EMPTY, fresh, resolve
from tests.scenes import DAY, START, S, arp, common, flow, flows

HOSTS = tuple(f"10.0.0.{number}" for number in range(1, 15))
MACS = (*(f"54:e1:ad:77:31:{number:02x}" for number in range(8)), "02:11:22:33:44:01", "06:11:22:33:44:02")
NAMES = ("LAPTOP-231", "LAPTOP-232", "NAS-1", "desktop-7", "WS-9")
USERS = ("ann", "bob", "svc-backup", "zoe", "eve", "kim")
AGENTS = ("Windows NT 10.0", "Mac OS X 10_15", "X11; Linux", "Android 14", "iPhone OS 17", "CrOS")
LIVES, STEPS = 8, 150
PAUSES_S = (10, 60, 600, 86_400, 13 * 3600, 10 * 86_400, 35 * 86_400, 50 * 86_400)


class Table:
    """The inventory's tables, as a commit leaves them."""

    def __init__(self):
        self.devices, self.accounts = {}, {}

    def write(self, changed):
        if changed.whole:
            self.devices, self.accounts = {}, {}
        for key in changed.gone_devices:
            self.devices.pop(key, None)
        for key in changed.gone_accounts:
            self.accounts.pop(key, None)
        self.devices |= {one.id: msgspec.json.encode(one) for one in changed.devices}
        self.accounts |= {one.name: msgspec.json.encode(one) for one in changed.accounts}


class Life:
    """A site's and a hub's entities under records drawn at random."""

    def __init__(self, seed):
        self.rng, self.at_s, self.entities = np.random.default_rng(seed), 0, fresh()
        self.progress, self.risk = np.zeros(0), {}

    def one(self, *of):
        return of[int(self.rng.integers(len(of)))]

    def step(self):
        self.at_s += self.one(*PAUSES_S[: self.one(3, 3, 3, 3, 3, 5, 5, 8)])
        late_s = self.at_s - self.one(0, 0, 0, 5, 3_600)
        kinds = (self._flows, self._messages, self._events, self._reports)
        more = {}
        for make in {self.one(*kinds), self.one(*kinds)}:
            more |= make(late_s)
        rows = more.pop("rows", flows())
        asks, site = more.pop("asks", arp()[:0]), self.one(0, 0, 1)
        messages, events = more.pop("messages", []), more.pop("events", [])
        self.entities.resolve(
            START + self.at_s * S, rows, np.full(len(rows), site, np.int32), asks, np.full(len(asks), site, np.int32),
            np.zeros(len(asks), np.int32), messages, [site] * len(messages), fresh=self.rng.random(len(rows)) < 0.8,
            learn=True, events=events, event_site=[site] * len(events), reports=more.get("reports", ()),
        )  # fmt: skip
        self._move()

    def _move(self):
        count = self.entities.count()
        before, self.progress = self.progress, np.zeros(count)
        self.progress[: len(before)] = before
        self.progress = np.minimum(1.0, self.progress + 0.3 * (self.rng.random(count) < 0.1))
        if count and self.rng.random() < 0.3:
            self.risk = {self.one(*self.entities.devices.ids): 10.0 * self.one(1, 2, 3)}

    def _flows(self, at_s):
        some = [
            flow(
                self.one(*HOSTS), self.one(*HOSTS, "198.51.100.1"), at_s=at_s, port=self.one(80, 53, 445, 9100),
                proto=self.one(6, 17), state=self.one("SF", "S0", "REJ"),
                orig_mac=self.one(0, *(mac_of(mac) for mac in MACS)),
            )
            for _ in range(self.one(1, 2, 6))
        ]  # fmt: skip
        asks = [arp(self.one(*HOSTS), at_s=at_s, mac=mac_of(self.one(*MACS))) for _ in range(self.one(0, 1))]
        return {"rows": flows(*some), "asks": np.concatenate([arp()[:0], *asks])}

    def _messages(self, at_s):
        return {"messages": [self._message(at_s) for _ in range(self.one(1, 2, 4))]}

    def _message(self, at_s):
        said = common(at_s, self.one(*HOSTS), self.one(*HOSTS))
        user, name = self.one(*USERS), self.one(*NAMES)
        return self.one(
            lambda: Dhcp(
                **said, mac=self.one(*MACS), host_name=self.one(None, *NAMES), assigned_addr=self.one(*HOSTS),
                msg_type=5, vendor_class=self.one(None, "MSFT 5.0", "udhcp"), server_addr=self.one(*HOSTS),
            ),
            lambda: Dhcp(**said, mac=self.one(*MACS), client_addr=self.one(*HOSTS), msg_type=7),
            lambda: Kerberos(**said, client=f"{user}/EXAMPLE", success=True),
            lambda: Kerberos(**said, client=f"{name.lower()}$/EXAMPLE", success=True),
            lambda: Ntlm(**said, username=user, domainname="EXAMPLE", hostname=name, success=True),
            lambda: Http(**said, method="GET", uri="/", user_agent=f"Mozilla ({self.one(*AGENTS)})"),
            lambda: Http(**said, method="CONNECT", uri="a.example:443", host="a.example:443"),
            lambda: Name(**said, protocol="mdns", name=name),
        )()  # fmt: skip

    def _events(self, at_s):
        user, name = self.one(*USERS), self.one(*NAMES)
        told = self.one(
            {"source": "entra", "kind": "signin", "action": "s", "outcome": "success", "ip": self.one(*HOSTS),
             "account": self.one(f"{user}@example.com", user), "account_id": f"id-{user}"},
            {"source": "defender", "kind": "other", "action": "DeviceInfo", "device_id": f"b7c1f7f0-{name}-2222-3333",
             "device_name": name, "detail": {"macs": [self.one(*MACS)], "addresses": [self.one(*HOSTS)]}},
            {"source": "globalprotect", "kind": "lease", "action": "c", "outcome": "success", "account": user,
             "device_name": name, "detail": {"assigned_addr": self.one(*HOSTS), "public_addr": "203.0.113.9"}},
            {"source": "windows", "kind": "logon", "action": "4624", "outcome": "success", "ip": self.one(*HOSTS),
             "account": f"{user}@example", "detail": {"workstation": name}},
        )  # fmt: skip
        return {"events": [Event(ts=START + at_s * S, **told)]}

    def _reports(self, at_s):
        ts, device = START + at_s * S, f"dev-{self.one(1, 2, 3, 4)}"
        site = self.one("A", "B")
        sight = Sighting(
            ts=ts, site=site, device=device, aliases=self.one((), (), ("dev-2",)), first_ns=ts, last_ns=ts,
            macs=self.one((), (self.one(*MACS),)), addresses=(self.one(*HOSTS),),
            names=self.one((), ((self.one(*NAMES), "dhcp"),)), location=self.one("on_prem", "remote"),
            role=self.one(None, "printer"), shared=self.one(None, "a NAT"), flows=int(self.rng.integers(100)),
            progress=float(self.rng.random()), is_router=self.one(*[False] * 9, True),
        )  # fmt: skip
        user, kind = self.one(*USERS), self.one("kerberos_as", "rdp_cookie", "vpn")
        link = Linked(
            ts=ts, site=site, account=f"{user}@example.com", of=self.one("user", "user", "service"), kind=kind,
            device=device, first_ns=ts, last_ns=ts, count=3, days=1, forms=self.one((), (f"{user}@ad.example.com",)),
        )  # fmt: skip
        return {"reports": [sight, link]}

    def restart(self):
        kept = self.entities.save()
        self.entities = fresh()
        self.entities.load(kept)


@pytest.mark.parametrize("seed", range(LIVES))
def test_what_changed_makes_the_tables_that_the_whole_makes(seed):
    """A random life with joins, partings, ageing and restarts: at each commit the tables are as if written whole."""
    life, table = Life(seed), Table()
    changes = Changes(life.entities)
    for number in range(STEPS):
        life.step()
        if life.rng.random() < 0.03:
            life.restart()
            changes = Changes(life.entities)
        if life.rng.random() < 0.4:
            changed = changes.take(life.progress, life.risk)
            if life.rng.random() < 0.95:
                changes.committed()
                table.write(changed)
                whole = devices(life.entities, lambda row: float(life.progress[row]), life.risk)
                expected = {one.id: msgspec.json.encode(one) for one in whole}
                assert expected == table.devices, number
                assert {one.name: msgspec.json.encode(one) for one in accounts(life.entities)} == table.accounts, number
                assert expected.keys() == changes.listed.keys()


def test_the_random_life_is_an_eventful_one():
    """Joined, parted, aged out, a router made, links that lapsed, names that clash: all of it happens in the lives."""
    joined = aged = routers = shared = 0
    for seed in range(LIVES):
        life = Life(seed)
        for _ in range(STEPS):
            life.step()
        known = life.entities.devices
        joined, aged = joined + len(known.joins.reasons), aged + sum(known.aged.values())
        routers += len(known.macs.routers)
        shared += sum(life.entities.sightings.shared(row) is not None for row in range(len(known)))

    assert all(count > 0 for count in (joined, aged, routers, shared))


def test_nothing_is_written_where_nothing_changed():
    """After a commit, and a tick with one host in it: that host alone."""
    entities = fresh()
    resolve(entities, flows(*(flow(host) for host in HOSTS)))
    changes = Changes(entities)
    changes.take(np.zeros(entities.count()), {})
    changes.committed()
    assert ([], [], [], []) == changes.take(np.zeros(entities.count()), {})[:4]
    changes.committed()
    tick = resolve(entities, flows(flow(HOSTS[3], "198.51.100.9", at_s=20)), at_s=30)
    changed = changes.take(np.zeros(entities.count()), {})

    assert [entities.device_id(int(tick.orig_device[0]))] == [one.id for one in changed.devices]


def test_what_was_taken_and_not_committed_is_taken_again():
    """A commit that fails loses nothing: the next one writes the whole."""
    entities = fresh()
    resolve(entities, flows(flow(HOSTS[0]), flow(HOSTS[1])))
    changes = Changes(entities)
    changes.take(np.zeros(entities.count()), {})
    again = changes.take(np.zeros(entities.count()), {})

    assert (True, 3) == (again.whole, len(again.devices))


def test_time_alone_changes_what_is_shown():
    """A device that is not heard of for 46 days becomes stale, though nothing is said of it."""
    entities = fresh()
    resolve(entities, asks=arp(HOSTS[0]))
    changes = Changes(entities)
    changes.take(np.zeros(1), {})
    changes.committed()
    entities.resolve(
        START + 46 * DAY, flows(), EMPTY, arp()[:0], EMPTY, EMPTY, [], [], fresh=np.empty(0, np.bool_), learn=True
    )  # fmt: skip
    (one,) = changes.take(np.zeros(1), {}).devices

    assert "stale" == one.learning.state


def test_a_new_name_of_an_account_reaches_every_device_it_is_linked_to():
    """Also one that was not heard of since."""
    entities = fresh()
    ann = Ntlm(**common(0, HOSTS[0]), username="ann", domainname="EXAMPLE", success=True)
    there = Ntlm(**common(1, HOSTS[1]), username="ann", domainname="EXAMPLE", success=True)
    resolve(entities, flows(flow(HOSTS[0]), flow(HOSTS[1])), [ann, there])
    table, changes = Table(), Changes(entities)
    table.write(changes.take(np.zeros(entities.count()), {}))
    changes.committed()
    fuller = Ntlm(**common(20, HOSTS[0]), username="ann", domainname="example.com", success=True)
    resolve(entities, messages=[fuller], at_s=30)
    table.write(changes.take(np.zeros(entities.count()), {}))

    assert ["ann@example.com"] == list(table.accounts)
    assert table.devices == {one.id: msgspec.json.encode(one) for one in devices(entities, lambda _: 0.0, {})}
