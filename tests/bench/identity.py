"""How fast the identity detectors score, and what an account costs, over sign-ins as normalised columns.

Events and joined sign-ins are made first, and not timed: parsing is measured apart. Times score and learn of all eight
detectors together, in CPU seconds of the one thread.

    python -m tests.bench.identity [events] [accounts] [events a tick]
"""

import sys
import time

import numpy as np

from sensor import registry
from sensor.entities.accounts import Accounts
from sensor.model.account import SignIn, SignInSeen
from sensor.model.capture import ARP
from sensor.model.event import Event
from sensor.model.flow import FLOW
from sensor.model.tick import Tick
from tests.detectors.acts_made import CHROME, SAFARI
from tests.scenes import SECRET, START

DETECTORS = ("administration", "files", "mail_rules", "mailbox", "place", "pressure", "session", "spray")
AGENTS = (CHROME, SAFARI, CHROME + " Edg/120.0", "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1")
APPS = tuple(f"app{number}" for number in range(40))


class Known:
    """As much of `Names` as the detectors ask: accounts that are there from the beginning."""

    def __init__(self, accounts):
        self.accounts = Accounts()
        for number in range(accounts):
            self.accounts.sight(f"user{number}@corp.example", START, 0, "entra", f"id{number}")

    def account_count(self):
        """Return how many there are."""
        return len(self.accounts)

    def account_name(self, row):
        """Return a name."""
        return self.accounts.rows[row].name

    def account_kind(self, row):
        """Return a kind."""
        return self.accounts.rows[row].kind

    def account_row(self, name):
        """Return a row."""
        return self.accounts.find(name)

    def account_tenant(self, row):
        """Return the one tenant."""
        return "corp.example"

    def device_id(self, row):
        """Return an id."""
        return f"DEV-{row}"

    def site_name(self, number):
        """Return the one site."""
        return "local"

    def input_path(self, number):
        """Return the one input."""
        return "given"

    def count(self):
        """No devices."""
        return 0


def ticks(events, accounts, a_tick, days=30, seed=0):
    """Yield ticks of sign-ins: habits, one in 20 away, one in 15 failed, one in 500 refused."""
    rng = np.random.default_rng(seed)
    none, span = np.zeros(0, np.int32), days * 86_400 * 10**9
    home = rng.integers(0, 60_000, (accounts, 3))
    for start in range(0, events, a_tick):
        n = min(a_tick, events - start)
        ts = np.sort(START + (start + rng.random(n) * n) / events * span).astype(np.int64)
        who = rng.integers(0, accounts, n)
        away = rng.random(n) < 0.05
        place = np.where(away, rng.integers(0, 60_000, n), home[who, rng.integers(0, 3, n)])
        luck, app = rng.random(n), rng.integers(0, len(APPS), n)
        made = [
            _made(*row, start + i)
            for i, row in enumerate(
                zip(ts.tolist(), who.tolist(), place.tolist(), luck.tolist(), app.tolist(), strict=True)
            )
        ]
        yield Tick(
            end_ns=int(ts[-1]) + 1, flows=np.zeros(0, FLOW), site=none, orig_device=none, resp_device=none,
            orig_local=none.astype(bool), resp_local=none.astype(bool), fresh=none.astype(bool), arp=np.zeros(0, ARP),
            arp_site=none, arp_device=none, arp_input=none, messages=[], message_device=none,
            events=[event for event, _ in made], event_site=[0] * n, event_device=np.full(n, -1, np.int32),
            event_account=who.astype(np.int32), signins=[seen for _, seen in made],
            frozen_accounts=np.zeros(accounts, np.bool_),
        )  # fmt: skip


def _made(ts, who, place, luck, app, number):
    outcome = "failure" if luck < 0.067 else "success"
    mfa = "denied" if luck < 0.002 else "none" if outcome == "failure" else "satisfied"
    code = "500121" if mfa == "denied" else "50126" if outcome == "failure" else "0"
    ip, country = (
        f"{20 + place // 16_384}.{place // 64 % 256}.{place % 64}.{who % 250}",
        ("AU", "US", "DE", "JP")[place % 4],
    )
    agent, account = AGENTS[(who + place) % 4], f"user{who}@corp.example"
    raw, session = f"r{number}", f"s{who}-{place}"
    detail = {"event_category": "interactive", "client_app": "Browser", "latitude": place % 90 + 0.5, "longitude": 1.0}
    event = Event(
        ts=ts, source="entra", kind="signin", action="Sign-in activity", outcome=outcome, reason_code=code,
        account=account, ip=ip, country=country, mfa=mfa, app=APPS[app], user_agent=agent,
        correlation_id=f"c{number}", raw_id=raw, session_id=session, detail=detail,
    )  # fmt: skip
    row = SignIn(
        ts="", account=account, source="entra", ip=ip, country=country, asn=None, app=APPS[app], result=outcome,
        reason_code=code, reason=None, mfa=mfa, device=None, raw_id=raw, raw_ids=(raw,), id=raw, user_agent=agent,
        session_id=session, category="interactive",
    )  # fmt: skip
    return event, SignInSeen(row=row, account=who, device=-1, site=0, ts=ts, begun=True)


def measure(events=1_000_000, accounts=100_000, a_tick=20_000):
    """Return sign-ins a second, bytes of state an account, seconds by detector, findings by detector."""
    known = Known(accounts)
    detectors = [registry.load("sensor.detectors", name).detector(known, SECRET) for name in DETECTORS]
    spent, told = dict.fromkeys(DETECTORS, 0.0), dict.fromkeys(DETECTORS, 0)
    flagged = np.zeros(0, np.bool_)
    for tick in ticks(events, accounts, a_tick):
        for detector in detectors:
            begin = time.process_time()
            told[detector.name] += len(detector.score(tick))
            spent[detector.name] += time.process_time() - begin
        for detector in detectors:
            begin = time.process_time()
            detector.learn(tick, flagged)
            spent[detector.name] += time.process_time() - begin
    size = sum(column.nbytes for detector in detectors for column in detector.save().values())
    return events / sum(spent.values()), size / accounts, spent, told


def main(*numbers):
    """Print what was measured."""
    rate, size, spent, told = measure(*map(int, numbers))
    print(f"{rate:,.0f} sign-ins/s scored and learned, {size:,.0f} bytes of state an account")
    for name in DETECTORS:
        print(f"{name:16} {spent[name]:7.2f} s  {told[name]:,} findings")


if __name__ == "__main__":
    main(*sys.argv[1:])
