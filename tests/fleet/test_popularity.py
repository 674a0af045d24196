"""The fleet's popularity from end to end: three sites' cores, a hub's, and what was given between, over HTTPS' ends."""

import contextlib

import numpy as np
import pytest
import zstandard

from sensor import config
from sensor.model.capture import ARP
from sensor.model.report import Popular, Prior, decode, encode
from sensor.model.times import DAY_NS, HOUR_NS
from sensor.pipeline.core import Core
from sensor.pipeline.forwarding import forward
from sensor.pipeline.giving import join_fleet
from sensor.pipeline.postbox import Outgoing, Postbox
from sensor.store.sorting import Step
from sensor.store.state import State
from tests.scenes import S, flow, flows

SITES = ("SYD", "PER", "ADL")
BEGIN = int(flows(flow())["ts"][0]) // DAY_NS * DAY_NS
COMMON, OWN = "203.0.113.50", "203.0.113.60"


@pytest.fixture
def fleet(tmp_path):
    """Cores of three sites with a key of their own, and of a hub that has none."""
    (tmp_path / "key").write_text("of the fleet")
    sink = {"type": "site", "url": "https://hub.example:8478", "cert": "a", "key": "b"}
    listen = {"type": "site", "listen": "127.0.0.1:0", "cert": "a", "key": "b", "ca": "c"}
    with contextlib.ExitStack() as opened:
        cores = {}
        for site in SITES:
            told = config.build(
                {"site": site, "sinks": {"hub": {**sink, "fleet_key": {"file": str(tmp_path / "key")}}}}
            )
            state = opened.enter_context(State(tmp_path / site, exclusive=True))
            cores[site] = Core(told, state)
            cores[site].entities.inputs = ["given"]
            cores[site].entities.site_number(site)
            forward(cores[site], told)
            join_fleet(cores[site], told)
        told = config.build({"site": "HUB", "sites": {site: {} for site in SITES}, "sources": {"sites": listen}})
        hub = Core(told, opened.enter_context(State(tmp_path / "HUB", exclusive=True)))
        hub.entities.inputs = ["sites"]
        hub.entities.site_number("HUB")
        join_fleet(hub, told)
        yield cores, hub


def step(core, end_ns, rows=(), reports=()):
    """One tick, committed; return what is told."""
    rows = flows(*rows) if rows else flows()
    rows["ts"] = end_ns - 5 * S
    before = core.state.look(lambda db: db.execute("SELECT coalesce(max(sequence), 0) FROM spool").fetchone()[0])
    core.step(
        Step(end_ns, rows, [], np.empty(0, ARP), np.empty(0, np.int32), [], list(reports)), np.array([0], np.int32)
    )
    core.commit([])
    return [
        zstandard.decompress(body)
        for (body,) in core.state.look(
            lambda db: db.execute("SELECT body FROM spool WHERE sequence > ? ORDER BY sequence", (before,)).fetchall()
        )
    ]


def bring(hub, core, site):
    """Carry what a site is given into its state, and let its core take it; return the bytes."""
    with (
        contextlib.closing(Outgoing(hub.state.folder)) as outgoing,
        contextlib.closing(Postbox(core.state.folder, site)) as box,
    ):
        content = outgoing.give(site, box.place())
        assert not content or box.take(content)
    core.taking.take(core.state)
    return len(content)


def test_what_other_sites_have_had_for_a_week_is_known_at_each(fleet):
    """By its share of the other sites; what one site has alone is not, and a restart knows it still."""
    cores, hub = fleet
    said = {}
    for hour in (1, 8):
        end_ns = BEGIN + hour * HOUR_NS
        for k, (site, core) in enumerate(cores.items()):
            places = [OWN] if site == "ADL" else [COMMON, f"203.0.113.{70 + k}"]
            hosts = [flow(f"10.0.0.{10 + n}", place, port=443) for n in range(3) for place in places]
            for body in step(core, end_ns, hosts):
                said.setdefault(site, []).extend(decode(body, site))
    reports = [one for site in SITES for one in said[site] if isinstance(one, Popular)]
    assert {"SYD", "PER", "ADL"} == {one.site for one in reports}
    step(hub, BEGIN + 9 * HOUR_NS, reports=reports)
    assert 0 == sum(bring(hub, core, site) for site, core in cores.items())
    step(hub, BEGIN + 8 * DAY_NS)
    sizes = [bring(hub, core, site) for site, core in cores.items()]
    assert all(0 < size < 300 for size in sizes)
    for core in cores.values():
        step(core, BEGIN + 8 * DAY_NS)

    def use(core, place, own=0):
        row = flow(resp=place)
        return core.entities.fleet_use(0, int(row["resp_hi"][0]), int(row["resp_lo"][0]), own)

    found = use(cores["ADL"], COMMON)
    assert (2, 2, 6, 2 / 3) == (found.sites, found.of_sites, found.devices, found.share)
    assert use(cores["SYD"], COMMON, own=3) is None  # one other site alone
    assert use(cores["ADL"], OWN, own=3) is None
    again = Core(cores["ADL"].config, cores["ADL"].state)
    join_fleet(again, again.config)
    assert use(again, COMMON) is None  # the key comes with the first step
    again.entities.prior.take_from(again.taking.due())
    assert found == use(again, COMMON)


def test_a_hub_takes_no_prior_from_a_site():
    """What changes how things are judged comes from above alone."""
    assert ["not_its_own"] == decode(encode([Prior(ts=1, key=b"x")]), "SYD")
