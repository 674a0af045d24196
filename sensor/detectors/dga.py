"""Generated domains: a device that asks for one registered name after another of which none exists.

The walk of the scans (baselines/walk.py), over first questions for registered names: a name that does not exist is a
failed contact, one that resolves an answered one (Krishnan, Taylor, Monrose, McHugh 2013, "Crossing the Threshold:
Detecting Network Malfeasance via Sequential Hypothesis Testing", section IV). p is its Ville bound.

No failures: names below no public suffix (search lists, home networks), reverse names, blocklists and reputation
services, names that other devices fail at too (a filter, a dead service), and names a letter or two off one that
resolved (a typing error). Names of random letters open an incident at RANDOM_OPENS net failures; names of words, as a
DNS filter refuses them too, at WORDS_OPENS.
"""

import re
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from baselines import walk
from baselines.evidence import decibans
from baselines.keyed import KeyedTable
from baselines.parts import packed, unpack
from baselines.table import Table
from sensor.detectors.dns_information import REPUTATION
from sensor.detectors.places import words
from sensor.detectors.registered import is_public, registered
from sensor.model.archive import Archive
from sensor.model.evidence import Entity, Evidence, Finding, Record
from sensor.model.ids import identify
from sensor.model.metadata import Dns
from sensor.model.result import Coverage
from sensor.model.tick import Names, Tick
from sensor.model.times import DAY_NS, parse, rfc3339, span

NAMES_MAX = 1 << 18
"""(device, registered name) pairs; the half asked for longest ago goes."""
RANDOM_OPENS, WORDS_OPENS = 10, 20
"""Net failures; twice and five times the scanner's verdict. The most on public benign captures was 3 (M57)."""
SHOWN = 6
"""Net failures at which it is a row of the digest."""
RECENT = 12
"""Failed names kept of a device, to show and to judge their letters."""
P_FLOOR = 1e-6
"""Names are no independent draws."""
_OTHER_DNS = frozenset({137, 5353, 5355})
_NXDOMAIN = 3
"""RFC 1035 §4.1.1."""
_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{5,}")
_MIXED = re.compile(r"[a-z]\d[a-z]|\d[a-z]\d")

_DEVICE: dict[str, Any] = {
    "net": (np.int32, (), 0), "walks": (np.int32, (), 0), "fails": (np.int32, (), 0), "asked": (np.int32, (), 0),
    "since": (np.int64, (), 0), "day": (np.int64, (), -1), "recent": ("S64", (RECENT,), b""),
    "resolved": ("S64", (RECENT,), b""), "resolves": (np.int64, (), 0),
}  # fmt: skip


class _Step(msgspec.Struct, array_like=True):
    device: int
    site: int
    domain: str
    failed: bool
    message: Dns


def detector(names: Names, secret: int) -> "Dga":
    """Make the detector of this module."""
    return Dga(names, secret)


