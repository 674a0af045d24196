"""Hopper's rule: an account new to a host, to a target new to the host; people at their own machines are none."""

import numpy as np

from sensor.detectors import credential_hops
from sensor.detectors.credential_hops import CredentialHops, detector
from sensor.model.metadata import Kerberos
from tests.detectors.ticks import entities, joined, tick
from tests.scenes import SECRET, START, common, flow, flows

DAY_S = 86_400


def ticket(account="ann", target="files", *, host=5, at_s=0.0, kind="cifs", success=True):
    return Kerberos(
        **common(at_s, f"10.0.0.{host}", "10.0.0.2"), request_type="TGS", client=f"{account}/EX.COM",
        service=f"{kind}/{target}.ex.com", success=success,
    )  # fmt: skip


def step(known, one, *messages, day=0, flagged=()):
    at = day * DAY_S
    here = [flow(f"10.0.0.{k}", "10.0.0.2", at_s=at, orig_mac=0x00AABBCCDD00 + k) for k in (5, 6, 7)]
    tick(known, flows(*here))
    now = tick(known, flows(), end_ns=START + int((at + 10) * 1e9), messages=messages)
    found = one.score(now)
    flags = np.zeros(known.count(), np.bool_)
    flags[list(flagged)] = True
    one.learn(now, flags)
    return found


def habits(known, one, days=10):
    """Ann at .5, Bob the administrator at .6, Cid at .7, each to the file server; Bob to the vault."""
    for day in range(days):
        calls = [ticket(who, host=host, at_s=day * DAY_S + host) for who, host in (("ann", 5), ("bob", 6), ("cid", 7))]
        step(known, one, *calls, ticket("bob", "vault", host=6, at_s=day * DAY_S + 60), day=day)


def learned(days=10):
    known = entities()
    one = detector(known, SECRET)
    habits(known, one, days)
    return known, one


def test_a_stolen_credential_is_told():
    """Bob's ticket for the vault, asked for from Ann's machine: P(new) of both sides."""
    for days, opens in ((10, False), (20, True)):
        known, one = learned(days)
        found = step(known, one, ticket("bob", "vault", host=5, at_s=days * DAY_S), day=days)

        assert [(opens, not opens, "10.0.0.5")] == [(f.opens, f.digest, f.name) for f in found]
        basis = found[0].evidence.basis
        assert np.isclose(1.25 * 1.25 / (1 + basis["source_draws"]) / (1 + basis["account_draws"]), found[0].evidence.p)
    assert "account:bob@ex.com" in found[0].evidence.keys
    assert "judged" == one.coverage().state


def test_what_a_host_reaches_anyway_and_ones_own_machine_are_silent():
    """Bob at Ann's machine to the file server that it always uses; Ann at her own to the vault; a machine's account."""
    known, one = learned()
    messages = [
        ticket("bob", "files", host=5), ticket("ann", "vault", host=5), ticket("ws5$", "vault", host=5),
        ticket("bob", "ex.com", host=5, kind="krbtgt"), ticket("bob", "dc", host=5, kind="ldap"),
        ticket("bob", "vault", host=5, success=False),
    ]  # fmt: skip

    assert [] == step(known, one, *messages, day=10)


def test_before_its_days_nothing_is_said():
    """A host and an account must have three earlier days; a new employee has none."""
    known = entities()
    one = detector(known, SECRET)
    habits(known, one, days=3)

    assert [] == step(known, one, ticket("dan", "vault", host=5, at_s=3 * DAY_S), day=3)
    assert [] == step(known, detector(known, SECRET), ticket("bob", "vault", host=5, at_s=3 * DAY_S), day=3)


def test_what_was_flagged_is_not_learned():
    """The next day it is news again; unflagged it is known."""
    for flagged, expected in (((), 0), ((0, 1, 2, 3), 1)):
        known, one = learned()
        step(known, one, ticket("bob", "vault", host=5, at_s=10 * DAY_S), day=10, flagged=flagged)

        assert expected == len(step(known, one, ticket("bob", "vault", host=5, at_s=11 * DAY_S), day=11))


def test_somebody_who_works_everywhere_says_little():
    """An account at twenty machines, a new one each day, has a P(new) near one third."""
    known = entities()
    one = detector(known, SECRET)
    habits(known, one)
    for day in range(10):
        for host in (6, 7):
            step(known, one, ticket("help", f"pc{day}", host=host, at_s=day * DAY_S + 7000 + host), day=day)
    wide = step(known, one, ticket("help", "vault", host=5, at_s=10 * DAY_S), day=10)[0].evidence
    narrow = step(known, one, ticket("bob", "vault", host=5, at_s=10 * DAY_S), day=10)[0].evidence

    assert wide.basis["account_draws"] > narrow.basis["account_draws"]
    assert wide.basis["account_sources"] > narrow.basis["account_sources"]


def test_logins_of_a_tick_are_bounded(monkeypatch):
    """Beyond the cap they are only counted, and the coverage says so."""
    monkeypatch.setattr(credential_hops, "LOGINS_MAX", 3)
    known, one = learned()
    step(known, one, *(ticket("ann", f"t{k}") for k in range(9)), day=10)

    assert one.uncounted > 0
    assert "only counted" in one.coverage().why


def test_p_is_computed_again():
    """From the basis, by the formula; the record is named."""
    known, one = learned()
    evidence = step(known, one, ticket("bob", "vault", host=5, at_s=10 * DAY_S), day=10)[0].evidence

    assert np.isclose(evidence.p, credential_hops.again(evidence))
    assert credential_hops.recount(evidence, None) is None
    assert 1 == len(evidence.records)


def test_save_and_load_is_identity_and_rows_are_followed():
    """Habits survive a restart; what a row reached is the device's that it turned out to be."""
    known, first = learned()
    second = CredentialHops(known, SECRET)
    second.load(first.save())
    message = ticket("bob", "vault", host=5, at_s=10 * DAY_S)
    found = [step(known, one, message, day=10)[0].evidence for one in (first, second)]
    joined(known, second, "10.0.0.7", "10.0.0.6")

    assert found[0] == found[1]
    assert [] == step(known, second, ticket("cid", "vault", host=7, at_s=11 * DAY_S), day=11)
    assert "no_input" == detector(known, SECRET).coverage().state
