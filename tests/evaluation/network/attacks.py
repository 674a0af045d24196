"""Attack families at several intensities, and benign novelties: records to put into a copy of a simulated day.

Each is drawn anew: another device, another start, other names, ports and sizes within what its intensity says. What is
put in goes through the same functions that make the background (`simulator.rows`, `World.question`).
"""

from dataclasses import dataclass

import numpy as np

from sensor.model.metadata import Ntlm
from tests.evaluation.network.simulator import DAY_NS, START, V4, S, in_order, rows

MINUTE, HOUR = 60 * S, 3_600 * S
DIGITS = np.array(list("abcdefghijklmnopqrstuvwxyz234567"))


@dataclass
class Injection:
    """One attack or novelty: whom it is about, when it begins, and its records or what it does to the day's own."""

    family: str
    intensity: str
    device: int
    begin_ns: int
    flows: np.ndarray
    messages: list
    drop: tuple = ()
    """(address, from ns): flows of it, either way, that do not happen."""
    target: str = ""
    """Registered name, or address, of the place outside that it is with."""


def put(day, injections):
    """Return a day with injections in it; the owner of what was put in is who does it."""
    flows, owner = day.flows, day.owner
    keep = np.ones(len(flows), bool)
    for one in injections:
        for address, since in one.drop:
            keep &= ~(((flows["orig_lo"] == address) | (flows["resp_lo"] == address)) & (flows["ts"] >= since))
    parts = [flows[keep], *(one.flows for one in injections if len(one.flows))]
    owners = [owner[keep], *(np.full(len(one.flows), one.device, np.int32) for one in injections if len(one.flows))]
    messages = [*day.messages, *(message for one in injections for message in one.messages)]
    return in_order(np.concatenate(parts), messages, np.concatenate(owners))


def split(injection, number):
    """Return the part of an injection that is on a day."""
    begin, end = START + number * DAY_NS, START + (number + 1) * DAY_NS
    done = injection.flows["ts"] + np.maximum(injection.flows["duration"], 0)
    return Injection(
        injection.family, injection.intensity, injection.device, injection.begin_ns,
        injection.flows[(done >= begin) & (done < end)], [m for m in injection.messages if begin <= m.ts < end],
        injection.drop, injection.target,
    )  # fmt: skip


def word(rng, n):
    """Return n letters at random."""
    return "".join(rng.choice(DIGITS, n).tolist())


def fresh(world, rng, named):
    """Return the address of a place that nobody knows, and its name."""
    name = f"www.{word(rng, 4)}{word(rng, 8)}.com" if named else ""
    place = world.place(name)
    return world.place_lo[place], name


def unused(device, n, rng):
    """Return n addresses of a device's site that nobody has."""
    return V4 | 10 << 24 | device.site << 16 | 0xC000 + rng.permutation(0x3000)[:n].astype(np.uint64)


def scan(world, device, begin, rng, hosts, span_ns):
    """Ask many hosts for one port; most are not there, some refuse."""
    at = begin + np.sort(rng.uniform(0, span_ns, hosts)).astype(np.int64)
    made = rows(at, device.address, unused(device, hosts, rng), port=int(rng.choice([22, 445, 3389, 5900])), state="S0",
                out=0, back=0, history="S", duration_s=0.0, site=device.site)  # fmt: skip
    return made, []


def sweep(world, device, begin, rng, hosts, span_ns):
    """Ping addresses in turn."""
    at = begin + np.linspace(0, span_ns, hosts).astype(np.int64)
    made = rows(at, device.address, V4 | 10 << 24 | device.site << 16 | 0x100 + np.arange(hosts, dtype=np.uint64),
                port=0, proto=1, state="OTH", out=64, back=0, history="", duration_s=0.0, site=device.site)  # fmt: skip
    return made, []


