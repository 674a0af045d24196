"""From the hub's real server into an inbox, and only then acknowledged."""

import asyncio

import nats
import pytest

from sensor.wire import site_nats
from sensor.wire.site_envelope import encode
from tests.fleet.ends import Inbox, Spool, publisher, receiver, running, wait
from tests.fleet.servers import PASSWORD, fleet

pytestmark = pytest.mark.needs_tool("nats-server")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A hub and two sites."""
    with fleet(tmp_path_factory.mktemp("nats"), ["SYD", "PER"]) as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr("sensor.wire.site_nats_out.CHECK_S", 0.2)
    monkeypatch.setattr("sensor.wire.site_nats_out.REDELIVER_S", (1.0, 2.0))
    monkeypatch.setattr("sensor.wire.site_nats_in.SPEAK_S", 0.2)


def test_sites_come_apart_and_in_order(servers) -> None:
    """Two sites at once, each by its own subscription."""
    spools, inbox = {site: Spool(site, 300) for site in servers.sites}, Inbox()
    with running(*(publisher(servers, site, one) for site, one in spools.items()), receiver(servers, inbox)):
        wait(lambda: all(one.position == 300 for one in spools.values()))
    assert {site: one.held for site, one in spools.items()} == {s: list(one.values()) for s, one in inbox.came.items()}
    assert [] == inbox.refused


def test_nothing_is_acknowledged_before_it_is_stored(servers) -> None:
    """An inbox that cannot write is tried again; all of it comes again."""
    spool, inbox = Spool("SYD", 50), Inbox()
    inbox.problem = OSError("no space left")
    taker = receiver(servers, inbox)
    with running(publisher(servers, "SYD", spool), taker):
        wait(lambda: "no space left" in taker.problem)
        assert 0 == spool.position
        inbox.problem = None
        wait(lambda: spool.position == 50)
    assert list(range(1, 51)) == sorted(inbox.came["SYD"])


def test_a_killed_hub_loses_nothing(servers) -> None:
    """It keeps nothing itself: what was on its way comes again."""
    spool, inbox = Spool("PER", 50), Inbox()
    with running(publisher(servers, "PER", spool), receiver(servers, inbox)):
        wait(lambda: spool.position == 50)
        servers.hub.kill()
        spool.add(50)
        servers.hub.start()
        wait(lambda: spool.position == 100)
    assert spool.held == [inbox.came["PER"][number] for number in range(1, 101)]


def test_an_envelope_of_another_site_is_refused(servers) -> None:
    """What a site says of itself counts for nothing: the subscription is SYD's, the envelope says PER."""
    stolen, inbox = Spool("PER", 3), Inbox()
    with running(receiver(servers, inbox)):

        async def go():
            client = await nats.connect(servers.leaves["SYD"].url, user="spanline", password=PASSWORD)
            for one in stolen.held:
                await client.jetstream().publish("spanline.SYD.incidents", encode(one))
            await client.publish("spanline.SYD.incidents", b"no envelope")
            await client.flush()
            await client.close()

        sender = publisher(servers, "SYD", Spool("SYD"))
        with running(sender):
            wait(lambda: sender.heard_s is not None)  # its queue is there, and the link
            asyncio.run(go())
            wait(lambda: len(inbox.refused) == 4)
    assert {} == inbox.came
    assert {"SYD"} == {site for site, _ in inbox.refused}


def test_what_lacks_another_before_it_comes_again(servers) -> None:
    """The inbox takes them in order: one that is ahead waits in the queue until the other is there."""
    spool, inbox = Spool("SYD", 30), Inbox()
    inbox.came["SYD"] = {}
    seventh, spool.held[6] = spool.held[6], spool.held[5]
    with running(publisher(servers, "SYD", spool), receiver(servers, inbox)):
        wait(lambda: spool.position == 6 and inbox.ahead)
        spool.held[6] = seventh
        inbox.came["SYD"][7] = seventh
        wait(lambda: spool.position == 30)
    assert list(range(1, 31)) == list(inbox.came["SYD"])


def test_what_is_acknowledged_to_is_the_sites_own_consumer() -> None:
    """A reply that names another's is not followed (tests/fleet tries it over a link)."""
    assert not site_nats.is_ack_of("SYD", "$JS.ACK.SPANLINE_PER.hub.1.1.1.1.0")
