"""Findings made by hand, and the people and devices they are about."""

import msgspec

from baselines.evidence import decibans
from sensor.incidents.link import Incidents
from sensor.model.evidence import Entity, Evidence, Finding, Peer
from sensor.model.ids import identify
from sensor.model.times import DAY_NS, MINUTE_NS, rfc3339

START = 1_700_006_400 * 10**9 - 1_700_006_400 * 10**9 % DAY_NS
HOUR_NS = 60 * MINUTE_NS


class People:
    """A `Names` of accounts and devices that are said; `links` holds (account row, device row, strength)."""

    def __init__(self, accounts=40, devices=40, links=(), history_ns=30 * DAY_NS):
        self.accounts = [f"user{k}@example.com" for k in range(accounts)]
        self.devices = [f"dev-{k}" for k in range(devices)]
        self.links, self.roles, self.history = list(links), {}, history_ns

    def count(self):
        return len(self.devices)

    def device_id(self, device):
        return self.devices[device]

    def device_name(self, device):
        return f"LAPTOP-{device}"

    def device_site(self, device):
        return "SYD"

    def is_router(self, device):
        return False

    def history_ns(self, device):
        return self.history

    def account_count(self):
        return len(self.accounts)

    def account_name(self, account):
        return self.accounts[account]

    def account_kind(self, account):
        return "user"

    def account_row(self, name):
        return self.accounts.index(name) if name in self.accounts else -1

    def devices_of(self, account):
        return [(device, strength) for one, device, strength in self.links if one == account]

    def accounts_of(self, device):
        return [(one, strength) for one, at, strength in self.links if at == device]

    def role(self, device):
        return self.roles.get(device)


def incidents(people=None, devices=40, **more):
    """No incidents yet."""
    return Incidents(people or People(), 1.0, lambda site: devices, **more)


def act(detector, family, p, at_ns, *, account=0, text="", marks=(), keys=(), stage="", target="", opens=False, **more):
    """An account's act."""
    name = f"user{account}@example.com"
    evidence = Evidence(
        id=identify("EV", name, detector, target or at_ns // DAY_NS), ts=rfc3339(at_ns), site="SYD",
        entity=Entity(kind="account", id=name), detector=detector, family=family,
        source="network" if family == "corroboration" else "identity", observed=1.0, expected=None, range=None,
        reference="reference tail", reference_n=0, p=p, db=decibans(p), text=text or f"{name} {detector}", model="x/1",
        channel="identity", stage=stage, keys=keys, marks=marks,
    )  # fmt: skip
    return Finding(evidence=evidence, device=-1, account=account, name=name, techniques=("T1078",), opens=opens, **more)


def seen(
    detector,
    family,
    p,
    at_ns,
    *,
    device=0,
    keys=(),
    opens=True,
    digest=False,
    slow=False,
    target="",
    observed=1.0,
    site="SYD",
    channel="now",
):
    """What the network saw of a device."""
    identity = f"dev-{device}"
    evidence = Evidence(
        id=identify("EV", identity, detector, target or at_ns // DAY_NS), ts=rfc3339(at_ns), site=site,
        entity=Entity(kind="device", id=identity), detector=detector, family=family, source="network",
        observed=observed, expected=None, range=None, reference="analytic", reference_n=0, p=p, db=decibans(p),
        text=f"LAPTOP-{device} {detector}", model="x/1", keys=keys, channel=channel,
    )  # fmt: skip
    return Finding(
        evidence=evidence, device=device, name=f"LAPTOP-{device}", techniques=("T1071",), opens=opens, digest=digest,
        slow=slow,
        peers=(Peer(kind="address", id="203.0.113.9", name="203.0.113.9"),), check="Who?",
    )  # fmt: skip


def weighing(finding, db):
    """The same finding with so many decibans."""
    return msgspec.structs.replace(finding, evidence=msgspec.structs.replace(finding.evidence, db=db))


def run(linked, *steps):
    """Take (time, findings) in ticks of their own; everything expires in between as time goes on."""
    for at_ns, *found in steps:
        linked.expire(at_ns)
        linked.take(sorted(found, key=lambda one: (not one.opens, one.evidence.id)), at_ns)


def shown(linked, *tiers):
    """Incidents as they are rendered, of some tiers; all but the digest's and duplicates unless said."""
    rows = [linked.render(case) for case in linked.cases.values() if case.verdict != "duplicate"]
    return [one for one in rows if one.tier in (tiers or ("page", "triage"))]
