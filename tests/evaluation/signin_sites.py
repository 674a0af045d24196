"""Simulated sites, people and sign-ins, with what is true of each sign-in: a world that knows no verdict's code.

Three sites have the same addresses inside. People work, pause, go home, travel; devices do things alone. Each sign-in
comes with the verdicts that its definition allows, told from the world's own times: who was where, which device asked
for the provider's name when, when a sensor was dark. Records arrive when they would: flows when they end, a site's
records late, a tenant's log late, one provider's clock minutes off.
"""

from typing import NamedTuple

import numpy as np

from sensor.entities.entities import Entities
from sensor.model.addresses import parse
from sensor.model.capture import ARP
from sensor.model.event import Event
from sensor.model.flow import CONN_STATES, FLOW
from sensor.model.metadata import Dhcp, Dns, Kerberos, Tls
from sensor.model.protocols import Rdp, Smb
from tests.scenes import DAY, SECRET, START, S

MIN, HOUR = 60 * S, 3600 * S
STEP = 120 * S
NAME = {"entra": "login.microsoftonline.com", "okta": "example.okta.com"}
PLACES = {
    "SYD": ("AU", "Sydney", -33.87, 151.21), "PER": ("AU", "Perth", -31.95, 115.86),
    "BER": ("DE", "Berlin", 52.5, 13.4), "Dallas": ("US", "Dallas", 32.78, -96.8),
    "Tokyo": ("JP", "Tokyo", 35.7, 139.7), "Lagos": ("NG", "Lagos", 6.52, 3.38),
    "Sao Paulo": ("BR", "Sao Paulo", -23.5, -46.6),
}  # fmt: skip
OFFSET_H = {"SYD": 10, "PER": 8, "BER": 1}
EGRESS = {"SYD": "203.0.113.10", "PER": "203.0.113.20", "BER": "203.0.113.30"}
AWAY = ("Dallas", "Lagos", "Tokyo", "Sao Paulo")
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{} Safari/537.36"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_{} like Mac OS X) Mobile/15E148 Safari/604.1"
OTHERS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.1 Safari/605.1.15",
    "python-requests/2.31.0", "axios/1.6.2",
    *(f"Mozilla/5.0 (X11; {system}) Gecko/20100101 {browser}/120.0" for system in ("Ubuntu", "Fedora", "BSD", "CrOS")
      for browser in ("Firefox", "Seamonkey", "Epiphany", "Falkon", "Konqueror", "Midori", "Brave", "Vivaldi")),
)  # fmt: skip


class Truth(NamedTuple):
    """A sign-in: when, what of, which verdicts its definition allows, and whether the world covers it."""

    ts: int
    kind: str
    allowed: frozenset[str]
    covered: bool


class Person:
    """One person: an account, a device, a place, habits."""

    def __init__(self, number, site, kind, rng):
        self.number, self.site, self.kind = number, site, kind
        self.account, self.host = f"user{number}@example.com", f"LAP-{number:03}"
        self.address, self.mac = f"10.0.0.{20 + number}", 0x3C52820A0000 + number
        self.source = "okta" if number % 5 == 4 else "entra"
        self.agent = WINDOWS.format(100 + number % 7)
        self.device_id = f"{number:08x}-aaaa-bbbb-cccc-000000000000" if number % 2 else None
        self.leaves_on = rng.random() < 0.6
        self.chatty = float(rng.uniform(0.4, 2.5))
        self.home = f"198.18.{number}.7"


