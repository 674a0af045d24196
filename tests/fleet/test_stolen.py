"""A site's credentials are stolen: whoever has them can publish as no other site, read no other, and command nobody."""

import asyncio
import contextlib
import time

import msgspec
import nats
import pytest

from sensor.model.given import Letter, Place
from sensor.wire import site_return
from sensor.wire.site_envelope import encode
from sensor.wire.site_nats import Have
from tests.fleet.ends import EPOCH, Box, Inbox, Spool, publisher, receiver, running, wait
from tests.fleet.intruder import Intruder
from tests.fleet.servers import PASSWORD, fleet, shipped

pytestmark = pytest.mark.needs_tool("nats-server")

SUBJECTS = (
    *("spanline.PER.incidents", "spanline.PER.health", "spanline.SYD.PER", "spanline.PER"),
    *("hub.PER.envelope", "hub.PER.have", "hub.SYD.have", "hub.HUB.have", "hub.PER.envelope.x"),
    *("hub.PER.give", "hub.SYD.give", "hub.PER.taken", "hub.HUB.give", "hub.HUB.taken", "hub.PER.give.x"),
    *("$JS.ACK.SPANLINE_PER.hub.1.1.1.1.0", "$JS.ACK.SPANLINE_SYD.hub.1.1.1.1.0"),
    *("$JS.API.STREAM.DELETE.SPANLINE_PER", "$JS.API.STREAM.PURGE.SPANLINE_PER", "$JS.API.STREAM.NAMES"),
    *("$JS.PER.API.STREAM.DELETE.SPANLINE_PER", "$JS.PER.API.STREAM.PURGE.SPANLINE_PER", "$JS.PER.API.INFO"),
    *("$JS.PER.API.CONSUMER.DELETE.SPANLINE_PER.hub", "$JS.PER.API.CONSUMER.MSG.NEXT.SPANLINE_PER.hub"),
    *("$JS.PER.API.STREAM.MSG.GET.SPANLINE_PER", "$JS.PER.API.DIRECT.GET.SPANLINE_PER", "$JS.hub.API.INFO"),
    *("$JS.API.CONSUMER.DURABLE.CREATE.SPANLINE_PER.spy", "$JS.API.ACCOUNT.PURGE.HUB", "$JS.API.SERVER.REMOVE"),
    *("$SYS.REQ.SERVER.PING", "$SYS.REQ.ACCOUNT.PER.CONNZ", "$SYS.REQ.USER.INFO", "$SYS.ACCOUNT.PER.CONNECT"),
    *("$KV.x.y", "$OBJ.x", "_INBOX.x.y", "_R_.x", "$LDS.x", "$GR.x", "$NRG.x", "$G.x", "PER.hub.PER.envelope"),
)
WILDCARDS = (
    *(
        ">",
        "*",
        "*.*",
        "*.*.*",
        "hub.>",
        "hub.*.*",
        "hub.*.envelope",
        "hub.*.have",
        "hub.*.give",
        "hub.*.taken",
        "spanline.>",
        "spanline.*.*",
    ),
    *("$JS.>", "$JS.ACK.>", "$JS.API.>", "$JS.*.API.>", "$SYS.>", "$SYS.REQ.>", "_INBOX.>", "_R_.>", "$KV.>", "$GR.>"),
)


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """A hub and two sites: SYD's credentials are stolen."""
    with fleet(tmp_path_factory.mktemp("nats"), ["SYD", "PER"]) as made:
        yield made


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr("sensor.wire.site_nats_out.CHECK_S", 0.2)
    monkeypatch.setattr("sensor.wire.site_nats_in.SPEAK_S", 0.2)


def payloads():
    """Return what an intruder would like others to take: an envelope of PER's, words of the hub's, and its orders."""
    forged = Spool("PER", 900).held[-1]
    order = site_return.encode("PER", [Letter(EPOCH, number, "k", b"forged") for number in range(1, 20)])
    taken = msgspec.json.encode(Place(EPOCH, 0))
    return [encode(forged), msgspec.json.encode(Have(EPOCH, 900, Place(EPOCH, 900))), b"+ACK", b"{}", order, taken]


