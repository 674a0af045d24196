"""Who says, unasked and again, that another's address is its own."""

import numpy as np

from sensor.detectors import arp_spoofing
from tests.detectors.recounts import archived, ask
from tests.detectors.ticks import entities, tick
from tests.scenes import SECRET, START, S, arp, flows

GATEWAY, VICTIM, ATTACKER = "10.0.0.1", "10.0.0.7", "10.0.0.66"
G, V, A = 0x001B1B000001, 0x001B1B000007, 0x001B1B000066


def rows(*messages):
    """ARP messages in order of time, offsets counted."""
    whole = np.concatenate(messages)
    whole = whole[np.argsort(whole["ts"], kind="stable")]
    whole["offset"] = np.arange(len(whole))
    return whole


def ordinary(until_s=60.0):
    """A LAN where hosts ask and are answered."""
    found = []
    for at in np.arange(0.0, until_s, 10.0):
        found += [arp(VICTIM, GATEWAY, at_s=at, mac=V), arp(GATEWAY, VICTIM, at_s=at + 0.01, mac=G, op=2)]
        found += [arp(ATTACKER, GATEWAY, at_s=at + 1, mac=A), arp(GATEWAY, ATTACKER, at_s=at + 1.01, mac=G, op=2)]
    return found


def spoofed(*, whom=(GATEWAY,), every_s=2.0, begin_s=12.3, end_s=60.0):
    """Replies that nobody asked for."""
    targets = {GATEWAY: VICTIM, VICTIM: GATEWAY}
    moments = np.arange(begin_s, end_s, every_s)
    # The victim's requests are answered, so replies 4 s after one are not.
    return [arp(one, targets[one], at_s=at, mac=A, op=2) for at in moments for one in whom if at % 10.0 > 4.1]


def run(messages, seconds=10):
    """Judge messages tick by tick; return each finding as it was judged last."""
    known, found = entities(), {}
    detector = arp_spoofing.detector(known, SECRET)
    keys = (messages["ts"] - START) // (seconds * S)
    for key in np.unique(keys).tolist():
        one = tick(known, flows(), end_ns=START + (key + 1) * seconds * S, asks=messages[keys == key])
        for finding in detector.score(one):
            found[finding.evidence.id] = finding
        detector.learn(one, np.zeros(known.count(), np.bool_))
    return list(found.values()), detector


def test_a_spoofer_is_told_of_and_named_by_its_own_address():
    """One evidence that grows; the holder's MAC and the cheapest check are in it; it may open an incident."""
    (found,), _ = run(rows(*ordinary(), *spoofed()))
    sent = len(spoofed())

    assert found.opens
    assert ("T1557.002",) == found.techniques
    assert float(sent) == found.evidence.observed
    assert (f"{ATTACKER} (00:1b:1b:00:00:66) said {sent} times, unasked, that {GATEWAY} is its own, while "
            "00:1b:1b:00:00:01 holds it.") in found.evidence.text  # fmt: skip
    assert "switch" in found.check


def test_who_stands_between_two_hosts_is_rarer():
    """Both directions: one evidence each, the second with the lower rate."""
    found, _ = run(rows(*ordinary(), *spoofed(whom=(GATEWAY, VICTIM))))
    assert 2 == len(found)
    assert 1e-4 == min(one.evidence.p for one in found)


def test_answers_announcements_takeovers_and_virtual_addresses_are_no_spoofing():
    """Replies to requests; two announcements of a new address; a lease that moved; VRRP; a conflict nobody repeats."""
    answered = [arp(GATEWAY, VICTIM, at_s=k + 0.01, mac=A, op=2) for k in range(0, 60, 10)]
    assert [] == run(rows(*ordinary(), *answered))[0]
    announced = [arp("10.0.0.9", "10.0.0.9", at_s=at, mac=A, op=op) for at in (30.0, 32.0) for op in (1, 2)]
    assert [] == run(rows(*ordinary(), arp("10.0.0.9", GATEWAY, at_s=1.0, mac=V), *announced))[0]
    moved = [arp(VICTIM, GATEWAY, at_s=2000.0 + k, mac=A, op=2) for k in range(6)]
    assert [] == run(rows(*ordinary(), *moved))[0]
    virtual = [arp(GATEWAY, VICTIM, at_s=20.0 + 2 * k, mac=0x00005E000101, op=2) for k in range(10)]
    assert [] == run(rows(*ordinary(), *virtual))[0]


def test_replies_far_apart_do_not_add_up():
    """The count begins anew after ten minutes without one."""
    rare = [arp(GATEWAY, VICTIM, at_s=900.0 * k + 5.5, mac=A, op=2) for k in range(8)]
    assert [] == run(rows(*ordinary(8000.0), *rare))[0]


def test_it_is_the_same_at_any_length_of_the_ticks():
    """The count and its numbers do not hang on where a tick ends."""
    messages = rows(*ordinary(), *spoofed())
    results = [run(messages, seconds)[0][0].evidence for seconds in (10, 20, 60)]
    assert 1 == len({(one.id, one.observed, one.p) for one in results})


def test_save_and_load_go_on_where_they_were():
    """Half before, half after."""
    messages = rows(*ordinary(), *spoofed())
    half = len(messages) // 2
    _, first = run(messages[:half])
    assert "judged" == first.coverage().state
    second = arp_spoofing.detector(entities(), SECRET)
    second.load(first.save())
    second.load({})
    assert second.saturation == first.saturation
    assert "no_input" == arp_spoofing.detector(entities(), SECRET).coverage().state


def test_it_can_be_counted_again_from_the_archive(tmp_path):
    """The same number, by SQL; p from the rates."""
    (evidence,) = archived(tmp_path, arp_spoofing.detector, flows(), rows(*ordinary(), *spoofed()))
    assert evidence.observed == ask(tmp_path, lambda archive: arp_spoofing.recount(evidence, archive))
    assert evidence.p == arp_spoofing.again(evidence)


def test_a_flood_is_judged_in_part_and_counted(monkeypatch):
    """As much as there is room for."""
    monkeypatch.setattr(arp_spoofing, "STEP_MAX", 10)
    _, detector = run(rows(*ordinary()), 60)
    assert len(ordinary()) - 10 == detector.uncounted
