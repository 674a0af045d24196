"""Remote control: cold by assumed rates, later by the site's own; administrators and controllers are known."""

import numpy as np
import pytest

from sensor.detectors import remote_control
from sensor.detectors.remote_control import RemoteControl, detector
from sensor.model.protocols import DceRpc
from tests.detectors.archives import Kept
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import DAY, SECRET, START, common, flow, flows

DAY_S = 86_400


def rpc(
    operation="CreateServiceW", endpoint="svcctl", *, at_s=0.0, orig="10.0.0.5", resp="10.0.0.9", pipe="svcctl", n=1
):
    return DceRpc(**common(at_s, orig, resp), endpoint=endpoint, operation=operation, named_pipe=pipe, count=n)


def here(at_s, hosts=(5, 6, 7, 8)):
    return [flow(f"10.0.0.{host}", "10.0.0.9", at_s=at_s, orig_mac=0x00AABBCCDD00 + host) for host in hosts]


def site():
    known = entities()
    tick(known, flows(*here(-60)))
    return known


def step(known, one, *messages, at_s=0.0, rows=(), learn=True):
    if at_s >= DAY_S:  # devices of an earlier day are there again before their calls are read
        tick(known, flows(*here(at_s - 5)))
    now = tick(known, flows(*rows), end_ns=START + int((at_s + 10) * 1e9), messages=messages)
    found = one.score(now)
    flagged = np.zeros(known.count(), np.bool_)
    if learn:
        one.learn(now, flagged)
    return found


def daily(known, one, days, *, targets=("10.0.0.9",), orig="10.0.0.5", every=1):
    for day in range(days):
        rows = [flow(orig, "10.0.0.9", at_s=day * DAY_S)]
        calls = [rpc(at_s=day * DAY_S, orig=orig, resp=target) for target in targets] if day % every == 0 else []
        step(known, one, *calls, at_s=day * DAY_S, rows=rows)


def test_a_service_made_from_afar_is_evidence_at_once():
    """Cold: the assumed rate, named as assumed; the query that comes with it adds nothing."""
    known = site()
    one = detector(known, SECRET)
    found = step(known, one, rpc("OpenSCManagerW"), rpc(), rpc("StartServiceW", n=2))

    assert [(1e-3, 3.0, True)] == [(f.evidence.p, f.evidence.observed, f.opens) for f in found]
    assert ("T1021.002", "T1569.002") == found[0].techniques
    assert "10.0.0.9" in found[0].evidence.text
    assert "assumed" in found[0].evidence.text
    assert "svcctl::StartServiceW × 2" in found[0].evidence.text
    assert "judged" == one.coverage().state


def test_what_was_learned_today_is_not_held_against_the_rest_of_the_day():
    """The same act in two ticks is judged by the same numbers."""
    known = site()
    one = detector(known, SECRET)
    found = [step(known, one, rpc(at_s=at), at_s=at)[0].evidence for at in (0, 60, 120)]

    assert {1e-3} == {evidence.p for evidence in found}
    assert 3.0 == found[-1].observed


@pytest.mark.parametrize(
    ("endpoint", "operation", "pipe", "count", "expected"),
    [
        ("IWbemServices", "ExecMethod", "50937", 1, ("T1021", "T1047")),
        ("atsvc", "NetrJobAdd", "atsvc", 1, ("T1021.002", "T1053.005")),
        ("srvsvc", "NetrSessionEnum", "srvsvc", 1, ("T1021.002", "T1049")),
        ("netlogon", "NetrServerAuthenticate2", "49674", 16, ("T1210",)),
    ],
)
def test_each_kind_has_its_techniques(endpoint, operation, pipe, count, expected):
    """With how it came: through a named pipe, or by RPC over TCP."""
    known = site()
    found = step(known, detector(known, SECRET), rpc(operation, endpoint, pipe=pipe, n=count))

    assert [expected] == [f.techniques for f in found]


def test_what_every_client_does_is_silent():
    """Endpoint mapping, logons of a machine and lookups are no remote control."""
    known = site()
    calls = [
        rpc("ept_map", "epmapper"), rpc("NetrServerAuthenticate3", "netlogon", n=3), rpc("LsarLookupSids", "lsarpc"),
    ]  # fmt: skip

    one = detector(known, SECRET)

    assert [] == step(known, one, *calls)
    assert "no_input" == detector(known, SECRET).coverage().state


def test_a_target_of_an_earlier_day_is_known():
    """The second day the same source does the same to the same host, nothing is said."""
    known = site()
    one = detector(known, SECRET)
    step(known, one, rpc())

    assert [] == step(known, one, rpc(at_s=DAY_S), at_s=DAY_S)