@contextlib.contextmanager
def at_work(servers):
    """Have PER tell the hub 40 of 60 envelopes, with an intruder at it meanwhile; what is so must be so afterwards."""
    spool, inbox, box = Spool("PER", 40), Inbox(), Box("PER")
    inbox.gifts.count["PER"] = 6
    with running(publisher(servers, "PER", spool, box), receiver(servers, inbox, give=inbox.gifts.give)):
        wait(lambda: spool.position == 40 and len(box.got) == 6)
        yield spool, inbox
        spool.add(20)
        inbox.gifts.count["PER"] = 12
        wait(lambda: spool.position == 60 and len(box.got) == 12)
    assert [f"PER {number}" for number in range(1, 13)] == box.got
    assert list(range(1, 61)) == list(inbox.came["PER"])
    assert spool.held == list(inbox.came["PER"].values())
    assert 0 == inbox.doubled


def thief(servers, name="SYD", **claims):
    """Return a link to the hub with a site's certificate."""
    return Intruder(servers.leaf_port, servers.folder / "tls", name, **claims)


def test_a_stolen_certificate_is_good_for_its_own_site(servers) -> None:
    """Else what follows would show nothing: an envelope of SYD's is taken, and what the hub has of it is heard."""
    inbox, own = Inbox(), Spool("SYD", 1).held[0]
    with running(receiver(servers, inbox)), thief(servers) as one:
        one.subscribe("hub.SYD.have")
        until_s = time.monotonic() + 20
        while not (one.heard and inbox.came) and time.monotonic() < until_s:
            one.publish("hub.SYD.envelope", encode(own))
            one.listen(0.2)
        assert {"hub.SYD.have"} == {subject for subject, _ in one.heard}
        assert {"SYD": {1: own}} == inbox.came


def test_a_link_with_a_stolen_certificate_says_nothing_as_another(servers) -> None:
    """Every subject that means something to somebody, with envelopes, acknowledgements and replies of all kinds.

    Each over a link of its own, for the hub's server closes one that says what it may not.
    """
    replies = ("", "hub.PER.have", "$JS.ACK.SPANLINE_PER.hub.1.1.1.1.0@spanline.PER.incidents", "$JS.API.INFO")
    with at_work(servers) as (spool, inbox):
        for subject in (*SUBJECTS, "hub.SYD.envelope"):
            for reply in replies if subject.startswith("hub.") else replies[:1]:
                with thief(servers) as one:
                    for payload in payloads():
                        one.publish(subject, payload, reply)
                    one.listen(0.02)
        time.sleep(0.5)
        assert 40 == spool.position
    assert {"SYD"} == {site for site, _ in inbox.refused}  # on its own subject: taken for SYD's, and no envelope of its
    assert {"PER"} == set(inbox.came)


def test_a_link_with_a_stolen_certificate_hears_nobody_else(servers) -> None:
    """Every wildcard and subject, while another site is at work: nothing comes but what the hub has of SYD itself."""
    with contextlib.ExitStack() as links:
        with at_work(servers):
            found = [links.enter_context(thief(servers)) for _ in (*WILDCARDS, *SUBJECTS)]
            for one, subject in zip(found, (*WILDCARDS, *SUBJECTS), strict=True):
                one.subscribe(subject)
                one.listen(0.01)
        for one in found:
            one.listen(0.02)
    assert {"hub.SYD.have"} >= {subject for one in found for subject, _ in one.heard}


@pytest.mark.parametrize(
    "claims",
    [
        {"user": "spanline:site:PER"},
        {"user": "spanline", "pass": PASSWORD},
        {"account": "PER"},
        {"remote_account": "PER"},
        {"domain": "PER", "jetstream": True, "cluster": "PER"},
    ],
)
def test_a_certificate_is_believed_and_no_claim(servers, claims) -> None:
    """A user, account or domain that the link names changes nothing."""
    with at_work(servers):
        for subject in ("hub.PER.envelope", "hub.PER.have"):
            with thief(servers, **claims) as one:
                one.subscribe("hub.PER.have")
                one.subscribe("$JS.ACK.SPANLINE_PER.hub.>")
                for payload in payloads():
                    one.publish(subject, payload)
                one.listen(0.5)
                assert {"hub.SYD.have"} >= {subject for subject, _ in one.heard}


