"""Files: how many an account previews, opens and downloads in a day, which it never did, and what it opens to others.

Previews count as opens do: whoever reads without downloading leaves only those. *Mass*: the day's distinct files held
against the account's own days (level and scale of log1p of the daily count, scale at least SCALE_MIN), an assumed level
before it has any. *Novelty*: places (folders, sites) of the day that are new to the account, together: how many of
those it opened, at the rate of first ones that its own days and its tenant's tell, each by how little it is known, and
by whether its files carry a label that the account never opened (`first_folders`). What is sensitive is what few open
and what carries a label, never a list of words; a label in a place that the account knows says nothing that the place
does not. *Seldom*: the day's files of places where the account goes on few of its days, or never, against its own
count of such (`seldom_places`). *Opened to others*: a file that became public or was shared outside.

Only mass opens an incident by itself, with a history of its own. Thumbnails that a service renders are not counted.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from baselines.keyed import KeyedTable
from baselines.novelty import ALPHA, DISCOUNT
from baselines.parts import packed, unpack
from baselines.slots import Slots
from baselines.table import Table
from sensor.detectors.acts import (
    Case,
    Who,
    by_kind,
    day_of,
    keys_of,
    multiply_again,
    rate_of,
    recount_records,
    teaches,
    told,
    who_of,
)  # fmt: skip
from sensor.detectors.first_folders import (
    ASSUMED_SHARES,
    PLACES_MAX,
    bin_of,
    labelled_share,
    p_of,
    prior,
    rarest,
    share,
)  # fmt: skip
from sensor.detectors.habits import KNOWN_DAYS, TENANTS_MAX, shared
from sensor.detectors.seldom_places import is_seldom, mean_of
from sensor.detectors.seldom_places import p_of as p_of_seldom
from sensor.model.archive import Archive
from sensor.model.event import Event
from sensor.model.evidence import Evidence, Finding
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick

FOLDERS, LABELS = 24, 8
"""Folders and sites, and labels, remembered an account; the one not opened longest goes."""
TODAY = 32
"""Places of a day told apart; beyond, each record counts as one, which weakens what is found."""
BITS = 256
"""Of the day's bitmap: linear counting holds within 10 % up to some 500 files (Whang 1990)."""
SCALE_MIN = 0.7
"""Least scale of log1p of a daily count: METHOD in force, of volumes."""
LEVEL, SCALE = math.log1p(10.0), 1.2
"""Assumed for an account without days of its own: 10 files a day, ten times that about one day in 30."""
PRIOR_DAYS = 3.0
MASS_FILES = 25
P_MASS = 0.01
P_MASS_MIN = 1e-4
"""Own daily counts have heavier tails than this model: no p below. METHOD in force: volume alone pages nothing."""
P_TOLD = 0.05
OWN_DAYS = 7
"""Days of its own with files from which on an account's mass may open an incident."""
SHARED_RATE = 1 / 100
PUBLIC_RATE = 1 / 300
PAIRS_MAX = 1 << 20
ACCOUNTS_MAX, UNKNOWN_MAX = 200_000, 4096
_COUNTED = ("firsts", "places", "labelled", "seldom_files", "seldom_days")
_READS = ("preview", "access", "download", "view", "open", "copied", "sync", "fetch")
_SERVICES = ("onedrivempc-transform", "thumbnail", "msndmib", "searchindexer")
"""Agents that render or index files for nobody in particular, folded."""
_OPENED = frozenset({"people_with_link", "public_on_the_web", "public_in_the_domain", "shared_externally", "unlisted"})
_CLOSED = frozenset({"private", "none", "people_within_domain_with_link"})
_LINKS = {
    "anonymouslinkcreated": PUBLIC_RATE, "anonymouslinkupdated": PUBLIC_RATE, "sharinginvitationcreated": SHARED_RATE,
    "addedtosecurelink": SHARED_RATE,
}  # fmt: skip
"""SharePoint's operations that open a file to others, folded → assumed rate."""


