"""Months of many sites at the level of flows and messages, from real host-days: seeded, and no day is another's copy.

Each device follows one real host-day (`templates`) in a manner of its own: some of its pairs, with other names, at
another hour. Each of its days keeps 2 to 8 % of the flows, withholds a tenth of the pairs, shifts each pair by up to
ten minutes and scales its bytes. On top of that: a name never seen before on most days, with bytes as real first days
have them; telemetry; weekends and holidays; devices that come and go; DHCP leases; growth; weekly updates; nightly
backups. Nothing is malicious. Not here: what is put into it (`attacks`), and the program under test.
"""

from dataclasses import dataclass, field

import numpy as np

from sensor.model import addresses
from sensor.model.flow import CONN_STATES, FLOW
from sensor.model.metadata import Dhcp, Dns
from tests.evaluation.network.templates import BROADCAST, OUTSIDE, RESOLVER

S = 10**9
DAY_NS = 86_400 * S
START = 19_723 * DAY_NS
"""Monday 1 January 2024."""
HOLIDAYS = (10, 24)
KEPT = (0.02, 0.08)
WITHHELD, SHIFT_S = 0.1, 600
POPULAR, POPULAR_SHARE = 400, 0.7
"""Names that everybody may use, and the share of a device's pairs that are with one of them."""
NEW_NAMES = 1.0
"""Names new to a workstation on a working day."""
FIRST_DAY_MU, FIRST_DAY_SIGMA = 5.62, 3.06
"""Log-normal through 90 % = 14 kB and 99 % = 346 kB: bytes out on real first days (605 of them)."""
FIRST_DAY_MOST = 50e6
NEW_TELEMETRY = 0.01
"""Periodic places new to a workstation a day, one in ten of them new to everybody."""
V4 = addresses.V4_PREFIX
NOWHERE = addresses.text(0, V4)
"""Where a device without a lease asks from."""
SERVERS = 4
"""Resolver, files, web and backups; each site has them."""
_STATE = {name: number for number, name in enumerate(CONN_STATES)}


def rows(
    ts, orig, resp, *, port, proto=6, state="SF", out=300, back=600, duration_s=0.2, history="ShADadFf", service="",
    site=0,
):  # fmt: skip
    """Return FLOW rows of our own making; every argument is one value or a column, addresses are IPv4 words."""
    n = len(np.atleast_1d(ts))
    made = np.zeros(n, FLOW)
    made["ts"], made["duration"] = ts, np.asarray(np.multiply(duration_s, S), np.int64)
    made["orig_lo"], made["resp_lo"] = np.asarray(orig, np.uint64), np.asarray(resp, np.uint64)
    made["orig_p"], made["resp_p"] = 32_768 + np.arange(n) % 28_000, port
    if proto == 1:
        made["orig_p"], made["resp_p"] = 8, 0
    made["proto"], made["conn_state"] = proto, _STATE[state]
    made["local_orig"] = made["local_resp"] = -1
    made["orig_bytes"], made["resp_bytes"] = out, back
    made["history"], made["service"] = history.encode(), service.encode()
    for side, count in (("orig", made["orig_bytes"]), ("resp", made["resp_bytes"])):
        packets = np.where(count > 0, count // 1_000 + 4, 1 if side == "orig" or state == "REJ" else 0)
        made[f"{side}_pkts"], made[f"{side}_ip_bytes"] = packets, count + 40 * packets
    made["size_sq"] = made["gap_sq"] = np.nan
    made["input"] = site
    return made


@dataclass
class Device:
    """One simulated device: where it is, what it follows, and since when."""

    site: int
    number: int
    kind: str
    template: int
    keep: float
    shift_ns: int
    born: int
    gone: int
    growth: float
    address: int
    mac: str
    name: str
    places: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))
    habits: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    telemetry: list = field(default_factory=list)
    backup: float = 0.0


@dataclass
class Day:
    """A day's records, in order of completion; `owner` is each flow's device in `World.devices`."""

    flows: np.ndarray
    messages: list
    owner: np.ndarray


