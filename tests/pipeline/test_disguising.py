"""Reports under pseudonyms."""

import msgspec
import pytest

from sensor import config as configuration
from sensor.model.evidence import Finding, Peer
from sensor.model.fleet import SiteHealth
from sensor.model.fleet_part import FleetPool
from sensor.model.pseudonyms import Pseudonyms
from sensor.model.report import (
    AnyReport,
    Became,
    Calibrated,
    Contact,
    Covered,
    Health,
    Lease,
    Linked,
    Ordered,
    Popular,
    Present,
    Prior,
    Sighting,
    Told,
    Verdict,
)
from sensor.pipeline.core import Core
from sensor.pipeline.disguising import Disguise, Recognised, disguise_of
from sensor.store.state import State
from tests.responses.orders import outcome, wanted
from tests.sinks.samples import evidence

KEY = bytes(range(32))
NAMES = (b"ann.lee", b"ann-0a", b"pc-7", b"10.0.0.5", b"cc:dd:01")
SENTENCE = "ann.lee@ex.com on PC-7 (10.0.0.5, 00:aa:bb:cc:dd:01) asked C:\\Users\\ann.lee"
REPORTS = (
    Sighting(ts=1, device="dev-1", macs=("00:aa:bb:cc:dd:01",), addresses=("10.0.0.5", "203.0.113.9"),
             names=(("PC-7.ex.com", "dhcp"),), agents={"entra": "PC-7"}, shared=SENTENCE),
    Linked(ts=1, account="ann.lee@ex.com", of="user", kind="ntlm", address="10.0.0.5", first_ns=1, last_ns=1, count=1,
           days=1, forms=("ann.lee", "ann.lee@ex"), ids=("Ann-0a1b",)),
    Lease(ts=1, device="dev-1", account="ann.lee@ex.com", kind="vpn", public="203.0.113.9", assigned="10.0.0.5",
          begin_ns=1, end_ns=2),
    Told(ts=1, account="ann.lee@ex.com", device="dev-1", finding=Finding(
        evidence=msgspec.structs.replace(evidence(), text=SENTENCE, keys=("account:ann.lee", "source:10.0.0.5")),
        device=0, name="PC-7", counter=(SENTENCE,), check=SENTENCE,
        peers=(Peer(kind="account", id="ann.lee", name="ann.lee"),),
    )),
    Verdict(ts=1, incident="INC-1", evidence=("EV-1",), verdict="benign", reason=SENTENCE),
    Ordered(ts=1, wanted=wanted("ACT-1", "remove_mail_rule", "mail_rule", "ann.lee@ex.com/PC-7", names=("PC-7",),
                                addresses=("10.0.0.5",), reason=SENTENCE, by="user:ann.lee")),
    Became(ts=1, outcome=outcome("ACT-1", detail=SENTENCE)),
    Contact(ts=1, provider="microsoft", devices=b"", who=b"", before=b""),
    Present(ts=1, devices=b"", slot=1, who=b"", after=b"", names=b"", flags=b"", total=b"", share=b"", peer=b""),
    Covered(ts=1, minute=1, flows=b"", names=b""), Health(ts=1, health=SiteHealth(version="1")),
    Popular(ts=1, devices=1, things=b"", users=b""), Prior(ts=1, key=b""),
    Calibrated(ts=1, pool=FleetPool("new_peer", 1, b"", b"", b"")),
)  # fmt: skip


@pytest.fixture
def core(tmp_path):
    """An empty core."""
    with State(tmp_path / "state", exclusive=True) as state:
        yield Core(configuration.default(), state)


@pytest.mark.parametrize("one", REPORTS, ids=lambda one: type(one).__name__)
def test_no_report_tells_a_name(core, one):
    """In any field of any kind; what it is about stays: ids of devices, outside addresses, domains."""
    names = Pseudonyms(KEY)
    names.know(("ann.lee@ex.com",), ("PC-7",))
    made = Disguise(names, core).report(one)
    if isinstance(one, Contact | Present | Covered | Health | Popular | Calibrated | Prior):  # ids and numbers alone
        assert one is made
        return
    told = msgspec.msgpack.encode(made)
    assert [] == [name for name in NAMES if name in told.lower()]
    assert type(one) is type(msgspec.msgpack.decode(told, type=AnyReport))
    assert (b"203.0.113.9" in msgspec.msgpack.encode(one)) == (b"203.0.113.9" in told)


def test_there_is_one_of_every_kind():
    """Who adds a kind of report says here what of it is a name."""
    assert set(AnyReport.__args__) == {type(one) for one in REPORTS}


def test_names_that_the_core_learns_are_known_at_once(core):
    """Bare ones in sentences too, from whichever report on."""
    disguise = Disguise(Pseudonyms(KEY), core)
    said = Verdict(ts=1, incident="INC-1", evidence=(), verdict="benign", reason="eve did it")
    assert "eve did it" == disguise.report(said).reason
    core.entities.identity.accounts.sight("eve", 1, 0, "entra")
    assert "eve" not in disguise.report(said).reason


def test_nothing_is_done_where_nothing_is_configured(core, tmp_path):
    """And something is where it is."""
    assert None is disguise_of(configuration.default(), tmp_path, core)
    config = configuration.build({"privacy": {"pseudonyms": ["accounts"]}})
    assert "ann.lee@ex.com" != disguise_of(config, tmp_path, core)(REPORTS[1]).account


def test_a_hub_with_the_key_knows_its_own_accounts_again(core):
    """By name or by spelling; another's stays what it was called."""
    site = Disguise(Pseudonyms(KEY), core)
    told = [site.report(one) for one in REPORTS[1:4]]
    core.entities.identity.accounts.sight("ann.lee@ex.com", 1, 0, "entra")
    hub = Recognised(Pseudonyms(KEY), core)
    assert ["ann.lee@ex.com"] * 3 == [hub.report(one).account for one in told]
    assert ("ann.lee", "ann.lee@ex") == hub.report(told[0]).forms
    finding = hub.report(told[2]).finding
    assert (True, "ann.lee", "account:ann.lee") == (
        finding.evidence.text.startswith("ann.lee@ex.com on host-"), finding.peers[0].id, finding.evidence.keys[0]
    )  # fmt: skip
    other = Recognised(Pseudonyms(bytes(32)), core)
    assert told[0] == other.report(told[0])
