"""What a hub gives its sites over real nats-servers: each site its own, all of it, in order, whatever is killed."""

import pytest

from sensor.model.given import Place, decode
from sensor.pipeline.postbox import Outgoing, Postbox
from sensor.store.state import State
from tests.fleet.ends import Box, Gifts, Inbox, Spool, publisher, receiver, running, wait
from tests.fleet.intruder import Intruder
from tests.fleet.servers import fleet
from tests.responses.orders import order

pytestmark = pytest.mark.needs_tool("nats-server")


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr("sensor.wire.site_nats_out.CHECK_S", 0.2)
    monkeypatch.setattr("sensor.wire.site_nats_in.SPEAK_S", 0.1)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A hub and two sites."""
    with fleet(tmp_path_factory.mktemp("nats"), ["SYD", "PER"]) as made:
        yield made


def test_each_site_is_given_its_own(servers) -> None:
    """More than a message at once, and what is added later; the other's never."""
    gifts, boxes = Gifts(), {site: Box(site) for site in servers.sites}
    gifts.count = {"SYD": 23, "PER": 3}
    inbox, ends = Inbox(gifts), [publisher(servers, site, Spool(site), box) for site, box in boxes.items()]
    with running(*ends, receiver(servers, inbox, give=gifts.give)):
        wait(lambda: len(boxes["SYD"].got) == 23 and len(boxes["PER"].got) == 3)
        gifts.count["PER"] = 4
        wait(lambda: len(boxes["PER"].got) == 4)
    for site, box in boxes.items():
        assert [f"{site} {number + 1}" for number in range(gifts.count[site])] == box.got
        assert box.closed


def test_servers_that_are_killed_lose_nothing(servers) -> None:
    """The hub's, then the leaf's, while more is given."""
    gifts, box = Gifts(), Box("SYD")
    gifts.count["SYD"] = 4
    inbox = Inbox(gifts)
    with running(publisher(servers, "SYD", Spool("SYD"), box), receiver(servers, inbox, give=gifts.give)):
        wait(lambda: len(box.got) == 4)
        for number, server in enumerate((servers.hub, servers.leaves["SYD"]), 1):
            server.kill()
            gifts.count["SYD"] = 4 + 7 * number
            server.start()
            wait(lambda: len(box.got) == gifts.count["SYD"])
    assert [f"SYD {number}" for number in range(1, 19)] == box.got


def test_a_stolen_certificate_hears_what_its_own_site_is_given_and_no_more(servers) -> None:
    """It asks for all that was ever given; the other's it does not hear (`test_stolen` tries every subject)."""
    gifts = Gifts()
    gifts.count = {"SYD": 3, "PER": 3}
    with (
        running(receiver(servers, Inbox(gifts), give=gifts.give)),
        Intruder(servers.leaf_port, servers.folder / "tls", "SYD") as one,
    ):
        one.subscribe("hub.SYD.give")

        def asked():
            one.publish("hub.SYD.taken", b'{"epoch":0,"sequence":0}')
            one.publish("hub.SYD.taken", b'{"epoch":"x"}')
            one.listen(0.2)
            return one.heard

        wait(asked)
    assert {("hub.SYD.give", gifts.give("SYD", Place()))} == set(one.heard)


def test_it_is_in_the_sites_state(servers, tmp_path) -> None:
    """Out of the hub's: the real stores at both ends."""
    with State(tmp_path / "hub") as hub, State(tmp_path / "SYD") as syd:
        with hub._connection:
            hub.returns.put("SYD", "order:a", order("a"))
        outgoing, inbox = Outgoing(tmp_path / "hub"), Inbox()
        inbox.gifts.place = outgoing.newest
        with running(
            publisher(servers, "SYD", Spool("SYD"), Postbox(tmp_path / "SYD", "SYD")),
            receiver(servers, inbox, give=outgoing.give),
        ):
            wait(lambda: syd.returned.place.sequence == 1)
        outgoing.close()
        assert ["a"] == [decode(body).wanted.id for _, body in syd.returned.take()]
