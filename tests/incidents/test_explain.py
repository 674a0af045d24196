"""An incident's words."""

import msgspec

from sensor.incidents import explain, rank
from sensor.model.times import MINUTE_NS
from tests.incidents.hands import START, act, seen
from tests.incidents.test_case import case


def scan(model, target="x", **more):
    one = seen("scan", "scan", 1e-5, START, target=target, **more)
    return msgspec.structs.replace(one, evidence=msgspec.structs.replace(one.evidence, model=model))


def taking(*findings):
    one = case()
    for k, finding in enumerate(findings):
        one.take(finding, START + k * MINUTE_NS, weighs=True)
    return one


def title(*findings):
    one = taking(*findings)
    return explain.title(one, rank.score(one.evidence.values()))


def test_titles_say_what_kind_of_scan_it_is():
    """Hosts, ports of one or several hosts, sweeps, several devices."""
    assert "LAPTOP-0 scans the network" == title(scan("scan.hosts/1"), scan("scan.ports/1", "y"))
    assert "LAPTOP-0 scans the ports of 1 host" == title(scan("scan.ports/1"))
    assert "LAPTOP-0 scans the ports of 2 hosts" == title(scan("scan.ports/1"), scan("scan.ports/1", "y"))
    assert "LAPTOP-0 sweeps the local network" == title(scan("scan.sweep/1"))
    assert "LAPTOP-0, and 1 more calls out at regular intervals" == title(
        seen("beacon", "beacon", 1e-9, START), seen("beacon", "beacon", 1e-5, START, device=1)
    )


def test_an_accounts_title_is_its_steps_in_order():
    """Each kind once, as they happened."""
    steps = [act(name, name, 1e-4, START + k) for k, name in enumerate(("pressure", "place", "files", "hides"))]

    assert (
        "user0@example.com: refused prompts or wrong secrets, then a sign-in from a rare place, then unusual files "
        "opened, then a mail rule that hides mail"
    ) == title(*steps)


def test_the_summary_leads_with_the_strongest_and_prices_it():
    """Its text in full, the other side's, the rest by name, one in how many, what speaks against it."""
    one = taking(
        seen("beacon", "beacon", 1e-5, START), act("place", "place", 1e-4, START, text="user0 signed in from afar."),
        seen("volumes", "volume", 1e-3, START),
    )  # fmt: skip
    text = explain.summary(one, rank.score(one.evidence.values()), 16, ["3 answered"])

    assert text.startswith("LAPTOP-0 beacon With it, user0@example.com (+23 dB): user0 signed in from afar.")
    assert "With it: volumes (+16 dB)." in text
    assert "About 1 in 100,000 device-days looks like this (p = 1e-05, +30 dB); in all +53 dB." in text
    assert text.endswith("The site has 16 devices. Against it: 3 answered.")


def test_the_next_check_is_the_strongest_evidences_of_its_own_kind():
    """Where that has one."""
    one = taking(act("place", "place", 1e-9, START, check="Call."), scan("scan.hosts/1"))

    assert "Who?" == explain.next_check(one)
    one.family = "place"
    assert "Call." == explain.next_check(one)
