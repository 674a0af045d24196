"""Who is where: messages and events of a tick become accounts, links and sign-ins."""

import numpy as np

from sensor.entities.identity import Identity
from sensor.entities.links import NOWHERE
from sensor.model.addresses import parse
from sensor.model.event import Event
from sensor.model.metadata import Dns, Kerberos, Ntlm, Tls
from sensor.model.protocols import Rdp
from sensor.model.tick import Tick
from tests.scenes import START, S, arp, common, flows


class Devices:
    """Device 0 at 10.0.0.5, device 7 behind a router at 10.0.0.7."""

    inputs = ("a.log",)

    def locate(self, site, address):
        """Return the device of an address."""
        return {"10.0.0.5": 0, "10.0.0.7": 7}.get(address, -1)

    def stands_for_many(self, device):
        """Tell whether it is the router."""
        return device == 7

    def device_id(self, device):
        """Return its id."""
        return f"d{device}"

    def device_name(self, device):
        """Return its name."""
        return f"D{device}"

    def role(self, device):
        """Return nothing: it is not known."""

    def account_kind(self, account):
        """Return that it is a person's."""
        return "user"


def tick_of(messages=(), events=(), end_s=100, devices=None, merged=()):
    """A tick without flows."""
    none = np.empty(0, np.int32)
    return Tick(
        end_ns=START + end_s * S, flows=flows(), site=none, orig_device=none, resp_device=none,
        orig_local=none.astype(bool), resp_local=none.astype(bool), fresh=none.astype(bool), arp=arp()[:0],
        arp_site=none, arp_device=none, arp_input=none, messages=list(messages),
        message_device=np.array(devices or [0] * len(messages), np.int32), events=list(events),
        event_site=[0] * len(events), event_device=np.full(len(events), -1, np.int32), merged=list(merged),
    )  # fmt: skip


def take(identity, *messages, events=(), devices=None, end_s=100):
    tick = tick_of(messages, events, end_s, devices)
    identity.take(tick, Devices(), ["SYD", "PER"], [0] * len(messages))
    return identity


def links(identity, row=0):
    return [(link.kind, link.device, link.place) for link in identity.links.of(row, START)]


def test_an_authentication_links_account_device_and_address():
    """A router's device is left out, its address stays."""
    kerberos = Kerberos(**common(), client="ann/R", success=True)
    assert [("kerberos_as", 0, (0, *parse("10.0.0.5")))] == links(take(Identity({}), kerberos))
    behind = Kerberos(**common(orig="10.0.0.7"), client="ann/R", success=True)
    assert [("kerberos_as", -1, (0, *parse("10.0.0.7")))] == links(take(Identity({}), behind, devices=[7]))


def test_a_cookie_links_an_account_that_is_known():
    """One that fits is linked weakly; without one, or with two, none is."""
    rdp = Rdp(**common(), cookie="ann")
    assert 0 == len(take(Identity({}), rdp).accounts)
    known = Ntlm(**common(), username="ann", domainname="R", success=True)
    assert {"ntlm", "rdp_cookie"} == {kind for kind, _, _ in links(take(Identity({}), known, rdp))}
    other = Ntlm(**common(), username="ann", domainname="Q", success=True)
    assert ["ntlm"] == [kind for kind, _, _ in links(take(Identity({}), known, other, rdp))]


def signin(at_s, ip="203.0.113.9", **fields):
    return Event(
        ts=START + at_s * S, source="entra", kind="signin", action="Sign-in activity", outcome="success", ip=ip,
        account="ann@ex.com", raw_id=str(at_s), detail={"event_category": "interactive"}, **fields,
    )  # fmt: skip


def test_a_sign_in_is_one_row_with_the_site_of_its_egress():
    """Its address is a configured site's, or nobody's."""
    identity = Identity({"SYD": ("203.0.113.0/28",), "PER": ()})
    tick = tick_of([], [signin(0), signin(1, ip="198.51.100.1")])
    identity.take(tick, Devices(), ["SYD", "PER"], [])

    assert [("203.0.113.9", "SYD"), ("198.51.100.1", None)] == [(seen.row.ip, seen.row.site) for seen in tick.signins]
    assert [0, 0] == tick.event_account.tolist()
    assert [] == links(identity)


def test_contacts_that_coincide_become_a_link():
    """TLS and DNS names of the provider beside each of seven sign-ins on three days."""
    identity = Identity({})
    for k in range(7):
        at = k * 40_000 + 100
        hello = Tls(**common(at_s=at + 30), server_name="login.microsoftonline.com")
        asked = Dns(**common(at_s=at + 29), query="login.microsoftonline.com")
        take(identity, asked, hello, events=[signin(at)], end_s=at + 40)
    take(identity, end_s=7 * 40_000)

    assert [("co_occurrence", 0, NOWHERE)] == links(identity)


def test_links_go_with_a_device_that_turns_out_to_be_another():
    """From the tick in which that is known."""
    identity = take(Identity({}), Kerberos(**common(), client="ann/R", success=True))
    identity.take(tick_of(merged=[(0, 3)]), Devices(), ["SYD", "PER"], [])

    assert [("kerberos_as", 3, (0, *parse("10.0.0.5")))] == links(identity)


def test_save_and_load_keeps_who_is_where():
    """Accounts, links and tallies come back."""
    identity, other = take(Identity({}), Kerberos(**common(), client="ann/R", success=True)), Identity({})
    other.load(identity.save())

    assert identity.accounts.rows == other.accounts.rows
    assert links(identity) == links(other)