class Dga:
    """First questions for registered names, by device."""

    name = "dga"
    family = "dns"
    techniques: tuple[str, ...] = ("T1568.002",)
    needs = "nothing"
    unit = "registered names that do not exist"
    citation = "Krishnan, Taylor, Monrose, McHugh 2013 (DSN), section IV"

    def __init__(self, names: Names, secret: int) -> None:
        self._names = names
        self._devices = Table(_DEVICE, 1_000_000)
        self._asked = KeyedTable({}, NAMES_MAX, secret)
        self._failed = KeyedTable({"device": (np.int64, (), -1)}, NAMES_MAX, secret)
        self._seen = 0

    @property
    def saturation(self) -> dict[str, float]:
        """Share of the cap in use, by table."""
        return {"dga_names": self._asked.saturation}

    def score(self, tick: Tick) -> list[Finding]:
        """Walk over the tick's answers; one finding a device that is failing."""
        self._devices.cover(self._names.count())
        self._follow(tick)
        failing: dict[int, _Step] = {}
        for step in self._first(tick, self._steps(tick)):
            if self._walk(step):
                failing[step.device] = step
        return [self._finding(tick, step) for step in failing.values()]

    def learn(self, tick: Tick, flagged: NDArray[np.bool_]) -> None:
        """Do nothing more: the walk is a judgement, what it remembers is which questions were first."""

    def coverage(self) -> Coverage:
        """Say whether answers were seen."""
        if not self._seen:
            return Coverage(detector=self.name, state="no_input", why="no DNS answer to a local device")
        return Coverage(detector=self.name, state="judged", why=f"{self._seen:,} DNS answers to local devices")

    def save(self) -> dict[str, NDArray[Any]]:
        """Return its state as named arrays."""
        state = packed(self._parts())
        return state | {"seen": np.array([self._seen], np.int64)}

    def load(self, state: dict[str, NDArray[Any]]) -> None:
        """Restore what `save` returned. Raises ValueError for a version it cannot read."""
        unpack(state, self._parts())
        self._seen = int(state["seen"][0])

    def _parts(self) -> list[tuple[str, Table | KeyedTable]]:
        return [("devices", self._devices), ("asked", self._asked), ("failed", self._failed)]

    def _follow(self, tick: Tick) -> None:
        """Give first questions of rows that turned out to be another device to the row that stands for it."""
        for gone, _ in tick.merged:
            self._devices.clear(gone)
        if tick.merged:
            self._asked.rename(dict(tick.merged))

    def _steps(self, tick: Tick) -> list[_Step]:
        """Return the answered questions that may be steps of a walk, in order."""
        steps = []
        for message, device, site in zip(tick.messages, tick.message_device.tolist(), tick.message_site, strict=True):
            if not isinstance(message, Dns) or device < 0 or message.rcode is None or message.resp_p in _OTHER_DNS:
                continue
            self._seen += 1
            domain = registered(message.query)
            if domain is None or domain in REPUTATION or not is_public(domain):
                continue
            if message.rcode == _NXDOMAIN or message.addresses or message.names:
                steps.append(_Step(device, site, domain, message.rcode == _NXDOMAIN, message))
        return steps

    def _first(self, tick: Tick, steps: list[_Step]) -> list[_Step]:
        """Return the steps that are the device's first question for a name, in order."""
        if not steps:
            return []
        keys = np.array([(step.device, *words(step.domain)) for step in steps], np.uint64)
        columns = [keys[:, word].copy() for word in range(3)]
        before = self._asked.find(*columns) >= 0
        rows = self._asked.insert(*columns)
        self._asked.columns["last"][rows] = tick.end_ns
        _, first = np.unique(rows, return_index=True)
        return [steps[i] for i in np.sort(first).tolist() if not before[i]]

    def _walk(self, step: _Step) -> bool:
        """Take a step; tell whether it failed and the walk is at SHOWN or more."""
        own, row = self._devices.columns, step.device
        today = step.message.ts // DAY_NS
        if own["day"][row] != today:
            own["day"][row], own["walks"][row] = today, 1
        if own["net"][row] <= walk.NET_LOW:
            own["net"][row], own["fails"][row], own["asked"][row] = 0, 0, 0
            own["walks"][row] += 1
        if step.failed and (self._others_fail(step) or self._is_typing_error(step)):
            return False
        own["asked"][row] += 1
        text = step.domain.encode("ascii", "replace")[:63]
        if not step.failed:
            own["net"][row] -= 1
            own["resolved"][row, own["resolves"][row] % RECENT] = text
            own["resolves"][row] += 1
            return False
        own["net"][row] = min(walk.NET_MAX, own["net"][row] + 1)
        if own["fails"][row] == 0:
            own["since"][row] = step.message.ts
        own["recent"][row, own["fails"][row] % RECENT] = text
        own["fails"][row] += 1
        return bool(own["net"][row] >= SHOWN)

    def _others_fail(self, step: _Step) -> bool:
        """Tell whether another device of the site failed at that name before."""
        key = [np.array([word], np.uint64) for word in (step.site, *words(step.domain))]
        row = int(self._failed.insert(*key)[0])
        columns = self._failed.columns
        columns["last"][row] = step.message.ts
        if columns["device"][row] < 0:
            columns["device"][row] = step.device
        return bool(columns["device"][row] != step.device)

    def _is_typing_error(self, step: _Step) -> bool:
        """Tell whether a name is a letter or two off one that the device resolved of late."""
        own = self._devices.columns["resolved"][step.device].tolist()
        return any(near(step.domain, name.decode("ascii", "replace")) for name in own if name)

    def _finding(self, tick: Tick, step: _Step) -> Finding:
        own, row = self._devices.columns, step.device
        net, walks, fails, asked = (int(own[name][row]) for name in ("net", "walks", "fails", "asked"))
        site, device, name = (f(row) for f in (self._names.device_site, self._names.device_id, self._names.device_name))
        kept = [own["recent"][row, k % RECENT].decode("ascii", "replace") for k in range(max(0, fails - RECENT), fails)]
        random = sum(is_random(domain) for domain in kept)
        opens = net >= (RANDOM_OPENS if 2 * random >= len(kept) else WORDS_OPENS)
        p, since = max(P_FLOOR, walk.p_of_walk(net, walks)), int(own["since"][row])
        text = (
            f"{name} asked for {asked} registered names new to it in {span(step.message.ts - since)}: {fails} do not "
            f"exist, {net} more than resolved; {random} of the last {len(kept)} look random. Last: "
            f"{', '.join(kept[-5:])}."
        )
        evidence = Evidence(
            id=identify("EV", site, device, self.name, since), ts=rfc3339(tick.end_ns), site=site,
            entity=Entity(kind="device", id=device), detector=self.name, family=self.family, source="network",
            observed=float(fails), expected=0.2 * asked, range=(0.0, 0.2 * asked + 3 * (0.16 * asked) ** 0.5),
            reference="analytic", reference_n=0, p=p, db=decibans(p), text=text,
            records=(
                Record(
                    input=self._names.input_path(step.message.input), uid=step.message.uid or None,
                    row=step.message.offset,
                ),
            ),
            model="dga.walk/1",
            basis={"net": float(net), "walks": float(walks), "fails": float(fails), "asked": float(asked),
                   "random": float(random), "since_s": since / 1e9},
            keys=(f"device:{device}",),
        )  # fmt: skip
        return Finding(
            evidence=evidence, device=row, name=name, techniques=self.techniques, opens=opens, digest=True,
            counter=("a mail server or a crawler meets dead domains; a DNS filter refuses names so",),
            check=f"Which program on {name} asked for {kept[-1]}?",
        )  # fmt: skip


