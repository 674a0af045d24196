"""What a site tells of itself, and that a hub which hears it knows the same."""

import numpy as np

from sensor.entities import site_reports as module
from sensor.entities.coverage import MINUTES
from sensor.entities.presence import SLOT_NS
from sensor.entities.reported_signs import ELSEWHERE
from sensor.model.metadata import Dhcp, Dns
from sensor.model.report import AnyReport, decode, encode
from tests.entities.test_entities import fresh, resolve
from tests.entities.test_reported import hear
from tests.scenes import START, S, common, flow, flows

SLOT = START // SLOT_NS
MAC = "54:e1:ad:77:31:05"


def site():
    """A site where a laptop works for ten minutes: a lease, pages, a sign-in page."""
    entities = fresh()
    lease = Dhcp(**common(0), mac=MAC, host_name="LAP-1", assigned_addr="10.0.0.5", msg_type=5)
    resolve(entities, messages=[lease])
    for minute in range(10):
        rows = flows(*(flow("10.0.0.5", f"198.51.100.{k}", at_s=60 * minute + k, port=443) for k in range(minute + 1)))
        asked = {**common(60 * minute), "query": "login.microsoftonline.com" if minute == 4 else "example.com"}
        asked["orig_h"] = "10.0.0.5"
        resolve(entities, rows, [Dns(**asked)], at_s=60 * minute + 50)
    return entities


def heard(reports: list[AnyReport]):
    """A hub that hears what the site says, under another number."""
    hub = fresh()
    hub.site_number("SYD")
    hear(hub, *decode(encode(reports), "SYD"), at_s=700)
    return hub, hub.site_number("SYD")


def told(entities):
    """Everything that a hub is told of a site; the hooks that gather are set by hand."""
    ts, row = START + 700 * S, entities.locate(0, "10.0.0.5")
    presence = entities.identity.corroboration.presence
    slots = presence.table.columns["cells"][presence.row(row)]["slot"].astype(np.int64)
    held = [(provider, 0, device, when) for when, provider, _, device in entities.identity.contacts._order]
    covered, minutes = module.covered(entities.identity.corroboration.coverage, np.full(MINUTES, -1), ts, 0)
    return [
        module.sighting(entities, row, ts, 0, 0.5), *module.contacts(entities, held, ts, 0, ELSEWHERE),
        *module.present(entities, np.sort(slots[slots > 0]) | row << 32, ts, 0), *covered,
    ], minutes  # fmt: skip


def test_a_hub_that_hears_a_site_knows_what_it_knows():
    """The device by MAC, name and address; its slots; its contact to a tenth of a second; the minutes covered."""
    here = site()
    hub, number = heard(told(here)[0])
    mine, theirs = here.locate(0, "10.0.0.5"), hub.locate(number, "10.0.0.5")

    assert (here.device_id(mine), "LAP-1") == (hub.device_id(theirs), hub.device_name(theirs))
    slots = [
        [
            (one.slot - SLOT, one.names, one.flags)
            for one in entities.identity.corroboration.presence.slots(row, SLOT, SLOT + 3)
        ]
        for entities, row in ((here, mine), (hub, theirs))
    ]
    assert [0, 1] == [slot for slot, *_ in slots[0]]
    assert slots[0] == slots[1]
    when = START + 240 * S
    assert 0 == here.identity.contacts.nearest("microsoft", 0, mine, when)
    assert 0 == hub.identity.contacts.nearest("microsoft", number, theirs, when)
    assert hub.identity.corroboration.coverage.gap(number, START + 300 * S) is None


def test_nothing_is_told_twice_of_minutes():
    """What is told is remembered; a minute that has names now too is told again."""
    here = site()
    _, minutes = told(here)
    coverage = here.identity.corroboration.coverage

    assert [] == module.covered(coverage, minutes, START, 0)[0]
    coverage.take(np.zeros(1, np.int64), np.array([START + 600 * S]), "flows")
    (one,) = module.covered(coverage, minutes, START, 0)[0]
    assert (START // (60 * S) + 10, b"\1", b"\0", 0) == (one.minute, one.flows, one.names, one.whole)
    coverage.take(np.zeros(1, np.int64), np.array([START + 600 * S]), "names")
    (one,) = module.covered(coverage, minutes, START, 0)[0]
    assert (START // (60 * S) + 10, b"", 1) == (one.minute, one.flows, one.whole)


def test_only_the_sites_own_is_told():
    """A device, contact or link of another site that the process ingests for is not."""
    here = site()
    resolve(here, flows(flow("10.0.0.5", "198.51.100.1", at_s=100)), site=1)
    here.identity.links.see(0, -1, (1, 0, 5), "ntlm", START)

    assert [here.locate(0, "10.0.0.5")] == module.rows_since(here, 0, 0)
    assert [] == module.contacts(here, [("okta", 1, 0, START)], START, 0, ELSEWHERE)
    here.identity.accounts.sight("ann", START, 1, "ntlm")
    assert module.linked(here, here.identity.links.of(0, START)[0], START, 0) is None


def test_a_sightings_digest_leaves_out_what_always_changes():
    """Times and counts; another address is another digest."""
    here = site()
    row = here.locate(0, "10.0.0.5")
    first = module.sighting(here, row, START, 0, 0.3)
    resolve(here, flows(flow("10.0.0.5", "198.51.100.1", at_s=650)), at_s=660)
    later = module.sighting(here, row, START + 700 * S, 0, 0.4)
    here.devices.bind((0, *module.addresses.parse("10.0.0.77")), row, START + 700 * S)

    assert first.flows < later.flows
    assert module.digest_of(first) == module.digest_of(later)
    assert module.digest_of(first) != module.digest_of(module.sighting(here, row, START, 0, 0.3))
