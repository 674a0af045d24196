"""Another takeover, told by somebody else: Okta before Google Workspace, from Wellington, sent on instead of hidden.

Nothing is shared with `pcaps/make_story.py`: fourteen people of a tenant in New Zealand, four weeks of learning, one
office with Zeek's JSON logs (or none). Day 0: a wrong password and two refused pushes, then a success, from Brazil. Day
1: from Romania, the board's drive and others looked at. Day 4: from Türkiye, more of them fetched. Day 6: mail is sent
on to an address outside, without another sign-in. Around it: a traveller in Singapore with two honest refusals on her
own laptop, a new phone abroad, a flaky password, a colleague who sees another team's files, one who fetches forty.

    python -m tests.evaluation.other_story FOLDER [seed] [--blind]
"""

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 2, 2, tzinfo=UTC)
"""A Monday; local time is 13 hours ahead until April, so times below are local and shifted when written."""
AHEAD = timedelta(hours=13)
DOMAIN = "harbour.example"
LEARNED, DAYS = 28, 38
OFFICE = ("198.51.100.77", 9500, "NZ", "New Zealand", "Wellington", -41.29, 174.78)
CARRIER = ("203.0.113.201", 17746, "NZ", "New Zealand", "Auckland", -36.85, 174.76)
HOMES = tuple(
    (f"203.0.113.{20 + i}", (9500, 9790, 55850)[i % 3], "NZ", "New Zealand", "Wellington", -41.3, 174.8)
    for i in range(14)
)
BRAZIL = ("192.0.2.17", 52863, "BR", "Brazil", "Curitiba", -25.43, -49.27)
ROMANIA = ("192.0.2.66", 9009, "RO", "Romania", "Bucharest", 44.43, 26.1)
TURKIYE = ("192.0.2.130", 47331, "TR", "Türkiye", "Izmir", 38.42, 27.14)
SINGAPORE = ("192.0.2.201", 9506, "SG", "Singapore", "Singapore", 1.35, 103.8)
TEAMS = ("finance", "boats", "people", "yard")
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0 Safari/537.36"
PHONE = "Mozilla/5.0 (Linux; Android 14; Pixel {}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0 Mobile"
THEIRS = "Mozilla/5.0 (X11; Linux x86_64; rv:122.0) Gecko/20100101 Firefox/122.0"
STEPS = (0, 1, 4, 6)
SITES = ("news", "maps", "tides", "weather", "parts", "bank", "ferries", "music", "forum", "shop")


class Person:
    """Somebody with a laptop and a phone."""

    def __init__(self, number: int) -> None:
        self.number, self.team = number, TEAMS[number % len(TEAMS)]
        self.name = f"p{number:02}.{'abcdefghijklmn'[number]}rown@{DOMAIN}"
        self.laptop, self.phone = WINDOWS.format(118 + number % 4), PHONE.format(5 + number % 3)
        self.host, self.address = f"HB-{number:03}", f"10.44.1.{30 + number}"
        self.mac = f"3c:52:82:44:01:{number:02x}"


