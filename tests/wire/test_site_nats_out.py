"""From a spool into a real leaf node's queue, until the hub has it; through every loss that the queue may suffer."""

import asyncio
import shutil
import time

import msgspec
import nats
import pytest

from sensor.wire import site_nats, site_nats_out
from tests.fleet.ends import EPOCH, Inbox, Spool, publisher, receiver, running, wait
from tests.fleet.servers import PASSWORD, fleet

pytestmark = pytest.mark.needs_tool("nats-server")


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A hub and one site's leaf node."""
    with fleet(tmp_path_factory.mktemp("nats"), ["SYD"]) as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr(site_nats_out, "CHECK_S", 0.2)
    monkeypatch.setattr(site_nats_out, "REDELIVER_S", (1.0, 2.0))
    monkeypatch.setattr("sensor.wire.site_nats_in.SPEAK_S", 0.2)


def asked(server, subject, body=b""):
    """Ask a server of the site's for something."""

    async def go():
        client = await nats.connect(server.url, user="spanline", password=PASSWORD)
        reply = await client.request(subject, body, timeout=5)
        await client.close()
        return msgspec.json.decode(reply.data)

    return asyncio.run(go())


def test_what_the_hub_has_is_written_down_and_leaves_the_queue(servers) -> None:
    """More than the window, in order, each once."""
    spool, inbox = Spool("SYD", 2 * site_nats_out.WINDOW + 10), Inbox()
    sender = publisher(servers, "SYD", spool)
    with running(sender, receiver(servers, inbox)):
        wait(lambda: spool.position == len(spool.held))
        assert 0 < sender.sent <= len(spool.held)
        wait(lambda: asked(servers.leaves["SYD"], "$JS.API.STREAM.INFO.SPANLINE_SYD")["state"]["messages"] == 0)
    assert spool.held == list(inbox.came["SYD"].values())
    assert spool.closed


def test_no_more_than_a_window_waits_in_the_queue(servers) -> None:
    """While the hub's program is away the spool is the store."""
    spool = Spool("SYD", 2 * site_nats_out.WINDOW)
    sender = publisher(servers, "SYD", spool)
    with running(sender):
        wait(lambda: sender.published == site_nats_out.WINDOW)
        state = asked(servers.leaves["SYD"], "$JS.API.STREAM.INFO.SPANLINE_SYD")["state"]
        spool.add(1)
        assert (site_nats_out.WINDOW, 0) == (state["messages"], spool.position)


@pytest.mark.parametrize("subject", ["STREAM.PURGE.SPANLINE_SYD", "STREAM.DELETE.SPANLINE_SYD",
                                     "CONSUMER.DELETE.SPANLINE_SYD.hub"])  # fmt: skip
def test_a_queue_that_lost_what_was_in_it_is_filled_again(servers, subject) -> None:
    """Purged, gone, or without its consumer: the spool has it all, and the hub gets it."""
    spool, inbox = Spool("SYD", 100), Inbox()
    sender = publisher(servers, "SYD", spool)
    with running(sender):
        wait(lambda: sender.published == 100)
        assert asked(servers.leaves["SYD"], f"$JS.API.{subject}")["success"]
        with running(receiver(servers, inbox)):
            wait(lambda: spool.position == 100)
    assert list(range(1, 101)) == sorted(inbox.came["SYD"])


def test_a_killed_leaf_without_its_store_loses_nothing(servers) -> None:
    """The folder of its JetStream is deleted while everything is still in it."""
    spool, inbox = Spool("SYD", 100), Inbox()
    sender, leaf = publisher(servers, "SYD", spool), servers.leaves["SYD"]
    with running(sender):
        wait(lambda: sender.published == 100)
        leaf.kill()
        shutil.rmtree(servers.store("SYD"))
        wait(lambda: sender.problem)
        leaf.start()
        with running(receiver(servers, inbox)):
            wait(lambda: spool.position == 100)
    assert list(range(1, 101)) == sorted(inbox.came["SYD"])
    assert not sender.problem


