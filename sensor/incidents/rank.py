"""How much an incident weighs, which tier it is in, and what may open one.

Network families are dependent views of the same packets, so only the strongest counts; independent sources add.
Identity families are successive acts of one account: the strongest of each family in 24 hours counts, days add, and so
do families, each up to the triage level + 5 dB. Below 1,000 device-days of history, evidence opens an incident where
its rate a device-day (its p) times the site's devices stays within the ceiling of N incidents a day per 1,000 devices,
never under one a day for a site.
"""

import math
from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines.evidence import accept_bh
from sensor.model.evidence import STAGES, Evidence
from sensor.model.times import DAY_NS, parse

PAGE_P = 1e-4
PAGE_Q = 0.1
PAGE_HISTORY_NS = 7 * DAY_NS
"""History a site needs before it pages."""
IDENTITY = frozenset(
    {
        "place", "pressure", "spray", "hides", "forwards", "files", "mailbox", "administration", "session", "sequence",
        "corroboration", "phishing",
    }
)  # fmt: skip
"""Families whose evidence is one more act, not one more view."""
LEVEL_MIN_DB = 20.0
"""Triage of an account, at up to some 150 accounts; the method in force."""
CAP_DB = 5.0
"""What one family of acts weighs at most above the triage level."""
PAGE_DB = 40.0
STAGE_DB = 10.0
"""Two stages of at least this each, at PAGE_DB in all, page."""
ADDS_DB = 10.0
"""What adds to an open incident whatever it shares with it; the method in force."""
WHERE = frozenset({"place", "session"})
"""Families that say from where somebody acts: one journey or one failover is new to both."""
_COUNTS = {"corroboration": 1.0}
"""Families that count towards opening from less on; a verdict that weighs nothing (supported) never does."""
RULES_DB = 20.0
"""A rule that hides and one that sends mail on, of at least this each, page."""
WATCHED = frozenset({"beacon", "exfiltration", "dns", "lateral", "guessing", "tunnel"})
"""Families of a device that stand for the network stage of its account's incident: each has a null of its own."""
WATCHED_DB = 20.0
"""As strong as what would be triage for the account: a volume or a first contact on its device is none."""


class Score(msgspec.Struct, frozen=True):
    """What evidence comes to, in decibans.

    Attributes:
        db: In all.
        sources: By source, of network families the strongest.
        families: By identity family, of the account that weighs most and of what is about no account: a source that
            sprays is a step towards each that it was tried on.
        stages: By stage the strongest, of the same; a device's evidence counts where it has a null of its own. Not the
            sum: only what is unusual is told, so many small numbers add up to a stage for everybody, in time.
        account: That account, empty where there is none.
    """

    db: float
    sources: dict[str, float]
    families: dict[str, float]
    stages: dict[str, float]
    account: str = ""


def level_db(accounts: int) -> float:
    """Return from how many decibans an account's acts are triage, where so many accounts are watched."""
    return max(LEVEL_MIN_DB, 10.0 * math.log10(max(1, accounts)) - 2.0)


def is_act(evidence: Evidence) -> bool:
    """Tell whether evidence is an act of an account, which adds, and not one more view of the same traffic."""
    return evidence.family in IDENTITY


def score(evidence: Iterable[Evidence], level: float = LEVEL_MIN_DB) -> Score:
    """Weigh evidence.

    Args:
        evidence: All that weighs in one incident.
        level: Triage level of accounts, dB.
    """
    strongest: dict[str, float] = {}
    acts: dict[str, dict[tuple[str, str], list[Evidence]]] = {}
    shared: dict[tuple[str, str], list[Evidence]] = {}
    watched = 0.0
    for one in evidence:
        if "context" in one.marks or math.isnan(one.db):
            continue
        if is_act(one):
            # A kind of sequence is bounded by its own log odds, not by the cap of all of them together.
            kind = one.model if one.family == "sequence" else ""
            held = acts.setdefault(one.entity.id, {}) if one.entity.kind == "account" else shared
            held.setdefault((one.family, kind), []).append(one)
            continue
        strongest[one.source] = max(strongest.get(one.source, one.db), one.db)
        if one.family in WATCHED and one.db >= WATCHED_DB:
            watched = max(watched, one.db)
    families, stages, account = _heaviest(acts, shared, level + CAP_DB)
    total = sum(strongest.values()) + sum(families.values())
    if watched:
        stages["network"] = max(stages.get("network", 0.0), watched)
    return Score(total, strongest, families, stages, account)


