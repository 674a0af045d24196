"""Which accounts stand out in a run's logs: totals and distinct places, ranked. No detector: `unusual` lists them.

Ranks as for devices, with the same limits: nothing is kept in the state, p is never below 1/n for n accounts, and with
one account there is nothing to compare with. A log of one morning has no history; this is what can be said of it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.table import Table
from sensor.detectors.traits import network_name
from sensor.model.event import Event
from sensor.model.evidence import Entity, Evidence
from sensor.model.ids import identify
from sensor.model.tick import Names, Tick
from sensor.model.times import rfc3339, span

STATISTICS = {
    "failed": "failed to sign in {v:,.0f} times", "refused": "refused {v:,.0f} second-factor prompts",
    "networks": "signed in from {v:,.0f} networks", "countries": "signed in from {v:,.0f} countries",
    "files": "had {v:,.0f} records of files", "mail": "had {v:,.0f} records of mailboxes",
    "changes": "made {v:,.0f} changes to rules, rights or settings",
}  # fmt: skip
_KINDS = {"file": "files", "mailbox": "mail", "mail_rule": "changes", "admin": "changes", "consent": "changes"}
ACCOUNTS_MAX, PLACES_MAX = 200_000, 1 << 16
"""(account, network or country) pairs told apart; beyond, no more are counted."""
_OF_EACH = 2
"""Rows a statistic; the list as a whole is cut by its reader."""


class AccountTotals:
    """Totals of one run by account, and who signed in from where."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._totals = Table(dict.fromkeys(STATISTICS, (np.float64, (), 0.0)), ACCOUNTS_MAX)
        self._places: dict[str, set[tuple[int, str]]] = {"networks": set(), "countries": set()}
        self._site: dict[int, int] = {}
        self._first_ns = self._last_ns = 0

    def take(self, tick: Tick) -> None:
        """Add a tick's records."""
        if not tick.events:
            return
        self._first_ns = self._first_ns or tick.events[0].ts
        self._last_ns = max(self._last_ns, tick.end_ns)
        self._totals.cover(min(self._names.account_count(), ACCOUNTS_MAX))
        for i, (event, account) in enumerate(zip(tick.events, tick.event_account.tolist(), strict=True)):
            if 0 <= account < self._totals.rows and self._names.account_kind(account) == "user":
                self._site.setdefault(account, tick.event_site[i] if i < len(tick.event_site) else 0)
                self._count(account, event)

    def listed(self) -> list[tuple[float, float, Evidence]]:
        """Return the most unusual, each with its p and how far it is from the middle."""
        found = []
        seen = np.array(sorted(self._site), np.int64)
        for what in STATISTICS:
            values = self._totals.columns[what][seen] if len(seen) else np.zeros(0)
            spread = len(values) > 1 and values.max() > np.median(values)
            first = np.argsort(-values, kind="stable")[:_OF_EACH].tolist() if spread else []
            found += [self._rank(what, k, seen, values) for k in first if values[k] > np.median(values)]
        return found + self._alone(seen)

    def _count(self, account: int, event: Event) -> None:
        columns = self._totals.columns
        if event.kind in _KINDS:
            columns[_KINDS[event.kind]][account] += 1
        elif event.kind == "signin" and event.mfa == "denied":
            columns["refused"][account] += 1
        elif event.kind == "signin" and event.outcome == "failure":
            columns["failed"][account] += 1
        elif event.kind == "signin" and event.outcome == "success":
            self._visit(account, "networks", network_name(event.ip, event.asn))
            self._visit(account, "countries", event.country)

    def _visit(self, account: int, what: str, value: str | None) -> None:
        """Count a network or country that an account was not seen in yet."""
        held = self._places[what]
        if value and (account, value) not in held and len(held) < PLACES_MAX:
            held.add((account, value))
            self._totals.columns[what][account] += 1

    def _alone(self, seen: NDArray[np.int64]) -> list[tuple[float, float, Evidence]]:
        """List countries that one account alone signed in from."""
        users: dict[str, list[int]] = {}
        for account, country in self._places["countries"]:
            users.setdefault(country, []).append(account)
        n, found = len(seen), []
        alone = sorted((held[0], country) for country, held in users.items() if len(held) == 1)
        for account, country in alone[:_OF_EACH] if n > 2 and len(users) > 1 else ():
            text = f"{self._names.account_name(account)} alone of {n} accounts signed in from {country}"
            found.append(self._row(account, f"country {country}", 1.0, 0.0, None, 1.0 / n, n, text, 0.5))
        return found

    def _rank(
        self, what: str, k: int, seen: NDArray[np.int64], values: NDArray[np.float64]
    ) -> tuple[float, float, Evidence]:  # fmt: skip
        value, n = float(values[k]), len(values)
        others = np.delete(values, k)
        usual, high = float(np.median(others)), float(np.quantile(others, 0.95))
        text = (
            f"{self._names.account_name(int(seen[k]))} {STATISTICS[what].format(v=value)}; the other {n - 1} accounts: "
            f"{usual:,.0f} in the middle, {high:,.0f} at 95 %"
        )
        p = float((values >= value).sum()) / n
        spread = (float(others.min()), high)
        return self._row(int(seen[k]), what, value, usual, spread, p, n, text, value / (usual + 1.0))

    def _row(
        self, account: int, what: str, observed: float, expected: float, spread: tuple[float, float] | None, p: float,
        n: int, text: str, ratio: float,
    ) -> tuple[float, float, Evidence]:  # fmt: skip
        site, name = self._names.site_name(self._site[account]), self._names.account_name(account)
        basis: dict[str, Any] = {"value": observed, "p_rank": p}
        return (
            p,
            ratio,
            Evidence(
                id=identify("EV", site, name, "unusual", what), ts=rfc3339(self._last_ns), site=site,
                entity=Entity(kind="account", id=name), detector="unusual", family="listing", source="identity",
                observed=observed, expected=expected, range=spread, reference="peers", reference_n=n, p=p,
                db=decibans(p), text=f"{text} (in these {span(self._last_ns - self._first_ns)}).",
                model="unusual.rank/1", basis=basis,
            ),
        )  # fmt: skip
