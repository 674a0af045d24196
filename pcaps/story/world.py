"""The story's state while it is told: people, sensors, the identity logs, and what is known to be true.

Whatever happens goes through here: a sign-in becomes rows of the identity provider's log and of the audit log, contacts
on the wire where its device is on a site, and a line of the truth. Chance is drawn from generators that are named, so
that a scene more or less changes nothing for the others.
"""

import gzip
import json
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from story import cast, entra, okta
from story.audit import Auditor
from story.happenings import Attempt
from story.places import EGRESS, SITE_NETWORKS, Place
from story.zeek import Sensor

ZONES = {"SYD": ZoneInfo("Australia/Sydney"), "PER": ZoneInfo("Australia/Perth")}
HOUR, DAY = 3600.0, 86400.0
IDP_NAMES = {"entra": ("login.microsoftonline.com",), "okta": ("exampleau.okta.com", "login.microsoftonline.com")}
LATEST_S = 1800.0
"""The audit log's records come within half an hour."""


@dataclass(frozen=True)
class Options:
    """What is to be told."""

    seed: int = 1
    variant: int = 0
    staff: int = 40
    days: int = 35
    learning: int = 21
    sites: tuple[str, ...] = ("SYD", "PER")
    busy: float = 1.0
    """Web traffic; 1 is some 350 flows a laptop and day."""
    is_calm: bool = False
    """Leave out the one scene that may be an incident: two honest denials on a new device."""
    begins: date | None = None
    """First day, a Monday; None: the variant's own."""

    @property
    def product(self) -> str:
        """The identity provider."""
        return "okta" if self.variant % 2 else "entra"

    @property
    def start(self) -> date:
        """A Monday; the second variant's weeks hold the end of daylight saving time."""
        if self.begins is not None:
            return self.begins
        return date(2026, 3, 16) if self.variant % 2 else date(2026, 2, 2)


@dataclass
class Truth:
    """What a reader of the logs ought to find."""

    signins: list[dict[str, object]] = field(default_factory=list)
    steps: list[dict[str, object]] = field(default_factory=list)
    scenes: list[dict[str, object]] = field(default_factory=list)


