"""Refused logins: bursts, sprays, successes after them; people who mistype and programs that go on are none."""

import numpy as np
import pytest

from sensor.detectors import guessing
from sensor.detectors.guessing import Guessing, detector
from sensor.model.event import Event
from sensor.model.metadata import Http, Kerberos, Ntlm
from tests.detectors.archives import Kept
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import SECRET, START, common, flow, flows

MACS = {5: 0x00AABBCCDD05, 6: 0x00AABBCCDD06, 9: 0x00AABBCCDD09}
DAY_S = 86_400


def kerberos(account="ann", *, at_s=0.0, orig="10.0.0.5", success=False):
    return Kerberos(
        **common(at_s, orig, "10.0.0.9"), request_type="AS", client=f"{account}/EX.COM", success=success,
        error_code=None if success else 24,
    )  # fmt: skip


def ntlm(account="root", *, at_s=0.0, orig="203.0.113.7", success=False):
    return Ntlm(**common(at_s, orig, "10.0.0.9"), username=account, success=success)


def step(known, one, *messages, at_s=0.0, flagged=()):
    rows = [flow(f"10.0.0.{k}", "10.0.0.9", at_s=at_s, orig_mac=MACS[k]) for k in (5, 6)]
    rows.append(flow("10.0.0.9", "10.0.0.5", at_s=at_s, orig_mac=MACS[9]))
    tick(known, flows(*rows))
    now = tick(known, flows(*rows), end_ns=START + int((at_s + 3600) * 1e9), messages=messages)
    found = one.score(now)
    flags = np.zeros(known.count(), np.bool_)
    flags[list(flagged)] = True
    one.learn(now, flags)
    return found


def run(*messages):
    known = entities()
    one = detector(known, SECRET)
    return step(known, one, *messages), one, known


def test_a_burst_against_one_account_is_guessing():
    """Thirty wrong secrets within a minute: .6^30, one evidence, the account named."""
    found, one, _ = run(*(kerberos(at_s=k) for k in range(30)))

    assert [(30.0, 1e-6, True, ("T1110.001",))] == [
        (f.evidence.observed, f.evidence.p, f.opens, f.techniques) for f in found
    ]
    assert "account:ann@ex.com" in found[0].evidence.keys
    assert "10.0.0.5 was refused 30 times by kerberos" in found[0].evidence.text
    assert "judged" == one.coverage().state


def test_a_slow_spray_over_accounts_is_guessing():
    """Four accounts once each, ten minutes apart: Poisson's tail."""
    found, _, _ = run(*(kerberos(f"user{k}", at_s=600 * k) for k in range(4)))

    assert [("T1110.003",)] == [f.techniques for f in found]
    assert np.isclose(3.85e-6, found[0].evidence.p, rtol=0.01)


@pytest.mark.parametrize(
    "messages",
    [
        [kerberos(at_s=20 * k) for k in range(5)] + [kerberos(at_s=200, success=True)],
        [kerberos(f"user{k}", at_s=600 * k) for k in range(2)],
        [kerberos(f"user{k}", at_s=600 * k + second, success=bool(second)) for k in range(9) for second in (0, 20)],
        [kerberos(f"user{k}", at_s=k, success=True) for k in range(50)],
    ],
)
def test_people_who_mistype_are_silent(messages):
    """A few wrong secrets, two accounts, many accounts that each get in after one."""
    found, _, _ = run(*messages)

    assert [] == found


def test_a_program_with_an_outdated_password_opens_nothing():
    """Thirty refusals of one account, two minutes apart, are listed with the assumed rate."""
    found, _, _ = run(*(kerberos("backup", at_s=100 * k) for k in range(30)))

    assert [(False, True, 1e-2)] == [(f.opens, f.digest, f.evidence.p) for f in found]
    assert "outdated" in found[0].evidence.text


def test_a_success_after_failures_is_told():
    """Ten refusals, then accepted: .6^10 for the success."""
    found, _, _ = run(*(kerberos(at_s=100 * k) for k in range(10)), kerberos(at_s=1100, success=True))

    assert [0.6**10] == [f.evidence.p for f in found]
    assert "T1078" in found[0].techniques
    assert "then accepted: ann@ex.com" in found[0].evidence.text


