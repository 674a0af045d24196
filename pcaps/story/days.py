"""An ordinary day of a person: at the office, at home, away; and of a laptop that nobody touches.

Traffic follows people: pages in spells with pauses for meetings and lunch, shares opened, sign-ins with their contacts,
mail and files. Nights are quiet but for laptops that stay in the office.
"""

import random
from datetime import UTC, datetime

from story import cast
from story.audit import Auditor
from story.cast import Person
from story.places import SERVICE_ADDRESS, Place
from story.world import DAY, HOUR, World

APPS = (
    "One Outlook Web",
    "Microsoft Office",
    "Microsoft Teams",
    "SharePoint Online Web Client Extensibility",
    "OfficeHome",
)
LABEL = "2f8c4a10-93d5-4e7b-8a6c-51b0c7d9e342"
"""The tenant's label for confidential files."""
_FILE_WORDS = (
    *("plan", "budget", "notes", "minutes", "roster", "review", "quote", "order", "draft", "summary", "checklist"),
    *("handover", "brief", "tracker"),
)
THIN = 0.5
"""Below this much web traffic a story is told in fewer records of every kind."""
_SHARES = ("public", "projects", "home", "team")


def file_name(team: str, number: int) -> str:
    """Name a team's file by its number."""
    kind = ("docx", "xlsx", "pptx", "pdf")[number % 4]
    return f"{team}-{_FILE_WORDS[number % len(_FILE_WORDS)]}-{number:03d}.{kind}"