def test_what_is_flagged_is_not_learned():
    """While the source is in an incident the next day is evidence again."""
    known = site()
    one = detector(known, SECRET)
    step(known, one, rpc(), learn=False)

    assert 1 == len(step(known, one, rpc(at_s=DAY_S), at_s=DAY_S))


def test_an_administrators_new_target_is_judged_by_its_own_habit():
    """Ten days of new targets make a new one likely; ten days of one target make it rare, but for nobody else."""
    known = site()
    many, few = detector(known, SECRET), detector(known, SECRET)
    for day in range(10):
        daily_to = (f"10.0.1.{day}", "10.0.0.9")
        for one, to in ((many, daily_to), (few, ("10.0.0.9",))):
            calls = [rpc(at_s=day * DAY_S, resp=target) for target in to]
            step(known, one, *calls, at_s=day * DAY_S, rows=[flow("10.0.0.5", "10.0.0.9", at_s=day * DAY_S)])
    new = rpc(at_s=10 * DAY_S, resp="10.0.0.77")
    found = [step(known, one, new, at_s=10 * DAY_S)[0].evidence for one in (many, few)]

    assert [(1 + 0.25 * 11) / 21, 1.25 / 11] == [evidence.p for evidence in found]
    assert {"own"} == {evidence.reference for evidence in found}


def test_the_sites_own_rate_replaces_the_assumed():
    """200 device-days without it halve the assumed rate."""
    known = site()
    one = detector(known, SECRET)
    for day in range(51):
        step(known, one, at_s=day * DAY_S, rows=[flow("10.0.0.6", "10.0.0.9", at_s=day * DAY_S)])
    found = step(known, one, rpc(at_s=51 * DAY_S), at_s=51 * DAY_S)
    evidence = found[0].evidence

    assert evidence.basis["device_days_0"] == evidence.reference_n >= 150
    assert evidence.p == 1e-3 * 200 / (200 + evidence.reference_n)
    assert "by the site's own rates" in evidence.text


def test_a_source_without_a_row_gets_its_device_by_its_flow():
    """The call is read before its connection is over: told as soon as the flow says whose it was."""
    known = site()
    one = detector(known, SECRET)
    message = rpc(orig="10.0.0.66")
    first = step(known, one, message)
    found = step(known, one, at_s=20, rows=[flow("10.0.0.66", "10.0.0.9", at_s=10, uid="C1")])

    assert ([], ["10.0.0.66"]) == (first, [f.name for f in found])


def test_a_controller_is_no_subject(monkeypatch):
    """Controllers replicate and administer each other."""
    known = site()
    monkeypatch.setattr(known, "role", lambda _device: "domain controller")

    assert [] == step(known, detector(known, SECRET), rpc())


def test_pairs_are_bounded(monkeypatch):
    """Beyond the cap they are only counted, and the coverage says so."""
    monkeypatch.setattr(remote_control, "ACTS_MAX", 3)
    known = site()
    one = detector(known, SECRET)
    found = step(known, one, *(rpc(resp=f"10.0.1.{k}") for k in range(5)))

    assert (3, 2) == (len(found), one.uncounted)
    assert "only counted" in one.coverage().why


def test_what_was_observed_is_counted_again():
    """From the archived messages and from the basis; edited numbers do not agree."""
    known = site()
    messages = [rpc(), rpc("StartServiceW", n=2, at_s=1), rpc("ept_map", "epmapper"), rpc(resp="10.0.0.8")]
    evidence = step(known, detector(known, SECRET), *messages)[0].evidence
    kept = Kept(known, flows(), messages=messages)

    assert (3.0, evidence.p) == (remote_control.recount(evidence, kept), remote_control.again(evidence))
    assert evidence.observed == 3.0
    assert remote_control.recount(evidence, Kept(known, flows(), since_ns=START + DAY)) is None


def test_save_and_load_is_identity_and_rows_are_followed():
    """Habits and the day's acts survive a restart, and go with a device that turned out to be another."""
    known = site()
    first, second = RemoteControl(known, SECRET), RemoteControl(known, SECRET)
    daily(known, first, 2)
    step(known, first, rpc(at_s=2 * DAY_S, resp="10.0.0.8"), at_s=2 * DAY_S)
    second.load(first.save())
    again = [
        step(known, one, rpc("StartServiceW", at_s=2 * DAY_S + 9, resp="10.0.0.8"), at_s=2 * DAY_S + 9)
        for one in (first, second)
    ]
    joined(known, second, "10.0.0.6", "10.0.0.5")

    assert again[0][0].evidence == again[1][0].evidence
    assert [] == step(known, second, rpc(at_s=3 * DAY_S, orig="10.0.0.6"), at_s=3 * DAY_S)
