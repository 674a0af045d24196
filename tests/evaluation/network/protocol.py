"""The protocol: learn in strict time order, count what is false, then put each attack into a copy of the state.

One attack a site and copy: sites have budgets of their own, so that a copy holds as many draws as there are sites. The
score of a case is its place in the order in which people see it; recall is asked at the place that so many false ones a
day and 1,000 devices reach on the days without attacks. Backgrounds here are simulated.
"""

from dataclasses import dataclass, field

import msgspec
import numpy as np

from tests.evaluation.network import attacks, novelties
from tests.evaluation.network.baselines_to_beat import Learned, hourly
from tests.evaluation.network.fleet import Fleet, in_copies, text_of
from tests.evaluation.network.simulator import DAY_NS, POPULAR, START, S, World, rows

RATES = (0.5, 1.0, 5.0)
"""False incidents a day and 1,000 devices."""
RAMP_DAYS = 14
RAMPS = (16.0, 32.0, 64.0)
LONG = {("slow scan", "each 60 min"), *(("beacon", name) for name in attacks.FAMILIES["beacon"])}
"""What goes on into the next day."""
COMBINED = [(family, name) for family, names in attacks.FAMILIES.items() for name in names] + [
    ("silence", "a file server")
]


@dataclass(frozen=True)
class Plan:
    """How much of it is done."""

    sites: dict
    warm: int
    test: int
    draws: int
    note: str = ""


@dataclass
class Outcome:
    """What one attack came to: its best case's rank, when an incident opened, and what each baseline said."""

    family: str
    intensity: str
    site_devices: int
    rank: float = -np.inf
    tier: str = ""
    seconds: float = np.nan
    detectors: tuple = ()
    channels: tuple = ()
    gated: bool = False
    baselines: dict = field(default_factory=dict)


@dataclass
class Results:
    """Everything that the report is made of."""

    plan: Plan
    device_days: int = 0
    flows: int = 0
    said: list = field(default_factory=list)
    by_day: dict = field(default_factory=dict)
    calibration: dict = field(default_factory=dict)
    host_hours: int = 0
    outcomes: list = field(default_factory=list)
    thresholds: dict = field(default_factory=dict)
    novelties: list = field(default_factory=list)
    artefact: tuple = ()
    decoy: tuple = ()
    coverage: list = field(default_factory=list)
    saturation: dict = field(default_factory=dict)
    errors: list = field(default_factory=list)