class Days:
    """Tells ordinary days into a world."""

    def __init__(self, world: World) -> None:
        self.world = world
        for sensor in world.sensors.values():
            sensor.longest_s = float("inf") if world.options.busy >= THIN else 3.0
        self.shared = world.people[:4]
        """Those who look after the shared mailbox."""

    def tell(self, day: int) -> None:
        """Tell everybody's day."""
        for site, sensor in self.world.sensors.items():
            self._servers(site, day, sensor.rng)
        for person in self.world.people:
            if day >= person.first_day:
                self._person(person, day)

    def _some(self, rng: random.Random, low: int, high: int) -> int:
        """Draw how often something happens; less often in a thin story."""
        count = rng.randint(low, high)
        return count if self.world.options.busy >= THIN else max(1, round(count * self.world.options.busy / THIN))

    def _person(self, person: Person, day: int) -> None:
        world = self.world
        rng = world.rng(f"{person.upn} {day}")
        if rng.random() < 0.2:
            person.laptop.session, person.phone.session = cast.guid(rng), cast.guid(rng)
        where = world.where.get((person.upn, day)) or self._usual(person, day, rng)
        arrives = world.at(person.site, day, person.arrives + rng.gauss(0, 0.25))
        leaves = world.at(person.site, day, person.leaves + rng.gauss(0, 0.4))
        if where == "office":
            self.office(person, day, rng, arrives, leaves)
        elif where == "home":
            self._home(person, rng, arrives, leaves)
        if person.is_docked:
            self.idle(person, rng, world.at(person.site, day, 0), world.at(person.site, day, 24))
        if where != "off":
            self._phone(person, day, rng)

    def _usual(self, person: Person, day: int, rng: random.Random) -> str:
        if not self.world.is_workday(day):
            return "weekend"
        if rng.random() < 0.04:
            return "off"
        weekday = (self.world.options.start.toordinal() + day - 1) % 7
        return "office" if weekday in person.office_days else "home"

    def office(
        self, person: Person, day: int, rng: random.Random, arrives: float, leaves: float, *, site: str = "",
        ip: str = "",
    ) -> None:  # fmt: skip
        """Tell a day at a site, the person's own or one that is visited."""
        site, ip = site or person.site, ip or person.ip
        world, sensor = self.world, self.world.sensors[site or person.site]
        laptop = person.laptop
        sensor.lease(arrives, ip, laptop.mac, laptop.name)
        self._log_on(site, ip, person, arrives + 20, rng)
        pauses = [
            (start, start + rng.uniform(1500, 3300)) for start in self._meetings(person, day, rng, arrives, leaves)
        ]
        self._pages(site, ip, person, rng, arrives + 60, leaves, pauses, 12.0 / world.options.busy)
        for busy in world.busy.get((person.upn, day), ()):
            self._pages(site, ip, person, rng, busy - 1700, busy + 1700, [], 3.5)
            for offset in (-1200, 900):
                sensor.share(busy + offset + rng.uniform(-240, 240), ip, rng.choice(_SHARES))
        self._background(site, ip, rng, arrives, leaves, 900)
        for _ in range(self._some(rng, 3, 7)):
            sensor.share(
                rng.uniform(arrives + 120, leaves),
                ip,
                person.team.lower() if rng.random() < 0.6 else rng.choice(_SHARES),
            )
        if rng.random() < 0.45:
            sensor.ntlm(rng.uniform(arrives + 60, leaves), ip, person.sam, laptop.name)
        times = [
            arrives + 60 + rng.uniform(10, 200),
            *(rng.uniform(arrives + 600, leaves) for _ in range(self._some(rng, 1, 3))),
        ]
        for number, ts in enumerate(times):
            self._on_site(person, site, ip, ts, rng, is_interactive=True, is_fresh=number == 0 and rng.random() < 0.3)
        for _ in range(self._some(rng, 4, 8)):
            self._on_site(person, site, ip, rng.uniform(arrives + 300, leaves), rng, is_interactive=False)
        self.work(person, rng, arrives + 300, leaves, "", site)

    def idle(self, person: Person, rng: random.Random, start: float, end: float) -> None:
        """Tell a laptop that is left on in the office: its programs' own traffic, mail's token refreshes with it."""
        self.world.sensors[person.site].lease(
            start + rng.uniform(0, 3000), person.ip, person.laptop.mac, person.laptop.name, 24
        )
        self._background(person.site, person.ip, rng, start, end, 600)
        for _ in range(self._some(rng, 5, 8)):
            self._on_site(person, person.site, person.ip, rng.uniform(start, end), rng, is_interactive=False)

    def away(
        self,
        person: Person,
        rng: random.Random,
        places: list[tuple[float, float, Place]],
        device: cast.Device | None = None,
    ) -> None:
        """Tell a day of somebody who travels, from place to place, on their laptop or another device."""
        used = device or person.laptop
        for start, end, place in places:
            self._off_site(person, used, place, rng, start, end, 1, self._some(rng, 1, 3), "travel")
            self.work(person, rng, start, end, place.ip, device=used)

    def _home(self, person: Person, rng: random.Random, arrives: float, leaves: float) -> None:
        tunnels = person.has_vpn and rng.random() < 0.8
        if not tunnels:
            self._off_site(
                person, person.laptop, person.home, rng, arrives, leaves, rng.randint(1, 2), self._some(rng, 3, 6), ""
            )
        else:
            self._tunnel(person, rng, arrives, leaves)
        self.work(person, rng, arrives + 300, leaves, person.home.ip)

    def _tunnel(self, person: Person, rng: random.Random, arrives: float, leaves: float) -> None:
        """Tell a day at home in the VPN: names are asked of the office, shares are there, web pages go out at home."""
        world, site, ip = self.world, person.site, person.tunnel_ip
        sensor = world.sensors[site]
        _vpn(world, person, arrives, "gateway-connected", "connected")
        _vpn(world, person, leaves, "gateway-logout", "logout")
        sensor.kerberos(arrives + 5, ip, "AS", person.sam, "krbtgt/EXAMPLE.COM.AU")
        sensor.kerberos(arrives + 6, ip, "TGS", person.sam, "cifs/files01.example.com.au")
        for _ in range(self._some(rng, 2, 5)):
            sensor.share(rng.uniform(arrives + 60, leaves), ip, person.team.lower())
        for _ in range(int(90 * world.options.busy)):
            sensor.resolve(rng.uniform(arrives, leaves), ip, _site_name(person, world.names, rng))
        for is_interactive in (True, *(False,) * rng.randint(3, 6)):
            ts = rng.uniform(arrives + 120, leaves - 60)
            world.contact(site, ip, ts, resolves_only=True)
            world.sign_in(
                ts, person, person.laptop, person.home, app=rng.choice(APPS), is_interactive=is_interactive,
                expected=("supported", "unknown"),
            )  # fmt: skip

    def _off_site(
        self, person: Person, device: cast.Device, place: Place, rng: random.Random, start: float, end: float,
        people: int, refreshes: int, scene: str,
    ) -> None:  # fmt: skip
        """Sign in where no sensor is."""
        for number in range(people + refreshes):
            fresh = number < people and rng.random() < 0.5
            self.world.sign_in(
                rng.uniform(start, end),
                person,
                device,
                place,
                app=rng.choice(APPS),
                scene=scene,
                mfa="satisfied" if fresh else "previously",
                is_interactive=number < people,
                is_asked=fresh,
            )

    def _on_site(
        self, person: Person, site: str, ip: str, ts: float, rng: random.Random, *, is_interactive: bool,
        is_fresh: bool = False,
    ) -> None:  # fmt: skip
        """Sign in at a site, with the contact that a sensor sees there."""
        world, place = self.world, self.world.leaves_by(site, ts)
        is_usual = place == world.egress[site]
        # A line that is used for a day cannot be known as the site's, nor a laptop as a newcomer's in the first days.
        is_new = ts < world.at(person.site, person.first_day + 4, 0)
        world.contact(site, ip, ts - (24 if is_fresh else 0))
        world.sign_in(
            ts, person, person.laptop, place, app=rng.choice(APPS), is_interactive=is_interactive,
            mfa="satisfied" if is_fresh else "previously", is_asked=is_fresh, scene="" if is_usual else "failover",
            expected=("supported",) if is_usual and not is_new else ("supported", "unknown"),
        )  # fmt: skip

    def _log_on(self, site: str, ip: str, person: Person, ts: float, rng: random.Random) -> None:
        sensor = self.world.sensors[site]
        if not person.laptop.os.startswith("Mac"):
            sensor.kerberos(ts, ip, "AS", f"{person.laptop.name}$", "krbtgt/EXAMPLE.COM.AU")
        haste = 1.0 if self.world.options.busy >= THIN else 0.1
        if rng.random() < 0.02:
            sensor.kerberos(ts + 4 * haste, ip, "AS", person.sam, "krbtgt/EXAMPLE.COM.AU", "KDC_ERR_PREAUTH_FAILED")
        sensor.kerberos(ts + haste * rng.uniform(5, 60), ip, "AS", person.sam, "krbtgt/EXAMPLE.COM.AU")
        for service in (
            "ldap/dc01.example.com.au",
            "cifs/files01.example.com.au",
            f"host/{person.laptop.name.lower()}.example.com.au",
        ):
            sensor.kerberos(ts + haste * rng.uniform(61, 90), ip, "TGS", person.sam, service)

    def _meetings(self, person: Person, day: int, rng: random.Random, arrives: float, leaves: float) -> list[float]:
        starts = [
            self.world.at(person.site, day, rng.uniform(12.1, 12.7)),
            *(rng.uniform(arrives, leaves) for _ in range(2)),
        ]
        busy = self.world.busy.get((person.upn, day), ())
        return [start for start in starts if all(not -5200 < start - ts < 1900 for ts in busy)]

    def _pages(
        self, site: str, ip: str, person: Person, rng: random.Random, start: float, end: float,
        pauses: list[tuple[float, float]], gap_min: float,
    ) -> None:  # fmt: skip
        """Tell spells of reading pages; in a thin story they are read faster, so that fewer moments have traffic."""
        between_s = 25 if self.world.options.busy >= THIN else 1
        sensor, names = self.world.sensors[site], self.world.names
        ts = start
        while True:
            ts += rng.expovariate(1 / (60 * gap_min))
            if ts >= end:
                return
            if any(begin <= ts < over for begin, over in pauses):
                continue
            when = ts
            for _ in range(rng.randint(2, 5)):
                name = _site_name(person, names, rng)
                for _ in range(1 if rng.random() < 0.7 else 2):
                    sensor.browse(
                        when, ip, name, rng.uniform(0.3, 60), rng.randint(700, 6000), int(rng.lognormvariate(9.6, 1.3))
                    )
                    when += rng.uniform(0.2, 4)
                when += rng.expovariate(1 / between_s)
            if rng.random() < 0.5:
                sensor.browse(
                    when,
                    ip,
                    rng.choice(cast.OFFICE),
                    rng.uniform(5, 200),
                    rng.randint(2000, 40_000),
                    rng.randint(5000, 300_000),
                )

    def _background(self, site: str, ip: str, rng: random.Random, start: float, end: float, gap_s: float) -> None:
        sensor = self.world.sensors[site]
        gap_s /= min(1.0, self.world.options.busy) if self.world.options.busy >= THIN else self.world.options.busy / 2
        ts = start + rng.uniform(0, gap_s)
        while ts < end:
            sensor.browse(
                ts,
                ip,
                rng.choice(cast.BACKGROUND),
                rng.uniform(0.2, 20),
                rng.randint(600, 3000),
                rng.randint(800, 9000),
            )
            if rng.random() < 0.3:
                sensor.clock(ts + 3, ip)
            ts += gap_s * rng.uniform(0.6, 1.4)

    def _servers(self, site: str, day: int, rng: random.Random) -> None:
        sensor = self.world.sensors[site]
        start = self.world.at(site, day, 0)
        for ts in (
            start + hour * HOUR + rng.uniform(0, 600) for hour in range(0, 24, 2 if self.world.options.busy >= 1 else 6)
        ):
            sensor.browse(ts, sensor.files, "updates.osvendor.example", 2, 900, rng.randint(3000, 9000))
            sensor.tls(
                ts + 50, sensor.controller, "192.0.2.120", "updates.osvendor.example", 2, 900, rng.randint(3000, 9000)
            )

    def _phone(self, person: Person, day: int, rng: random.Random) -> None:
        """Tell a phone's day: refreshes from its carrier and from home, all day long."""
        start = self.world.at(person.site, day, 6.5)
        for number in range(self._some(rng, 2, 4)):
            ts = start + rng.uniform(0, 0.7 * DAY)
            away = self.world.where.get((person.upn, day)) == "away"
            place = cast.on_carrier(rng, person) if away or rng.random() < 0.6 else person.home
            if away:
                continue
            asked = number == 0 and rng.random() < 0.08
            self.world.sign_in(
                ts, person, person.phone, place, app="Outlook Mobile", is_interactive=asked, is_asked=asked,
                mfa="satisfied" if asked else "previously",
                expected=("supported", "unknown") if place is person.home and person.has_vpn else ("unknown",),
            )  # fmt: skip

    def work(
        self, person: Person, rng: random.Random, start: float, end: float, ip: str, site: str = "", *,
        device: cast.Device | None = None,
    ) -> None:  # fmt: skip
        """Write what a person does with mail and files between two times; `ip` "" is the site's own."""
        world = self.world

        def place(ts: float) -> Auditor:
            return Auditor(rng, person, device or person.laptop, ip or world.leaves_by(site, ts).ip)

        for _ in range(self._some(rng, 4, 10)):
            ts, team = rng.uniform(start, end), person.team if rng.random() < 0.93 else rng.choice(cast.TEAMS)
            operation = rng.choices(
                ("FileAccessed", "FilePreviewed", "FileModified", "FileDownloaded"), (60, 18, 17, 5)
            )[0]
            number = int(60 * rng.random() ** 2)
            label = LABEL if team == person.team and team in {"Finance", "Legal"} and number % 7 == 3 else ""
            world.audit([(ts, place(ts).file(ts, operation, team, file_name(team, number), label))])
        for _ in range(self._some(rng, 2, 4)):
            ts = rng.uniform(start, end)
            world.audit(
                [(ts, place(ts).read(ts, "Inbox", rng.randint(1, 8), ip=SERVICE_ADDRESS if rng.random() < 0.2 else ""))]
            )
        for _ in range(self._some(rng, 2, 4)):
            ts = rng.uniform(start, end)
            operation, folder = rng.choice((
                ("Send", "Sent Items"), ("Send", "Sent Items"), ("Create", "Drafts"), ("MoveToDeletedItems", "Inbox"),
                ("Update", "Inbox"), ("Update", rng.choice(person.folders)), ("SoftDelete", "Deleted Items"),
            ))  # fmt: skip
            world.audit([(ts, place(ts).item(ts, operation, folder, f"Re: {person.team} {rng.choice(_FILE_WORDS)}"))])
        if person in self.shared and rng.random() < 0.7:
            ts = rng.uniform(start, end)
            world.audit([(ts, place(ts).read(ts, "Inbox", rng.randint(1, 5), f"info@{cast.DOMAIN}"))])


