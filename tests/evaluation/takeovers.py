"""The takeover of the issue, told anew from its text: one script, and five ways in which vendors log it.

Twelve people of an office in Brisbane for five weeks, or four. Day 0 of the attack: two refused prompts and a success,
from Chicago, while the laptop is in use. Day 2, from Frankfurt: another area's files looked at, three mail folders
changed. Day 3, from Bucharest: more such files. Day 8, from Dallas: mail, an attachment, a rule named ".". Around it
colleagues who travel (one refuses two prompts of her own, one leaves the laptop in its dock), a line that fails over, a
new phone behind a relay, a browser's VPN, a rule for newsletters, a shared mailbox, wrong passwords.

    python -m tests.evaluation.takeovers FOLDER google|okta|entra|guids|legacy [seed]
"""

import json
import random
import sys
from datetime import timedelta
from pathlib import Path

from tests.evaluation.takeover_site import (
    BUCHAREST,
    CARRIER,
    CHICAGO,
    DALLAS,
    DOMAIN,
    FRANKFURT,
    NAMES,
    OFFICE,
    RELAY,
    SINGAPORE,
    SPARE,
    TEAMS,
    TOKYO,
    VPN,
    Person,
    Site,
    at,
)  # fmt: skip
from tests.evaluation.takeover_vendors import Entra, Google, Guids, Legacy, Okta

VENDORS = {"google": Google, "okta": Okta, "entra": Entra, "guids": Guids, "legacy": Legacy}
LINUX = "Mozilla/5.0 (X11; Linux x86_64; rv:109.0) Gecko/20100101 Firefox/115.0"
ANDROID = (
    "Mozilla/5.0 (Linux; Android 14; SM-S918B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0 Mobile Safari/537.36"
)
DAYS = (0, 2, 3, 8)
PLACES = (CHICAGO, FRANKFURT, BUCHAREST, DALLAS)
AFTER = 13
"""Days told from the first of the attack."""