class World:
    """Everything that happens, as records with the time at which they arrive."""

    def __init__(self, seed=0, people=24, days=8, attacks=0.15):
        self.rng, self.days, self.attacks = np.random.default_rng(seed), days, attacks
        kinds = [
            *("desk", "docked", "vpn", "shared", "partner", "terminal", "tunnel", "split"), *["desk"] * 5
        ]  # fmt: skip
        self.sites = list(EGRESS)
        self.people = [
            Person(n, self.sites[n % 3], kinds[(n // 3) % len(kinds)], self.rng) for n in range(people)
        ]  # fmt: skip
        self.flow_parts, self.messages, self.events = [], [], []
        self.contacts = {}
        self.truths = {}
        self.dark = {site: [] for site in self.sites}
        self.slow = {site: [] for site in self.sites}
        self.active, self.ever = {}, set()
        self._outages()
        for day in range(days):
            for person in self.people:
                self._day(person, day)
            for site in self.sites:
                self._server(site, day)
        self._judge_claims()

    # -- the world

    def _outages(self):
        """Each site's sensor is down once in a while, and its records are late on another day."""
        for site in self.sites:
            for day in range(4, self.days):
                if self.rng.random() < 0.25:
                    at = START + day * DAY + int(self.rng.uniform(0, 22) * HOUR)
                    self.dark[site].append((at, at + int(self.rng.uniform(0.5, 3) * HOUR)))
                if self.rng.random() < 0.25:
                    at = START + day * DAY + int(self.rng.uniform(0, 20) * HOUR)
                    self.slow[site].append((at, at + int(self.rng.uniform(1, 4) * HOUR)))
        self.failover = {}
        for site in self.sites:
            if self.days > 5 and site != "BER":
                at = START + (self.days - 2) * DAY + int((34 - OFFSET_H[site]) % 24 * HOUR)
                self.failover[site] = (at, at + 5 * HOUR, f"198.19.{self.sites.index(site)}.1")

    def is_dark(self, site, ts, slack=0):
        """Tell whether a site's sensor is down."""
        return any(a - slack <= ts < b + slack for a, b in self.dark[site])

    def lateness(self, site, ts):
        """Return how late a record of a site's arrives."""
        return max((b - ts for a, b in self.slow[site] if a <= ts < b), default=0)

    def _day(self, person, day):
        at = START + day * DAY - OFFSET_H[person.site] * HOUR
        weekend = day % 7 in {5, 6}
        draw = self.rng.random()
        travels = not weekend and day >= 4 and draw < 0.12
        remote = not weekend and not travels and person.kind in {"vpn", "split"} and draw > 0.4
        begin, end = at + int(self.rng.normal(9, 0.5) * HOUR), at + int(self.rng.normal(17.3, 0.8) * HOUR)
        spans = [] if weekend or travels or remote else self._spans(begin, end)
        if person.kind in {"shared", "partner"} and day % 2 == (person.kind == "partner") and self.rng.random() < 0.8:
            spans, travels = [], travels or (day >= 4 and self.rng.random() < 0.4)  # the other one has the computer
        self.active[person.number, day] = spans
        if spans or (person.leaves_on and person.kind != "terminal"):
            on = (at, at + DAY) if person.leaves_on or person.kind == "docked" else (begin - 5 * MIN, end + 5 * MIN)
            self._device_alone(person, *on)
        elif travels and person.kind == "docked":
            self._device_alone(person, at, at + DAY)
        for span in spans:
            self._person(person, *span)
        if spans:
            self._authenticate(person, spans)
            self._on_site(person, spans)
        if travels:
            self._travel(person, begin, end)
        if remote:
            self._remote(person, begin, end)
        if not weekend and self.rng.random() < 0.3:
            self._phone(person, begin, end)
        if weekend and self.rng.random() < 0.3:
            ts = at + int(self.rng.uniform(9, 21) * HOUR)
            self._sign_in(person, ts, person.home, person.site, 7545, "home", {"unknown"}, covered=False)
        if day >= 4 and self.rng.random() < self.attacks:
            self._attack(person, day, spans, at)

    def _spans(self, begin, end):
        spans, at = [], begin
        while at < end - 20 * MIN:
            stop = min(end, at + int(self.rng.uniform(40, 150) * MIN))
            spans.append((at, stop))
            at = stop + int(self.rng.uniform(5, 50) * MIN)
        return spans

    # -- devices

    def _flows(self, site, address, times, peers, *, port=443, sizes=None, mac=0, duration=2.0, resp_mac=0x02AA):
        """Add flows to peers, each a v4 number, at times."""
        count = len(times)
        rows = np.zeros(count, FLOW)
        rows["ts"] = times
        rows["duration"] = (self.rng.exponential(duration, count) * S).astype(np.int64)
        rows["orig_hi"], rows["orig_lo"] = parse(address)
        rows["resp_lo"] = np.asarray(peers, np.uint64) | np.uint64(0xFFFF << 32)
        rows["orig_p"], rows["resp_p"], rows["proto"] = 40000 + np.arange(count) % 20000, port, 6
        rows["conn_state"] = CONN_STATES.index("SF")
        rows["local_orig"] = rows["local_resp"] = -1
        rows["orig_bytes"] = self.rng.lognormal(6, 1, count) if sizes is None else sizes
        rows["resp_bytes"] = self.rng.lognormal(8, 1, count) if sizes is None else 0
        rows["orig_pkts"] = rows["resp_pkts"] = 4
        rows["history"], rows["size_sq"], rows["gap_sq"] = b"ShR", np.nan, np.nan
        rows["orig_l2"], rows["resp_l2"] = mac, resp_mac if mac else 0
        dark = np.array([self.is_dark(site, ts) for ts in times.tolist()], bool)
        self.flow_parts.append((self.sites.index(site), rows[~dark]))

    def _alone_peers(self, count):
        return (13 << 24) + self.rng.integers(0, 14, count) * 256 + 5

    def _device_alone(self, person, begin, end):
        """What a device does alone: a little all the time, and updates in bursts."""
        if person.kind == "terminal":
            return
        site, address, mac = person.site, person.address, person.mac
        minutes = (end - begin) / MIN
        times = np.sort(self.rng.integers(begin, end, self.rng.poisson(minutes * 0.35 * person.chatty)))
        self._flows(site, address, times, self._alone_peers(len(times)), mac=mac)
        inside = np.sort(self.rng.integers(begin, end, self.rng.poisson(minutes * 0.3)))
        self._flows(site, address, inside, np.full(len(inside), (10 << 24) + 2), port=53, mac=mac, resp_mac=0x02BB)
        for _ in range(self.rng.poisson(minutes / 900)):
            at = int(self.rng.integers(begin, end))
            burst = np.sort(self.rng.integers(at, at + 9 * MIN, int(self.rng.integers(10, 28))))
            self._flows(site, address, burst, (13 << 24) + self.rng.integers(0, 2000, len(burst)) + 9000, mac=mac)
        for ts in np.sort(self.rng.integers(begin, end, self.rng.poisson(minutes / 75))).tolist():
            self._contact(person, site, ts)
        for ts in times[:: max(1, len(times) // 200 or 1)].tolist():
            self._name(site, address, ts, "time.example.net")

    def _person(self, person, begin, end):
        """What a person's work looks like."""
        site, address, mac = person.site, person.address, person.mac
        if person.kind == "terminal":
            address, mac = "10.0.0.250", 0x3C5282FFFF01
        elif person.kind in {"shared", "partner"}:
            address, mac, _ = self._seat(person)
        count = self.rng.poisson((end - begin) / MIN * 2.6)
        times = np.sort(self.rng.integers(begin, end, count))
        self._flows(site, address, times, (93 << 24) + self.rng.integers(0, 4000, count) * 16 + 1, mac=mac)
        for ts in times[::3].tolist():
            self._name(site, address, ts, f"www{ts % 500}.example.org")
        if person.kind == "tunnel":
            tunnel = np.sort(self.rng.integers(begin, end, max(2, int((end - begin) / MIN))))
            self._flows(
                site, address, tunnel, np.full(len(tunnel), (45 << 24) + person.number), mac=mac,
                sizes=self.rng.lognormal(15, 0.3, len(tunnel)),
            )  # fmt: skip
        if self.rng.random() < 0.2:
            ts = int(self.rng.integers(begin, end))
            self._tell(site, ts, Smb, orig_h=address, resp_h="10.0.0.2", action="mapping", path=r"\\fs\team", p=445)

    def _server(self, site, day):
        """A file server and a printer that people use; they contact nobody outside."""
        for minute in range(0, 1440, 2):
            ts = START + day * DAY + minute * MIN + int(self.rng.integers(MIN))
            self._name(site, "10.0.0.2", ts, "ntp.example.net")
        times = START + day * DAY + np.arange(0, DAY, 20 * S)
        self._flows(site, "10.0.0.2", times, np.full(len(times), (10 << 24) + 3), port=445, mac=0x3C5282DD0002)

    # -- what is said

    def _tell(self, site, ts, kind, *, orig_h, resp_h, p=443, **fields):
        if not self.is_dark(site, ts):
            number = self.sites.index(site)
            message = kind(
                ts=ts, uid=f"C{len(self.messages)}", orig_h=orig_h, orig_p=5000, resp_h=resp_h, resp_p=p, proto=6,
                input=number, **fields,
            )  # fmt: skip
            self.messages.append((ts + self.lateness(site, ts), number, message))

    def _name(self, site, address, ts, name):
        self._tell(site, ts, Dns, orig_h=address, resp_h="10.0.0.2", p=53, query=name)

    def _contact(self, person, site, ts, address=None):
        """A device asks for its provider."""
        where = address or person.address
        self._tell(site, ts, Dns, orig_h=where, resp_h="10.0.0.2", p=53, query=NAME[person.source])
        self._tell(
            site, ts + 30_000_000, Tls, orig_h=where, resp_h=f"20.190.1.{ts // S % 40}", server_name=NAME[person.source]
        )
        if not self.is_dark(site, ts):
            self.contacts.setdefault((site, person.source), []).append((ts, where))

    def _authenticate(self, person, spans):
        address, mac, host = self._seat(person)
        for begin, _ in spans:
            ts = begin + int(self.rng.uniform(5, 60) * S)
            self._tell(
                person.site, ts, Kerberos, orig_h=address, resp_h="10.0.0.3", p=88, request_type="AS", success=True,
                client=f"{person.account.partition('@')[0]}/EXAMPLE.COM",
            )  # fmt: skip
        self._tell(
            person.site, spans[0][0] - 4 * MIN, Dhcp, orig_h="0.0.0.0", resp_h="10.0.0.2", p=67, msg_type=5,  # noqa: S104
            mac=":".join(f"{mac:012x}"[k : k + 2] for k in range(0, 12, 2)), host_name=host, assigned_addr=address,
        )  # fmt: skip

    def _seat(self, person):
        if person.kind == "terminal":
            return "10.0.0.250", 0x3C5282FFFF01, "TS-01"
        if person.kind in {"shared", "partner"}:
            twin = person.number - 3 * (person.kind == "partner")
            return f"10.0.0.{200 + twin % 40}", 0x3C5282EE0000 + twin, f"SHARED-{twin % 40}"
        return person.address, person.mac, person.host

    # -- sign-ins

    def _sign_in(
        self, person, ts, ip, place, asn, kind, allowed, *, covered, agent=None, device=True, os=None,
    ):  # fmt: skip
        """Write a sign-in's record; one provider's clock is fast, and the log is sometimes hours late."""
        country, city, latitude, longitude = PLACES[place]
        off = int(3.5 * MIN) if person.source == "okta" else 0
        own = device is True and person.device_id is not None and person.kind not in {"shared", "partner", "terminal"}
        name = f"S{len(self.truths)}"
        event = Event(
            ts=ts + off, source=person.source, kind="signin", action="Sign-in activity", outcome="success",
            account=person.account, ip=ip, country=country, city=city, asn=asn,
            app="Portal", user_agent=agent or person.agent, os=os, mfa="satisfied", raw_id=name,
            device_id=person.device_id if own else (device if isinstance(device, str) else None),
            device_name=person.host if own else None, correlation_id=name,
            detail={"event_category": "interactive", "latitude": latitude, "longitude": longitude},
        )  # fmt: skip
        late = int(self.rng.uniform(0, 3) * HOUR) if self.rng.random() < 0.15 else int(self.rng.uniform(0, 4) * MIN)
        self.events.append((event.ts + late, self.sites.index(person.site), event))
        self.truths[name] = (Truth(ts, kind, frozenset(allowed), covered), person, ip)

    def _egress(self, site, ts):
        a, b, ip = self.failover.get(site, (0, 0, ""))
        return (ip, True) if a <= ts < b else (EGRESS[site], False)

    def _on_site(self, person, spans):
        address = self._seat(person)[0]
        for begin, end in spans:
            for _ in range(self.rng.poisson(1.3)):
                ts = int(self.rng.integers(begin, end))
                self._contact(person, person.site, ts + int(self.rng.uniform(-50, 20) * S), address)
                ip, moved = self._egress(person.site, ts)
                if person.kind == "tunnel" and self.rng.random() < 0.6:
                    new = bool(self.rng.random() < 0.3)
                    self._sign_in(
                        person, ts, f"45.9.{person.number}.1", "Dallas", 9009, "tunnel", {"unknown"}, covered=False,
                        agent=OTHERS[0] if new else None, device=not new,
                    )  # fmt: skip
                    continue
                # An egress that moved is placed wrongly: the sign-ins are right, and no attack.
                self._sign_in(
                    person, ts, ip, "Dallas" if moved else person.site, 64500, "moved" if moved else "site",
                    {"supported", "unknown"} if moved or ts < START + 3 * DAY else {"supported"},
                    covered=not moved and ts >= START + 3 * DAY,
                )  # fmt: skip

    def _phone(self, person, begin, end):
        ts = int(self.rng.integers(begin, end))
        draw = self.rng.random()
        agent = PHONE.format(person.number)
        if draw < 0.6:
            ip = f"100.64.{self.rng.integers(0, 250)}.9"
            self._sign_in(
                person, ts, ip, person.site, 1221, "phone", {"unknown"}, covered=False, agent=agent, device=False
            )
        else:
            self._sign_in(
                person, ts, f"172.224.{self.rng.integers(0, 250)}.9", AWAY[int(self.rng.integers(4))], 54113, "relay",
                {"unknown"}, covered=False, agent=PHONE.format(99), device=False, os="Ios 17",
            )  # fmt: skip

    def _travel(self, person, begin, end):
        """Abroad with the own laptop; or without it, on a hotel's computer, while a docked one stays on."""
        place = AWAY[int(self.rng.integers(4))]
        for _ in range(int(self.rng.integers(1, 4))):
            ts = int(self.rng.integers(begin, end))
            docked = person.kind == "docked" or (person.leaves_on and self.rng.random() < 0.5)
            if docked and self.rng.random() < 0.3:
                self._from_afar(person, ts)
            ip, asn = f"151.{person.number}.{self.rng.integers(0, 250)}.4", 20000 + person.number
            self._sign_in(
                person, ts, ip, place, asn, "docked" if docked else "traveller", {"unknown"}, covered=False,
                agent=OTHERS[int(self.rng.integers(2))] if docked else None, device=not docked,
            )  # fmt: skip

    def _from_afar(self, person, ts):
        """The docked computer is worked on from afar, for an hour or two around the sign-in."""
        begin, end = ts - int(self.rng.uniform(20, 90) * MIN), ts + int(self.rng.uniform(20, 60) * MIN)
        address = self._seat(person)[0]
        self._tell(person.site, begin, Rdp, orig_h="10.0.200.250", resp_h=address, p=3389)
        peer = (10 << 24) + int(address.rpartition(".")[2])
        self._flows(person.site, "10.0.200.250", np.array([begin]), [peer], port=3389, duration=(end - begin) / S)
        self._person(person, begin, end)

    def _remote(self, person, begin, end):
        """At home: all through the VPN, or only what is inside."""
        lease = f"10.0.200.{10 + person.number}"
        detail = {"assigned_addr": lease, "public_addr": person.home}
        number = self.sites.index(person.site)
        for ts, more in ((begin, {}), (end, {"ended": True})):
            event = Event(
                ts=ts, source="globalprotect", kind="lease", action="login", outcome="success", account=person.account,
                device_name=person.host, detail=detail | more,
            )  # fmt: skip
            self.events.append((ts + int(self.rng.uniform(0, 60) * S), number, event))
        full = person.kind == "vpn"
        count = self.rng.poisson((end - begin) / MIN * (2.0 if full else 0.3))
        times = np.sort(self.rng.integers(begin, end, count))
        peers = (93 << 24) + self.rng.integers(0, 4000, count) if full else np.full(count, (10 << 24) + 2)
        self._flows(person.site, lease, times, peers, port=443 if full else 445)
        for _ in range(self.rng.poisson(3)):
            ts = int(self.rng.integers(begin + 5 * MIN, end))
            ip = self._egress(person.site, ts)[0] if full else person.home
            if full:
                self._contact(person, person.site, ts + int(self.rng.uniform(-50, 20) * S), lease)
            moved = full and self._egress(person.site, ts)[1]
            self._sign_in(
                person, ts, ip, "Dallas" if moved else person.site, 64500 if full else 7545,
                "moved" if moved else "vpn" if full else "split",
                {"supported", "unknown"} if moved else {"supported"},
                covered=not moved and ts >= START + 3 * DAY,
            )  # fmt: skip

    def _attack(self, person, day, spans, at):
        """From abroad with stolen words, at any time; or from an implant behind the site's own address at night."""
        if self.rng.random() < 0.2:
            ts = at + int(self.rng.uniform(1, 5) * HOUR)
            ip, moved = self._egress(person.site, ts)
            self._sign_in(
                person, ts, ip, person.site, 64500, "implant", {"claims"}, covered=not moved and day >= 5,
                agent=OTHERS[2], device=False,
            )  # fmt: skip
            return
        long = [(a, b) for a, b in spans if b - a > 64 * MIN]
        in_use = bool(long) and self.rng.random() < 0.8
        if in_use:
            a, b = long[int(self.rng.integers(len(long)))]
            ts = int(self.rng.integers(a + 31 * MIN, b - 31 * MIN))
        else:
            ts = at + int(self.rng.uniform(0, 24) * HOUR)
        place = AWAY[int(self.rng.integers(4))]
        one = person.kind not in {"terminal", "shared", "partner", "tunnel"}
        dark = self.is_dark(person.site, ts, 31 * MIN)
        planted = in_use and one and not dark and day >= 5
        active = any(a - 35 * MIN < ts < b + 35 * MIN for a, b in spans)
        ip, asn = f"5.{day}.{person.number}.{self.rng.integers(1, 250)}", 30000 + int(self.rng.integers(60))
        there = active and person.kind not in {"terminal", "tunnel"}
        self._sign_in(
            person, ts, ip, place, asn,
            "attack" if planted else "attack unseen", {"contradicted", "unknown"} if there else {"unknown"},
            covered=planted, agent=OTHERS[int(self.rng.integers(len(OTHERS)))],
            device=f"dddd0000-0000-0000-0000-{len(self.truths):012}" if self.rng.random() < 0.2 else False,
        )  # fmt: skip

    def _judge_claims(self):
        """Say what is true of sign-ins that claim a site, from who asked for the provider when."""
        for name, (given, person, ip) in self.truths.items():
            truth = given
            dark = self.is_dark(person.site, truth.ts, 5 * MIN)
            if truth.kind in {"site", "vpn", "moved"} and dark:
                truth = truth._replace(allowed=truth.allowed | {"unknown"}, covered=False)
            if truth.kind == "implant":
                seat, near = self._seat(person)[0], self.contacts.get((person.site, person.source), [])
                own = any(abs(ts - truth.ts) < 150 * S and where == seat for ts, where in near)
                others = any(abs(ts - truth.ts) < 3.5 * MIN for ts, _ in near) or self.is_dark(person.site, truth.ts)
                quiet = not dark and not any(abs(ts - truth.ts) < 12 * MIN for ts, _ in near)
                allowed = {"supported"} if own else set() if others else {"unsupported"}
                truth = truth._replace(allowed=frozenset(allowed | {"unknown"}), covered=truth.covered and quiet)
            self.truths[name] = (truth, person, ip)

    # -- run

    def _entities(self):
        known = Entities(
            {}, SECRET, {"SYD": (EGRESS["SYD"],), "BER": (EGRESS["BER"],)}, {"example": ("example.com",)}
        )  # fmt: skip
        for site in self.sites:
            known.site_number(site)
        known.inputs = list(self.sites)
        return known

    def run(self, restart_ns=None):
        """Feed everything to entities as it arrives, restarted once if asked; return {raw id: last row}."""
        known = self._entities()
        rows = np.concatenate([part for _, part in self.flow_parts])
        sites = np.concatenate([np.full(len(part), number, np.int32) for number, part in self.flow_parts])
        arrival = rows["ts"] + rows["duration"]
        for number, site in enumerate(self.sites):
            for a, b in self.slow[site]:
                late = (sites == number) & (arrival >= a) & (arrival < b)
                arrival[late] = b
        order = np.argsort(arrival, kind="stable")
        rows, sites, arrival = rows[order], sites[order], arrival[order]
        rows["uid"] = np.char.add("F", np.arange(len(rows)).astype(str)).astype("S24")
        rows["offset"] = np.arange(len(rows))
        messages = sorted(self.messages, key=lambda one: one[0])
        events = sorted(self.events, key=lambda one: one[0])
        last = {}
        ends = np.arange(START - DAY, START + (self.days + 1) * DAY, STEP) + STEP
        cuts = np.searchsorted(arrival, ends)
        at, m, e = 0, 0, 0
        for end, cut in zip(ends.tolist(), cuts.tolist(), strict=True):
            if restart_ns is not None and end >= restart_ns:
                before, known, restart_ns = known, self._entities(), None
                known.load(before.save())
                known.inputs = list(self.sites)
            begin_m, begin_e = m, e
            while m < len(messages) and messages[m][0] < end:
                m += 1
            while e < len(events) and events[e][0] < end:
                e += 1
            if cut == at and begin_m == m and begin_e == e and end % (5 * MIN):
                continue
            now_m, now_e = messages[begin_m:m], events[begin_e:e]
            tick = known.resolve(
                end, rows[at:cut], sites[at:cut], np.empty(0, ARP), np.empty(0, np.int32), np.empty(0, np.int32),
                [one for *_, one in now_m], [site for _, site, _ in now_m], fresh=np.ones(cut - at, bool), learn=True,
                events=[one for *_, one in now_e], event_site=[site for _, site, _ in now_e],
            )  # fmt: skip
            at = cut
            for seen in tick.signins:
                last[seen.row.raw_id] = seen.row
                if seen.row.corroboration == "contradicted":
                    self.ever.add(seen.row.raw_id)
        return last


class Score(NamedTuple):
    """How verdicts compare with what is true."""

    signins: int
    covered: int
    decided: int
    right: int
    planted: int
    found: int
    contradicted_wrong: int
    wrong: list[tuple[str, str, str, str]]


def score(world, last):
    """Compare: of the covered ones how many are not unknown, of all that are not unknown how many are right."""
    covered = decided = right = judged = planted = found = false = 0
    wrong = []
    for name, (truth, person, _) in world.truths.items():
        verdict = last[name].corroboration
        covered += truth.covered
        decided += truth.covered and verdict != "unknown"
        if verdict != "unknown":
            judged += 1
            right += verdict in truth.allowed
        if truth.kind == "attack":
            planted += 1
            found += verdict == "contradicted"
        if name in world.ever and "contradicted" not in truth.allowed:
            false += 1
        if verdict not in truth.allowed and verdict != "unknown":
            wrong.append((name, truth.kind, person.kind, f"{verdict}: {last[name].because}"))
    return Score(len(world.truths), covered, decided, right, planted, found, false, wrong), judged