def _site_name(person: Person, names: list[str], rng: random.Random) -> str:
    """Draw a web site: mostly a favourite, sometimes what everybody reads, now and then anything."""
    kind = rng.random()
    if kind < 0.72:
        return person.favourites[int(len(person.favourites) * rng.random() ** 1.8)]
    if kind < 0.95:
        return names[int(150 * rng.random() ** 2)]
    return rng.choice(names)


def _vpn(world: World, person: Person, ts: float, event: str, stage: str) -> None:
    """Write a row of GlobalProtect's log (PAN-OS, GlobalProtect Log Fields)."""
    when = datetime.fromtimestamp(ts, UTC)
    text, exact = when.strftime("%Y/%m/%d %H:%M:%S"), when.strftime("%Y-%m-%dT%H:%M:%S.%f")[:23] + "+00:00"
    public = person.home.ip
    four, six = ("0.0.0.0", public) if ":" in public else (public, "0.0.0.0")  # noqa: S104
    lead = f"1,{text},016201004321,GLOBALPROTECT,0,2817,{text},vsys1,{event},{stage},SAML,IPSec,{person.upn},AU,"
    machine = person.laptop.mac.replace(":", "")
    tail = f"{person.laptop.name},{four},{six},{person.tunnel_ip},0.0.0.0,{machine},PF3K9Z2A,6.2.4,"
    world.write_line(
        f"{person.site}/globalprotect.log",
        ts + 1,
        f'{lead}{tail}Windows,"Microsoft Windows 11 , 64-bit",1,,,"",success,,0,,0,GW,{int(ts) % 10**7},0x0,{exact}',
    )