class World:
    """Sites, their devices, and any of their days."""

    def __init__(self, templates, sites, *, seed=0, days=40):
        self.seed, self.sites, self.days = seed, list(sites), days
        self.rng = np.random.default_rng(seed)
        self.flows = np.concatenate([one.flows for one in templates])
        starts = np.cumsum([0, *(len(one.flows) for one in templates)])
        self.spans = list(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))
        self.pairs = [one.pair for one in templates]
        self.kinds = [np.array(one.kinds) for one in templates]
        rich = [k for k, one in enumerate(templates) if sum(kind == OUTSIDE for kind in one.kinds) >= 20]
        poor = [k for k in range(len(templates)) if k not in rich] or rich
        self.place_lo, self.place_name, self.names = [], [], {}
        self._table = np.zeros(1_024, np.uint64)
        for k in range(POPULAR):
            self.place(f"www.service{k}.com")
        self.devices = []
        for site, size in enumerate(sites.values()):
            self._populate(site, size, rich, poor)

    def place(self, name, lo=None):
        """Return the number of a new outside place; without a name it has an address alone."""
        number = len(self.place_lo)
        if lo is None:
            lo = V4 | (151 + number % 40) << 24 | number // 40 * 9_973 & 0xFFFFFF
        if number == len(self._table):
            self._table = np.concatenate([self._table, np.zeros(number, np.uint64)])
        self._table[number] = lo
        self.place_lo.append(lo)
        self.place_name.append(name)
        self.names[lo] = name
        return number

    def server(self, site, number):
        """Return the address of a site's server: 0 resolves, 1 keeps files, 2 is the web's, 3 the backups'."""
        return V4 | 10 << 24 | site << 16 | 2 + number

    def _populate(self, site, size, rich, poor):
        rng = self.rng
        for number in range(size):
            kind = "server" if number < SERVERS else "thing" if rng.random() < 0.15 else "workstation"
            template = int(rng.choice(rich if kind == "workstation" else poor))
            late = kind == "workstation" and rng.random() < 0.08
            device = Device(
                site=site, number=number, kind=kind, template=template, keep=float(rng.uniform(*KEPT)),
                shift_ns=int(rng.uniform(-2, 2) * 3_600 * S), born=int(rng.integers(1, self.days)) if late else 0,
                gone=int(rng.integers(5, self.days)) if rng.random() < 0.04 and number >= SERVERS else self.days,
                growth=1.005 if rng.random() < 0.25 else 1.0, address=V4 | 10 << 24 | site << 16 | 2 + number,
                mac=f"3c:52:{site:02x}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
                name=f"{kind[:3]}-{site}-{number}",
            )  # fmt: skip
            self._settle(device)
            self.devices.append(device)

    def _settle(self, device):
        """Give a device its places, habits and telemetry."""
        rng, kinds = self.rng, self.kinds[device.template]
        places = np.full(len(kinds), -1, np.int64)
        for pair, kind in enumerate(kinds.tolist()):
            if kind == OUTSIDE:
                popular = rng.random() < POPULAR_SHARE
                places[pair] = (
                    min(POPULAR - 1, int(rng.pareto(0.6) * 3)) if popular
                    else self.place(f"www.own{device.site}x{device.number}x{pair}.net")
                )  # fmt: skip
        device.places = places
        device.habits = rng.random(len(kinds)) < 0.6
        if device.kind == "workstation":
            device.telemetry = [(int(rng.integers(POPULAR)), float(rng.choice([600, 900, 1800])))]
        if (device.kind == "server" and device.number != 3) or rng.random() < 0.1:
            device.backup = float(np.exp(rng.normal(18.5, 1.0)))

    def works(self, day):
        """Tell whether people work on a day."""
        return day % 7 < 5 and day not in HOLIDAYS

    def there(self, day):
        """Return the numbers of the devices that exist on a day."""
        return [k for k, one in enumerate(self.devices) if one.born <= day < one.gone]

    def day(self, day):
        """Return everything of one day."""
        parts, messages, owners = [], [], []
        for k in self.there(day):
            made, said = self.device_day(k, day)
            parts.append(made)
            messages += said
            owners.append(np.full(len(made), k, np.int32))
        return in_order(np.concatenate(parts), messages, np.concatenate(owners))

    def device_day(self, k, day, draw=0):
        """Return flows and messages of one device on one day; another `draw` is another such day."""
        device = self.devices[k]
        rng = np.random.default_rng((self.seed, k, day, draw))
        begin = START + day * DAY_NS
        if device.kind == "workstation" and not self.works(day) and rng.random() < 0.8:
            return np.zeros(0, FLOW), []
        parts, asked = [self._habits(device, day, begin, rng)], []
        if device.kind == "workstation":
            for number in range(rng.poisson(NEW_NAMES)):
                sent = min(FIRST_DAY_MOST, float(np.exp(rng.normal(FIRST_DAY_MU, FIRST_DAY_SIGMA))))
                place = self.place(f"www.new{k}x{day}x{draw}x{number}.org")
                n = int(rng.integers(1, 8))
                at = begin + int(rng.uniform(8, 17) * 3_600 * S) + np.sort(rng.uniform(0, 600, n) * S).astype(np.int64)
                parts.append(rows(at, device.address, self.place_lo[place], port=443, service="ssl",
                                  out=np.maximum(80, sent / n * rng.uniform(0.5, 1.5, n)).astype(np.int64),
                                  back=rng.lognormal(9, 2, n).astype(np.int64), site=device.site))  # fmt: skip
            self._telemetry(device, k, day, begin, rng, parts)
            self._update(device, day, begin, rng, parts)
        if device.backup and device.number != 3:
            n = int(rng.integers(3, 9))
            at = begin + int(rng.uniform(1, 1.5) * 3_600 * S) + np.sort(rng.uniform(0, 3_600, n) * S).astype(np.int64)
            size = device.backup * rng.lognormal(0, 0.3) / n
            parts.append(rows(at, device.address, self.server(device.site, 3), port=873, out=int(size), back=5_000,
                              duration_s=60.0, site=device.site))  # fmt: skip
        made = np.concatenate(parts)
        asked = self._questions(device, made, begin)
        return made, asked

    def _habits(self, device, day, begin, rng):
        first, last = self.spans[device.template]
        pair, kinds = self.pairs[device.template], self.kinds[device.template]
        today = device.habits & (rng.random(len(kinds)) >= WITHHELD)
        keep = min(1.0, device.keep * device.growth**day * rng.lognormal(0, 0.2))
        chosen = np.nonzero(today[pair] & (rng.random(last - first) < keep))[0]
        made, of = self.flows[first + chosen], pair[chosen]
        shift = rng.uniform(-SHIFT_S, SHIFT_S, len(kinds)) * S
        at = (
            made["ts"]
            + device.shift_ns
            + shift[of].astype(np.int64)
            + (rng.uniform(-5, 5, len(of)) * S).astype(np.int64)
        )
        made["ts"] = begin + at % (DAY_NS - 600 * S)
        made["duration"] = np.minimum(np.maximum(made["duration"], -1), 590 * S)
        factor = rng.lognormal(0, 0.3, len(kinds))[of]
        for name in ("orig_bytes", "resp_bytes"):
            made[name] = np.where(made[name] > 0, np.maximum(1, made[name] * factor), made[name])
        kind = kinds[of]
        made["orig_hi"] = made["resp_hi"] = 0
        made["orig_lo"] = device.address
        lo = np.full(len(of), self.server(device.site, 1), np.uint64)
        lo[kind == RESOLVER] = self.server(device.site, 0)
        lo[kind == BROADCAST] = V4 | 10 << 24 | device.site << 16 | 0xFFFF
        outside = kind == OUTSIDE
        lo[outside] = self._table[device.places[of[outside]]]
        made["resp_lo"] = lo
        made = made[made["resp_lo"] != made["orig_lo"]]
        made["input"] = device.site
        made["orig_l2"] = made["resp_l2"] = 0
        return made

    def _telemetry(self, device, k, day, begin, rng, parts):
        if rng.random() < NEW_TELEMETRY:
            rare = rng.random() < 0.1
            place = self.place(f"api.app{k}x{day}.io") if rare else int(rng.integers(POPULAR))
            device.telemetry.append((place, float(rng.choice([600, 900, 1800]))))
        for place, period in device.telemetry:
            at = begin + (np.arange(8 * 3_600, 18 * 3_600, period) + rng.uniform(0, period)) * S
            at = (at + rng.normal(0, 0.01 * period, len(at)) * S).astype(np.int64)
            parts.append(rows(at, device.address, self.place_lo[place], port=443, service="ssl", out=900, back=400,
                              site=device.site))  # fmt: skip

    def _update(self, device, day, begin, rng, parts):
        if day % 7 == 1 and rng.random() < 0.8:
            at = begin + int(rng.uniform(9, 16) * 3_600 * S)
            parts.append(rows([at], device.address, self.place_lo[0], port=443, service="ssl", out=90_000,
                              back=int(rng.uniform(2e7, 2e8)), duration_s=300.0, site=device.site))  # fmt: skip

    def _questions(self, device, made, begin):
        """Return the day's lease, and a question for each name on its first use."""
        said = []
        if device.kind == "workstation" and len(made):
            said.append(Dhcp(
                ts=int(made["ts"].min()) - 2 * S, uid="", orig_h=NOWHERE, orig_p=68, resp_h="255.255.255.255",
                resp_p=67, proto=17, input=device.site, mac=device.mac, host_name=device.name, msg_type=5,
                assigned_addr=addresses.text(0, device.address), lease_time_s=86_400.0,
            ))  # fmt: skip
        outside = made[(made["resp_lo"] >> np.uint64(24)) != (V4 | 10 << 24) >> 24]
        first, at = np.unique(outside["resp_lo"], return_index=True)
        for lo, where in zip(first.tolist(), at.tolist(), strict=True):
            if name := self.names.get(lo):
                said.append(self.question(device, int(outside["ts"][where]) - S // 10, name, lo))
        return said

    def question(self, device, ts, name, lo=None, rcode=0, qtype=1):
        """Return a question to the site's resolver, with its answer."""
        return Dns(
            ts=ts, uid="", orig_h=addresses.text(0, device.address), orig_p=40_000,
            resp_h=addresses.text(0, self.server(device.site, 0)), resp_p=53, proto=17, input=device.site, query=name,
            qtype=qtype, rcode=rcode, is_response=True, addresses=() if lo is None else (addresses.text(0, lo),),
        )  # fmt: skip


def in_order(flows, messages, owner):
    """Return a Day in order of completion, uids and offsets given."""
    done = flows["ts"] + np.maximum(flows["duration"], 0)
    order = np.argsort(done, kind="stable")
    flows = flows[order]
    flows["offset"] = np.arange(len(flows))
    stem = int(flows["ts"].min()) // DAY_NS if len(flows) else 0
    flows["uid"] = np.char.add(f"C{stem:x}-".encode(), np.arange(len(flows)).astype("S12"))
    return Day(flows, sorted(messages, key=lambda one: one.ts), owner[order])
