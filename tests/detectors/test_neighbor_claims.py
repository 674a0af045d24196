"""Who advertises, unasked and again, that another's IPv6 address is its own."""

import msgspec
import numpy as np
import pytest

from sensor.detectors import arp_spoofing
from sensor.detectors.neighbor_claims import ADVERTISED_MIN
from sensor.model.protocols import Neighbor
from tests.detectors.recounts import ask
from tests.detectors.ticks import entities, tick
from tests.scenes import SECRET, START, S, flows
from tests.store.archives import Writer

ROUTER, HOST, ALL = "fe80::1", "fe80::7", "ff02::1"
R, H, A = "00:1b:1b:00:00:01", "00:1b:1b:00:00:07", "00:1b:1b:00:00:66"


def said(kind, at_s, sender, to, target, mac):
    """A message of neighbour discovery."""
    return Neighbor(
        ts=START + int(at_s * S), uid=f"C{at_s}", orig_h=sender, orig_p=135 + (kind == "na"), resp_h=to, resp_p=0,
        proto=58, kind=kind, target=target, mac=mac,
    )  # fmt: skip


def ordinary(until_s=120):
    """A host asks its router every twenty seconds, and is answered."""
    return [
        one for at in range(0, until_s, 20) for one in (
            said("ns", at, HOST, ROUTER, ROUTER, H), said("na", at + 0.01, ROUTER, HOST, ROUTER, R),
        )
    ]  # fmt: skip


def spoofed(count, mac=A, every_s=2.0, begin_s=104.0):
    """Advertisements of the router's address by another."""
    return [said("na", begin_s + k * every_s, ROUTER, ALL, ROUTER, mac) for k in range(count)]


def run(messages, known=None, watch=None):
    """Judge messages in ticks of ten seconds; return each finding as it was judged last, and the detector."""
    known, found = known or entities(), {}
    detector = arp_spoofing.detector(known, SECRET)
    messages = sorted(messages, key=lambda one: one.ts)
    for key in sorted({(one.ts - START) // (10 * S) for one in messages}):
        some = [one for one in messages if (one.ts - START) // (10 * S) == key]
        step = tick(known, flows(), end_ns=START + (key + 1) * 10 * S, messages=some)
        if watch:
            watch(step)
        for finding in detector.score(step):
            found[finding.evidence.id] = finding
        detector.learn(step, np.zeros(known.count(), np.bool_))
    return list(found.values()), detector


def test_a_spoofer_of_the_router_is_told():
    """By its MAC, with how often, and it may open an incident."""
    (found,), detector = run([*ordinary(), *spoofed(8)])

    assert (True, "arp", 8.0, 1e-3) == (found.opens, found.evidence.family, found.evidence.observed, found.evidence.p)
    assert f"{A} said 8 times, unasked, that {ROUTER} is its own, while {R} holds it" in found.evidence.text
    assert arp_spoofing.again(found.evidence) == found.evidence.p
    assert "of neighbour discovery" in detector.coverage().why


@pytest.mark.parametrize(
    "messages",
    [
        ordinary(),
        [*ordinary(), *spoofed(ADVERTISED_MIN - 1)],  # a card that was changed says so three times
        spoofed(20),  # nobody else has the address
        [*ordinary(), *spoofed(20, mac=R)],  # its own
        [*ordinary(), *spoofed(20, mac="00:00:5e:00:02:01")],  # handed from router to router
        [*ordinary(), *(one for k in range(8) for one in (
            said("ns", 104 + 6 * k, HOST, ROUTER, ROUTER, H), said("na", 105 + 6 * k, ROUTER, HOST, ROUTER, A)))],
        [*ordinary(40), *spoofed(8, begin_s=700.0)],  # after ten minutes without the other
    ],
)  # fmt: skip
def test_what_looks_alike_is_none(messages):
    """Announcements, takeovers, answers to what was asked."""
    assert [] == run(messages)[0]


def test_it_goes_on_after_a_restart():
    """Counts are in the state; a state without them loads."""
    _, first = run([*ordinary(), *spoofed(3)])
    second = arp_spoofing.detector(entities(), SECRET)
    second.load(first.save())
    step = tick(entities(), flows(), end_ns=START + 120 * S, messages=spoofed(1, begin_s=112.0))
    assert [4.0] == [found.evidence.observed for found in second.score(step)]
    without = {name: column for name, column in first.save().items() if not name.startswith("neighbors/")}
    arp_spoofing.detector(entities(), SECRET).load({**without, "seen": without["seen"][:2]})


def test_it_is_counted_again_from_the_archive(tmp_path):
    """Advertisements that nobody asked for, in that time."""
    writer = Writer(tmp_path)

    def keep(step):
        writer.archive.take(step)
        writer.clock_ns = step.end_ns

    (found,), _ = run([*ordinary(), *spoofed(8)], writer.known, keep)
    writer.commit().close()

    evidence = found.evidence
    assert 8.0 == ask(tmp_path, lambda archive: arp_spoofing.recount(evidence, archive))
    other = msgspec.structs.replace(evidence, basis={**evidence.basis, "mac": float(0x001B1B000077)})
    assert 0.0 == ask(tmp_path, lambda archive: arp_spoofing.recount(other, archive))