def detector(names: Names, secret: int) -> "Files":
    """Make the detector of this module."""
    return Files(names, secret)


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return how many of the records behind it the archive holds."""
    return recount_records(evidence, archive)


def again(evidence: Evidence) -> float | None:
    """Return p by its definition: a normal tail of log counts, or the bound of so many first places."""
    basis = evidence.basis
    if "opened" in basis:
        opened, new, looks = (int(basis[name]) for name in ("opened", "new", "looks"))
        return p_of(opened, new, basis["share"], basis["a"], basis["b"], looks)
    if "seldom" in basis:
        return p_of_seldom(int(basis["seldom"]), basis["mean"])
    if "level" in basis:
        return _mass_p(basis["files"], basis["level"], basis["scale"])
    if "own" in basis:
        return float(min(1.0, basis["own"] * basis["tail"] * basis["folders"]))
    return multiply_again(evidence)


class Files:
    """Files by account and day."""

    name = "files"
    family = "files"
    techniques: tuple[str, ...] = ("T1213.002", "T1530")
    needs = "history"
    unit = "distinct files an account opened in a day"
    citation = "Pitman and Yor 1997, section 3; Whang et al. 1990; Beta-binomial tail by the union bound"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._habits = shared(names, secret)
        spec: dict[str, Any] = {
            "folder": (np.uint64, (FOLDERS,), 0), "folder_last": (np.uint16, (FOLDERS,), 0),
            "draws": (np.int32, (), 0), "kinds": (np.int32, (), 0), "day": (np.int32, (), -1),
            "bits": (np.uint64, (BITS // 64,), 0), "level": (np.float32, (), 0),
            "spread": (np.float32, (), 0), "days": (np.int32, (), 0),
            "label": (np.uint64, (LABELS,), 0), "label_last": (np.uint16, (LABELS,), 0),
            "firsts": (np.int32, (), 0), "places": (np.int32, (), 0),
            "today": (np.uint64, (TODAY,), 0), "opened": (np.int32, (), 0),
            "first": (np.uint64, (PLACES_MAX,), 0), "share": (np.float32, (PLACES_MAX,), 0),
            "labelled": (np.uint8, (PLACES_MAX,), 0),
            "folder_days": (np.uint8, (FOLDERS,), 0), "taught": (np.int32, (), -1),
            "seldom": (np.uint64, (), 0), "seldom_files": (np.int32, (), 0), "seldom_days": (np.int32, (), 0),
        }  # fmt: skip
        self._accounts = Slots(spec, ACCOUNTS_MAX, UNKNOWN_MAX)
        counted: dict[str, Any] = dict.fromkeys(_COUNTED, (np.int64, (), 0))
        self._tenants = Table({**counted, "known": (np.int64, (len(ASSUMED_SHARES),), 0)}, TENANTS_MAX)
        self._pairs = KeyedTable({"accounts": (np.int64, (), 0)}, PAIRS_MAX, secret)
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"file_accounts": self._accounts.saturation, "file_folders": self._pairs.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Count the tick's files, and tell of accounts that opened many, or what was rare for them, or to others."""
        found: dict[str, Finding] = {}
        touched: dict[int | str, tuple[int, list[int]]] = {}
        for i in by_kind(tick, "file"):
            event = tick.events[i]
            self._seen += 1
            if event.outcome == "failure":
                continue
            opened = _opened_to(event)
            if opened:
                finding = self._shared_out(tick, i, opened)
                found[finding.evidence.id] = finding
            elif _is_read(event):
                who = who_of(self._names, tick, i)
                key = who.account if who.account >= 0 else who.name
                touched.setdefault(key, (i, []))[1].append(i)
        for key, (_, rows) in touched.items():
            for finding in self._judge(tick, key, rows):
                found[finding.evidence.id] = finding
        return list(found.values())

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Learn the folders that were opened, but those of frozen accounts."""
        for i in by_kind(tick, "file"):
            event, account = tick.events[i], int(tick.event_account[i])
            if event.outcome == "failure" or not _is_read(event):
                continue
            if not teaches(tick, i, flagged):
                continue
            who = who_of(self._names, tick, i)
            row = self._accounts.find(who.account if who.account >= 0 else who.name)
            if row >= 0:
                self._accounts.columns["taught"][row] = day_of(event.ts)
                self._learn_place(row, event, account)

    def coverage(self) -> Coverage:
        """Say whether files were logged."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no record of a file")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} records of files")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        parts = (("accounts", self._accounts), ("tenants", self._tenants), ("pairs", self._pairs))
        return packed(parts)

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, (("accounts", self._accounts), ("tenants", self._tenants), ("pairs", self._pairs)), optional=True)

    def _judge(self, tick: Tick, key: int | str, rows: list[int]) -> list[Finding]:
        """Take an account's files of the tick in; return its mass and its novelty of the day."""
        row = self._accounts.take(key)
        columns, events = self._accounts.columns, [tick.events[i] for i in rows]
        day = day_of(events[-1].ts)
        if columns["day"][row] != day:
            self._end_day(row, self._habits.tenant_of(int(tick.event_account[rows[0]])))
            columns["day"][row], columns["opened"][row], columns["seldom"][row] = day, 0, 0
            for name in ("bits", "today", "first", "share", "labelled"):
                columns[name][row] = 0
        newest, seldom, before = None, [], int(columns["seldom"][row]).bit_count()
        for i, event in zip(rows, events, strict=True):
            key = self._habits.traits.key(_file(event)) >> 8
            columns["bits"][row, key % BITS // 64] |= np.uint64(1 << key % 64)
            if self._is_seldom(row, event):
                columns["seldom"][row] |= np.uint64(1 << key % 64)
                seldom.append(event)
            if self._visit(row, event, int(tick.event_account[i])):
                newest = event
        who = who_of(self._names, tick, rows[-1])
        found = [self._mass(who, row, events, day)]
        if newest is not None:
            found.append(self._rare(who, row, newest, events, day))
        if seldom:
            found.append(self._seldom(who, row, seldom, day, before))
        return [finding for finding in found if finding is not None]

    def _end_day(self, row: int, tenant: int) -> None:
        """Take yesterday's counts into the account's level and spread, and its files of seldom places."""
        columns = self._accounts.columns
        if columns["day"][row] < 0:
            return
        if columns["taught"][row] == columns["day"][row] and columns["days"][row] >= KNOWN_DAYS:
            self._tenants.cover(tenant + 1)
            files = int(columns["seldom"][row]).bit_count()
            for held, at in ((columns, row), (self._tenants.columns, tenant)):
                held["seldom_files"][at] += files
                held["seldom_days"][at] += 1
        x = math.log1p(_distinct(columns["bits"][row]))
        n = int(columns["days"][row]) + 1
        step = max(1.0 / n, 0.1)
        off = x - float(columns["level"][row])
        columns["level"][row] += step * off
        columns["spread"][row] = (1 - step) * (float(columns["spread"][row]) + step * off * off)
        columns["days"][row] = min(n, 10_000)

    def _mass(self, who: Who, row: int, events: list[Event], day: int) -> Finding | None:
        columns = self._accounts.columns
        count = _distinct(columns["bits"][row])
        if count < MASS_FILES:
            return None
        days = int(columns["days"][row])
        weight = days / (days + PRIOR_DAYS)
        level = weight * float(columns["level"][row]) + (1 - weight) * LEVEL
        variance = weight * float(columns["spread"][row]) + (1 - weight) * SCALE**2
        scale = max(SCALE_MIN, math.sqrt(variance))
        p = _mass_p(count, level, scale)
        if p > P_TOLD:
            return None
        usual = f"usual for it: {math.expm1(level):.0f} a day over {days} days" if days else "assumed: 10 a day"
        case = Case(
            ts=events[-1].ts, target=("mass", day), p=p,
            text=f"{who.name} opened about {count:.0f} different files today, from "
            f"{events[-1].ip or 'an unknown address'} ({usual}); p = {p:.2g}.",
            observed=float(count), basis={"files": count, "level": level, "scale": scale, "days": float(days)},
            stage="act", keys=_keys(events), marks=("mass_access",) if p <= P_MASS else (), events=events,
            opens=days >= OWN_DAYS and p <= P_MASS, reference="own", reference_n=days,
            counter=("a backup or a sync client opens as many",), techniques=_technique(events[-1]),
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _visit(self, row: int, event: Event, account: int) -> bool:
        """Take the place of a file in; return whether it is one more first place of the day, or first with a label."""
        columns, place, label = self._accounts.columns, _place(event), _label(event)
        if place is None:
            return False
        key = np.uint64(self._habits.traits.key(place))
        at = np.nonzero(columns["first"][row] == key)[0]
        fresh = not (columns["today"][row] == key).any()
        if fresh:
            columns["today"][row, min(int(columns["opened"][row]), TODAY - 1)] = key
            columns["opened"][row] += 1
        tenant = self._habits.tenant_of(account)
        self._tenants.cover(tenant + 1)
        held = self._tenants.columns
        if fresh and not len(at) and columns["days"][row] >= 1 and not (columns["folder"][row] == key).any():
            at = np.nonzero(columns["first"][row] == 0)[0][:1]
            if len(at):
                others = self._others(tenant, int(key))
                columns["first"][row, at[0]] = key
                columns["share"][row, at[0]] = share(held["known"][tenant].tolist(), others)
        else:
            fresh = False
        if not len(at) or label is None or columns["labelled"][row, at[0]] or self._knows_label(row, label):
            return fresh and bool(len(at))
        columns["labelled"][row, at[0]] = 1
        columns["share"][row, at[0]] *= labelled_share(int(held["labelled"][tenant]), int(held["firsts"][tenant]))
        return True

    def _knows_label(self, row: int, label: str) -> bool:
        return bool((self._accounts.columns["label"][row] == self._habits.traits.key(label)).any())

    def _others(self, tenant: int, key: int) -> int:
        """Return how many accounts of a tenant opened a place."""
        where = int(self._pairs.find(*_pair(tenant, key))[0])
        return int(self._pairs.columns["accounts"][where]) if where >= 0 else 0

    def _rare(self, who: Who, row: int, event: Event, events: list[Event], day: int) -> Finding | None:
        """Tell of the day's first places, by the last of them."""
        columns, held = self._accounts.columns, self._tenants.columns
        tenant = self._habits.tenant_of(who.account)
        own = (ALPHA + DISCOUNT * int(columns["kinds"][row])) / (ALPHA + int(columns["draws"][row]))
        firsts, places = int(columns["firsts"][row]), int(columns["places"][row])
        a, b = prior(firsts, places, int(held["firsts"][tenant]), int(held["places"][tenant]), own)
        days = int(columns["days"][row])
        usual = round(int(columns["draws"][row]) / days)  # by the evening, whatever the day began with
        opened = max(usual, int(columns["opened"][row]))
        shares = [one for one in columns["share"][row].tolist() if one > 0]
        p, new, widest, looks = rarest(opened, shares, a, b)
        if p > P_TOLD:
            return None
        labelled = int((columns["labelled"][row] > 0).sum())
        carry = f", {labelled} of them with a label that it never opened" if labelled else ""
        label = f" (label {event.detail.get('label')})" if event.detail.get("label") else ""
        case = Case(
            ts=event.ts, target=("rare", day), p=p,
            text=f"{who.name} opened {_shown(event)!r} in {str(_place(event))[-80:]!r}{label} from "
            f"{event.ip or 'an unknown address'}: new to it {'is' if looks == 1 else 'are'} {looks} of the "
            f"{opened} place{'s' * (opened != 1)} of its day{carry}. Over {days} days with files one in "
            f"{(a + b) / a:.0f} was, and of its tenant's first places {100 * widest:.2g} % are as little known; "
            f"p = {p:.2g}.",
            observed=float(len(events)),
            basis={
                "opened": float(opened), "new": float(new), "share": widest, "a": a, "b": b, "looks": float(looks),
            },
            stage="act", keys=_keys(events), events=events, reference="own", reference_n=days,
            techniques=_technique(event),
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _is_seldom(self, row: int, event: Event) -> bool:
        columns, place = self._accounts.columns, _place(event)
        if place is None:
            return False
        here = columns["folder"][row] == self._habits.traits.key(place)
        return is_seldom(int(columns["folder_days"][row][here].sum()), min(int(columns["days"][row]), 1000))

    def _seldom(self, who: Who, row: int, events: list[Event], day: int, before: int) -> Finding | None:
        """Tell of the day's files of places where the account seldom goes, where they are rarer than `before`."""
        columns, tenant = self._accounts.columns, self._habits.tenant_of(who.account)
        self._tenants.cover(tenant + 1)
        both = ((columns, row), (self._tenants.columns, tenant))
        own, every = ((int(held["seldom_files"][at]), int(held["seldom_days"][at])) for held, at in both)
        files, mean = int(columns["seldom"][row]).bit_count(), mean_of(*own, *every)
        p = p_of_seldom(files, mean)
        if p > P_TOLD or p == p_of_seldom(before, mean):
            return None
        last = events[-1]
        case = Case(
            ts=last.ts, target=("seldom", day), p=p,
            text=f"{who.name} opened about {files} file{'s' * (files != 1)} today in places where it goes on fewer "
            f"than one in five of its days, or never, the last {_shown(last)!r} in {str(_place(last))[-80:]!r} from "
            f"{last.ip or 'an unknown address'}: usual are {mean:.1f} a day ({own[1]} days of its own); p = {p:.2g}.",
            observed=float(len(events)), basis={"seldom": float(files), "mean": mean}, stage="act", keys=_keys(events),
            events=events, reference="own", reference_n=own[1], techniques=_technique(last),
            counter=("whoever begins in another team reads as much",),
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _shared_out(self, tick: Tick, i: int, rate: float) -> Finding:
        event, who = tick.events[i], who_of(self._names, tick, i)
        p, said = rate_of(0, 0, rate)
        to = [str(one) for one in event.detail.get("targets", ())][:3]
        whom = ", ".join(to) if to else str(event.detail.get("target_domain") or "others")
        case = Case(
            ts=event.ts, target=("shared", day_of(event.ts)), p=p,
            text=f"{who.name} opened {_shown(event)!r} to {whom}, outside the tenant or with a link for everybody "
            f"({said}).",
            observed=1.0, basis={"rate": p}, stage="act", keys=keys_of(event), events=(event,), techniques=("T1530",),
            check="See who has opened it since, and close it.",
        )  # fmt: skip
        return told(self, self._names, who, case)

    def _learn_place(self, row: int, event: Event, account: int) -> None:
        columns, place, label, day = self._accounts.columns, _place(event), _label(event), day_of(event.ts)
        new_label = label is not None and self._remember(row, "label", label, day) == "new"
        said = None if place is None else self._remember(row, "folder", place, day)
        if place is None or said == "today":
            return
        here = columns["folder"][row] == self._habits.traits.key(place)
        there = 0 if said == "new" else int(columns["folder_days"][row][here].sum())
        columns["folder_days"][row, here] = min(there + 1, 255)
        columns["kinds"][row] += said == "new"
        columns["draws"][row] += 1
        tenant = self._habits.tenant_of(account)
        self._tenants.cover(tenant + 1)
        counted = [self._tenants.columns[name] for name in ("firsts", "places", "labelled")]
        key = self._habits.traits.key(place)
        settled = columns["days"][row] >= KNOWN_DAYS
        if settled:
            columns["places"][row] += 1
            counted[1][tenant] += 1
        if said != "new":
            return
        if settled:
            columns["firsts"][row] += 1
            counted[0][tenant] += 1
            counted[2][tenant] += new_label
            self._tenants.columns["known"][tenant, bin_of(self._others(tenant, key))] += 1
        where = int(self._pairs.insert(*_pair(tenant, key))[0])
        self._pairs.columns["accounts"][where] += 1
        self._pairs.columns["last"][where] = day

    def _remember(self, row: int, ring: str, text: str, day: int) -> str:
        """Keep a place or label in the account's ring; return whether it was new, there today, or there before."""
        columns, key = self._accounts.columns, self._habits.traits.key(text)
        at = np.nonzero(columns[ring][row] == key)[0]
        if len(at) and columns[f"{ring}_last"][row, at[0]] >= day:
            return "today"
        slot = int(at[0]) if len(at) else int(np.argmin(columns[f"{ring}_last"][row]))
        columns[ring][row, slot], columns[f"{ring}_last"][row, slot] = key, day
        return "before" if len(at) else "new"


def _pair(tenant: int, key: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]]:
    return np.array([tenant], np.uint64), np.array([key], np.uint64), np.zeros(1, np.uint64)


def _distinct(bits: NDArray[np.uint64]) -> float:
    """Return the number of distinct files by linear counting."""
    used = sum(int(word).bit_count() for word in bits)
    return float(round(-BITS * math.log((BITS - min(used, BITS - 1)) / BITS)))


def _mass_p(count: float, level: float, scale: float) -> float:
    z = (math.log1p(count) - level) / scale
    return max(P_MASS_MIN, 0.5 * math.erfc(z / math.sqrt(2.0)))


def _is_read(event: Event) -> bool:
    """Tell whether a file was read by somebody: no thumbnail, no indexing."""
    agent = (event.user_agent or "").lower()
    if any(part in agent for part in _SERVICES):
        return False
    action = event.action.lower()
    return any(part in action for part in _READS) and "deni" not in action


def _opened_to(event: Event) -> float:
    """Return the assumed rate of opening a file to others as this record does, 0 where it does not."""
    detail = event.detail
    rate = _LINKS.get(event.action.lower())
    if rate is not None:
        return rate
    if detail.get("visibility_change") != "external" or str(detail.get("new_access") or "").lower() in _CLOSED:
        return 0.0
    visibility = str(detail.get("label") or "").lower()
    if str(detail.get("new_access") or "").lower() in _OPENED | {"people_with_link"}:
        return PUBLIC_RATE
    return SHARED_RATE if visibility in _OPENED else 0.0


def _file(event: Event) -> str:
    return str(event.detail.get("file_id") or event.detail.get("file") or event.object or "a file")


def _shown(event: Event) -> str:
    """Return a file's name for a person, its id where it has none."""
    return str(event.detail.get("file") or event.object or event.detail.get("file_id") or "a file")[-80:]


def _place(event: Event) -> str | None:
    """Return what a file is in: its site and folder; its owner's where it has none."""
    detail = event.detail
    site, folder = detail.get("site_url"), detail.get("folder")
    if site or folder:
        return "/".join(str(part).strip("/") for part in (site, folder) if part)
    return f"files of {detail['owner']}" if detail.get("owner") else None


def _label(event: Event) -> str | None:
    """Return the label of a file; Google's record calls its visibility so."""
    label = event.detail.get("label")
    return f"label {label}" if label and event.source != "google" else None


def _keys(events: list[Event]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(key for event in events[:64] for key in keys_of(event)))[:16]


def _technique(event: Event) -> tuple[str, ...]:
    return ("T1530",) if event.source == "google" else ("T1213.002",)
