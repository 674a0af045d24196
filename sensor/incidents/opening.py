"""What may open an incident, and how many a day: the budget of people's attention.

Below 1,000 device-days, evidence that has a null or a measured rate opens where its rate times the site's devices is
within the ceiling. From then on it must also be above its channel's threshold, which a robust quantile of entity-days
holds. At most three times the ceiling open a day and site; what would have been more is a row of the digest, held back
and looked at again the next day. Over five times for an hour is a surge: one incident, and nothing is learned from it.

What is slow is no act but a day unlike its peers' days, of which some come every week. It opens where it is rarer than
its channel's share of N a day and 1,000 devices, or again within the week: that a site may have one incident a day does
not make a laptop's odd day one, and the pool of a small site tells nothing rarer than one in 1,000.

Each channel has its own share: acts of accounts do not use up what devices may open, nor the other way.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np

from baselines.budget import DAYS_MIN, Budget
from sensor.incidents import rank
from sensor.incidents.held import OpeningHeld
from sensor.incidents.nulls import Nulls
from sensor.model.evidence import CHANNELS, Evidence, Finding
from sensor.model.incident import TIERS
from sensor.model.tick import Names
from sensor.model.times import DAY_NS, HOUR_NS

BURST = 3.0
SURGE = 5.0
"""Times the ceiling: the method in force."""
SURGE_NS = HOUR_NS
FLOOR = 1
"""Incidents a day that each site of a fleet may open, whatever the others have: never under one (METHOD in force)."""
HEARD_MAX = 64
"""Openings remembered a site: as many as tell a surge at every site under 12,000 devices."""
IDENTITY_ACCOUNTS = 1_000
"""Accounts, and account-days, below which an account's triage level is the assumed one."""
_IDENTITY = CHANNELS.index("identity")


