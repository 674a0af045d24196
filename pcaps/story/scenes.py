"""What looks like trouble and is none: travellers, phones, lines that move, rules, typing errors, new people.

Each scene takes a person who has nothing else at that time, changes their days, adds its sign-ins with the verdicts
that would be right, and says in the truth how far it may go: no incident at all, or triage.
"""

import random
from dataclasses import replace

from story import cast, entra
from story.audit import Auditor
from story.cast import Device, Person
from story.days import Days
from story.places import AIRPORTS, BROWSER_VPN, HOTELS, RELAY, SECOND_PROVIDER, Network, Place
from story.world import World

NEVER_WRONG = ("unknown", "supported")
"""Verdicts of a sign-in that the network can say nothing of, or that something linked to the account was near."""
_TABLET = cast.MAC.format("18.2")
_BORROWED = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:134.0) Gecko/20100101 Firefox/134.0"


class Scenes:
    """Plants the scenes around the day the attack begins."""

    def __init__(self, world: World, days: Days, begins: int, target: Person) -> None:
        self.world, self.days, self.begins = world, days, begins
        self.rng = world.rng("scenes")
        self._taken: set[tuple[str, int]] = set()
        self._people = [one for one in world.people if one is not target]
        self.rng.shuffle(self._people)
        self.later: list[tuple[int, str, Person, list[tuple[float, float, Place]], Device | None]] = []
        """Days of travellers: told with the day they are on."""

    def plan(self) -> None:
        """Choose who does what, before any day is told."""
        self._leave_on()
        self._newcomer()
        hotels = list(HOTELS)
        self.rng.shuffle(hotels)
        # A traveller in the country the intruder comes from shows that a country alone is no news to the tenant.
        america = next(one for one in HOTELS if one.country == "US")
        hotels.remove(america)
        self._trip("traveller", max(1, self.begins - 12), 4, hotels[0])
        self._trip("traveller", self.begins + 1, 4, hotels[1])
        self._trip("traveller to the intruder's country", self.begins + 5, 3, america)
        self._denials("two denials on a known device", self.begins + 3, hotels[2], is_new=False)
        if not self.world.options.is_calm:
            self._denials("two denials on a new device", self.begins + 5, hotels[3], is_new=True)
        self._docked_trip(hotels[4])
        self._relay()
        self._browser_vpn()
        self._failover()
        self._visit()

    def act(self) -> None:
        """Plant what needs no change of anybody's day."""
        self._rules()
        self._passwords()

    def tell(self, day: int) -> None:
        """Tell the travellers' day."""
        for when, scene, person, places, device in self.later:
            if when == day:
                rng = self.world.rng(f"{scene} {person.upn} {day}")
                self.days.away(person, rng, places, device)

    def _pick(
        self, days: range | list[int], *, site: str = "", managed: bool | None = None, may_share: bool = False
    ) -> Person:
        """Take the first person who has nothing else on these days, one who fits before one who must be made to fit.

        Args:
            days: The days of the scene.
            site: Only of this site.
            managed: Whether the laptop must be known to the identity provider.
            may_share: The scene may be one of somebody who is at work in another scene, if nobody else is left.
        """
        free = [one for one in self._people if not (one.is_docked or one.first_day) and (not site or one.site == site)]
        idle = [one for one in free if all((one.upn, day) not in self._taken for day in days)]
        at_work = [one for one in free if all(self.world.where.get((one.upn, day)) != "away" for day in days)]
        fitting = [one for one in idle if managed is None or one.laptop.is_managed == managed]
        found = fitting or idle or (at_work if may_share else [])
        if not found:
            raise ValueError("too few people for the scenes")
        person = found[0]
        self._taken.update((person.upn, day) for day in days)
        self._people.remove(person)
        self._people.append(person)
        if managed and not person.laptop.is_managed:
            person.laptop.entra_id = cast.guid(self.rng)
        return person

    def _note(self, scene: str, who: list[Person], first: int, last: int, at_most: str = "none") -> None:
        start = self.world.at(who[0].site, first, 0)
        self.world.truth.scenes.append({
            "scene": scene, "accounts": [one.upn for one in who],
            "laptops": [one.laptop.name for one in who], "from": start,
            "to": self.world.at(who[0].site, last + 1, 0), "at_most": at_most,
        })  # fmt: skip

    def _leave_on(self) -> None:
        """Two laptops stay in the office day and night, as some do everywhere."""
        for person in [one for one in self._people if one.site == self.world.options.sites[0]][-2:]:
            person.is_docked = True
            person.office_days = frozenset(range(5))

    def _hotel_day(self, person: Person, day: int, hotel: Network, *, first: bool) -> list[tuple[float, float, Place]]:
        at = self.world.at
        bed = Place(hotel.address(self.rng, 0.3), hotel)
        if first:
            gate = Place(AIRPORTS.address(self.rng), AIRPORTS)
            return [
                (at(person.site, day, 9), at(person.site, day, 10), gate),
                (at(person.site, day, 17), at(person.site, day, 21), bed),
            ]
        return [
            (at(person.site, day, 8.5), at(person.site, day, 11.5), bed),
            (at(person.site, day, 14), at(person.site, day, 19), bed),
        ]

    def _go(
        self, scene: str, person: Person, first: int, count: int, hotel: Network, device: Device | None = None
    ) -> None:
        for day in range(first, first + count):
            self.world.where[person.upn, day] = "away"
            self.later.append((day, scene, person, self._hotel_day(person, day, hotel, first=day == first), device))

    def _trip(self, scene: str, first: int, count: int, hotel: Network) -> Person:
        person = self._pick(range(first, first + count), managed=True)
        self._go(scene, person, first, count, hotel)
        self._note(scene, [person], first, first + count - 1)
        return person

    def _denials(self, scene: str, first: int, hotel: Network, *, is_new: bool) -> None:
        """Somebody abroad refuses two prompts that they did not expect, then sees that they were their own."""
        world = self.world
        person = self._pick(range(first, first + 4), managed=True)
        device = None
        if is_new:
            device = replace(
                person.laptop,
                name="",
                mac="",
                os="MacOs",
                agent=_TABLET,
                browser="Safari 18.2",
                entra_id="",
                session=cast.guid(self.rng),
            )
        self._go(scene, person, first, 4, hotel, device)
        day, used = first + 1, device or person.laptop
        place = Place(hotel.address(self.rng), hotel)
        ts = world.at(person.site, day, 20.2 + self.rng.random())
        for offset in (0, 95 + 40 * self.rng.random()):
            world.sign_in(
                ts + offset,
                person,
                used,
                place,
                code=500121,
                mfa="denied",
                is_asked=True,
                scene=scene,
                expected=NEVER_WRONG,
            )
        world.sign_in(ts + 260, person, used, place, mfa="satisfied", is_asked=True, scene=scene, expected=NEVER_WRONG)
        self._note(scene, [person], first, first + 3, "triage" if is_new else "none")

    def _docked_trip(self, hotel: Network) -> None:
        """A laptop that always stays in the dock goes on alone while its user travels with a borrowed one."""
        person = next(one for one in self._people if one.is_docked)
        first = self.begins + 2
        self._taken.update((person.upn, day) for day in range(first, first + 4))
        borrowed = Device("", "", "Windows 11", _BORROWED, "Firefox 134.0", session=cast.guid(self.rng))
        self._go("traveller whose docked laptop stays on", person, first, 4, hotel, borrowed)
        self._note("traveller whose docked laptop stays on", [person], first, first + 3)

    def _relay(self) -> None:
        """A new phone hides its address behind a relay abroad, while its owner and their laptop are at work."""
        first = self.world.workday(self.begins + 1)
        days = [day for day in range(first, first + 5) if self.world.is_workday(day)]
        person = self._pick(days, site=self.world.options.sites[0])
        new = cast.phone(self.world.rng("new phone"), person.first)
        new.agent, new.os, new.entra_id = cast.IPHONE.replace("18_3", "18_4").replace("18.3", "18.4"), "Ios 18.4", ""
        scene = "new phone on a foreign relay"
        for day in days:
            self.world.where[person.upn, day] = "office"
            ts = self.world.at(person.site, day, 10.8 + self.rng.random())
            self.world.busy[person.upn, day] = [ts]
            for number, offset in enumerate((0, 2400, 9000)):
                fresh = day == first and number == 0
                self.world.sign_in(
                    ts + offset,
                    person,
                    new,
                    Place(RELAY.address(self.rng, 0.5), RELAY),
                    app="Outlook Mobile",
                    scene=scene,
                    is_interactive=number == 0,
                    is_asked=fresh,
                    mfa="satisfied" if fresh else "previously",
                    expected=NEVER_WRONG,
                )
        self._note(scene, [person], first, days[-1])

    def _browser_vpn(self) -> None:
        """Somebody at their desk turns a VPN on in the browser, and signs in through it."""
        first = self.world.workday(self.begins + 3)
        days = [first, self.world.workday(first + 1)]
        person = self._pick(days, site=self.world.options.sites[0], managed=self.world.options.variant % 2 == 0)
        scene = "a laptop's own browser VPN"
        sensor = self.world.sensors[person.site]
        for day in days:
            self.world.where[person.upn, day] = "office"
            ts = self.world.at(person.site, day, 13.6 + self.rng.random())
            self.world.busy[person.upn, day] = [ts - 3600, ts + 4500]
            place = Place(BROWSER_VPN.address(self.rng), BROWSER_VPN)
            for part in range(8):
                sensor.browse(
                    ts - 2000 + 600 * part,
                    person.ip,
                    "exit.tunnelvision.example",
                    590,
                    300_000 + 800 * part,
                    9_000_000 + 7000 * part,
                )
            self.world.sign_in(
                ts, person, person.laptop, place, mfa="satisfied", is_asked=True, scene=scene, expected=NEVER_WRONG
            )
            self.world.sign_in(ts + 900, person, person.laptop, place, scene=scene, expected=NEVER_WRONG)
        self._note(scene, [person], first, days[-1])

    def _failover(self) -> None:
        """The usual line is down for a day: everybody at the site leaves by another."""
        site = self.world.options.sites[0]
        day = self.world.workday(self.begins + 7)
        start, end = self.world.at(site, day, 9.4), self.world.at(site, day, 16.5)
        self.world.fail_over(site, start, end, SECOND_PROVIDER)
        who = [one for one in self.world.people if one.site == site]
        self._note("the site leaves by another provider", who, day, day)

    def _visit(self) -> None:
        """Somebody works at the other site for two days, with their own laptop."""
        if len(self.world.options.sites) < 2:
            return
        home, other = self.world.options.sites[:2]
        first = self.world.workday(self.begins + 1)
        days = [first, self.world.workday(first + 1)]
        person = self._pick(days, site=home)
        for day in days:
            self.world.where[person.upn, day] = "away"
        self._note("a visit to the other site", [person], first, days[-1])
        self.visitor = (person, days, other)

    def visits(self, day: int) -> None:
        """Tell a visitor's day at the other site."""
        person, days, other = getattr(self, "visitor", (None, [], ""))
        if person is not None and day in days:
            rng = self.world.rng(f"visit {day}")
            arrives, leaves = self.world.at(other, day, 8.6), self.world.at(other, day, 16.8)
            number = person.ip.rpartition(".")[2]
            ip = f"{self.world.sensors[other].controller.rpartition('.0.')[0]}.30.{number}"
            self.days.office(person, day, rng, arrives, leaves, site=other, ip=ip)

    def _newcomer(self) -> None:
        """Somebody starts work; the administrator gives them their second factor."""
        day = self.world.workday(self.begins + 3)
        newcomer = self._pick(range(self.world.options.days), site=self.world.options.sites[0])
        newcomer.first_day = day
        newcomer.office_days = frozenset(range(5))
        admin = self._pick([day - 3, day], site=self.world.options.sites[0], may_share=True)
        others = [one for one in self._people if one not in {newcomer, admin}][:2]
        for number, one in enumerate([newcomer, *others]):
            ts = self.world.at(admin.site, day - (3 if number else 0), 11.2 + number / 4)
            self.world.where[admin.upn, day], self.world.where[admin.upn, day - 3] = "office", "office"
            by = (admin.upn, admin.user_id, self.world.egress[admin.site].ip)
            for what, value in (
                ("Admin registered security info", "Phone +61 0 0000 0000"),
                ("Update user", "StrongAuthenticationMethod"),
            ):
                record = entra.directory_change(
                    self.rng, ts, what, by, (one.upn, one.user_id), [("StrongAuthenticationMethod", value)]
                )
                self.world.write("entra-audit.jsonl", ts, record, self.rng.uniform(60, 400))
        self._note("a newcomer", [newcomer], day, self.world.options.days - 1)
        self._note("an administrator who adds second factors", [admin], day - 3, day)

    def _rules(self) -> None:
        """Somebody sorts their newsletters, in Outlook on the web; somebody else on a desktop."""
        day = self.world.workday(self.begins + 2)
        person = self._pick([day], may_share=True)
        self.world.where[person.upn, day] = "office"
        ts = self.world.at(person.site, day, 14.3 + self.rng.random())
        auditor = Auditor(self.rng, person, person.laptop, self.world.egress[person.site].ip)
        rule = {
            "FromAddressContainsWords": "newsletter;news@",
            "MoveToFolder": "Newsletters",
            "StopProcessingRules": "True",
        }
        self.world.audit([(ts, auditor.rule(ts, "Newsletters", **rule))])
        self._note("a Newsletters rule", [person], day, day)
        day = self.world.workday(self.begins + 6)
        other = self._pick([day], may_share=True)
        self.world.where[other.upn, day] = "office"
        ts = self.world.at(other.site, day, 10.3 + self.rng.random())
        auditor = Auditor(self.rng, other, other.laptop, self.world.egress[other.site].ip)
        condition = 'SubjectContainsWords: "build report"'
        self.world.audit([(ts, auditor.outlook_rule(ts, "Build reports", condition, "Reports"))])
        self._note("a rule made on a desktop", [other], day, day)

    def _passwords(self) -> None:
        """Passwords that have expired, and one that is typed wrong five times."""
        for first, codes in (
            (self.begins - 6, (50055, 50055)),
            (self.begins + 1, (50055,)),
            (self.begins + 4, (50126,) * 5),
        ):
            day = self.world.workday(first)
            person = self._pick([day], may_share=True)
            self.world.where[person.upn, day] = "office"
            ts = self.world.at(person.site, day, person.arrives + 1.2)
            place, scene = (
                self.world.egress[person.site],
                "expired password" if codes[0] == 50055 else "password typed wrong",
            )
            for number, code in enumerate((*codes, 0)):
                when = ts + number * (14 + 20 * self.rng.random())
                self.world.contact(person.site, person.ip, when)
                expected = ("supported",) if not code else ("supported", "unknown")
                self.world.sign_in(
                    when, person, person.laptop, place, code=code, mfa="none", scene=scene, expected=expected
                )
            self._note(scene, [person], day, day)


def pick_target(world: World, rng: random.Random) -> Person:
    """Choose whose account is taken over: at the first site, not of the teams whose files are confidential."""
    site = world.options.sites[0]
    fits = [
        one
        for one in world.people
        if one.site == site
        and one.team in {"Sales", "Engineering", "Operations"}
        and not one.laptop.os.startswith("Mac")
    ]
    return rng.choice(fits or [one for one in world.people if one.site == site])