def test_a_source_that_only_logs_tell_of_is_named_by_its_address():
    """Windows events of an inside address that no sensor saw, and of a machine by its name."""
    known = entities()
    one = detector(known, SECRET)
    found = {}
    for ip, name in (("10.9.9.9", None), (None, "WS7")):
        now = tick(known, flows(), end_ns=START + 60 * 10**9)
        now.events = [
            Event(ts=START + k * 10**9, source="windows", kind="logon", action="4625", outcome="failure", ip=ip,
                  account=f"u{k}@ex.com", device_name=name, detail={"package": "NTLM", "target": "SRV"}, row=k)
            for k in range(12)
        ]  # fmt: skip
        now.event_site, now.event_device = [0] * 12, np.full(12, -1, np.int32)
        found |= {f.name: (f.evidence.entity.kind, f.opens, f.device) for f in one.score(now)}

    assert {"10.9.9.9": ("address", True, -1), "WS7": ("service", True, -1)} == found


def test_outside_sources_are_one_row_a_service_and_day():
    """Two hundred sources that guess at one service: a digest row, no incident."""
    found, _, _ = run(*(ntlm(at_s=k, orig=f"203.0.113.{k % 200 + 1}") for k in range(1000)))

    assert [(1000.0, False, True, "weather", 200.0)] == [
        (f.evidence.observed, f.opens, f.digest, f.evidence.family, f.evidence.basis["sources"]) for f in found
    ]


def test_a_success_after_failures_from_outside_is_the_targets_incident():
    """The host that was guessed at is the subject; the source ties it to other evidence."""
    found, _, known = run(*(ntlm(at_s=k) for k in range(20)), ntlm(at_s=30, success=True))
    target = known.device_id(known.locate(0, "10.0.0.9"))

    assert [(target, True)] == [(f.evidence.entity.id, f.opens) for f in found]
    assert "source:203.0.113.7" in found[0].evidence.keys


def test_a_web_server_that_asks_and_then_serves_is_silent():
    """Every page answered by 401 first is how browsers log in; 401 alone is guessing."""
    asks = [Http(**common(k), status_code=code) for k in range(40) for code in (401, 200)]

    assert [] == run(*asks)[0]
    assert [True] == [f.opens for f in run(*(one for one in asks if one.status_code == 401))[0]]


def test_a_source_of_many_refused_accounts_is_judged_by_its_own_days():
    """A terminal server that is refused three accounts each day has a mean of its own."""
    known = entities()
    one = detector(known, SECRET)
    for day in range(40):
        found = step(
            known, one, *(kerberos(f"u{day}{k}", at_s=day * DAY_S + 600 * k) for k in range(3)), at_s=day * DAY_S
        )

    assert 1.5e-4 < 1e-2 < found[0].evidence.p
    assert np.isclose((2 + 3 * 39) / 60, found[0].evidence.basis["mean"], rtol=0.1)


def test_sources_are_bounded(monkeypatch):
    """Beyond the cap the quietest goes, and the coverage says so."""
    monkeypatch.setattr(guessing, "ATTEMPTS_MAX", 50)
    found, one, _ = run(
        *(kerberos(at_s=k / 10) for k in range(9)),
        *(ntlm(at_s=1 + k, orig=f"198.51.{k // 250}.{k % 250 + 1}") for k in range(500)),
    )

    assert (50, 451) == (len(one._attempts), one.dropped)
    assert "let go" in one.coverage().why
    assert all(not f.opens for f in found)


def test_p_is_computed_again():
    """From the basis; an edited number does not agree."""
    cases = [
        [kerberos(at_s=k) for k in range(12)], [kerberos(f"user{k}", at_s=k) for k in range(9)],
        [kerberos(at_s=100 * k) for k in range(30)], [ntlm(at_s=k) for k in range(20)],
    ]  # fmt: skip
    for case in cases:
        evidence = run(*case)[0][0].evidence

        assert np.isclose(evidence.p, guessing.again(evidence))


def test_what_was_observed_is_counted_again():
    """From the archived messages of the source and service; others are not counted, what has expired is not."""
    messages = [*(kerberos(at_s=k) for k in range(12)), kerberos(at_s=20, orig="10.0.0.6"), kerberos(success=True)]
    found, _, known = run(*messages)
    evidence = found[0].evidence

    assert evidence.observed == guessing.recount(evidence, Kept(known, flows(), messages=messages)) == 12.0
    assert guessing.recount(evidence, Kept(known, flows(), since_ns=1 << 62)) is None


def test_save_and_load_is_identity_and_rows_are_followed():
    """The day's attempts go on after a restart, and with a device that turned out to be another."""
    known = entities()
    first, second = Guessing(known, SECRET), Guessing(known, SECRET)
    step(known, first, *(kerberos(at_s=k / 10) for k in range(5)))
    second.load(first.save())
    joined(known, second, "10.0.0.6", "10.0.0.5")
    found = step(known, second, *(kerberos(at_s=1 + k / 10) for k in range(5)), at_s=2)

    assert [10.0] == [f.evidence.observed for f in found]
    assert [] == run()[0]
    assert "no_input" == run()[1].coverage().state