class Opening:
    """The day's budget and its thresholds.

    Attributes:
        budget: Entity-days by channel.
        nulls: What network and account come to together by coincidence.
        surged: When each site's surge was last seen, ns.
        fleet: All sites have one budget, with FLOOR for each.
    """

    def __init__(self, names: Names, per_day_per_1000: float, devices: Callable[[str], int]) -> None:
        self._names, self._per_1000, self._devices = names, per_day_per_1000, devices
        self.budget = Budget(len(CHANNELS))
        self.surged: dict[str, int] = {}
        self.fleet = False
        self._day = -1
        self._best: list[dict[str, float]] = [{} for _ in CHANNELS]
        self._devices_best: dict[str, float] = {}
        self._opened: dict[str, int] = {}
        self._wanted: dict[str, list[int]] = {}
        self._users, self._counted = 0, 0
        self._thresholds: dict[tuple[int, float], float] = {}
        self.nulls = Nulls(names)

    def set_budget(self, per_day_per_1000: float) -> None:
        """Let so many incidents a day open for 1,000 devices from now on."""
        self._per_1000 = per_day_per_1000

    def begin(self, end_ns: int) -> None:
        """Let a tick begin; a day that ended is taken into the budget, unless it had a surge."""
        day = end_ns // DAY_NS
        if day == self._day:
            return
        if self._day >= 0 and all(ts // DAY_NS != self._day for ts in self.surged.values()):
            for channel, best in enumerate(self._best):
                size = self._names.account_count() if channel == _IDENTITY else self._names.count()
                found = np.fromiter(best.values(), np.float64, len(best))
                self.budget.observe(channel, self._day, np.concatenate([found, np.zeros(max(0, size - len(best)))]))
            self._price()
        self._day = day
        self._best = [{} for _ in CHANNELS]
        self._devices_best.clear()
        self._opened.clear()
        self._thresholds.clear()

    @staticmethod
    def is_candidate(finding: Finding) -> bool:
        """Tell whether a finding could start an incident by itself: what could not says nothing of how many would.

        Counted with the rest, volumes that nobody is shown raised the threshold above most beacons (7 to 9 dB): over
        1,300 simulated devices recall at one false incident a day and 1,000 was 38 % of beacons in place of 62.
        """
        return finding.opens or finding.slow

    def observe(self, evidence: Evidence, db: float | None = None, *, candidate: bool = True) -> None:
        """Count an entity's strongest of today; of an account all its acts together, given as `db`.

        What is no candidate counts for what network and account come to by coincidence, not for the threshold.
        """
        if db is None and evidence.channel != "identity":
            self._devices_best[evidence.entity.id] = max(self._devices_best.get(evidence.entity.id, 0.0), evidence.db)
        if not candidate:
            return
        best = self._best[CHANNELS.index(evidence.channel) if evidence.channel in CHANNELS else 0]
        best[evidence.entity.id] = max(best.get(evidence.entity.id, 0.0), evidence.db if db is None else db)

    def level_db(self) -> float:
        """Return from how many decibans an account's acts are triage."""
        people = self._people()
        assumed = rank.level_db(people)
        if people < IDENTITY_ACCOUNTS or self.budget.days(_IDENTITY) < DAYS_MIN:
            return assumed
        learned = self._threshold(_IDENTITY, self._rate(people))
        return assumed if math.isnan(learned) else max(rank.LEVEL_MIN_DB, learned)

    def may(self, finding: Finding, *, again: bool = False) -> bool:
        """Tell whether a finding may start an incident by itself, whatever the day has seen.

        Args:
            finding: What was found.
            again: The same entity was as unlike itself on another day of the week.
        """
        evidence = finding.evidence
        if "context" in evidence.marks or math.isnan(evidence.db):
            return False
        channel = CHANNELS.index(evidence.channel) if evidence.channel in CHANNELS else 0
        devices = self._devices(evidence.site)
        learned = self._threshold(channel, self._rate(max(1, devices)))
        if math.isnan(learned):
            return finding.opens and rank.may_open(evidence.p, devices, self._per_1000)
        return (
            self.is_candidate(finding)
            and evidence.db >= learned
            and rank.may_open(evidence.p, devices, self._per_1000)
            and (finding.opens or again or evidence.p <= self._per_1000 / 1_000.0 / len(CHANNELS))
        )  # fmt: skip

    def admit(self, site: str, group: str, end_ns: int) -> bool:
        """Tell whether the day's budget of a site allows one more, and count it.

        Args:
            site: Where.
            group: device or account, which have budgets of their own.
            end_ns: Now.
        """
        wanted = [ts for ts in self._wanted.get(site, []) if end_ns - ts < SURGE_NS]
        self._wanted[site] = [*wanted, end_ns][-HEARD_MAX:]
        ceiling = self._ceiling(site)
        if len(self._wanted[site]) > SURGE * ceiling:
            self.surged[site] = end_ns
        if not self.has_room(site, group):
            return False
        key = f"{group} {site}"
        self._opened[key] = self._opened.get(key, 0) + 1
        return True

    def has_room(self, site: str, group: str) -> bool:
        """Tell whether one more would be allowed, without counting."""
        opened = self._opened.get(f"{group} {site}", 0)
        if not self.fleet:
            return opened < BURST * self._ceiling(site)
        of_all = sum(count for key, count in self._opened.items() if key.startswith(f"{group} "))
        return opened < FLOOR or of_all < BURST * rank.ceiling(self._names.count(), self._per_1000)

    def reached(self, site: str, tier: str) -> None:
        """Count what came to a tier today, beside what opened."""
        key = f"tier:{tier} {site}"
        self._opened[key] = self._opened.get(key, 0) + 1

    def ratios(self, sites: Iterable[str]) -> dict[str, float]:
        """Return how many came to each tier today, over the ceiling of incidents a day of all sites."""
        sites = list(sites)
        ceiling = sum(self._ceiling(site) for site in sites)
        counts = {tier: sum(self._opened.get(f"tier:{tier} {site}", 0) for site in sites) for tier in TIERS}
        return {tier: count / ceiling if ceiling else 0.0 for tier, count in counts.items()}

    def is_surging(self, end_ns: int) -> bool:
        """Tell whether any site has a surge: then nothing is learned."""
        return any(end_ns - ts < SURGE_NS for ts in self.surged.values())

    def wanted(self, site: str) -> int:
        """Return how many incidents would have opened in the last hour."""
        return len(self._wanted.get(site, ()))

    def save(self) -> OpeningHeld:
        """Return what is held beside the budget's own columns."""
        return OpeningHeld(
            day=self._day, best=self._best, opened=self._opened, wanted=self._wanted, surged=self.surged,
            users=self._users, counted=self._counted, nulls=self.nulls.held, devices_best=self._devices_best,
        )  # fmt: skip

    def load(self, held: OpeningHeld) -> None:
        """Restore what `save` returned."""
        self._day, self._best, self._opened = held.day, held.best, held.opened
        self._wanted, self.surged = held.wanted, held.surged
        self._users, self._counted = held.users, held.counted
        self.nulls.held = held.nulls
        self._devices_best = dict(held.devices_best)

    def _price(self) -> None:
        """Give the day that ended to the nulls of coincidence: of devices the strongest of any channel."""
        self.nulls.end_day(self._day, self._best[_IDENTITY], dict(self._devices_best))

    def _threshold(self, channel: int, rate: float) -> float:
        """Return a channel's threshold, which changes once a day."""
        key = (channel, rate)
        if key not in self._thresholds:
            self._thresholds[key] = self.budget.threshold(channel, rate)
        return self._thresholds[key]

    def _ceiling(self, site: str) -> float:
        return rank.ceiling(self._devices(site), self._per_1000)

    def _rate(self, entities: int) -> float:
        """Return a channel's share of what may open, an entity-day."""
        return rank.ceiling(entities, self._per_1000) / entities / len(CHANNELS)

    def _people(self) -> int:
        """Return how many accounts are of people, looking only at those that are new."""
        for row in range(self._counted, self._names.account_count()):
            self._users += self._names.account_kind(row) == "user"
        self._counted = max(self._counted, self._names.account_count())
        return max(1, self._users)
