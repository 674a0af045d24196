"""A fleet that goes on: a site is added by a reload of the hub's server, a stolen certificate replaced by a restart."""

import contextlib
import signal

import pytest

from sensor.wire.site_envelope import encode
from tests.fleet.ends import Inbox, Spool, publisher, receiver, running, wait
from tests.fleet.intruder import Intruder
from tests.fleet.servers import Fleet, shipped

pytestmark = pytest.mark.needs_tool("nats-server")


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr("sensor.wire.site_nats_out.CHECK_S", 0.2)
    monkeypatch.setattr("sensor.wire.site_nats_out.REDELIVER_S", (1.0, 2.0))
    monkeypatch.setattr("sensor.wire.site_nats_in.SPEAK_S", 0.2)


def reload(server, text):
    """Give a server another configuration, as `nats-server --signal reload` does."""
    at = len(server.said())
    server.conf.write_text(text)
    server.process.send_signal(signal.SIGHUP)
    wait(lambda: "Reloaded server configuration" in server.said(at))


def test_a_site_is_added_by_a_reload(tmp_path) -> None:
    """Those that were there go on over it; the new one's envelopes come."""
    made = Fleet(tmp_path, ["SYD", "PER"])
    whole = made.hub.conf.read_text()
    first, last = whole.index('  "PER" {'), whole.rindex("}")
    alone = "\n".join(line for line in (whole[:first] + whole[last:]).splitlines() if "PER" not in line)
    made.hub.conf.write_text(alone)
    spools, inbox = {site: Spool(site, 20) for site in made.sites}, Inbox()
    with contextlib.closing(made):
        made.hub.start()
        made.leaves["SYD"].start()
        with running(publisher(made, "SYD", spools["SYD"])):
            with running(receiver(made, inbox, ["SYD"])):
                wait(lambda: spools["SYD"].position == 20)
                reload(made.hub, whole)
                spools["SYD"].add(20)
                wait(lambda: spools["SYD"].position == 40)
            made.leaves["PER"].start()
            with running(publisher(made, "PER", spools["PER"]), receiver(made, inbox)):
                spools["SYD"].add(20)
                wait(lambda: spools["SYD"].position == 60 and spools["PER"].position == 20)
    assert {"SYD": 60, "PER": 20} == {site: len(found) for site, found in inbox.came.items()}


def test_a_stolen_certificate_is_replaced_by_one_of_another_name(tmp_path) -> None:
    """The account's user becomes the new name; who has the old one is refused, and the site goes on.

    A reload is not enough: nats-server 2.9 leaves the links that are there as they are.
    """
    made, own = Fleet(tmp_path, ["SYD"]), Spool("SYD", 20)
    tls, inbox = tmp_path / "tls", Inbox()
    with contextlib.closing(made):
        made.start()
        with running(publisher(made, "SYD", own), receiver(made, inbox)):
            wait(lambda: own.position == 20)
            shipped().write_certificates(tls, [], ["SYD-2"])
            made.hub.conf.write_text(made.hub.conf.read_text().replace("spanline:site:SYD", "spanline:site:SYD-2"))
            with Intruder(made.leaf_port, tls, "SYD") as before:
                assert before.listen(0.5)
                made.hub.kill()
                made.hub.start()
                assert not before.listen(5.0)
            with Intruder(made.leaf_port, tls, "SYD") as thief:
                thief.publish("hub.SYD.envelope", encode(own.held[0]))
                assert not thief.listen(5.0)
            leaf = made.leaves["SYD"]
            leaf.kill()
            leaf.conf.write_text(leaf.conf.read_text().replace("SYD.pem", "SYD-2.pem").replace("SYD.key", "SYD-2.key"))
            leaf.start()
            own.add(20)
            wait(lambda: own.position == 40)
    assert (0, []) == (inbox.doubled, inbox.refused)