def score_db(evidence: Iterable[Evidence], level: float = LEVEL_MIN_DB) -> float:
    """Return the decibans of evidence."""
    return score(evidence, level).db


def pages_identity(weighed: Score) -> bool:
    """Tell whether an account's acts page: enough of them in two stages, or a rule that hides beside one that sends."""
    two = sum(weighed.stages.get(stage, 0.0) >= STAGE_DB for stage in STAGES) >= 2
    rules = min(weighed.families.get(family, 0.0) for family in ("hides", "forwards"))
    return bool(weighed.account) and ((weighed.db >= PAGE_DB and two) or rules >= RULES_DB)


def ceiling(devices: int, per_day_per_1000: float) -> float:
    """Return how many incidents a day a site of that size may have."""
    return max(1.0, per_day_per_1000 * devices / 1000.0)


def may_open(p: float, devices: int, per_day_per_1000: float) -> bool:
    """Tell whether evidence of this rate a device-day may open an incident at a site of that size."""
    return p * max(1, devices) <= ceiling(devices, per_day_per_1000)


def pages(worst: NDArray[np.float64], history_ns: int) -> NDArray[np.bool_]:
    """Tell whose worst p so far today pages.

    Args:
        worst: Worst p of each entity-day of the fleet, 1 where nothing was seen, float64, shape (n,).
        history_ns: How long the site has been learned, ns.

    Returns:
        bool, shape (n,): p ≤ 1e-4 and accepted by Benjamini–Hochberg at q = .1 over the fleet, never in the first week.
    """
    if history_ns < PAGE_HISTORY_NS:
        return np.zeros(len(worst), np.bool_)
    return np.asarray((worst <= PAGE_P) & accept_bh(worst, PAGE_Q), np.bool_)


def daily_db(evidence: Iterable[Evidence]) -> float:
    """Return the strongest of each 24 hours, added up; a window begins at the first evidence after the last window."""
    total, best, until = 0.0, 0.0, -1
    for ts, db in sorted((parse(one.ts), one.db) for one in evidence):
        if ts >= until:
            total, best, until = total + best, 0.0, ts + DAY_NS
        best = max(best, db)
    return total + best


def opening_db(acts: Iterable[Evidence], sequences: Iterable[Evidence], level: float) -> float:
    """Return what an account's acts weigh towards opening an incident; 0 where a new place is all there is.

    Stricter than what they weigh in an incident, by measurement on a made tenant of 24 people over two weeks, where
    travel, a failover and curiosity about files opened five false incidents by sums of weak novelties: only what would
    add to an open incident by itself counts (explicit log odds of the network's do always), a session that moved and
    the place it moved to are one view, and prompts on a known device are honest. Novelty of place alone is a journey.

    Args:
        acts: An account's acts that belong together.
        sequences: What their order makes.
        level: Triage level, dB.
    """
    rows = [
        one for one in acts
        if is_act(one) and "known_device" not in one.marks and one.db >= _COUNTS.get(one.family, ADDS_DB)
    ]  # fmt: skip
    places = sorted((one for one in rows if one.family in WHERE), key=lambda one: (-one.db, one.id))
    others = [*(one for one in rows if one.family not in WHERE), *sequences]
    return score([*places[:1], *others], level).db if others else 0.0


def _heaviest(
    acts: dict[str, dict[tuple[str, str], list[Evidence]]], shared: dict[tuple[str, str], list[Evidence]], cap: float
) -> tuple[dict[str, float], dict[str, float], str]:
    """Return (decibans by family, by stage, account) of the account whose acts weigh most, with what is of a source."""
    best: tuple[dict[str, float], dict[str, float], str] = ({}, {}, "")
    most = -math.inf
    for account in sorted(acts) or [""]:
        families: dict[str, float] = {}
        stages: dict[str, float] = {}
        own = acts.get(account, {})
        for family, kind in dict.fromkeys([*own, *shared]):
            rows = [*own.get((family, kind), []), *shared.get((family, kind), [])]
            families[family] = families.get(family, 0.0) + min(cap, daily_db(rows))
            for one in rows:
                if one.stage in STAGES:
                    stages[one.stage] = max(stages.get(one.stage, 0.0), min(cap, one.db))
        if sum(families.values()) > most:
            best, most = (families, stages, account), sum(families.values())
    return best
