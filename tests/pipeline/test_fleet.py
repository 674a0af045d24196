"""What is known of sites: the latest counts, only what changed is committed, and it comes back."""

from sensor.model.fleet import META, SITES_MAX, SiteHealth, SiteLink
from sensor.pipeline.fleet import Fleet
from sensor.store.listing import Listing
from sensor.store.state import State


def test_a_site_is_as_it_last_said(tmp_path):
    """What comes late changes nothing that is newer; a link says nothing of when the site was heard."""
    fleet = Fleet()
    fleet.hear("SYD", 20, SiteHealth(version="2"))
    fleet.hear("SYD", 10, SiteHealth(version="1"))
    fleet.hear("SYD", 30)
    fleet.link("PER", SiteLink(have=7))

    assert ("2", 20, 30) == (fleet.rows["SYD"].health.version, fleet.rows["SYD"].health_ns, fleet.rows["SYD"].heard_ns)
    assert (0, 7) == (fleet.rows["PER"].heard_ns, fleet.rows["PER"].link.have)


def test_only_what_changed_is_committed(tmp_path):
    """And read again with the next start, and by whoever lists sites; a site named like a secret is no secret."""
    fleet = Fleet()
    fleet.hear("SYD", 20)
    fleet.hear("Monkey", 30)
    first = fleet.changed()
    fleet.committed()
    fleet.hear("SYD", 20)
    again = Fleet()
    with State(tmp_path) as state:
        state.commit(
            columns={}, incidents=[], devices=[], accounts=[], inputs=[], meta={**first, "version": "1", "a_key": "x"}
        )
        again.load(state.metas(META))
        with Listing(tmp_path) as listing:
            listed, within, meta = listing.fleet(None), listing.fleet(("SYD",)), listing.meta()

    assert [META + "Monkey", META + "SYD"] == list(first)
    assert {} == fleet.changed() == again.changed()
    assert fleet.rows == again.rows
    assert (["Monkey", "SYD"], ["SYD"]) == ([row.site for row in listed], [row.site for row in within])
    assert {"version", "serial", "snapshot", "snapshot_checksum"} == set(meta)


def test_sites_are_bounded():
    """Those that are known go on; one more is counted."""
    fleet = Fleet()
    for number in range(SITES_MAX + 1):
        fleet.hear(f"S{number}", 1)
    fleet.hear("S0", 2)

    assert (SITES_MAX, 1, 2) == (len(fleet.rows), fleet.refused, fleet.rows["S0"].heard_ns)
