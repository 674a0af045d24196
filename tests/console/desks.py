"""A console over a small state with everything on it, its people, and a client that signs in as one of them."""

import re

import httpx
import msgspec

from sensor.console.page import environment
from sensor.console.server import Served
from sensor.console.visit import Desk
from sensor.model.account import Account, Link, SignIn
from sensor.model.device import Device, Learning, Span
from sensor.model.evidence import Entity, Evidence, Record
from sensor.model.incident import Action, Answer, Incident, Moment, Party, Step
from sensor.model.person import Person
from sensor.model.result import InputResult
from sensor.pipeline.consoling import Written
from sensor.store.actions import Actions
from sensor.store.held import Held, request_of
from sensor.store.state import State

T = "2026-01-01T00:00:00.000000Z"
CLOCK_NS = 1_767_225_600 * 10**9
PASSWORD = "correct horse battery"  # noqa: S105 - of nobody
EVIL = '<script>alert("x")</script>\x1b[2J\u202e\'--'
"""What a host, an account, a file or a rule may be called."""
GRANTS = {
    "vera": {"*": "viewer"}, "anna": {"*": "analyst"}, "rose": {"*": "responder"}, "adam": {"*": "admin"},
    "sid": {"SYD": "analyst"},
}  # fmt: skip


def evidence(key="EV-1", entity="ann@ex.com", **fields):
    """One evidence of an account."""
    made = Evidence(
        id=key, ts=T, site="SYD", entity=Entity(kind="account", id=entity), detector="place", family="place",
        source="identity", observed=40.0, expected=2.0, range=(0.0, 5.0), reference="own", reference_n=9, p=1e-6,
        db=30.0, text=f"{entity} did {EVIL}", records=(Record(input=EVIL, uid="C1", row=7),), model="place.net/1",
        basis={"a": 1.5}, keys=(f"address:{EVIL}", "session:s"),
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


def action(key="ACT-1", connector="fake", state="proposed"):
    """One action against an account."""
    step = Step(ts=T, state="proposed", by="spanline", detail=EVIL)
    return Action(
        id=key, connector=connector, verb="disable_account", target={"kind": "account", "id": EVIL}, mode="approve",
        state=state, reason=EVIL, expires="2027-01-01T00:00:00.000000Z", blast_radius=EVIL, history=(step, step),
    )  # fmt: skip


def incident(key="INC-1", sites=("SYD",), tier="page", actions=(), **fields):
    """One incident, hostile where it can be."""
    first = evidence(f"EV-{key}")
    other = evidence(f"EV-{key}-2", source="network", range=None, expected=None, db=5.0)
    made = Incident(
        id=key, state="open", verdict=None, tier=tier, sites=sites, opened=T, last_activity=T, score_db=42.0, p=1e-6,
        title=f"{key} {EVIL}", summary=EVIL, techniques=("T1078",), evidence=(first, other), counter_evidence=(EVIL,),
        entities=(
            Party(kind="account", site="SYD", id="ann@ex.com", name=EVIL, role="subject"),
            Party(kind="address", site=None, id="203.0.113.9", name=EVIL, role="peer"),
        ),
        actions=actions, next_check=EVIL, context=(evidence(f"EV-{key}-3"),),
        timeline=(
            Moment(ts=T, kind="evidence", who=EVIL, text=EVIL, db=30.0, p=1e-6, evidence=first.id),
            Moment(ts=T, kind="opened", who="", text="opened"),
        ),
        investigation=(Answer(question=EVIL, answer=EVIL, rows=1, query="SELECT 1"),),
    )  # fmt: skip
    return msgspec.structs.replace(made, **fields)


def device(key="dev-1", site="SYD", name=EVIL):
    """One device."""
    return Device(
        id=key, site=site, sites=(site,), name=name, macs=("00:aa:bb:cc:dd:01",), addresses=("10.0.0.5",),
        location="on_prem", vendor=EVIL, role="workstation", accounts=("ann@ex.com",), first_seen=T, last_seen=T,
        flows=3, learning=Learning(state="learning", progress=0.5, ready_at=T), risk_db=4.0,
        names=(Span(value=EVIL, first=T, last=T, source="dhcp"),), agents={"entra": EVIL}, shared=EVIL,
    )  # fmt: skip


def account(name="ann@ex.com", sites=("SYD",)):
    """One account with a link."""
    link = Link(
        account=name, kind="ntlm", strength="strong", device="dev-1", device_name=EVIL, site="SYD", address=None,
        first=T, last=T, count=3, days=2, weight=1.0, expires=T, shared=False, evidence=EVIL,
    )  # fmt: skip
    return Account(
        name=name, names=(EVIL,), sites=sites, sources=("ntlm",), devices=("dev-1",), links=(link,), first_seen=T,
        last_seen=T, sightings=5,
    )  # fmt: skip


def signin(number=1, verdict="contradicted", country="DE", site="SYD"):
    """One sign-in."""
    return SignIn(
        ts=T, account="ann@ex.com", source="entra", ip="203.0.113.9", country=country, asn=64496, app=EVIL,
        result="failure", reason_code="50126", reason=EVIL, mfa="denied", device=None, corroboration=verdict,
        because=EVIL, id=f"SI-{number}", site=site, sources=("entra",), city=EVIL,
    )  # fmt: skip


def filled(folder, *incidents):
    """A state with incidents at two sites and one of everything else."""
    incidents = incidents or (incident(actions=(action(),)), incident("INC-2", ("PER",), "digest"))
    read = InputResult(path="x", site="SYD", format="zeek", records=5, bytes=1, accepted=3, late=0, duplicates=1,
                       rejected={"truncated": 1})  # fmt: skip
    with State(folder) as state:
        state.add_signins([signin(), signin(2, "supported", "AU"), signin(3, "unknown", None, "PER")])
        state.commit(
            columns={}, incidents=incidents, devices=[device(), device("dev-2", "PER", "PER-1")],
            accounts=[account(), account("bob@ex.com", ("PER",))], inputs=[read],
            meta={"version": "1", "clock_ns": str(CLOCK_NS), "proposals": '[{"site":"SYD","value":"x","why":"y"}]'},
        )  # fmt: skip
    with Actions(folder) as actions:
        actions.put(
            [Held(one, request_of(found, one), found.id) for found in incidents for one in found.actions]
        )  # fmt: skip
    return folder


class Ticking:
    """A clock that stands until it is moved, s."""

    def __init__(self):
        self.now_s = 1000.0

    def __call__(self):
        return self.now_s


def desk(folder, *, readonly="", provider=None, vitals=None, place=None, today_ns=None):
    """A console over a state; people are added as they sign in."""
    return Desk(folder, Written(folder, readonly), environment(), Ticking(), place, provider, vitals, today_ns)


OPEN = []
"""What the fixture of the tests closes after each."""


def client(made):
    """A client of a server on a free port; it follows nothing by itself."""
    served = next((one for one in OPEN if isinstance(one, Served) and one.desk is made), None)
    if served is None:
        served = Served(made, "127.0.0.1", 0)
        OPEN.append(served)
    browser = httpx.Client(base_url=served.address, follow_redirects=False, timeout=30.0)
    OPEN.append(browser)
    return browser


def signed_in(made, name="adam"):
    """A client of somebody who is signed in, without the cost of a password."""
    browser = client(made)
    browser.cookies.set("spanline", made.sessions.open(Person(name=name, grants=GRANTS[name]), "local"))
    return browser


def csrf(answer):
    """The token of a page's forms."""
    return re.search(r'name="csrf" value="([^"]+)"', answer.text)[1]


def post(browser, path, page="/incidents", **fields):
    """Send a form as it stands on a page."""
    return browser.post(
        path, data={"csrf": csrf(browser.get(page)), **fields}, headers={"Origin": str(browser.base_url).rstrip("/")}
    )
