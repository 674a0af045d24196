"""What is to be looked at first among sites, and why; a site that is read here is counted in the state."""

import msgspec

from sensor.entities.waitlist import HELD_NS
from sensor.model.fleet import VERDICTS_HELD_NS
from sensor.model.times import HOUR_NS, MINUTE_NS, rfc3339
from sensor.store.fleet import gather
from tests.console.desks import CLOCK_NS, EVIL, filled
from tests.console.fleets import hub


def test_sites_come_in_the_order_in_which_to_look(tmp_path):
    """A page, then who is silent, then what keeps a site from seeing; whoever is well is last."""
    found = gather(hub(tmp_path), None, CLOCK_NS)
    assert [
        ("BNE", "heard", ("1 page open",)), ("PER", "heard", ("1 page open",)),
        ("CBR", "silent", ("silent for 3 hours",)), ("NTL", "never", ("never heard",)),
    ] == [(one.site, one.state, one.look) for one in found if one.site != "SYD"][:4]  # fmt: skip
    look = {one.site: one.look for one in found}
    assert ("zeek down", "5.0 % of zeek dropped") == look["HOB"]
    assert ("40 minutes behind",) == look["DRW"]
    assert (
        "3 packets missing", "7 packets lost at the site", "1.4 times the budget of triage", "clock 95 seconds ahead",
        "p-values of volumes off: 2.6", "table devices 97 % full",
    ) == look["MEL"]  # fmt: skip
    assert ({"ADL", EVIL}, ()) == ({one.site for one in found[-2:]}, found[-1].look)


def test_a_site_is_silent_since_something_of_it_came(tmp_path):
    """When its last packet came counts, not how old that was: an hour's backlog that comes now is no silence."""
    later = {one.site: one for one in gather(hub(tmp_path), None, CLOCK_NS + 14 * MINUTE_NS)}
    assert ("heard", "behind") == (later["ADL"].state, later["DRW"].state)
    assert rfc3339(CLOCK_NS - 12 * 10**9) == later["ADL"].last_heard
    later = {one.site: one for one in gather(tmp_path, None, CLOCK_NS + 16 * MINUTE_NS)}
    assert ("silent", "silent") == (later["ADL"].state, later["DRW"].state)


def test_a_site_that_is_read_here_is_counted_in_the_state(tmp_path):
    """With an incident counted at each of its sites, and what is not seen left out."""
    syd, per = gather(filled(tmp_path / "a"), ("PER", "SYD"), CLOCK_NS)
    assert ("SYD", {"learning": 1}, {"known": 1}, 4.0) == (syd.site, syd.devices, syd.accounts, syd.risk_db)
    assert ({"page": 1, "triage": 0, "digest": 0}, {"page": 0, "triage": 0, "digest": 1}) == (
        syd.incidents, per.incidents,
    )  # fmt: skip
    both = {one.site: one.incidents["page"] for one in gather(hub(tmp_path / "b"), ("BNE", "PER"), CLOCK_NS)}
    assert {"BNE": 1, "PER": 1} == both
    assert msgspec.json.encode(syd).startswith(b"{")


def test_what_is_too_late_for_a_silent_sites_verdicts_is_said(tmp_path):
    """As long as sign-ins are held, and no longer."""
    assert HELD_NS == VERDICTS_HELD_NS
    hours = {
        many: {one.site: one for one in gather(hub(tmp_path / str(many)), None, CLOCK_NS + many * HOUR_NS)}["CBR"].look
        for many in (0, 8)
    }

    assert (("silent for 3 hours",), ("silent for 11 hours; sign-ins of more than 7 hours ago stay unknown",)) == (
        hours[0], hours[8],
    )  # fmt: skip
