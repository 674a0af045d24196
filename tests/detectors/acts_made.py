"""Events of identity logs made by hand, and ticks of them, for tests of the identity detectors."""

import itertools

import numpy as np

from sensor.entities.entities import Entities
from sensor.model.capture import ARP
from sensor.model.event import Event
from sensor.model.flow import FLOW
from sensor.model.times import DAY_NS, HOUR_NS, TICK_NS
from tests.scenes import SECRET, START

ANN = "ann@corp.example"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/17.0 Safari/605.1.15"
_NUMBER = itertools.count()


def at(day=0.0, hour=9.0):
    """Return a time: a day of the test, and an hour of it."""
    return START + int(day * DAY_NS) + int(hour * HOUR_NS)


def act(kind, action, *, day=0.0, hour=9.0, account=ANN, source="m365", outcome="success", **fields):
    """One event that is no sign-in."""
    return Event(
        ts=at(day, hour), source=source, kind=kind, action=action, account=account, outcome=outcome,
        raw_id=f"r{next(_NUMBER)}", **fields,
    )  # fmt: skip


def signin(*, day=0.0, hour=9.0, account=ANN, source="entra", outcome="success", category="interactive", **fields):
    """One record of a sign-in; a known account is one with an id."""
    number = next(_NUMBER)
    own = {"ip": "198.51.100.7", "country": "AU", "user_agent": CHROME, "correlation_id": f"c{number}", "mfa": "none"}
    detail = {"event_category": category, **fields.pop("detail", {})}
    fields.setdefault("account_id", f"id-{account}")
    return Event(
        ts=at(day, hour), source=source, kind="signin", action="Sign-in activity", account=account, outcome=outcome,
        raw_id=f"r{number}", detail=detail, **(own | fields),
    )  # fmt: skip


def known():
    """Entities of one site and one input."""
    entities = Entities({}, SECRET)
    entities.site_number("local")
    entities.inputs = ["given"]
    return entities


def tick_of(entities, events, *, end_ns=None):
    """One tick of events, in order of time."""
    events = sorted(events, key=lambda event: event.ts)
    end_ns = end_ns or (events[-1].ts // TICK_NS + 1) * TICK_NS
    none = np.zeros(0, np.int32)
    return entities.resolve(
        end_ns, np.zeros(0, FLOW), none, np.zeros(0, ARP), none, none, [], [], fresh=np.zeros(0, np.bool_), learn=True,
        events=events, event_site=[0] * len(events),
    )  # fmt: skip


def run(entities, detectors, events, *, freeze=()):
    """Step detectors over events, a tick each TICK_NS; return the last finding of each evidence, in order."""
    found = {}
    events = sorted(events, key=lambda event: event.ts)
    for _, group in itertools.groupby(events, key=lambda event: event.ts // TICK_NS):
        step = tick_of(entities, list(group))
        for detector in detectors:
            for finding in detector.score(step):
                found[finding.evidence.id] = finding
        step.frozen_accounts = np.array(
            [entities.account_name(row) in freeze for row in range(entities.account_count())], np.bool_
        )
        for detector in detectors:
            detector.learn(step, np.zeros(entities.count(), np.bool_))
    return list(found.values())


def office(days=20, people=8, **fields):
    """A tenant's quiet weeks: each signs in twice a day from the office, one client each."""
    return [
        signin(day=day, hour=8 + person / 10 + 4 * part, account=name, **fields)
        for day in range(days)
        for person, name in enumerate([ANN, *(f"p{k}@corp.example" for k in range(1, people))])
        for part in (0, 1)
    ]
