"""Subjects, what may be acknowledged to whom, and what will not do about a link."""

import asyncio
import threading
import time

import pytest

from sensor.errors import Transient
from sensor.wire import site_nats
from sensor.wire.site_nats import Link, is_ack_of, problem, rest, wrong_site


def test_subjects_name_the_site_and_the_kind() -> None:
    """As the servers' permissions know them."""
    assert "spanline.SYD.incidents" == site_nats.subject_of("SYD", "incidents")
    assert "hub.SYD.envelope" == site_nats.envelopes_of("SYD")
    assert "hub.SYD.have" == site_nats.have_of("SYD")
    assert "SPANLINE_SYD" == site_nats.stream_of("SYD")


@pytest.mark.parametrize("site", ["SYD.PER", "*", ">", "SYD PER", "", "x" * 33, "SYD\n", "Zürich"])
def test_a_name_that_means_something_in_a_subject_is_refused(site: str) -> None:
    """Dots and wildcards would reach other sites."""
    assert wrong_site(site) is not None


def test_plain_names_will_do() -> None:
    """Letters, digits, minus and underscore."""
    assert [None, None] == [wrong_site(site) for site in ("SYD", "per-north_2")]


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "hub.PER.have",
        "$JS.API.STREAM.DELETE.SPANLINE_SYD",
        "$JS.ACK.SPANLINE_PER.hub.1.2.3.4.5",
        "$JS.ACK.SPANLINE_SYD.hub.1.2.3.4",
        "$JS.ACK.SPANLINE_SYD.hub.1.2.3.4.5\r\nPUB x 0",
        "$JS.ACK.SPANLINE_SYD.hub.1.2.3.4.>",
        "$JS.ACK.SPANLINE_SYD.hub.1.2.3.4.5@hub.PER.have",
    ],
)
def test_nothing_but_a_consumers_own_subject_is_acknowledged_to(reply: str) -> None:
    """The reply's subject is what its sender wrote."""
    assert not is_ack_of("SYD", reply)


def test_a_consumers_own_subject_is_acknowledged_to() -> None:
    """As JetStream writes it."""
    assert is_ack_of("SYD", "$JS.ACK.SPANLINE_SYD.hub.1.2.3.1795558811212914292.0")


@pytest.mark.parametrize(
    ("link", "word"),
    [
        (Link("http://127.0.0.1"), "nats://"),
        (Link("nats://hub.example.org:4222"), "tls://"),
        (Link("nats://a:b@127.0.0.1:4222"), "keys of their own"),
        (Link("tls://hub.example.org", cert="c"), "cert and key"),
        (Link("nats://"), "nats://"),
    ],
)
def test_what_will_not_do_is_said(link: Link, word: str) -> None:
    """A password in an address, or in the clear on a network; half a certificate."""
    assert word in str(problem(link))


def test_a_server_on_this_machine_needs_no_tls() -> None:
    """A leaf node is beside its sensor; another machine's needs TLS."""
    links = [
        Link("nats://127.0.0.1:4222,nats://localhost:4223"),
        Link("nats://[::1]:4222"),
        Link("tls://hub.example:1"),
    ]
    assert [None, None, None] == [problem(link) for link in links]


def test_a_server_that_is_away_may_come_back() -> None:
    """Nothing listens there."""

    async def go() -> None:
        async with site_nats.connected(Link("nats://127.0.0.1:1"), "test", problem_of=lambda _: None):
            pass

    with pytest.raises(Transient, match="not reached"):
        asyncio.run(go())


def test_a_wait_ends_with_the_program() -> None:
    """However many attempts have failed."""
    stop = threading.Event()
    stop.set()
    began = time.monotonic()
    asyncio.run(rest(stop, 100))
    assert time.monotonic() - began < site_nats.BACKOFF_MAX_S / 4
