"""Credential hops: an account that was never used at a host logs in from it to what the host never reached.

Hopper's rule (Ho et al. 2021, "Hopper: Modeling and Detecting Lateral Movement", section 4): on the path of logins
that ends at a host, the account changes to one that reaches what the account before could not. Told is a login
(source device, account, target) where the source's own accounts never logged in to the target and the account was never
used from the source. p = P(new account of the source) × P(new source of the account), both Pitman–Yor over active days
(baselines/novelty.py): somebody who works everywhere, and a host where everybody works, say little.

Logins are those whose success was seen, and service tickets (Kerberos TGS). Machine accounts move on their own and are
left out, as are services that everybody asks for.

Needs the source and the account on OWN_DAYS earlier days. Not here: connections without an account
(sensor/detectors/lateral.py).
"""

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.novelty import p_new
from sensor.detectors.device_days import P_OPENS
from sensor.detectors.logins import Login, logins
from sensor.detectors.parties import message_record
from sensor.model.accounts import fold
from sensor.model.evidence import Entity, Evidence, Finding, Peer
from sensor.model.ids import identify
from sensor.model.metadata import Kerberos
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, rfc3339

OWN_DAYS = 3
"""Earlier days on which a source and an account must have been seen."""
HELD_MAX = 1 << 19
LOGINS_MAX = 1 << 14
"""Logins of a tick that are judged; further ones are only counted."""
COMMON_SERVICES = ("krbtgt/", "ldap/", "dns/", "gc/")
"""Tickets that every logon asks for."""
_OF_SOURCE, _OF_ACCOUNT, _REACH = range(3)


def detector(names: Names, secret: int) -> "CredentialHops":
    """Make the detector of this module."""
    return CredentialHops(names, secret)


