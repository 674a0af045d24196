"""Alike login sessions: guessers from inside and outside, people and programs that are none."""

import numpy as np
import pytest

from sensor.detectors import guessing_sessions
from sensor.detectors.guessing_sessions import GuessingSessions, detector
from tests.detectors.archives import Kept
from tests.detectors.ticks import entities, joined, steps, tick
from tests.scenes import SECRET, flow, flows

DAY_S = 86_400


def login(
    orig="10.0.0.5", resp="10.0.0.9", *, at_s=0.0, port=22, service="ssh", out=1800, back=2400, state="SF", long_s=2.0
):
    row = flow(
        orig,
        resp,
        at_s=at_s,
        duration_s=long_s,
        port=port,
        out=out,
        back=back,
        state=state,
        orig_port=int(40_000 + at_s % 9999),
    )
    row["service"], row["orig_bytes"], row["resp_bytes"] = service.encode(), out, back
    if orig.startswith("10."):
        row["orig_l2"] = 0x00AABBCCDD00 + int(orig.rpartition(".")[2])
    if resp.startswith("10."):
        row["resp_l2"] = 0x00AABBCCDD00 + int(resp.rpartition(".")[2])
    return row


def run(*rows, known=None):
    known = known or entities()
    one = detector(known, SECRET)
    return steps(known, one, flows(*rows)), known, one


def guesses(count=40, *, start=0.0, every=3.0, **options):
    return [
        login(at_s=start + every * k, out=1800 + k % 3 * 16, back=2400 + k % 5 * 8, **options) for k in range(count)
    ]


def test_hundreds_of_logins_in_ten_minutes_are_one_evidence():
    """A count beyond what a factorial holds as a float ended the process."""
    found, _, _ = run(*guesses(300, every=1.0))

    assert 1 == len(found)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"port": 2022},
        {"service": ""},
        {"port": 3389, "service": "rdp"},
        {"port": 3389, "service": "ssl"},
        {"state": "RSTR"},
    ],
)
def test_many_alike_logins_are_guessing(options):
    """By what the bytes say, on any port, and by port where nothing was said; one evidence, with the rate assumed."""
    found, _, one = run(*guesses(**options))

    assert [(40.0, 1e-3, True, "10.0.0.9")] == [
        (f.evidence.observed, f.evidence.p, f.opens, f.peers[0].name) for f in found
    ]
    assert "judged" == one.coverage().state


@pytest.mark.parametrize(
    "rows",
    [
        guesses(9),
        guesses(100, every=300),
        guesses(60, service="http", port=80),
        guesses(60, service="", port=8022),
        guesses(60, state="REJ"),
        [login(at_s=3 * k, out=1500 + 700 * (k * 7 % 11), back=3000 + 5000 * (k * 5 % 13)) for k in range(60)],
        [login(at_s=3 * k, back=90_000) for k in range(60)],
    ],
)
def test_logins_that_are_few_slow_or_differ_are_silent(rows):
    """A person's, a monitor's every five minutes, other services, refused connections, copied files."""
    assert [] == run(*rows)[0]


def test_a_program_that_did_as_much_before_says_nothing():
    """A pair's own habit of an earlier day stands; where it was flagged it is no habit."""
    daily = [row for day in range(3) for row in guesses(start=day * DAY_S)]
    known = entities()
    one = detector(known, SECRET)
    by_day = []
    for day in range(3):
        step = tick(known, flows(*daily[40 * day : 40 * (day + 1)]))
        by_day.append(len(one.score(step)))
        one.learn(step, np.zeros(known.count(), np.bool_))

    assert [1, 0, 0] == by_day
    known = entities()
    one = detector(known, SECRET)
    for day in range(2):
        step = tick(known, flows(*daily[40 * day : 40 * (day + 1)]))
        by_day.append(len(one.score(step)))
        one.learn(step, np.ones(known.count(), np.bool_))

    assert [1, 1] == by_day[3:]


def test_a_large_session_after_many_alike_is_told_as_one_that_got_in():
    """Its p is its rank; T1078 is added."""
    found, _, _ = run(*guesses(), login(at_s=130, out=9000, back=60_000, long_s=300))

    assert [("T1110.001", "T1078")] == [f.techniques for f in found]
    assert "may have got in" in found[0].evidence.text
    assert 40.0 == found[0].evidence.basis["run"]
    assert np.isclose(1e-4 / 41, found[0].evidence.p)


def test_guessers_from_outside_are_one_row_a_service():
    """Three sources at one port: a digest row with their sum, no incident."""
    rows = [row for k in range(3) for row in guesses(30, orig=f"203.0.113.{k + 1}", start=k / 2)]
    found, _, _ = run(flow("10.0.0.9", "10.0.0.5"), *rows)

    assert [(90.0, 3.0, False, True, "weather")] == [
        (f.evidence.observed, f.evidence.basis["sources"], f.opens, f.digest, f.evidence.family) for f in found
    ]


def test_one_from_outside_that_gets_in_is_the_targets_incident():
    """Success after failures: 1 in the length of the run, times the sources there were."""
    rows = guesses(99, orig="203.0.113.7", every=4)
    found, known, _ = run(
        flow("10.0.0.9", "10.0.0.5", resp_mac=0x00AABBCCDD05, orig_mac=0x00AABBCCDD09), *rows,
        login("203.0.113.7", at_s=400, out=9000, back=60_000),
    )  # fmt: skip
    told = [f for f in found if f.opens]

    assert [(known.device_id(known.locate(0, "10.0.0.9")), 0.001)] == [
        (f.evidence.entity.id, f.evidence.p) for f in told
    ]
    assert "source:203.0.113.7" in told[0].evidence.keys


def test_what_was_observed_is_counted_again():
    """By SQL over the archive and from the basis."""
    rows = flows(*guesses(50), login(at_s=160, out=9000, back=60_000), *guesses(20, resp="10.0.0.8"))
    known = entities()
    found = steps(known, detector(known, SECRET), rows)

    for finding in found:
        evidence = finding.evidence
        assert evidence.observed == guessing_sessions.recount(evidence, Kept(known, rows))
        assert np.isclose(evidence.p, guessing_sessions.again(evidence))
    assert {50.0, 20.0} == {finding.evidence.observed for finding in found}
    assert guessing_sessions.recount(found[0].evidence, Kept(known, rows, since_ns=1 << 62)) is None


def test_save_and_load_is_identity_and_rows_are_followed():
    """Runs go on after a restart, and with a device that turned out to be another."""
    known = entities()
    first, second = GuessingSessions(known, SECRET), GuessingSessions(known, SECRET)
    steps(known, first, flows(flow("10.0.0.6", "10.0.0.9", orig_mac=0x00AABBCCDD06), *guesses(15)))
    second.load(first.save())
    joined(known, second, "10.0.0.6", "10.0.0.5")
    found = steps(known, second, flows(*guesses(15, orig="10.0.0.6", start=60)))

    assert [30.0] == [f.evidence.observed for f in found]
    assert ([], "no_input") == (second.score(tick(known, flows())), detector(known, SECRET).coverage().state)
