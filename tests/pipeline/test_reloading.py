"""Another configuration for a running sensor: what of it is taken, and when."""

from sensor.config import build, load
from sensor.pipeline.reloading import LOOK_S, Reloading, merged


def reloading(tmp_path, text=""):
    """Watch a file that holds this."""
    path = tmp_path / "site.toml"
    path.write_text(text)
    return Reloading(path, load(path)), path


def test_a_changed_file_is_taken_at_the_next_look_and_once(tmp_path):
    """Looked at every few seconds; what changed is handed out once."""
    watch, path = reloading(tmp_path)
    assert watch.look(LOOK_S) is None
    path.write_text("[budget]\nincidents_per_day_per_1000 = 7\n")
    found = [watch.look(LOOK_S + 0.1), watch.look(3 * LOOK_S), watch.look(5 * LOOK_S)]

    assert [None, 7, None] == [one and one.budget.incidents_per_day_per_1000 for one in found]


def test_whoever_asks_need_not_wait(tmp_path):
    """SIGHUP has it read at once; the same again changes nothing."""
    watch, path = reloading(tmp_path)
    watch.look(LOOK_S)
    path.write_text("[archive]\nkeep_days = 3\n")
    watch.ask()
    assert 3 == watch.look(LOOK_S + 0.1).archive.keep_days
    watch.ask()
    assert watch.look(LOOK_S + 0.2) is None


def test_a_wrong_file_leaves_the_old_one_in_force_with_one_error(tmp_path, caplog):
    """Said once, with the key; mended, it is taken."""
    watch, path = reloading(tmp_path)
    path.write_text("[budget]\nincidents = 1\n")
    assert [None, None] == [watch.look(LOOK_S), watch.look(2 * LOOK_S)]
    assert 1 == caplog.text.count("not taken")
    path.unlink()
    assert watch.look(3 * LOOK_S) is None
    path.write_text("[budget]\nincidents_per_day_per_1000 = 2.5\n")
    assert 2.5 == watch.look(4 * LOOK_S).budget.incidents_per_day_per_1000


def test_what_needs_a_restart_stays_and_is_named():
    """Sites, networks and the archive's being on at all; the rest of the file is taken."""
    now = build({})
    wanted = build({"site": "SYD", "archive": {"enabled": False, "keep_days": 5}, "guard": {}, "timezone": "UTC"})
    taken, waiting = merged(now, wanted)

    assert ("site", "archive") == waiting
    assert ("local", True, 5) == (taken.site, taken.archive.enabled, taken.archive.keep_days)


def test_sites_come_and_go_and_keep_the_networks_that_they_have():
    """Keys of a site change at once; networks that records are keyed by wait for a restart, and are named."""
    now = build({"sites": {"SYD": {"egress": ["203.0.113.1"]}, "PER": {}}})
    wanted = build({"sites": {"SYD": {"egress": ["203.0.113.9"]}, "ADL": {"egress": ["203.0.113.3"]}}})
    taken, waiting = merged(now, wanted)

    assert ("sites",) == waiting
    assert {"SYD": ("203.0.113.1",), "ADL": ("203.0.113.3",)} == {name: one.egress for name, one in taken.sites.items()}
    assert () == merged(now, build({"sites": {"SYD": {"egress": ["203.0.113.1"]}}}))[1]
