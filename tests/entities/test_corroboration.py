"""Verdicts, when they come, and what changes them. What is true in whole worlds is in tests/evaluation."""

import numpy as np

from sensor.entities.corroboration import ABSENT_NS
from sensor.entities.entities import Entities
from sensor.model.capture import ARP
from sensor.model.event import Event
from sensor.model.metadata import Dns, Kerberos
from tests.scenes import DAY, SECRET, START, S, common, flow, flows

NAME = "login.microsoftonline.com"


def entities():
    known = Entities({}, SECRET, {"SYD": ("203.0.113.10",)})
    known.site_number("SYD")
    known.inputs = ["given"]
    return known


def step(known, end_s, *, rows=(), messages=(), events=()):
    """Resolve one tick; return its sign-ins."""
    none = np.empty(0, np.int32)
    taken = flows(*rows)
    tick = known.resolve(
        START + int(end_s * S), taken, np.zeros(len(taken), np.int32), np.empty(0, ARP), none, none, list(messages),
        [0] * len(messages), fresh=np.ones(len(taken), bool), learn=True, events=list(events),
        event_site=[0] * len(events),
    )  # fmt: skip
    return tick.signins


def signin(at_s, ip="203.0.113.10", number=0, **fields):
    given = {
        "outcome": "success", "account": "ann@ex.com", "country": "AU", "user_agent": "Firefox",
        "detail": {"event_category": "interactive"}, **fields,
    }  # fmt: skip
    return Event(
        ts=START + int(at_s * S), source="entra", kind="signin", action="Sign-in activity", ip=ip,
        raw_id=f"r{at_s}{number}", **given,
    )  # fmt: skip


def linked(known):
    """Ann logs on at 10.0.0.5."""
    step(
        known, 5, rows=[flow(at_s=1)],
        messages=[Kerberos(**common(at_s=2), client="ann/EX.COM", success=True, request_type="AS")],
    )  # fmt: skip
    return known


def watched(known, begin_s, end_s):
    """A site where every minute has a flow and a name."""
    for at in range(begin_s, end_s, 30):
        step(known, at + 30, rows=[flow("10.0.0.9", "198.51.100.7", at_s=at)],
             messages=[Dns(**common(at_s=at, orig="10.0.0.9"), query="example.org")])  # fmt: skip


def test_a_contact_of_a_linked_device_supports():
    """The first verdict comes when the window is over, is no revision, and says what it rests on."""
    known = linked(entities())
    asked = Dns(**common(at_s=990), query=NAME)
    (first,) = step(known, 1005, messages=[asked], events=[signin(1000)])
    assert ("unknown", False) == (first.row.corroboration, first.revised)
    assert [] == step(known, 1100)
    (second,) = step(known, 1190)

    assert ("supported", True, ()) == (second.row.corroboration, second.revised, second.row.revisions)
    assert "10.0.0.5 contacted microsoft from SYD 10 s before it" == second.row.because
    assert first.row.id == second.row.id