class Protocol:
    """One evaluation."""

    def __init__(self, templates, plan, folder, *, seed=1, tell=print):
        self.plan, self.tell, self.rng = plan, tell, np.random.default_rng(seed)
        self.last = plan.warm + plan.test
        self.world = World(templates, plan.sites, seed=seed, days=self.last + RAMP_DAYS + 14)
        self.fleet = Fleet(plan.sites, folder)
        self.results = Results(plan)
        self.history, self.thresholds = [], {}

    def go(self):
        """Do everything; return the results."""
        self._learn()
        self._quiet_days()
        self._attacked()
        return self.results

    # -- learning and the days without attacks

    def _learn(self):
        for number in range(self.plan.warm):
            day = self.world.day(number)
            found = self.fleet.run(day, number)
            if number >= self.plan.warm - 12 and self.world.works(number):
                self.history.append(hourly(day, len(self.world.devices)))
            self.tell(f"day {number}: {len(day.flows):,} flows, {sum(one.tier != 'digest' for one in found)} incidents")

    def _quiet_days(self):
        learned = self.learned = Learned(self.history)
        baseline = {}
        for number in range(self.plan.warm, self.last):
            day = self.world.day(number)
            found = self.fleet.run(day, number)
            self.results.said += found
            there = self.world.there(number)
            self.results.by_day[number] = len(there)
            self.results.device_days += len(there)
            self.results.flows += len(day.flows)
            if self.world.works(number):
                for name, score in learned.scores(day, len(self.world.devices)).items():
                    baseline.setdefault(name, []).append(score[there])
            self.tell(f"quiet day {number}: {sum(one.tier != 'digest' for one in found)} incidents")
        self.results.calibration = self.fleet.calibration(self.plan.warm, self.last)
        self.results.host_hours = 24 * sum(len(self.world.there(n)) for n in range(self.plan.warm, self.last))
        self.results.thresholds = {
            rate: {
                "program": _threshold([one.rank for one in self.results.said], self.results.device_days, rate),
                **{name: _threshold(np.concatenate(s), sum(map(len, s)), rate) for name, s in baseline.items()},
            } for rate in RATES
        }  # fmt: skip
        self.results.coverage = [(one.detector, one.state, one.why) for one in self.fleet.core.coverage()]
        self.results.saturation = self.fleet.core.saturation()

    # -- copies

    def _attacked(self):
        number = self.last
        while not self.world.works(number):
            self.fleet.run(self.world.day(number), number)
            number += 1
        self.number = number
        days = [self.world.day(number), self.world.day(number + 1)]
        tasks, kinds = [lambda: self._copy(days, [], 1)], ["control"]
        for injections in self._rounds():
            long = any((one.family, one.intensity) in LONG for one in injections)
            tasks.append(lambda put=injections, long=long: self._copy(days, put, 1 + long))
            kinds.append("attacks")
        for draw in range(2):
            fresh = self._fresh_draws(draw)
            tasks.append(lambda fresh=fresh: self._copy_fresh(days, fresh))
            kinds.append("artefact")
        new = self._novelties()
        tasks.append(lambda: self._with_novelties(days, new))
        kinds.append("novelties")
        for kind, noisy in (("noise", 0), ("noise", 50), ("scans", 50)):
            put = self._decoys(kind, noisy)
            if put:
                tasks.append(lambda put=put: self._copy(days, put, 1, outcomes=False))
                kinds.append("decoys")
        tasks.append(self._ramped)
        kinds.append("ramps")
        self.tell(f"{len(tasks)} copies")
        answers = in_copies(tasks)
        self._gather(kinds, answers, new)

    def _gather(self, kinds, answers, new):
        results, decoys, changed = self.results, [], []
        control = ([], [])
        for kind, answer in zip(kinds, answers, strict=True):
            if isinstance(answer, Exception):
                results.errors.append(f"{kind}: {type(answer).__name__}: {answer}")
            elif kind == "control":
                control = answer
            elif kind in ("attacks", "ramps"):
                results.outcomes += answer[1]
            elif kind == "artefact":
                changed.append(answer)
            elif kind == "decoys":
                decoys.append(answer)
            else:
                results.novelties = self._judge_novelties(new, answer[0], control[0])
        if changed:
            native = injected = 0
            for said, hosts in changed:
                native += sum(bool(set(one.hosts) & hosts) for one in control[0])
                injected += sum(bool(set(one.hosts) & hosts) for one in said)
            results.artefact = (native, injected)
        if len(decoys) == 3:
            address = text_of(self.world.devices[self.hidden].address)
            results.decoy = tuple(_place(said, address) for said, _ in decoys)

    def _rounds(self):
        """Deal out every attack, one a site and copy."""
        wanted = COMBINED * self.plan.draws
        sites = list(range(len(self.plan.sites)))
        per = [wanted[at : at + len(sites)] for at in range(0, len(wanted), len(sites))]
        for turn, some in enumerate(per):
            yield [
                self._draw(family, intensity, sites[(place + turn) % len(sites)])
                for place, (family, intensity) in enumerate(some)
            ]

    def _draw(self, family, intensity, site):
        kind = "server" if family == "silence" else "workstation"
        busy = {host for one in self.fleet.core.incidents.cases.values() if one.is_open and one.is_incident
                for host in (self.fleet.host(party.id) for party in one.members.values())}  # fmt: skip
        known = [
            k for k in self.world.there(self.number)
            if self.world.devices[k].site == site and self.world.devices[k].kind == kind
            and self.world.devices[k].born < self.number - 3 and text_of(self.world.devices[k].address) not in busy
            and (kind != "server" or self.world.devices[k].number == 1)
        ]  # fmt: skip
        k = known[int(self.rng.integers(len(known)))] if known else self.world.there(self.number)[-1]
        begin = START + self.number * DAY_NS + int(self.rng.uniform(9.5, 10.5) * 3_600 * S)
        return attacks.make(self.world, family, intensity, k, begin, self.rng)

    def _copy(self, days, injections, length, *, outcomes=True):
        """Run a copy with injections; return (cases, outcomes)."""
        found, firsts = [], {}
        hosts = {text_of(self.world.devices[one.device].address): one for one in injections}
        opened_before = {case.id for case in self.fleet.core.incidents.cases.values() if case.is_incident}

        def watch(core, edge):
            for case in core.incidents.cases.values():
                if case.is_incident and case.id not in opened_before:
                    for party in case.members.values():
                        host = self.fleet.host(party.id)
                        if host in hosts and edge >= hosts[host].begin_ns:
                            firsts.setdefault(host, edge)

        scored = {}
        for place in range(length):
            number = self.number + place
            day = attacks.put(days[place], [attacks.split(one, number) for one in injections])
            fine = (START + number * DAY_NS + 9 * 3_600 * S, START + number * DAY_NS + 12 * 3_600 * S)
            found += self.fleet.run(day, number, fine=fine if place == 0 and outcomes else None, watch=watch)
            if outcomes and injections:
                for name, score in self.learned.scores(day, len(self.world.devices)).items():
                    scored[name] = np.maximum(scored.get(name, -np.inf), score)
        if not outcomes:
            return found, []
        gated = self._gated()
        return found, [self._outcome(one, host, found, firsts, scored, gated) for host, one in hosts.items()]

    def _every(self):
        incidents = self.fleet.core.incidents
        return [*incidents.context.values(), *(e for case in incidents.cases.values() for e in case.evidence.values()),
                 *(e for case in incidents.cases.values() for e in case.context.values())]  # fmt: skip

    def _gated(self):
        said = {}
        for one in self._every():
            if one.detector == "beacon":
                said.setdefault(self.fleet.host(one.entity.id), []).append(f"{one.text} {' '.join(one.keys)}")
        return {host: " ".join(texts) for host, texts in said.items()}

    def _outcome(self, injection, host, found, firsts, scored, gated):
        device = self.world.devices[injection.device]
        outcome = Outcome(injection.family, injection.intensity, list(self.plan.sites.values())[device.site])
        about = [one for one in found if host in one.hosts and one.opened_ns >= injection.begin_ns - 60 * S]
        if about:
            best = max(about, key=lambda one: one.rank)
            outcome.rank, outcome.tier = best.rank, best.tier
            outcome.detectors, outcome.channels = best.detectors, best.channels
        if host in firsts and outcome.tier not in ("", "digest"):
            outcome.seconds = (firsts[host] - injection.begin_ns) / S
        outcome.gated = bool(injection.target) and injection.target in gated.get(host, "")
        outcome.baselines = {name: float(score[injection.device]) for name, score in scored.items()}
        return outcome

    def _ramped(self):
        """Let devices send more day by day, two weeks long; one a site, and the last day is the baselines' too."""
        factors, first = {}, self.number
        for site in range(len(self.plan.sites)):
            near = [k for k in self.world.there(first + RAMP_DAYS)
                    if self.world.devices[k].site == site and self.world.devices[k].kind == "workstation"
                    and self.world.devices[k].born == 0]  # fmt: skip
            factors[near[int(self.rng.integers(len(near)))]] = RAMPS[site % len(RAMPS)]
        found, best = [], {}
        days = RAMP_DAYS if self.plan.draws > 1 else 3
        while (first + days) % 7 != 4:  # a Friday: three working days are what the drift's level rests on
            days += 1
        for number in range(first, first + days + 1):
            day = attacks.ramp(self.world, self.world.day(number), number, first, days, factors)
            found += self.fleet.run(day, number)
            for name, score in self.learned.scores(day, len(self.world.devices)).items():
                best[name] = np.maximum(best.get(name, -np.inf), score)
        begin = START + first * DAY_NS
        slow = {self.fleet.host(one.entity.id) for one in self._every() if one.channel in ("drift", "accumulation")}
        outcomes = []
        for k, factor in factors.items():
            one = attacks.Injection("drip, ramp", f"×{factor:.0f} in {days} days", k, begin, None, [])
            host = text_of(self.world.devices[k].address)
            outcomes.append(self._outcome(one, host, found, {}, best, {}))
            outcomes[-1].gated = host in slow
        return found, outcomes

    def _fresh_draws(self, draw):
        """Return other draws of half of the devices' day, as injections."""
        there = [
            k
            for k in self.world.there(self.number)
            if (k + draw) % 2 == 0 and self.world.devices[k].kind == "workstation"
        ]
        begin = START + self.number * DAY_NS
        return [
            attacks.Injection("benign", "", k, begin, *self.world.device_day(k, self.number, draw=draw + 1))
            for k in there
        ]

    def _copy_fresh(self, days, fresh):
        """Put other draws in the place of what these devices did, with the tool that puts in attacks."""
        owners = np.array([one.device for one in fresh])
        day = days[0]
        keep = ~np.isin(day.owner, owners)
        addresses = {text_of(self.world.devices[k].address) for k in owners.tolist()}
        left = [
            m for m in day.messages if m.orig_h not in addresses and getattr(m, "assigned_addr", None) not in addresses
        ]
        found = self.fleet.run(attacks.put(type(day)(day.flows[keep], left, day.owner[keep]), fresh), self.number)
        return found, addresses

    def _novelties(self):
        kinds, made = list(novelties.KINDS), []
        begin = START + self.number * DAY_NS + 10 * 3_600 * S
        for turn in range(20):
            site = turn % len(self.plan.sites)
            if turn >= len(self.plan.sites):
                break
            kind = kinds[turn % len(kinds)]
            made.append((kind, site, novelties.KINDS[kind](self.world, site, begin, self.rng)))
        return made

    def _with_novelties(self, days, new):
        """Run a copy with them; whose scanner it is has told the program so, as a site does."""
        core = self.fleet.core
        scanners = [
            text_of(self.world.devices[one.device].address)
            for kind, _, many in new for one in many if kind == "scanner"
        ]  # fmt: skip
        told = msgspec.structs.replace(core.config.detection, scanners=tuple(scanners))
        core.use(msgspec.structs.replace(core.config, detection=told))
        return self._copy(days, [one for _, _, many in new for one in many], 1, outcomes=False)

    def _judge_novelties(self, new, said, control):
        before = {(one.site, one.hosts) for one in control if one.tier != "digest"}
        names, judged = list(self.plan.sites), []
        for kind, site, _ in new:
            wrong = [one for one in said
                     if one.tier != "digest" and one.site == names[site]
                     and (one.site, one.hosts) not in before]  # fmt: skip
            judged.append((kind, names[site], [one.title for one in wrong]))
        return judged

    def _decoys(self, kind, noisy):
        """Return one upload, and the noise or a scan of each of so many other devices of the largest site."""
        site = int(np.argmax(list(self.plan.sites.values())))
        near = [k for k in self.world.there(self.number) if self.world.devices[k].site == site
                and self.world.devices[k].kind == "workstation"]  # fmt: skip
        if len(near) < 60:
            return []
        rng = np.random.default_rng(4)
        begin = START + self.number * DAY_NS + 11 * 3_600 * S
        self.hidden = near[7]
        put = [attacks.make(self.world, "upload", "1 GB in 10 min", near[7], begin, rng)]
        if kind == "noise":
            return put + [self._noise(k, begin, rng) for k in near[8 : 8 + noisy]]
        return put + [
            attacks.make(self.world, "scan", "20 hosts/h", k, begin - 3_600 * S + int(rng.uniform(0, 7e12)), rng)
            for k in near[8 : 8 + noisy]
        ]

    def _noise(self, k, begin, rng):
        """Return 30 times an hour's flows and as many bytes, with places that all know."""
        device, n = self.world.devices[k], 600
        at = begin - 1_800 * S + np.sort(rng.integers(0, 3_600 * S, n))
        lo = np.array(self.world.place_lo[:POPULAR], np.uint64)[rng.integers(POPULAR, size=n)]
        made = rows(
            at, device.address, lo, port=443, service="ssl", out=rng.integers(1_000, 100_000, n), site=device.site
        )
        return attacks.Injection("noise", "", k, begin, made, [])


def _threshold(scores, device_days, rate):
    """Return the score that as many are above as are allowed."""
    allowed = int(rate * device_days / 1_000)
    ranked = np.sort(np.asarray(scores, float))[::-1]
    return float(ranked[allowed]) if len(ranked) > allowed else -np.inf


def _place(said, address):
    """Return the place of a host among what is shown, incidents and then the digest, 1 first; None where it is not."""
    ranked = sorted(said, key=lambda one: -one.rank)
    return next((place for place, one in enumerate(ranked, 1) if address in one.hosts), None), len(ranked)