class Story:
    """Everything, as it happens."""

    def __init__(self, vendor: str, seed: int, learned: int) -> None:
        self.rng = rng = random.Random(f"{vendor} {seed}")
        self.begins, self.cloud, self.site = learned, VENDORS[vendor](rng), Site(rng)
        self.people = [Person(number, rng) for number in range(12)]
        (self.target, self.away, self.docked, self.relayed, self.tunnelled, self.tidy, self.typist, *self.servers) = (
            rng.sample(self.people, 12)
        )
        self.board = self.servers[:2]
        self.steps: list[dict] = []
        self.signins: list[tuple[str, str]] = []

    def signin(self, person, ts, spot, agent, expected="", **more) -> None:
        """Somebody signs in; where it is the office, the laptop reaches the provider."""
        if spot in {OFFICE, SPARE}:
            self.site.visit(person, ts - timedelta(seconds=self.rng.uniform(1, 6)), self.cloud.host)
        self.signins.append((self.cloud.signin(person, ts, spot, agent, **more), expected))

    def egress(self, day, hour):
        """Where the office is seen from; the line fails on one afternoon."""
        return SPARE if day == self.begins + 4 and 13 <= hour < 16.5 else OFFICE

    def workday(self, person, day) -> None:
        """Signs in, reads, looks around, with an hour away from the desk."""
        rng, cloud = self.rng, self.cloud
        begin = rng.uniform(7.6, 9.2)
        self.site.morning(person, at(day, begin))
        for hour in [begin + 0.03, *(begin + rng.uniform(1, 8) for _ in range(rng.choice((0, 1, 1, 2))))]:
            spot = self.egress(day, hour)
            device = "" if self.cloud.signins == "login" else person.device
            self.signin(person, at(day, hour), spot, person.laptop, "supported", device=device)
        for _ in range(rng.randint(3, 8)):
            hour = begin + rng.uniform(0.2, 8)
            area = person.team if rng.random() < 0.93 else rng.choice(TEAMS)
            area = "board" if person in self.board and rng.random() < 0.35 else area
            what = rng.choice(("open", "open", "preview", "fetch"))
            cloud.file(person, at(day, hour), self.egress(day, hour), person.laptop, what, area, rng.randint(1, 50))
        for _ in range(rng.randint(2, 5)):
            hour = begin + rng.uniform(0.2, 8)
            cloud.reading(person, at(day, hour), self.egress(day, hour))
        if rng.random() < 0.5:
            hour = begin + rng.uniform(0.2, 8)
            cloud.mail(
                person, at(day, hour), self.egress(day, hour), rng.choice(("Inbox", "Inbox", "Sent Items", "Drafts"))
            )
        hour = begin
        while hour < begin + 8.6:
            hour += rng.uniform(0.04, 0.16)
            if not 12.2 < hour < 13.1:
                names = rng.sample(person.favourites, rng.randint(1, 3)) + [rng.choice(NAMES)] * (rng.random() < 0.3)
                for name in names:
                    self.site.visit(person, at(day, hour + rng.uniform(0, 0.02)), name)
            if rng.random() < 0.06:
                self.site.visit(person, at(day, hour), cloud.host)
        self.refreshes(person, day, begin)

    def refreshes(self, person, day, begin) -> None:
        """What clients do by themselves, and phones in the evening."""
        rng, cloud = self.rng, self.cloud
        for _ in range(3):
            hour = begin + rng.uniform(0, 8)
            if rng.random() < 0.7:  # else over a connection that is open
                self.site.visit(person, at(day, hour), cloud.host)
            cloud.refresh(person, at(day, hour), self.egress(day, hour), person.laptop)
        if rng.random() < 0.45:
            self.signin(person, at(day, rng.uniform(18, 22)), CARRIER, person.phone)
        if rng.random() < 0.15:
            self.signin(person, at(day, rng.uniform(19, 22)), person.home, person.laptop, device=person.device)

    def night(self, person, day) -> None:
        """A laptop that is on asks for updates."""
        for hour in range(24):
            self.site.visit(person, at(day, hour + self.rng.random()), "update.vendor.example")

    def told(self, day, what, ts, spot) -> None:
        """Write a step down."""
        self.steps.append({"day": day, "what": what, "ts": ts.timestamp(), "ip": spot.ip})

    def attack(self, day) -> None:
        """The intruder's day."""
        step = day - self.begins
        if step not in DAYS:
            return
        number = DAYS.index(step)
        spot, who, cloud = PLACES[number], self.target, self.cloud
        ts = at(day, (10.4, 14.6, 9.9, 15.3)[number])
        agent, client = LINUX, ""
        if step == 0:
            for minute in (0, 2):
                cloud.denied(who, ts + timedelta(minutes=minute), spot, LINUX)
                self.told(step, "denied prompt", ts + timedelta(minutes=minute), spot)
            ts += timedelta(minutes=4)
        if isinstance(cloud, Legacy):
            client = cloud.clients[number]
            agent = cloud.agents[client]
        self.signin(who, ts, spot, agent, "contradicted", **({"client": client} if client else {}))
        self.told(step, "sign-in", ts, spot)
        if step in {2, 3}:
            if client:
                self.signin(who, ts + timedelta(minutes=4), spot, LINUX, "contradicted")
            areas = ["board", *(team for team in TEAMS if team != who.team)]
            for i in range(10):
                what = "preview" if i % 2 else "open"
                cloud.file(who, ts + timedelta(minutes=6 + i), spot, LINUX, what, areas[i % 3], 60 + 10 * step + i)
            self.told(step, "files", ts + timedelta(minutes=15), spot)
        if step in {2, 8}:
            words = (cloud.strings[client],) if client else ()
            for i, folder in enumerate(("Sent Items", "Deleted Items", "Tenders 2026")):
                cloud.mail(who, ts + timedelta(minutes=20 + i), spot, folder, *words)
            self.told(step, "mail folders", ts + timedelta(minutes=22), spot)
        if step == 8:
            cloud.attachment(who, ts + timedelta(minutes=25), spot)
            cloud.hide(who, ts + timedelta(minutes=28), spot, self.servers[0].upn)
            self.told(step, "rule", ts + timedelta(minutes=28), spot)

    def around(self, day) -> None:
        """What looks like it and is not."""
        step, cloud = day - self.begins, self.cloud
        if 1 <= step <= 4:
            who, ts = self.away, at(day, 9.3)
            device = who.device
            if step == 1:
                for minute in (0, 1):
                    cloud.denied(who, ts + timedelta(minutes=minute), SINGAPORE, who.laptop, device=device)
            self.signin(who, ts + timedelta(minutes=3), SINGAPORE, who.laptop, device=device)
            for i in range(4):
                cloud.file(who, ts + timedelta(minutes=20 + i), SINGAPORE, who.laptop, "open", who.team, i + 1)
                cloud.reading(who, ts + timedelta(minutes=30 + i), SINGAPORE)
        if 5 <= step <= 8:
            self.signin(self.docked, at(day, 8.8), TOKYO, self.docked.phone)
            cloud.reading(self.docked, at(day, 9), TOKYO)
        if step in {3, 6}:
            self.signin(self.relayed, at(day, 19.5), RELAY, ANDROID)
        if step in {2, 3, 7}:
            who, ts = self.tunnelled, at(day, 11.2)
            for i in range(12):
                gap = timedelta(minutes=5 * i - 25 + self.rng.uniform(0, 4))
                self.site.visit(who, ts + gap, "gate.vpn.example", down=9_000_000)
            self.signin(who, ts, VPN, who.laptop, device=who.device)
        if step == 7:
            cloud.newsletters(self.tidy, at(day, 10.6), OFFICE)
        if step in {1, 7}:
            for i in range(4):
                cloud.wrong(self.typist, at(day, 8.2) + timedelta(seconds=25 * i), OFFICE, self.typist.laptop)
        if day % 7 < 5:
            for who in self.servers[2:]:
                cloud.shared(who, at(day, self.rng.uniform(9.5, 16)), OFFICE)

    def tell(self) -> None:
        """Tell every day."""
        for day in range(self.begins + AFTER):
            step = day - self.begins
            for person in self.people:
                gone = (person is self.away and 1 <= step <= 4) or (person is self.docked and 5 <= step <= 8)
                if day % 7 < 5 and not gone:
                    self.workday(person, day)
                if person is not self.away or not gone:
                    self.night(person, day)
            self.attack(day)
            self.around(day)


def tell(vendor: str, seed: int = 1, learned: int = 21) -> Story:
    """Tell one story; it begins on a Monday."""
    story = Story(vendor, seed, learned)
    story.tell()
    return story


def write(story: Story, folder: Path) -> None:
    """Write everything, and the configuration."""
    story.site.write(folder / "BNE")
    story.cloud.logs.write(folder / "identity")
    configure(folder)


def configure(folder: Path) -> None:
    """Write the configuration."""
    (folder / "site.toml").write_text(
        f'site = "BNE"\nlocal_networks = ["10.61.0.0/16"]\negress = ["{OFFICE.ip}"]\n'
        'timezone = "Australia/Brisbane"\n\n'
        f'[tenants.kelp]\ndomains = ["{DOMAIN}"]\nsites = ["BNE"]\n'
    )


if __name__ == "__main__":
    where = Path(sys.argv[1])
    made = tell(sys.argv[2], *map(int, sys.argv[3:]))
    write(made, where)
    (where / "truth.json").write_text(
        json.dumps({"account": made.target.upn, "steps": made.steps, "signins": made.signins})
    )