def beacon(world, device, begin, rng, jitter, missed, period_s=300.0, hours=34):
    """Call a place at a period, with jitter; half of the places have a name."""
    lo, name = fresh(world, rng, rng.random() < 0.5)
    n = int(hours * 3_600 / period_s)
    at = begin + (np.cumsum(period_s * (1 + rng.uniform(-jitter, jitter, n))) * S).astype(np.int64)
    at = at[rng.random(n) >= missed]
    made = rows(at, device.address, lo, port=int(rng.choice([80, 443, 8080])), out=rng.integers(180, 420, len(at)),
                back=rng.integers(100, 300, len(at)), site=device.site)  # fmt: skip
    return made, asked(world, device, at, name, lo)


def asked(world, device, at, name, lo):
    """Return the question before the first use of a place."""
    return [world.question(device, int(at[0]) - S, name, lo)] if name else []


def upload(world, device, begin, rng, size, span_ns):
    """Send to a place that is new."""
    lo, name = fresh(world, rng, True)
    n = int(rng.integers(4, 20))
    at = begin + np.sort(rng.uniform(0, span_ns, n)).astype(np.int64)
    made = rows(at, device.address, lo, port=443, service="ssl", out=int(size / n), back=20_000, duration_s=30.0,
                site=device.site)  # fmt: skip
    return made, asked(world, device, at, name, lo)


def dns_tunnel(world, device, begin, rng, rate, span_ns=30 * MINUTE):
    """Send by names: 30 bytes each."""
    n, domain = int(rate * span_ns / S / 30), f"{word(rng, 6)}.net"
    at = begin + np.sort(rng.uniform(0, span_ns, n)).astype(np.int64)
    said = [
        world.question(device, int(ts), f"{word(rng, 48)}.{domain}", qtype=int(rng.choice([16, 1, 5]))) for ts in at
    ]
    return _asking(world, device, at), said


def dga(world, device, begin, rng, names, span_ns=20 * MINUTE):
    """Ask for names at random, none of which exists."""
    at = begin + np.sort(rng.uniform(0, span_ns, names)).astype(np.int64)
    said = [
        world.question(device, int(ts), f"{word(rng, int(rng.integers(9, 18)))}.{rng.choice(['com', 'net', 'info'])}",
                       rcode=3) for ts in at
    ]  # fmt: skip
    return _asking(world, device, at), said


def _asking(world, device, at):
    return rows(at, device.address, world.server(device.site, 0), port=53, proto=17, service="dns", out=60, back=90,
                history="Dd", duration_s=0.01, site=device.site)  # fmt: skip


def brute_force(world, device, begin, rng, tries, span_ns=10 * MINUTE):
    """Try secrets by SSH at the site's web server."""
    at = begin + np.sort(rng.uniform(0, span_ns, tries)).astype(np.int64)
    made = rows(at, device.address, world.server(device.site, 2), port=22, service="ssh",
                out=rng.integers(1_800, 1_900, tries), back=rng.integers(2_300, 2_400, tries), duration_s=2.0,
                site=device.site)  # fmt: skip
    return made, []


def hop(world, device, begin, rng, hosts, span_ns=90 * MINUTE):
    """Log in to hosts of the site with a password that works."""
    near = [one for one in world.devices if one.site == device.site and one is not device and one.kind == "workstation"]
    chosen = [near[k] for k in rng.permutation(len(near))[:hosts].tolist()]
    at = begin + np.sort(rng.uniform(0, span_ns, len(chosen))).astype(np.int64)
    made = rows(at, device.address, np.array([one.address for one in chosen], np.uint64), port=445, service="smb",
                out=6_000, back=9_000, duration_s=20.0, site=device.site)  # fmt: skip
    said = [
        Ntlm(ts=int(ts), uid="", orig_h=_text(device.address), orig_p=40_000, resp_h=_text(one.address), resp_p=445,
             proto=6, input=device.site, username="helpdesk", domainname="CORP", hostname=device.name, success=True)
        for ts, one in zip(at, chosen, strict=True)
    ]  # fmt: skip
    return made, said


def mining(world, device, begin, rng, pool):
    """Keep talking with a pool: by its name, by its port, or disguised."""
    lo, name = fresh(world, rng, pool == "named")
    if pool == "named":
        name = f"{word(rng, 3)}.supportxmr.com"
    n = 12
    at = begin + np.arange(n) * 31 * MINUTE + rng.integers(0, 60, n) * S
    made = rows(at, device.address, lo, port=443 if pool == "disguised" else 3333, out=rng.integers(9_000, 15_000, n),
                back=rng.integers(30_000, 60_000, n), duration_s=1_800.0, site=device.site)  # fmt: skip
    made["orig_pkts"], made["resp_pkts"] = 120, 180
    return made, asked(world, device, at, name, lo)


