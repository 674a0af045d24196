"""What a hub says of a sign-in reaches the incident of the site that holds its part of it, and its page."""

import contextlib

import msgspec
import numpy as np
import pytest

from sensor import config
from sensor.model.capture import ARP
from sensor.model.given import Judged, Place
from sensor.model.times import parse
from sensor.pipeline.core import Core
from sensor.pipeline.fleet_giving import FleetGiving
from sensor.pipeline.giving import Giving, join_fleet, verdicts
from sensor.pipeline.postbox import Outgoing, Postbox
from sensor.store.returns import Given
from sensor.store.sorting import Step
from sensor.store.state import State
from tests.incidents.hands import START, People, act, incidents, seen
from tests.scenes import S, flow, flows

HUB = {"site": "HUB", "sites": {"SYD": {}, "PER": {}}}
LISTEN = {"type": "site", "listen": "127.0.0.1:0", "cert": "a", "key": "b", "ca": "c"}
TEXT = "The sign-in of user0@example.com from 198.51.100.7 is contradicted by the network: LAPTOP-0 was in use at PER."


def reported(finding):
    """As a site's finding is at its hub."""
    marks = (*finding.evidence.marks, "reported")
    return msgspec.structs.replace(finding, evidence=msgspec.structs.replace(finding.evidence, marks=marks))


def judged(verdict="contradicted", text=TEXT):
    """The hub's own verdict on a sign-in."""
    one = act("corroboration", "corroboration", 1e-3, START, text=text, keys=("account:user0@example.com",))
    evidence = msgspec.structs.replace(one.evidence, site="HUB", model=f"corroboration.assumed/1:{verdict}")
    return msgspec.structs.replace(one, evidence=evidence)


def fleet(*findings):
    """Return a hub's cases."""
    linked = incidents(People(links=[(0, 0, 1.0)]))
    linked.serve_fleet(["SYD", "PER"])
    linked.take(list(findings), START)
    return list(linked.cases.values())


def test_a_verdict_goes_to_the_site_that_has_evidence_in_the_incident():
    """Under the ids of its evidence, with who saw it; to nobody else, and again only where it says something new."""
    site = reported(act("place", "place", 1e-6, START, opens=True))
    cases = fleet(site, judged())
    (found,) = verdicts(cases, ["SYD", "PER"])

    assert Given("SYD", f"judged:{judged().evidence.id}", found.given, found.expires_ns) == found
    assert (
        Judged(
            ts=parse(judged().evidence.ts), evidence=(site.evidence.id,), verdict="contradicted", by="PER", text=TEXT
        )
        == found.given
    )
    assert [] == verdicts(cases, ["PER"])
    assert [] == verdicts(fleet(site), ["SYD"])
    assert [] == verdicts(fleet(reported(act("place", "place", 1e-6, START, opens=True)), reported(judged())), ["SYD"])


@pytest.fixture
def core(tmp_path):
    """A site with one incident of a device."""
    with State(tmp_path / "SYD", exclusive=True) as state:
        made = Core(config.build({"site": "SYD"}), state)
        made.entities.inputs = ["given"]
        made.entities.site_number("SYD")
        rows = flows(flow())
        end_ns = int(rows["ts"][0] + 10 * S)
        made.step(Step(end_ns, rows, [], np.empty(0, ARP), np.empty(0, np.int32), []), np.array([0], np.int32))
        finding = seen("beacon", "beacon", 1e-6, end_ns)
        identity = made.entities.devices.ids[0]
        entity = msgspec.structs.replace(finding.evidence.entity, id=identity)
        made.link([msgspec.structs.replace(finding, evidence=msgspec.structs.replace(finding.evidence, entity=entity))])
        yield made


def hand_over(hub, site, *given):
    """Commit at the hub, and bring it to the site as a carrier does."""
    hub.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={}, given=given)
    with contextlib.closing(Outgoing(hub.folder)) as outgoing, contextlib.closing(Postbox(site.folder, "SYD")) as box:
        content = outgoing.give("SYD", box.place())
        assert box.take(content) if content else True
        return box.place()


def test_the_sites_incident_shows_it_once(core, tmp_path):
    """On its timeline, in the state; also where it came twice, and nothing where the incident is none of ours."""
    (case,) = core.incidents.cases.values()
    one = Judged(ts=START, evidence=(next(iter(case.evidence)),), verdict="contradicted", by="PER", text=TEXT)
    other = msgspec.structs.replace(one, evidence=("EV-none",))
    with State(tmp_path / "hub") as hub:
        place = hand_over(hub, core.state, Given("SYD", "judged:a", one), Given("SYD", "judged:b", other))
        assert (True, False) == (core.taking.take(core.state), core.taking.take(core.state))
        core.commit([])
        hand_over(hub, core.state, Given("SYD", "judged:c", one))
        core.taking.take(core.state)
        core.commit([])
    (incident,) = core.state.incidents(digest=True)
    said = [moment for moment in incident.timeline if moment.kind == "hub"]

    assert [("hub", f"hub: contradicted by site PER. {TEXT}")] == [(one.who, one.text) for one in said]
    assert place != Place()


def test_a_core_gives_where_it_is_a_hub(tmp_path):
    """And is what it was where it is none; what was told before a restart is known after it."""
    with State(tmp_path, exclusive=True) as state:
        plain, hub = config.build(HUB), config.build({**HUB, "sources": {"sites": LISTEN}})
        core = Core(hub, state)
        join_fleet(core, plain)
        assert core.giver is None
        join_fleet(core, hub)
        assert isinstance(core.giver, Giving)
        assert [] == core.giver.due(START)
        core.commit([])
        assert {f"giving/{name}" for name in FleetGiving({}, 1).save()} <= set(state.load_snapshot())
