"""What a site gathers for its hub, and when it tells."""

import msgspec
import numpy as np
import pytest

from sensor import config
from sensor.model.capture import ARP
from sensor.model.mute import Verdict as Said
from sensor.model.order import HUB
from sensor.model.report import Became, Covered, Health, Ordered, Sighting, Told, Verdict, decode
from sensor.model.site_packet import PACKET_MAX
from sensor.pipeline import forwarding as module
from sensor.pipeline.core import Core
from sensor.pipeline.forwarding import Forwarding
from sensor.store.sorting import Step
from sensor.store.state import State
from tests.incidents.hands import seen
from tests.responses.orders import outcome, wanted
from tests.scenes import S, flow, flows

TICK = 10
BEGIN = flows(flow())["ts"][0]


@pytest.fixture
def core(tmp_path):
    with State(tmp_path, exclusive=True) as state:
        made = Core(config.build({"site": "SYD"}), state)
        made.entities.inputs = ["given"]
        yield made


def step(core, at_s, *rows):
    """One tick of flows of the first site."""
    end_ns = int(BEGIN + (at_s // TICK + 1) * TICK * S)
    rows = flows(*rows)
    core.step(Step(end_ns, rows, [], np.empty(0, ARP), np.empty(0, np.int32), []), np.array([0], np.int32))


def forwards(core):
    core.forwarder = Forwarding(core, "SYD")
    return core.forwarder


def said(packets):
    """All reports of packets, and their kinds."""
    return [one for packet in packets for one in decode(packet.body, "SYD")]


def kinds(reports):
    return [type(one).__name__ for one in reports]


def test_nothing_is_gathered_where_no_hub_is_configured(core):
    """No list grows for nobody."""
    core.entities.site_number("SYD")
    step(core, 0, flow())
    identity = core.entities.identity

    assert [None] * 4 == [
        identity.contacts.told, identity.links.told, identity.corroboration.presence.told,
        identity.corroboration.remote.told,
    ]  # fmt: skip


def test_signals_are_told_every_five_minutes(core):
    """At first at once; then what is new since: a slot of presence when it is over, a device once."""
    forwarder = forwards(core)
    step(core, 0, flow())
    first = said(forwarder.packets())
    for at_s in range(10, 600, 10):
        step(core, at_s, flow(at_s=at_s))
    later = said(forwarder.packets())

    assert ["Health", "Sighting", "Sighting", "Covered"] == sorted(
        kinds(first), key=["Health", "Sighting", "Covered"].index
    )
    assert ["Present", "Covered"] == [kind for kind in kinds(later) if kind != "Health"][:2]
    assert {"10.0.0.5", "10.0.0.9"} == {
        address for one in first if isinstance(one, Sighting) for address in one.addresses
    }
    assert 0 == sum(isinstance(one, Sighting | Health) for one in later)


def test_a_new_finding_is_told_with_the_next_commit(core):
    """And its growth with the signals; an order of steps is not told, for the hub makes it itself."""
    forwarder = forwards(core)
    step(core, 0, flow())
    forwarder.packets()
    scan = seen("scan", "scan", 1e-9, int(BEGIN))
    row = core.entities.locate(0, "10.0.0.5")
    grown = msgspec.structs.replace(scan, device=row)
    core.incidents.take([grown], int(BEGIN) + 20 * S)
    (packet,) = forwarder.packets()
    core.incidents.take([grown], int(BEGIN) + 30 * S)

    assert "incidents" == packet.kind
    (told,) = said([packet])
    assert isinstance(told, Told)
    assert (scan.evidence, core.entities.device_id(row), -1) == (
        told.finding.evidence,
        told.device,
        told.finding.device,
    )
    assert [] == forwarder.packets()
    step(core, 600, flow(at_s=600))
    assert ["Told"] == [kind for kind in kinds(said(forwarder.packets())) if kind == "Told"]


def test_what_a_person_closes_is_told(core):
    """With everything that it was made of."""
    forwarder = forwards(core)
    step(core, 0, flow())
    scan = seen("scan", "scan", 1e-9, int(BEGIN))
    core.incidents.take([scan], int(BEGIN) + 20 * S)
    (case,) = core.incidents.cases.values()
    core.incidents.judge([Said(number=1, incident=case.id, verdict="benign", reason="ours", author="ann")], [])
    found = [one for one in said(forwarder.packets()) if isinstance(one, Verdict)]

    assert [("benign", "ours", (scan.evidence.id,))] == [(one.verdict, one.reason, one.evidence) for one in found]


def test_orders_and_what_became_of_them_are_told_with_the_next_commit(core):
    """Once; what is for somebody else is not."""
    forwarder, orders = forwards(core), core.state.orders
    orders.came(HUB, wanted("ACT-1"))
    core.commit(())
    (held,) = orders.live("in")
    orders.tell(held, outcome("ACT-1"), 1, settled=True)
    orders.give(HUB, wanted("ACT-2"))
    orders.give("PER", wanted("ACT-3"))
    found = said(forwarder.packets())
    assert {"ACT-1": outcome("ACT-1"), "ACT-2": wanted("ACT-2")} == {
        one.outcome.id if isinstance(one, Became) else one.wanted.id: getattr(one, "outcome", None) or one.wanted
        for one in found
        if isinstance(one, Became | Ordered)
    }
    core.commit(())
    assert [] == [one for one in said(forwarder.packets()) if isinstance(one, Became | Ordered)]


def test_another_sites_finding_is_not_told(core):
    """A process that ingests for several tells of the one that it is named after."""
    forwarder = forwards(core)
    core.incidents.take([seen("scan", "scan", 1e-9, int(BEGIN), site="PER")], int(BEGIN) + 20 * S)

    assert [] == forwarder.packets()


def test_a_restart_goes_on_where_the_commit_was(core, tmp_path):
    """What was gathered and not told is told then, and nothing again."""
    forwarder = forwards(core)
    step(core, 0, flow())
    step(core, 10, flow(at_s=10))
    core.commit([])
    before = said(forwarder.packets())
    core.state.close()
    with State(tmp_path) as state:
        again = Core(core.config, state)
        again.entities.inputs = ["given"]
        forwarder = forwards(again)
        for at_s in (20, 300, 310, 600):
            step(again, at_s, flow(at_s=at_s))
        later = said(forwarder.packets())

    assert [] == before
    assert 0 == sum(isinstance(one, Sighting) for one in later)
    covered = [one for one in later if isinstance(one, Covered)]
    assert covered
    assert BEGIN // (60 * S) < covered[0].minute


def test_the_same_steps_make_the_same_packets(tmp_path):
    """However often it is committed between them."""
    found = []
    for name, often in (("a", 1), ("b", 7)):
        with State(tmp_path / name) as state:
            core = Core(config.build({"site": "SYD"}), state)
            core.entities.inputs = ["given"]
            forwarder, packets = forwards(core), []
            for k in range(100):
                step(core, 10 * k, flow(at_s=10 * k))
                if k % often == 0:
                    packets += forwarder.packets()
            found.append([*packets, *forwarder.finish()])

    assert found[0] == found[1]


def test_packets_have_a_limit(core, monkeypatch):
    """Many reports are several packets; one that is longer than any may be is left out, and counted."""
    forwarder = forwards(core)
    reports = [Sighting(ts=1, device=f"dev-{k}", macs=("x" * 2000,)) for k in range(300)]
    forwarder._pack([*reports, Sighting(ts=1, device="x" * PACKET_MAX)])
    packets = forwarder.packets()

    assert (300, 1) == (len(said(packets)), forwarder.too_long)
    assert 3 == len(packets)
    assert max(len(one.body) for one in packets) <= PACKET_MAX
    monkeypatch.setattr(module, "KNOWN_MAX", 1)
    step(core, 0, flow(), flow("10.0.0.6"), flow("10.0.0.7"))
    core.incidents.take([seen("scan", "scan", 1e-9, int(BEGIN), device=k) for k in range(3)], int(BEGIN))
    forwarder.packets()
    assert 1 == len(forwarder._known)


def test_reports_can_be_disguised(core):
    """Whatever is to be done to one is done before it is written."""
    core.forwarder = forwarder = Forwarding(
        core, "SYD", lambda one: msgspec.structs.replace(one, addresses=()) if isinstance(one, Sighting) else one
    )
    step(core, 0, flow())

    assert [(), ()] == [one.addresses for one in said(forwarder.packets()) if isinstance(one, Sighting)]


def test_gathering_begins_and_ends_with_the_configuration(core):
    """A hub that is named by a reload is gathered for, and one that is no more is not."""
    hub = config.Component(name="hub", type="site")
    named = msgspec.structs.replace(core.config, sinks={"hub": hub})
    module.forward(core, core.config)
    assert core.forwarder is None
    module.forward(core, named)
    first = core.forwarder
    module.forward(core, named)
    assert isinstance(first, Forwarding)
    assert core.forwarder is first
    module.forward(core, core.config)
    step(core, 0, flow())

    identity = core.entities.identity
    assert [None] * 3 == [core.forwarder, identity.links.told, identity.corroboration.presence.told]