class Telling:
    """The logs, as they are told."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.people = [Person(number) for number in range(14)]
        self.target = self.people[self.rng.randrange(14)]
        self.logs: dict[str, list[dict]] = {}
        self.steps: list[dict] = []
        self.truth: list[tuple[str, str]] = []
        others = [one for one in self.people if one is not self.target]
        self.rng.shuffle(others)
        self.traveller, self.renewed, self.forgetful, self.curious, self.fetcher = others[:5]
        self.board = others[5:8]
        """Who opens the board's drive, which nobody else does."""

    def at(self, day: int, hour: float) -> datetime:
        return START + timedelta(days=day, hours=hour) - AHEAD

    def log(self, name: str, ts: datetime, record: dict) -> None:
        self.logs.setdefault(name, []).append({"_at": ts.timestamp(), **record})

    def okta(self, person, ts, place, agent, kind, result="SUCCESS", reason=None, **more) -> str:
        ip, asn, _, country, city, lat, lon = place
        uuid = f"{self.rng.getrandbits(128):032x}"
        user = {"id": f"00u{person.number:017}", "type": "User", "alternateId": person.name, "displayName": "x"}
        self.log("okta.jsonl", ts, {
            "uuid": uuid, "published": ts.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "eventType": kind,
            "version": "0", "severity": "INFO", "outcome": {"result": result, "reason": reason}, "actor": user,
            "client": {
                "ipAddress": ip, "userAgent": {"rawUserAgent": agent}, "device": "Computer",
                "geographicalContext": {
                    "city": city, "country": country, "geolocation": {"lat": lat, "lon": lon},
                },
            },
            "authenticationContext": {"externalSessionId": more.get("session", "unknown")},
            "securityContext": {"asNumber": asn, "asOrg": f"as{asn}", "isProxy": False},
            "debugContext": {"debugData": more.get("debug", {})}, "target": more.get("target", [user]),
            "transaction": {"type": "WEB", "id": more.get("flow", uuid)},
        })  # fmt: skip
        return uuid

    def push(self, person, ts, place, agent, flow, response) -> None:
        debug = {"factor": "OKTA_VERIFY_PUSH", "pushOnlyResponseType": response}
        denied = "DENY" in response
        result = ("FAILURE", "INVALID_CREDENTIALS") if denied else ("SUCCESS", None)
        self.okta(person, ts, place, agent, "user.authentication.auth_via_mfa", *result, debug=debug, flow=flow)

    def signin(self, person, ts, place, agent, expected="") -> str:
        flow, session = f"W{self.rng.getrandbits(64):x}", f"102{self.rng.getrandbits(64):x}"
        uuid = self.okta(person, ts, place, agent, "user.session.start", flow=flow, session=session)
        self.push(person, ts + timedelta(seconds=9), place, agent, flow, "OV_UNLOCK_VERIFY_FACTOR_RESPONSE")
        self.okta(
            person, ts + timedelta(seconds=10), place, agent, "user.authentication.sso", flow=flow, session=session,
            target=[{"id": "0oa9", "type": "AppInstance", "alternateId": "Google Workspace"}],
        )  # fmt: skip
        if place == OFFICE:
            self.visit(person, ts - timedelta(seconds=2), "harbour.okta.com")
        self.truth.append((uuid, expected))
        return uuid

    def refused(self, person, ts, place, agent) -> None:
        self.push(person, ts, place, agent, f"W{self.rng.getrandbits(64):x}", "OV_RESPONSE_DENY")

    def google(self, person, ts, place, application, name, kind, **parameters) -> None:
        self.log(f"google-{application}.jsonl", ts, {
            "kind": "admin#reports#activity", "actor": {"email": person.name, "profileId": str(10**20 + person.number)},
            "id": {
                "time": ts.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "applicationName": application,
                "uniqueQualifier": str(self.rng.getrandbits(60)), "customerId": "C01",
            },
            "ipAddress": place[0],
            "events": [{
                "type": kind, "name": name,
                "parameters": [{"name": key, "value": one} for key, one in parameters.items()],
            }],
        })  # fmt: skip

    def read(self, person, ts, place, team, number, name="view") -> None:
        self.google(
            person, ts, place, "drive", name, "access", doc_id=f"{team}-{number}", doc_title=f"{team} sheet {number}",
            doc_type="spreadsheet", owner=f"{team}-drive@{DOMAIN}", visibility="shared_internally",
        )  # fmt: skip

    def visit(self, person, ts, name) -> None:
        at, uid = ts.timestamp(), f"C{self.rng.getrandbits(80):020x}"
        server = f"192.0.2.{10 + sum(name.encode()) % 200}" if "okta" not in name else "192.0.2.251"
        ids = {"id.orig_h": person.address, "id.orig_p": self.rng.randint(49152, 65535)}
        flow = {"orig_bytes": self.rng.randint(900, 9000), "resp_bytes": self.rng.randint(4000, 400_000)}
        self.log("SITE/dns.log", ts, {
            "ts": at - 0.05, "uid": uid[::-1], **ids, "id.resp_h": "10.44.0.2", "id.resp_p": 53, "proto": "udp",
            "query": name, "qtype_name": "A", "rcode": 0, "rcode_name": "NOERROR", "answers": [server], "TTLs": [60.0],
        })  # fmt: skip
        self.log("SITE/conn.log", ts, {
            "ts": at, "uid": uid, **ids, "id.resp_h": server, "id.resp_p": 443, "proto": "tcp", "service": "ssl",
            "duration": self.rng.uniform(1, 40), **flow, "conn_state": "SF", "local_orig": True, "local_resp": False,
            "missed_bytes": 0, "history": "ShADadFf", "orig_pkts": 12, "orig_ip_bytes": 2000, "resp_pkts": 20,
            "resp_ip_bytes": 30000,
        })  # fmt: skip
        self.log("SITE/ssl.log", ts, {
            "ts": at + 0.03, "uid": uid, **ids, "id.resp_h": server, "id.resp_p": 443, "version": "TLSv13",
            "server_name": name, "resumed": False, "established": True,
        })  # fmt: skip

    def morning(self, person, day, hour) -> None:
        ts = self.at(day, hour)
        self.log("SITE/dhcp.log", ts, {
            "ts": ts.timestamp(), "uids": [f"D{self.rng.getrandbits(64):x}"], "client_addr": person.address,
            "server_addr": "10.44.0.2", "mac": person.mac, "host_name": person.host, "assigned_addr": person.address,
            "lease_time": 36000.0, "msg_types": ["REQUEST", "ACK"], "duration": 0.01,
        })  # fmt: skip
        self.log("SITE/kerberos.log", ts, {
            "ts": ts.timestamp() + 20, "uid": f"K{self.rng.getrandbits(64):x}", "id.orig_h": person.address,
            "id.orig_p": 50_000, "id.resp_h": "10.44.0.2", "id.resp_p": 88, "request_type": "AS",
            "client": f"{person.name.partition('@')[0]}/HARBOUR.EXAMPLE", "service": "krbtgt/HARBOUR.EXAMPLE",
            "success": True,
        })  # fmt: skip

    def workday(self, person, day) -> None:
        rng = self.rng
        begin = rng.uniform(8, 9.3)
        self.morning(person, day, begin)
        for _ in range(rng.choice((1, 1, 2))):
            self.signin(person, self.at(day, begin + rng.uniform(0.05, 7)), OFFICE, person.laptop, "supported")
        for _ in range(rng.randint(3, 9)):
            team = person.team if rng.random() < 0.95 else rng.choice(TEAMS)
            team = "board" if person in self.board and rng.random() < 0.3 else team
            self.read(person, self.at(day, begin + rng.uniform(0.3, 7.5)), OFFICE, team, rng.randint(1, 60))
        hour = begin
        while hour < begin + 8:
            hour += rng.uniform(0.02, 0.13)
            if not begin + 4 < hour < begin + 4.4:
                for _ in range(rng.randint(1, 4)):
                    self.visit(person, self.at(day, hour + rng.uniform(0, 0.02)), f"www.{rng.choice(SITES)}.example")
        if rng.random() < 0.4:
            self.signin(person, self.at(day, rng.uniform(18, 22)), CARRIER, person.phone)
        if rng.random() < 0.2:
            self.signin(person, self.at(day, rng.uniform(19, 22)), HOMES[person.number], person.laptop)

    def standby(self, person, day) -> None:
        for hour in range(24):
            self.visit(person, self.at(day, hour + self.rng.uniform(0, 1)), "updates.vendor.example")

    def told(self, day, what, ts, ip) -> None:
        self.steps.append({"day": day, "what": what, "ts": ts.timestamp(), "ip": ip})

    def attack(self, day) -> None:
        who, step = self.target, day - LEARNED
        if step == 0:
            ts = self.at(day, 11.2)
            self.okta(who, ts, BRAZIL, THEIRS, "user.session.start", "FAILURE", "INVALID_CREDENTIALS")
            for minute in (2, 4):
                self.refused(who, ts + timedelta(minutes=minute), BRAZIL, THEIRS)
                self.told(step, "denied prompt", ts + timedelta(minutes=minute), BRAZIL[0])
            self.signin(who, ts + timedelta(minutes=6), BRAZIL, THEIRS, "contradicted")
            self.told(step, "accepted prompt", ts + timedelta(minutes=6), BRAZIL[0])
        elif step in STEPS[1:3]:
            place = ROMANIA if step == STEPS[1] else TURKIYE
            ts = self.at(day, 13.4)
            self.signin(who, ts, place, THEIRS, "contradicted")
            self.told(step, "sign-in", ts, place[0])
            teams = ["board", "board", *(team for team in TEAMS if team != who.team)]
            for i in range(14):
                name = "download" if step == STEPS[2] else "view"
                self.read(who, ts + timedelta(minutes=1 + i), place, teams[i % len(teams)], 70 + i, name)
            self.told(step, "files", ts + timedelta(minutes=14), place[0])
        elif step == STEPS[3]:
            ts = self.at(day, 15.1)
            self.google(
                who, ts, TURKIYE, "user_accounts", "email_forwarding_out_of_domain", "email_forwarding_change",
                email_forwarding_destination_address="archive-7@mailbox.example",
            )  # fmt: skip
            self.told(step, "forward", ts, TURKIYE[0])

    def scenes(self, day) -> None:
        who = self.traveller
        if 29 <= day <= 33:
            ts = self.at(day, 9.5)
            if day == 29:
                for minute in (0, 1):
                    self.refused(who, ts + timedelta(minutes=minute), SINGAPORE, who.laptop)
            self.signin(who, ts + timedelta(minutes=5), SINGAPORE, who.laptop)
            for i in range(4):
                self.read(who, ts + timedelta(minutes=20 + i), SINGAPORE, who.team, 1 + i)
        if day == 30:
            self.signin(self.renewed, self.at(day, 20), SINGAPORE, PHONE.format(9))
            ts = self.at(day, 8.1)
            for i in range(4):
                self.okta(
                    self.forgetful, ts + timedelta(seconds=20 * i), OFFICE, self.forgetful.laptop, "user.session.start",
                    "FAILURE", "INVALID_CREDENTIALS",
                )  # fmt: skip
            for i in range(3):
                self.read(self.curious, self.at(day, 14 + i / 10), OFFICE, TEAMS[i], 5 + i)
        if day == 31:
            for i in range(40):
                self.read(self.fetcher, self.at(day, 14 + i / 100), OFFICE, self.fetcher.team, 1 + i, "download")

    def tell(self) -> None:
        for day in range(DAYS):
            for person in self.people:
                away = person is self.traveller and 29 <= day <= 33
                if day % 7 < 5 and not away:
                    self.workday(person, day)
                if not away:
                    self.standby(person, day)
            self.attack(day)
            self.scenes(day)

    def write(self, folder: Path, *, blind: bool) -> dict:
        """Write the logs and the configuration; return what is true."""
        for name, records in self.logs.items():
            if blind and name.startswith("SITE/"):
                continue
            path = folder / name.replace("SITE", "WLG")
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w") as out:
                for record in sorted(records, key=lambda one: one["_at"]):
                    kept = {key: one for key, one in record.items() if key != "_at"}
                    out.write(json.dumps(kept, ensure_ascii=False) + "\n")
        (folder / "site.toml").write_text(
            f'site = "WLG"\nlocal_networks = ["10.44.0.0/16"]\negress = ["{OFFICE[0]}"]\n'
            f'timezone = "Pacific/Auckland"\n\n[tenants.harbour]\ndomains = ["{DOMAIN}"]\nsites = ["WLG"]\n'
        )
        return {"account": self.target.name, "steps": self.steps, "signins": self.truth}


def tell(folder: Path, seed: int = 1, *, blind: bool = False) -> dict:
    """Write one telling into an empty folder; return whom it is about, the steps, and each sign-in's verdict."""
    telling = Telling(seed)
    telling.tell()
    return telling.write(folder, blind=blind)


if __name__ == "__main__":
    where = Path(sys.argv[1])
    seeds = [int(word) for word in sys.argv[2:] if word.isdigit()]
    (where / "truth.json").write_text(json.dumps(tell(where, *seeds, blind="--blind" in sys.argv)))
