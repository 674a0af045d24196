"""The account takeover: prompts until one is accepted, quiet reading from rented networks, at last a rule that hides.

Day 0: two prompts denied, the third accepted, from the United States. Day 2: Germany; confidential files of other teams
previewed and opened, mail folders gone through. Day 3: another country, similar files. Day 8: an unusual sign-in, more
mail, an attachment changed, and a rule named "." that takes one colleague's mail, marks it read and moves it away. All
the while the account's owner works on their own laptop at their site.
"""

import random

from story.audit import Auditor
from story.cast import Device, Person, guid
from story.days import LABEL, file_name
from story.places import INTRUDER, Network, Place
from story.world import World

STEPS = (0, 2, 3, 8)
"""Days of the attack."""
ACTIONS = ("revoke_sessions", "disable_account", "remove_mail_rule")
_CHROMIUM = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome"
_AGENTS = (
    f"Mozilla/5.0 (X11; Linux x86_64) {_CHROMIUM}/124.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROMIUM}/119.0.0.0 Safari/537.36 OPR/105.0.0.0",
)
_SECRETS = ("People", "Finance", "Legal")


class Attack:
    """Plants the attack on one person from one day on."""

    def __init__(self, world: World, target: Person, begins: int) -> None:
        self.world, self.target, self.begins = world, target, begins
        self.rng = world.rng("attack")
        self.variant = world.options.variant % 2
        self.device = Device(
            "",
            "",
            "Linux" if not self.variant else "Windows 10",
            _AGENTS[self.variant],
            "Chrome 124.0.0",
            session=guid(self.rng),
        )
        rng = self.rng
        hours = {0: 10.3 + 0.8 * rng.random(), 2: 11 + rng.random(), 3: 14 + rng.random(), 8: 10.1 + 0.6 * rng.random()}
        self.times = {day: world.at(target.site, begins + day, hours[day]) for day in STEPS}
        self.colleague = rng.choice(
            [one for one in world.people if one is not target and one.team in {"Finance", "Sales"}]
        )

    def plan(self) -> None:
        """See to it that the owner is at work on each day, and let them work around each sign-in."""
        for day, ts in self.times.items():
            self.world.where[self.target.upn, self.begins + day] = "office"
            self.world.busy[self.target.upn, self.begins + day] = [ts]

    def act(self) -> None:
        """Plant the four days."""
        self._prompts()
        self._read_files(2, 9, is_fresh=True)
        self._mail(2, ("Sent Items", "Deleted Items", self.target.folders[0]))
        self._read_files(3, 6)
        self._hide()

    def truth(self) -> dict[str, object]:
        """Return what must be found."""
        return {
            "account": self.target.upn,
            "site": self.target.site,
            "laptop": self.target.laptop.name,
            "laptop_ip": self.target.ip,
            "days": [self.begins + day for day in STEPS],
            "steps": self.world.truth.steps,
            "rule": ".",
            "actions": list(ACTIONS),
            "colleague": self.colleague.upn,
            "denials": 2,
            "begins": self.times[0],
        }

    def _network(self, day: int) -> Network:
        return INTRUDER[day][self.variant]

    def _step(self, day: int, ts: float, what: str, ip: str, *, signin: str = "") -> None:
        self.world.truth.steps.append(
            {"day": day, "ts": ts, "what": what, "ip": ip, "country": self._network(day).country, "flow": signin}
        )

    def _sign_in(self, day: int, ts: float, *, mfa: str, code: int = 0, is_asked: bool = True) -> Place:
        network = self._network(day)
        place = Place(self._place(day), network)
        # Only a success is something that the laptop's use can contradict; a refusal is expected either way.
        expected = ("contradicted",) if not code else ("contradicted", "unknown")
        flow = self.world.sign_in(
            ts,
            self.target,
            self.device,
            place,
            code=code,
            mfa=mfa,
            is_asked=is_asked,
            scene="attack",
            expected=expected,
        )
        what = {"denied": "denied prompt", "satisfied": "accepted prompt", "previously": "sign-in"}[mfa]
        self._step(day, ts, what, place.ip, signin=flow)
        return place

    def _place(self, day: int) -> str:
        return self._network(day).address(random.Random(f"{self.world.options.seed} intruder {day}"))  # noqa: S311

    def _prompts(self) -> None:
        ts = self.times[0]
        self._sign_in(0, ts, mfa="denied", code=500121)
        self._sign_in(0, ts + 80 + 30 * self.rng.random(), mfa="denied", code=500121)
        self._sign_in(0, ts + 240 + 60 * self.rng.random(), mfa="satisfied")

    def _read_files(self, day: int, count: int, *, is_fresh: bool = False) -> None:
        ts, rng = self.times[day], self.rng
        self.device.session = guid(rng)
        place = self._sign_in(day, ts, mfa="satisfied" if is_fresh and self.variant else "previously", is_asked=False)
        auditor = Auditor(rng, self.target, self.device, place.ip)
        teams = [team for team in _SECRETS if team != self.target.team]
        ts += 120
        for number in range(count):
            team = teams[number % len(teams)]
            name = file_name(team, 60 + 7 * number + day)
            operations = ("FilePreviewed", "FileAccessed") if number % 3 else ("FilePreviewed",)
            for operation in operations:
                ts += rng.uniform(8, 70)
                self.world.audit([(ts, auditor.file(ts, operation, team, name, LABEL if number % 2 == 0 else ""))])
        self._step(day, ts, "files", place.ip)

    def _mail(self, day: int, folders: tuple[str, ...]) -> None:
        rng = self.rng
        auditor = Auditor(rng, self.target, self.device, self._place(day))
        ts = self.times[day] + 1500
        for folder in folders:
            self.world.audit([(ts, auditor.read(ts, folder, rng.randint(4, 15)))])
            for _ in range(2):
                ts += rng.uniform(15, 90)
                self.world.audit([(ts, auditor.item(ts, "Update", folder, "Re: invoice"))])
        self._step(day, ts, "mail folders", self._place(day))

    def _hide(self) -> None:
        rng = self.rng
        self.device.session = guid(rng)
        place = self._sign_in(8, self.times[8], mfa="previously", is_asked=False)
        self._mail(8, ("Inbox", "Sent Items", self.target.folders[1]))
        auditor = Auditor(rng, self.target, self.device, place.ip)
        ts = self.times[8] + 2100
        changed = ("AttachmentCollection", "BodyFragment")
        self.world.audit([(ts, auditor.item(ts, "Update", "Drafts", "Invoice 2231 (new bank details)", changed))])
        self._step(8, ts, "attachment changed", place.ip)
        ts += 260
        rule = {
            "From": self.colleague.upn,
            "MarkAsRead": "True",
            "MoveToFolder": "RSS Feeds" if not self.variant else "Conversation History",
            "StopProcessingRules": "True",
        }
        self.world.audit([(ts, auditor.rule(ts, ".", **rule))])
        self._step(8, ts, "rule", place.ip)