def _text(lo):
    return ".".join(str(int(lo) >> shift & 255) for shift in (24, 16, 8, 0))


FAMILIES = {
    "scan": {"1,000 hosts/h": (scan, 1_000, HOUR), "100 hosts/h": (scan, 100, HOUR), "20 hosts/h": (scan, 20, HOUR)},
    "sweep": {
        "254 in 60 s": (sweep, 254, MINUTE), "254 in 10 min": (sweep, 254, 10 * MINUTE),
        "254 in 2 h": (sweep, 254, 2 * HOUR),
    },
    "slow scan": {
        "each 5 min": (scan, 96, 8 * HOUR), "each 15 min": (scan, 32, 8 * HOUR), "each 60 min": (scan, 34, 34 * HOUR),
    },
    "beacon": {
        "5 min ± 20 %": (beacon, 0.2, 0.0), "5 min ± 50 %": (beacon, 0.5, 0.0), "5 min ± 80 %": (beacon, 0.8, 0.0),
        "5 min ± 50 %, 30 % missed": (beacon, 0.5, 0.3),
    },
    "upload": {
        "1 GB in 10 min": (upload, 1e9, 10 * MINUTE), "100 MB in 10 min": (upload, 1e8, 10 * MINUTE),
        "200 MB over 12 h": (upload, 2e8, 12 * HOUR), "25 MB in 10 min": (upload, 2.5e7, 10 * MINUTE),
    },
    "DNS tunnel": {"50 B/s": (dns_tunnel, 50), "10 B/s": (dns_tunnel, 10), "2 B/s": (dns_tunnel, 2)},
    "DGA": {"200 names": (dga, 200), "40 names": (dga, 40), "12 names": (dga, 12)},
    "brute force": {"500 tries": (brute_force, 500), "60 tries": (brute_force, 60), "15 tries": (brute_force, 15)},
    "password hop": {"10 hosts": (hop, 10), "5 hosts": (hop, 5), "3 hosts": (hop, 3)},
    "mining": {"pool by name": (mining, "named"), "pool's port": (mining, "port"), "on 443": (mining, "disguised")},
}  # fmt: skip
"""Family → intensity → (function, its arguments). Silence and ramps are made of the day's own records, below."""
LOUD = (
    ("scan", "1,000 hosts/h"), ("scan", "100 hosts/h"), ("upload", "1 GB in 10 min"), ("upload", "100 MB in 10 min"),
    ("DNS tunnel", "50 B/s"), ("DNS tunnel", "10 B/s"),
)  # fmt: skip
"""What the method calls loud, of the network."""


def make(world, family, intensity, k, begin, rng):
    """Draw an attack by device k."""
    device = world.devices[k]
    if family == "silence":
        return Injection(family, intensity, k, begin, rows([], 0, 0, port=0), [], ((device.address, begin),))
    function, *given = FAMILIES[family][intensity]
    flows, messages = function(world, device, begin, rng, *given)
    return Injection(family, intensity, k, begin, flows, messages, (), _target(flows, messages))


def _target(flows, messages):
    asked_for = [m.query for m in messages if getattr(m, "query", None)]
    if asked_for:
        return ".".join(asked_for[0].split(".")[-2:])
    return _text(flows["resp_lo"][0]) if len(flows) else ""


def ramp(world, day, number, first, days, factors):
    """Return a day in which devices send a growing multiple of what they do: to factors[k] after so many days."""
    flows = day.flows.copy()
    for k, factor in factors.items():
        own = day.owner == k
        share = min(1.0, max(0.0, (number - first + 1) / days))
        for name in ("orig_bytes", "orig_ip_bytes"):
            flows[name] = np.where(own & (flows[name] > 0), flows[name] * factor**share, flows[name])
    return type(day)(flows, day.messages, day.owner)