class World:
    """Everything there is, and where it is written down."""

    def __init__(self, options: Options, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.truth = Truth()
        chance = self.rng("cast")
        self.names = cast.websites(chance)
        self.people = cast.people(chance, options.staff, options.sites, self.names)
        self.sensors = {
            site: Sensor(folder / site, SITE_NETWORKS[site], self.rng(f"sensor {site}"), cast.DOMAIN)
            for site in options.sites
        }
        self.egress: dict[str, Place] = {site: EGRESS[site] for site in options.sites}
        self.where: dict[tuple[str, int], str] = {}
        """Plans of scenes: (UPN, day) to office, home, away or off."""
        self.busy: dict[tuple[str, int], list[float]] = {}
        """Times around which somebody is certain to be at work on their laptop."""
        self._logs: dict[str, list[tuple[float, str]]] = {}
        """Lines by path below the folder, each with when it arrives."""
        self._ids = self.rng("ids")
        self._failovers: list[tuple[str, float, float, Place]] = []

    def rng(self, name: str) -> random.Random:
        """Return a generator that depends on the seed, the variant and a name alone."""
        return random.Random(f"{self.options.seed}/{self.options.variant}/{name}")  # noqa: S311

    def at(self, site: str, day: int, hour: float) -> float:
        """Return the time of a local hour of a day of the story, in s."""
        local = datetime.combine(self.options.start + timedelta(days=day), datetime.min.time(), ZONES[site])
        return local.timestamp() + hour * HOUR

    def is_workday(self, day: int) -> bool:
        """Tell whether a day is Monday to Friday."""
        return (self.options.start + timedelta(days=day)).weekday() < 5

    def workday(self, day: int) -> int:
        """Return a day, or the next that is Monday to Friday."""
        while not self.is_workday(day):
            day += 1
        return day

    def fail_over(self, site: str, start: float, end: float, place: Place) -> None:
        """Let a site leave by another address for some hours."""
        self._failovers.append((site, start, end, place))

    def leaves_by(self, site: str, ts: float) -> Place:
        """Return the address a site shows to the world at a time."""
        for name, start, end, place in self._failovers:
            if name == site and start <= ts < end:
                return place
        return self.egress[site]

    def write(self, log: str, ts: float, record: dict[str, object], delay: float) -> None:
        """Write a record of an identity log, which arrives after a delay."""
        self.write_line(f"identity/{log}", ts + delay, json.dumps(record, separators=(",", ":")))

    def write_line(self, log: str, arrives: float, text: str) -> None:
        """Write a line of a log as it is."""
        self._logs.setdefault(log, []).append((arrives, text))

    def audit(self, records: Iterable[tuple[float, dict[str, object]]]) -> None:
        """Write audit records, late, and one in forty twice."""
        for ts, record in records:
            delay = min(LATEST_S, self._ids.expovariate(1 / 420))
            self.write("m365-audit.jsonl", ts, record, delay)
            if self._ids.random() < 0.025:
                self.write("m365-audit.jsonl", ts, record, min(LATEST_S, delay + 300))

    def contact(self, site: str, ip: str, ts: float, *, resolves_only: bool = False) -> None:
        """Let a device at a site reach the identity provider, just before a sign-in is logged."""
        sensor = self.sensors[site]
        for name in IDP_NAMES[self.options.product]:
            before = ts - sensor.rng.uniform(0.6, 9.0)
            if resolves_only:
                sensor.resolve(before, ip, name)
            else:
                sensor.browse(
                    before,
                    ip,
                    name,
                    sensor.rng.uniform(1, 40),
                    sensor.rng.randint(2000, 9000),
                    sensor.rng.randint(6000, 60_000),
                )

    def sign_in(
        self, ts: float, person: cast.Person, device: cast.Device, place: Place, *, app: str = "One Outlook Web",
        mfa: str = "previously", code: int = 0, is_interactive: bool = True, expected: tuple[str, ...] = ("unknown",),
        scene: str = "", flow: str = "", is_asked: bool = False,
    ) -> str:  # fmt: skip
        """Log a sign-in, or one row of its flow; return the flow's id.

        Args:
            ts: When.
            person: Whose account.
            device: On what.
            place: From where.
            app: Entra's name of the application.
            mfa: What became of the second factor.
            code: Entra's result.
            is_interactive: Somebody was there.
            expected: Verdicts that would be right.
            scene: Which scene planted it; "" for everyday.
            flow: The flow it belongs to; "" for one of its own.
            is_asked: A row that asks for the second factor comes before it.
        """
        flow = flow or cast.guid(self._ids)
        steps = [(ts - 24, 50074, "none")] if is_asked else []
        if (
            is_interactive
            and not code
            and not is_asked
            and self.options.product == "entra"
            and self._ids.random() < 0.25
        ):
            steps.append((ts - 3, 50140, mfa))
        ids = []
        for when, result, factor in [*steps, (ts, code, mfa)]:
            one = Attempt(when, person, device, place, app, result, factor, flow, cast.guid(self._ids), is_interactive)
            ids.append(one.raw_id)
            self._log(one)
        self.truth.signins.append(
            {
                "ts": round(ts, 3),
                "account": person.upn,
                "ip": place.ip,
                "country": place.network.country,
                "code": code,
                "mfa": mfa,
                "interactive": is_interactive,
                "expected": list(expected),
                "scene": scene,
                "raw_ids": ids,
                "flow": flow,
            }
        )
        return flow

    def _log(self, one: Attempt) -> None:
        chance = self._ids
        if self.options.product == "okta":
            for entry in okta.entries(chance, one):
                self.write("okta-system.jsonl", one.ts, entry, chance.uniform(2, 60))
        else:
            self.write("entra-signins.jsonl", one.ts, entra.signin(chance, one), chance.uniform(60, 300))
        if (
            one.is_interactive
            and one.code in {0, 500121, 50126, 50055}
            and not (self.options.product == "okta" and one.code)
        ):
            record = Auditor(chance, one.person, one.device, one.place.ip).logged_in(
                one.ts, one.flow, one.app, one.code
            )
            self.audit([(one.ts, record)])

    def close(self) -> None:
        """Write what is left."""
        for sensor in self.sensors.values():
            sensor.close()
        for log, lines in sorted(self._logs.items()):
            lines.sort()
            path = self.folder / f"{log}.gz"
            path.parent.mkdir(exist_ok=True)
            with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as out:
                out.write("".join(f"{text}\n" for _, text in lines).encode())