def test_a_stolen_password_at_a_leaf_node_reaches_nobody_else(servers) -> None:
    """The site's own client says nothing that arrives, hears nothing, and no JetStream but its own stream answers."""

    async def go():
        errors, heard = [], []

        async def note(error):
            errors.append(str(error))

        async def hear(message):
            heard.append(message.subject)

        client = await nats.connect(
            servers.leaves["SYD"].url, user="spanline", password=PASSWORD, error_cb=note, allow_reconnect=False
        )
        for subject in WILDCARDS:
            with contextlib.suppress(nats.errors.BadSubjectError):
                await client.subscribe(subject, cb=hear)
        for subject in SUBJECTS:
            for payload in payloads():
                await client.publish(subject, payload)
        for subject in SUBJECTS:
            if subject.startswith("$"):
                with pytest.raises((nats.errors.TimeoutError, nats.errors.NoRespondersError)):
                    await client.request(subject, b"", timeout=0.05)
        await asyncio.sleep(0.5)
        await client.close()
        return errors, heard

    with at_work(servers) as (spool, _):
        errors, heard = asyncio.run(go())
        assert 40 == spool.position
    assert [] == [subject for subject in heard if not subject.startswith("_INBOX.")]
    assert any("permissions violation" in one.lower() for one in errors)


def test_the_hubs_own_password_reaches_no_sites_jetstream(servers) -> None:
    """Whoever has the hub can acknowledge what is on its way, and stops the fleet; it commands no site's queue."""

    async def go():
        async def note(_):
            pass

        client = await nats.connect(servers.hub.url, user="spanline", password=PASSWORD, error_cb=note)
        for subject in ("STREAM.DELETE.SPANLINE_PER", "STREAM.PURGE.SPANLINE_PER", "INFO", "STREAM.NAMES"):
            for api in ("$JS.API", "$JS.PER.API"):
                with pytest.raises((nats.errors.TimeoutError, nats.errors.NoRespondersError)):
                    await client.request(f"{api}.{subject}", b"", timeout=0.1)
        await client.close()

    with at_work(servers):
        asyncio.run(go())


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"user": "spanline"},
        {"user": "spanline", "password": "guess"},
        {"user": "spanline:site:SYD"},
        {"user": "spanline:site:SYD", "password": ""},
    ],
)
def test_a_servers_own_port_wants_its_password(servers, options) -> None:
    """At the hub and at a leaf node; a site's name is no user of theirs."""

    async def go(url):
        async def note(_):
            pass

        client = nats.NATS()
        try:
            await client.connect(url, allow_reconnect=False, max_reconnect_attempts=1, error_cb=note, **options)
        finally:
            await client.close()

    for server in (servers.hub, servers.leaves["SYD"]):
        with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
            asyncio.run(go(server.url))


@pytest.mark.parametrize("who", ["", "ADL", "other/SYD", "ca"])
def test_a_link_needs_a_certificate_of_a_site_of_ours(servers, who) -> None:
    """None, a site that the hub does not know, SYD's name by another authority, the authority itself."""
    made, tls = shipped(), servers.folder / "tls"
    if who == "ADL":
        made.write_certificates(tls, [], ["ADL"])
    (tls / "other").mkdir(exist_ok=True)
    made.write_certificates(tls / "other", [], ["SYD"])
    inbox = Inbox()
    with running(receiver(servers, inbox)), contextlib.suppress(OSError), thief(servers, who) as one:
        for payload in payloads():
            one.publish("hub.SYD.envelope", payload)
            one.publish("hub.PER.envelope", payload)
        assert not one.listen(5.0)
    assert ([], {}) == (inbox.refused, inbox.came)