class CredentialHops:
    """Accounts by source device, sources by account, targets by account."""

    name = "credential_hops"
    family = "lateral"
    techniques: tuple[str, ...] = ("T1021", "T1078")
    needs = "history"
    unit = "−log10 of the probability of a new account and a new source"
    citation = "Ho et al. 2021, Hopper, section 4; Pitman and Yor 1997, section 3"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        columns = {"days": (np.int64, (), 0), "day": (np.int64, (), -1), "kinds": (np.int64, (), 0)}
        self._held = KeyedTable(columns, HELD_MAX, secret)
        self._key = secret.to_bytes(8, "little")
        self.uncounted = 0
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use."""
        return {"credential_pairs": self._held.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Judge the tick's logins."""
        if tick.merged:
            self._held.rename(
                {gone << 2 | kind: kept << 2 | kind for gone, kept in tick.merged for kind in (_OF_SOURCE, _REACH)}
            )
        found: dict[str, Finding] = {}
        for login in self._successes(tick):
            self._seen += 1
            if (finding := self._judge(tick, login)) is not None:
                found.setdefault(finding.evidence.id, finding)
        return list(found.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Count active days of accounts by source and of sources by account, but of flagged devices and accounts."""
        frozen = tick.frozen_accounts
        for login in self._successes(tick):
            row = self._names.account_row(login.account or "")
            if flagged[login.device] or (0 <= row < len(frozen) and frozen[row]):
                continue
            account, target, day = self._hash(login.account or ""), self._hash(login.target), login.ts // DAY_NS
            self._count(login.device << 2 | _OF_SOURCE, account, day, tick.end_ns)
            self._count(
                account << 2 & _LOW | _OF_ACCOUNT | _TEXT,
                self._hash(self._names.device_id(login.device)),
                day,
                tick.end_ns,
            )
            self._count(login.device << 2 | _REACH, target, day, tick.end_ns)

    def coverage(self) -> Coverage:
        """Say whether logins of accounts were seen."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no accepted login of a local device's accounts")
        more = f"; {self.uncounted:,} over {LOGINS_MAX:,} a tick only counted" if self.uncounted else ""
        return Coverage(
            detector=self.name, state="judged", why=f"{self._seen:,} logins; judged after {OWN_DAYS} days of each{more}"
        )

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = {f"held/{name}": column for name, column in self._held.save().items()}
        return state | {"counters": np.array([self.uncounted, self._seen], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        if not state:
            return
        self._held.load({name[5:]: column for name, column in state.items() if name.startswith("held/")})
        self.uncounted, self._seen = (int(value) for value in state["counters"])

    def _successes(self, tick: Tick) -> Iterator[Login]:
        """Yield accepted logins of people's accounts from devices, with where they went."""
        count = 0
        for login in (*_tickets(tick, self._names), *logins(tick, self._names)):
            account = login.account or ""
            if not login.success or login.device < 0 or not login.target or not account or "$" in account:
                continue
            count += 1
            if count > LOGINS_MAX:
                self.uncounted += 1
                return
            yield login

    def _hash(self, text: str) -> int:
        """Return 62 keyed bits of a text that input can choose."""
        digest = hashlib.blake2b(text.lower().encode("utf-8", "replace"), digest_size=8, key=self._key).digest()
        return int.from_bytes(digest, "little") >> 2

    def _judge(self, tick: Tick, login: Login) -> Finding | None:
        day, account = login.ts // DAY_NS, self._hash(login.account or "")
        source, of_account = login.device << 2 | _OF_SOURCE, account << 2 & _LOW | _OF_ACCOUNT | _TEXT
        device = self._hash(self._names.device_id(login.device))
        own, whose = self._total(source, day), self._total(of_account, day)
        if own[2] < OWN_DAYS or whose[2] < OWN_DAYS:
            return None
        used, reached = (
            self._before(source, account, day),
            self._before(login.device << 2 | _REACH, self._hash(login.target), day),
        )
        if used or reached or self._before(of_account, device, day):
            return None
        draws, kinds = np.array([own[0], whose[0]]), np.array([own[1], whose[1]])
        p = float(np.prod(p_new(draws, kinds)))
        basis = {
            "source_draws": float(own[0]), "source_accounts": float(own[1]), "account_draws": float(whose[0]),
            "account_sources": float(whose[1]), "day": float(day),
        }  # fmt: skip
        return self._finding(tick, login, p, basis)

    def _rows(self, a: int, b: int) -> int:
        return int(self._held.find(*(np.array([word], np.uint64) for word in (a, b, 0)))[0])

    def _total(self, a: int, day: int) -> tuple[int, int, int]:
        """Return draws (kind-days), kinds and days before a day."""
        row = self._rows(a, _WHOLE)
        if row < 0:
            return 0, 0, 0
        columns = self._held.columns
        days = int(columns["days"][row]) - int(columns["day"][row] == day)
        return int(columns["kinds"][row] >> 32), int(columns["kinds"][row] & 0xFFFF_FFFF), days

    def _before(self, a: int, b: int, day: int) -> bool:
        """Tell whether a pair was seen on an earlier day."""
        row = self._rows(a, b)
        return row >= 0 and int(self._held.columns["days"][row]) - int(self._held.columns["day"][row] == day) > 0

    def _count(self, a: int, b: int, day: int, end_ns: int) -> None:
        """Take a pair in, once a day, and its first word's total."""
        words = (np.full(2, a, np.uint64), np.array([b, _WHOLE], np.uint64), np.zeros(2, np.uint64))
        pair, whole = self._held.insert(*words).tolist()
        columns = self._held.columns
        columns["last"][[pair, whole]] = end_ns
        if columns["day"][pair] == day:
            return
        new = columns["days"][pair] == 0
        columns["days"][pair] += 1
        columns["day"][pair] = day
        columns["kinds"][whole] += (1 << 32) + int(new)
        if columns["day"][whole] != day:
            columns["days"][whole] += 1
            columns["day"][whole] = day

    def _finding(self, tick: Tick, login: Login, p: float, basis: dict[str, float]) -> Finding:
        names, device = self._names, login.device
        name, site, identity = names.device_name(device), names.device_site(device), names.device_id(device)
        account = login.account or ""
        text = (
            f"{account} logged in from {name} to {login.target} by {login.service}: it was never used there in "
            f"{basis['account_draws']:.0f} active days at {basis['account_sources']:.0f} devices, and the "
            f"{basis['source_accounts']:.0f} accounts of {name} never reached {login.target}. p = {p:.2g}."
        )
        evidence = Evidence(
            id=identify("EV", site, identity, self.name, account, login.target, int(basis["day"])),
            ts=rfc3339(tick.end_ns), site=site, entity=Entity(kind="device", id=identity), detector=self.name,
            family=self.family, source="network", observed=1.0, expected=p, range=None, reference="own",
            reference_n=int(basis["source_draws"]), p=p, db=decibans(p), text=text, records=(login.record,),
            model="credential_hops.hopper/1", basis=basis, keys=(f"account:{account}", f"destination:{login.target}"),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=device, name=name, techniques=self.techniques,
            opens=p <= P_OPENS, digest=p > P_OPENS,
            peers=tuple(
                Peer(kind=kind, id=one, name=one) for kind, one in (("account", account), ("service", login.target))
            ),
            check=f"Did {account} work on {name} at that time? If not, its credentials are in other hands.",
        )  # fmt: skip


_WHOLE = 0xFFFF_FFFF_FFFF_FFFF
_LOW = (1 << 63) - 1
_TEXT = 1 << 63
"""Marks first words that are hashes of accounts, so that no device row is one of them."""


def _tickets(tick: Tick, names: Names) -> Iterator[Login]:
    """Yield service tickets that were granted: who asked, from where, for what."""
    sites = tick.message_site or [0] * len(tick.messages)
    for message, device, site in zip(tick.messages, tick.message_device.tolist(), sites, strict=True):
        if not isinstance(message, Kerberos) or message.request_type != "TGS" or not message.success:
            continue
        service = (message.service or "").lower()
        host = service.partition("/")[2].partition("/")[0].partition("@")[0]
        if host and not service.startswith(COMMON_SERVICES):
            yield Login(
                message.ts, site, message.orig_h, device, host.partition(".")[0],
                f"Kerberos ({service.partition('/')[0]})",
                fold(message.client), True, message_record(names, message),
            )  # fmt: skip


def recount(_evidence: Evidence, _archive: object) -> float | None:
    """Return None: one login is its own count, and its record is named."""
    return None


def again(evidence: Evidence) -> float | None:
    """Return p again from the draws and kinds of the basis, by Pitman–Yor's formula."""
    basis = evidence.basis
    new_account = (1 + 0.25 * basis["source_accounts"]) / (1 + basis["source_draws"])
    return new_account * (1 + 0.25 * basis["account_sources"]) / (1 + basis["account_draws"])
