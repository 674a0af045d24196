"""Devices outside every site."""

import numpy as np

from sensor.entities.remote import AGENT_NS, LEASE_NS, Remote
from sensor.model.addresses import parse
from sensor.model.event import Event

HOME = "198.51.100.7"


def event(ts=0, **detail):
    return Event(ts=ts, source="globalprotect", kind="lease", action="login", outcome="success", detail=detail)


def leased(remote, address="10.9.0.1", site=0):
    hi, lo = parse(address)
    words = np.array([hi], np.uint64), np.array([lo], np.uint64)
    return remote.leased(np.array([site], np.int32), *words).tolist()


def test_a_lease_holds_from_login_to_logout():
    """The public address is the account's and its device's, the inside one is a tunnel's."""
    remote = Remote()
    remote.lease(event(10, assigned_addr="10.9.0.1", public_addr=HOME), 0, 5, 7)

    assert [(5, 7, "vpn")] == [(one.device, one.account, one.kind) for one in remote.at(HOME, 10)]
    assert ([True], [False], [False]) == (leased(remote), leased(remote, site=1), leased(remote, "10.9.0.2"))
    assert [] == remote.at(HOME, 11 + LEASE_NS) == remote.at(HOME, 9)
    remote.lease(event(50, assigned_addr="10.9.0.1", ended=True), 0, 5, 7)
    assert (1, 0, [False]) == (len(remote.at(HOME, 50)), len(remote.at(HOME, 51)), leased(remote))


def test_a_refused_login_and_one_without_addresses_leave_nothing():
    """Nobody is there."""
    remote = Remote()
    remote.lease(event(0, public_addr=HOME), 0, 5, 7)
    remote.lease(Event(ts=0, source="v", kind="lease", action="x", outcome="failure", ip="10.9.0.1"), 0, 5, 7)

    assert not remote.is_known(HOME)


def test_an_agent_is_where_it_reports_from():
    """For an hour around; reports that follow each other are one span."""
    remote = Remote()
    for ts in (0, AGENT_NS // 2, AGENT_NS):
        remote.report(event(ts, public_addr=HOME), 3)
    remote.report(event(0, public_addr=HOME), -1)

    assert [(3, "agent")] == [(one.device, one.kind) for one in remote.at(HOME, 2 * AGENT_NS)]
    assert [] == remote.at(HOME, 2 * AGENT_NS + 1)


def test_spans_go_with_devices_and_through_a_restart():
    """A device that is another, a state that is loaded."""
    remote, other = Remote(), Remote()
    remote.lease(event(10, assigned_addr="10.9.0.1", public_addr=HOME), 0, 5, 7)
    remote.follow({5: 6})
    other.load(remote.save())
    other.load({})

    assert [6] == [one.device for one in other.at(HOME, 10)]
    assert [True] == leased(other)


def test_memory_is_bounded(monkeypatch):
    """The address that was there first goes."""
    monkeypatch.setattr("sensor.entities.remote.ADDRESSES_MAX", 3)
    monkeypatch.setattr("sensor.entities.remote.LEASES_MAX", 3)
    remote = Remote()
    for k in range(9):
        remote.lease(event(k, assigned_addr=f"10.9.0.{k}", public_addr=f"198.51.100.{k}"), 0, k, k)

    assert [False] * 6 + [True] * 3 == [remote.is_known(f"198.51.100.{k}") for k in range(9)]
    assert [False] == leased(remote, "10.9.0.5")