def test_a_hub_that_is_heard_again_is_sent_at_once_what_was_on_the_link(servers, monkeypatch) -> None:
    """Repeats are a minute apart by then; a silence says that they are not worth waiting for."""
    monkeypatch.setattr(site_nats_out, "REDELIVER_S", (600.0, 600.0))
    monkeypatch.setattr(site_nats_out, "SILENT_S", 1.0)
    asked(servers.leaves["SYD"], "$JS.API.STREAM.DELETE.SPANLINE_SYD")
    spool, inbox = Spool("SYD", 20), Inbox()
    sender = publisher(servers, "SYD", spool)
    with running(sender):
        with running(receiver(servers, inbox)):
            wait(lambda: spool.position == 20)
        lost = asyncio.run(swallowed(servers.hub, lambda: spool.add(20), 20))
        assert 20 == lost
        time.sleep(1.0)
        with running(receiver(servers, inbox)):
            wait(lambda: spool.position == 40)
    assert spool.held == list(inbox.came["SYD"].values())


async def swallowed(server, begin, count):
    """Take so many envelopes at the hub without acknowledging them, as a link does that is going; return how many."""
    client = await nats.connect(server.url, user="spanline", password=PASSWORD)
    sub = await client.subscribe(site_nats.envelopes_of("SYD"))
    await client.flush()
    begin()
    for _ in range(count):
        await sub.next_msg(20)
    await client.close()
    return count


def test_a_hub_that_was_put_back_is_sent_again_what_it_lost(servers) -> None:
    """It says that it has less than it had."""
    spool, inbox = Spool("SYD", 100), Inbox()
    with running(publisher(servers, "SYD", spool), receiver(servers, inbox)):
        wait(lambda: spool.position == 100)
        inbox.came["SYD"] = dict(list(inbox.came["SYD"].items())[:40])
        wait(lambda: len(inbox.came["SYD"]) == 100 and spool.position == 100)
    assert spool.held == list(inbox.came["SYD"].values())


def test_what_the_hub_refuses_comes_again(servers) -> None:
    """It may take it some day; until then nothing after it counts as had."""
    spool, inbox = Spool("SYD", 20), Inbox()
    inbox.refuse = {11}
    with running(publisher(servers, "SYD", spool), receiver(servers, inbox)):
        wait(lambda: len(inbox.refused) >= 2)
        assert 10 == spool.position
        inbox.refuse = set()
        wait(lambda: spool.position == 20)


def test_what_nobody_has_is_sent_again(servers, monkeypatch) -> None:
    """One that the queue lost from its middle, so that the hub waits for it: nothing moves, though the hub is heard."""
    monkeypatch.setattr(site_nats_out, "STUCK_S", 1.0)
    spool, inbox = Spool("SYD", 20), Inbox()
    sender = publisher(servers, "SYD", spool)
    with running(sender):
        wait(lambda: sender.published == 20)
        first = asked(servers.leaves["SYD"], "$JS.API.STREAM.INFO.SPANLINE_SYD")["state"]["first_seq"]
        body = msgspec.json.encode({"filter": "", "keep": 0, "seq": first + 5})
        assert 5 == asked(servers.leaves["SYD"], "$JS.API.STREAM.PURGE.SPANLINE_SYD", body)["purged"]
        with running(receiver(servers, inbox)):
            wait(lambda: spool.position == 20)
    assert sender.resends >= 1


def test_a_queue_that_another_release_made_otherwise_is_made_anew(servers) -> None:
    """A stream of the same name that keeps everything."""
    asked(servers.leaves["SYD"], "$JS.API.STREAM.DELETE.SPANLINE_SYD")
    other = b'{"name": "SPANLINE_SYD", "subjects": ["spanline.SYD.*"], "retention": "limits", "storage": "file"}'
    assert "error" not in asked(servers.leaves["SYD"], "$JS.API.STREAM.CREATE.SPANLINE_SYD", other)
    spool, inbox = Spool("SYD", 20), Inbox()
    with running(publisher(servers, "SYD", spool), receiver(servers, inbox)):
        wait(lambda: spool.position == 20)


def test_words_that_are_none_of_the_hubs_are_passed_over(servers) -> None:
    """They say nothing of what it has."""
    spool = Spool("SYD", 5)
    sender = publisher(servers, "SYD", spool)

    async def say(*words):
        client = await nats.connect(servers.hub.url, user="spanline", password=PASSWORD)
        for word in words:
            await client.publish(site_nats.have_of("SYD"), word)
        await client.close()

    with running(sender):
        wait(lambda: sender.published == 5)
        asyncio.run(say(b"", b"{", b'{"epoch": 1}', b"+ACK", b"9" * 5000))
        asyncio.run(say(msgspec.json.encode(site_nats.Have(EPOCH, 3))))
        wait(lambda: spool.position == 3)