def is_random(domain: str) -> bool:
    """Tell whether a registered name's first label looks random: few vowels, long clusters, digits among letters."""
    label = domain.partition(".")[0]
    letters = [letter for letter in label if letter.isalpha()]
    if len(label) < 6:
        return False
    vowels = sum(letter in "aeiouy" for letter in letters)
    return bool(_CONSONANTS.search(label) or _MIXED.search(label)) or vowels < 0.2 * len(letters)


def near(one: str, other: str) -> bool:
    """Tell whether two names differ by one insertion, deletion, substitution or exchange of neighbours."""
    if abs(len(one) - len(other)) > 1 or one == other:
        return one == other
    at = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    if len(one) != len(other):
        shorter, longer = sorted((one, other), key=len)
        return shorter[at:] == longer[at + 1 :]
    return one[at + 1 :] == other[at + 1 :] or (
        one[at : at + 2] == other[at : at + 2][::-1] and one[at + 2 :] == other[at + 2 :]
    )


def again(evidence: Evidence) -> float:
    """Return p from the walk's numbers: walks · 4^−net, never under the floor."""
    return float(min(1.0, max(1e-6, evidence.basis["walks"] * 4.0 ** -evidence.basis["net"])))


def recount(evidence: Evidence, archive: Archive) -> float | None:
    """Return None where the archive does not reach back to the device's first question, else its failed names again.

    Names that other devices had failed at before, and typing errors, are no failures; so the whole site is read.
    """
    if archive.since_ns:
        return None
    rows = archive.rows(
        "SELECT device, ts, query, body FROM messages WHERE kind = 'dns' AND site = ? AND device IS NOT NULL AND "
        "resp_p NOT IN (137, 5353, 5355) AND tick <= ? ORDER BY tick, n",
        (evidence.site, parse(evidence.ts)),
    )
    asked: set[tuple[str, str]] = set()
    failed: dict[str, str] = {}
    resolved: list[str] = []
    net = fails = 0
    for device, _, query, body in rows:
        message = msgspec.json.decode(body)
        domain, rcode = registered(query), message.get("rcode")
        if domain is None or domain in REPUTATION or not is_public(domain) or rcode is None:
            continue
        exists = bool(message.get("addresses") or message.get("names"))
        if (rcode != _NXDOMAIN and not exists) or (device, domain) in asked:
            continue
        asked.add((device, domain))
        mine = device == evidence.entity.id
        if mine and net <= walk.NET_LOW:
            net = fails = 0
        if rcode == _NXDOMAIN:
            other = failed.setdefault(domain, device) != device
            if mine and not other and not any(near(domain, name) for name in resolved[-RECENT:]):
                net, fails = net + 1, fails + 1
        elif mine:
            net -= 1
            resolved.append(domain)
    return float(fails)