def test_a_late_record_revises_visibly():
    """Nothing was recorded there; then what was comes an hour late."""
    known = linked(entities())
    step(known, 1005, events=[signin(1000)])
    (before,) = step(known, 1000 + ABSENT_NS // S + 5)
    assert ("unknown", True) == (before.row.corroboration, "nothing was recorded" in before.row.because)
    assert [] == step(known, 4000, messages=[Dns(**common(at_s=1010), query=NAME)])
    (after,) = step(known, 4200)

    (revision,) = after.row.revisions
    assert ("supported", "unknown", "supported") == (after.row.corroboration, revision.from_, revision.to)
    assert after.revised


def test_nobody_there_is_unsupported_once_absence_says_something():
    """Where nearly all sign-ins are seen, and every minute around had records; else unknown."""
    known = linked(entities())
    for k in range(20):
        at = 3000 + 1500 * k
        step(known, at + 5, messages=[Dns(**common(at_s=at - 5), query=NAME)], events=[signin(at)])
        step(known, at + 800)
    watched(known, 39_000, 42_000)
    (first,) = step(known, 42_001, events=[signin(40_000)])
    (verdict,) = [first] if first.row.corroboration != "unknown" else step(known, 42_200)

    assert "unsupported" == verdict.row.corroboration
    assert "no device there contacted microsoft" in verdict.row.because
    assert {("entra", "success", "supported"): 20, ("entra", "success", "unsupported"): 1} == (
        known.identity.corroboration.take_counts(every=True)
    )


def test_what_can_be_neither_is_judged_at_once():
    """Its first row has the reason; a counter counts it once."""
    known = linked(entities())
    cases = [
        signin(10, ip=None), signin(20, ip="198.51.100.1", detail={"event_category": "service_principal"}),
        signin(30, ip="198.51.100.2", account="bob@ex.com", account_id="9", country="AU"),
        signin(40, ip="198.51.100.3", country=None), signin(50, ip="198.51.100.4", user_agent="iPhone"),
        signin(60, ip="198.51.100.5", user_agent=None), signin(70, ip="198.51.100.6", asn=13335),
    ]  # fmt: skip
    seen = step(known, 80, events=cases)

    whys = ("no address", "no person", "no monitored device", "where it is", "handheld", "no agent", "relay")
    assert all(why in one.row.because for why, one in zip(whys, seen, strict=True)), [one.row.because for one in seen]
    assert {"unknown"} == {one.row.corroboration for one in seen}
    assert {("entra", "success", "unknown"): 7} == known.identity.corroboration.take_counts(every=False)
    assert {} == known.identity.corroboration.take_counts(every=True)


def test_a_sign_in_is_counted_once_through_all_its_rows():
    """A prompt, then the success; the second row says where it was, and is looked at again."""
    known = linked(entities())
    step(known, 1000, events=[signin(900, ip="198.51.100.8", correlation_id="a")])
    strange = {"ip": "192.0.2.9", "user_agent": "curl", "asn": 9, "correlation_id": "c"}
    step(known, 5010, events=[signin(5000, country=None, outcome="interrupt", **strange)])
    (seen,) = step(known, 5020, events=[signin(5010, number=1, country="US", **strange)])
    step(known, 9000)

    assert ("success", "unknown", False) == (seen.row.result, seen.row.corroboration, seen.revised)
    assert {("entra", "success", "unknown"): 2} == known.identity.corroboration.take_counts(every=True)


def test_tables_say_how_full_they_are():
    """Devices that are looked at, and sign-ins that wait."""
    known = linked(entities())
    step(known, 1005, events=[signin(1000)])

    assert {"presence": 1 / 50_000, "signins_waiting": 1 / 100_000} == known.identity.corroboration.saturation


def test_a_vpn_lease_from_its_address_supports():
    """Until the logout."""
    known = entities()
    lease = Event(
        ts=START, source="globalprotect", kind="lease", action="login", outcome="success", account="ann@ex.com",
        device_name="LAP-1", detail={"assigned_addr": "10.9.0.1", "public_addr": "198.51.100.9"},
    )  # fmt: skip
    step(known, 5, events=[lease])
    step(known, 105, events=[signin(100, ip="198.51.100.9")])
    (verdict,) = step(known, 300)

    assert ("supported", True) == (verdict.row.corroboration, "VPN lease" in verdict.row.because)
    phone = signin(400, ip="198.51.100.9", user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)")
    seen = step(known, 405, events=[phone]) + step(known, 700)
    assert {"unknown"} == {one.row.corroboration for one in seen}  # it is at home too, behind the same address


def test_an_agents_contact_from_its_address_supports():
    """A laptop at home whose agent tells of its connections."""
    known = entities()
    device = {"device_id": "agent-0123456789", "account": "ann@ex.com", "source": "defender", "outcome": "success"}
    about = Event(ts=START, kind="other", action="DeviceInfo", detail={"public_addr": "198.51.100.9"}, **device)
    made = Event(
        ts=START + 95 * S, kind="connection", action="ConnectionSuccess", detail={"resp_name": NAME, "initiated": True},
        **device,
    )  # fmt: skip
    step(known, 105, events=[about, made, signin(100, ip="198.51.100.9")])
    (verdict,) = step(known, 300)

    assert ("supported", True) == (verdict.row.corroboration, "agent" in verdict.row.because)


def test_save_and_load_goes_on_where_it_stopped():
    """A restart between the sign-in and its verdict; rows can still join."""
    known, other = linked(entities()), entities()
    step(known, 1005, messages=[Dns(**common(at_s=990), query=NAME)], events=[signin(1000, correlation_id="c")])
    other.load(known.save())
    other.inputs = ["given"]
    step(other, 1010, events=[signin(1002, number=1, correlation_id="c", city="Sydney")])
    (verdict,) = step(other, 1190)

    assert ("supported", "Sydney") == (verdict.row.corroboration, verdict.row.city)
    assert ("r10000", "r10021") == verdict.row.raw_ids
    assert {("entra", "success", "supported"): 1} == other.identity.corroboration.take_counts(every=True)


def test_nothing_new_is_learned_from_what_was_wholly_new():
    """The intruder's agent is as strange on the next day; the account's own is known."""
    known = linked(entities())
    step(known, 1000, events=[signin(900)])
    step(known, 5000)
    strange = {"country": "US", "user_agent": "curl", "asn": 9}
    step(known, 6000, events=[signin(5900, ip="192.0.2.1", **strange)])
    step(known, 60_000)
    used = known.identity.corroboration.used

    assert [True, False, False] == [
        used.knows(0, "agent", "firefox"), used.knows(0, "agent", "curl"), used.knows(0, "network", "AS9 US")
    ]  # fmt: skip
    step(known, DAY // S, events=[signin(DAY // S - 50, ip="198.51.100.77")])
    assert used.knows(0, "network", "198.51.100.0")
