"""What waits to be archived."""

import json

import msgspec
import numpy as np

from sensor.model.account import SignIn, SignInSeen
from sensor.model.event import Event
from sensor.model.metadata import Dns
from sensor.model.protocols import Smb
from sensor.store.archive_buffer import Buffer
from tests.detectors.ticks import entities, tick
from tests.scenes import START, S, common, flow, flows


def rows(table):
    return table.to_pylist()


def test_every_record_has_an_ordinal_of_its_own():
    """Over ticks and tables, in the order in which they were taken in."""
    known = entities()
    buffer = Buffer(known)
    first = tick(known, flows(flow(at_s=1)), messages=[Dns(**common(2), query="a.example")])
    second = tick(known, flows(flow(at_s=11), flow(at_s=12)))
    count = buffer.take(first, 5)
    count += buffer.take(second, 5 + count)
    made = buffer.tables()

    assert (4, [5, 7, 8], [6]) == (
        count, made["flows"].column("n").to_pylist(), made["messages"].column("n").to_pylist(),
    )  # fmt: skip
    assert [first.end_ns, second.end_ns, second.end_ns] == made["flows"].column("tick").to_pylist()
    assert ({}, 0) == (buffer.tables(), buffer.bytes)


def test_a_message_is_kept_whole_with_its_main_name():
    """The query of a DNS message, the share of SMB; the body is its JSON."""
    known = entities()
    buffer = Buffer(known)
    said = [Dns(**common(1), query="a.example", rcode=3), Smb(**common(2), action="mapping", path="\\\\s\\c$")]
    buffer.take(tick(known, flows(), messages=said, end_ns=START + 10 * S), 0)
    made = rows(buffer.tables()["messages"])

    assert [("dns", "a.example"), ("smb", "\\\\s\\c$")] == [(one["kind"], one["query"]) for one in made]
    assert 3 == json.loads(made[0]["body"])["rcode"]


def test_events_and_signins_are_kept_with_their_account():
    """An event under its account; a sign-in once each time it changed."""
    known = entities()
    buffer = Buffer(known)
    step = tick(known, flows(), end_ns=START + 10 * S)
    event = Event(ts=START + S, source="entra", kind="signin", action="x", account="a@b.c", asn=64500, detail={"k": 1})
    row = SignIn(
        ts="2023-11-14T00:00:01.000000Z", account="a@b.c", source="entra", ip="203.0.113.7", country="AU", asn=64500,
        app=None, result="success", reason_code=None, reason=None, mfa="none", device=None, id="S-1",
    )  # fmt: skip
    seen = SignInSeen(row=row, account=-1, device=-1, site=0, ts=START + S, begun=True)
    step = msgspec.structs.replace(
        step, events=[event], event_site=[0], event_device=np.array([-1], np.int32),
        event_account=np.array([-1], np.int32), signins=[seen, msgspec.structs.replace(seen, begun=False)],
    )  # fmt: skip
    assert 3 == buffer.take(step, 0)
    made = buffer.tables()
    (told,) = rows(made["events"])

    assert ("a@b.c", 64500, '{"k":1}', None) == tuple(told[k] for k in ("account", "asn", "detail", "account_entity"))
    assert [("S-1", True), ("S-1", False)] == [(one["id"], one["begun"]) for one in rows(made["signins"])]


def test_the_host_behind_a_proxy_stands_at_its_flow():
    """By its place in the tick it came with."""
    known = entities()
    buffer = Buffer(known)
    buffer.take(tick(known, flows(flow(at_s=1))), 0)
    step = tick(known, flows(flow(at_s=11), flow(at_s=12)))
    step.destinations = {1: "a.example"}
    buffer.take(step, 1)

    assert [None, None, "a.example"] == buffer.tables()["flows"].column("destination").to_pylist()
