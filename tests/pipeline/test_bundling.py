"""A spool exported as bundles: each envelope once, ranges again, and nothing lost by a death in between."""

import json
from pathlib import Path

import pytest

from sensor.model.site_packet import Packet
from sensor.pipeline import bundling
from sensor.pipeline.bundling import Bundler
from sensor.store.state import State, take_lock
from sensor.wire import bundle_files, site_envelope
from sensor.wire.bundles import verify
from tests.wire.bundles_made import KEYS, hub, signer

NOW_NS = 1_700_000_000_000_000_000


def fill(folder, count, size=10, first=1):
    """Put packets into the spool of a state, in one commit."""
    with State(folder, exclusive=True) as state, state._connection:
        state.spool.put([Packet("signals", k, k, f"{k}:".encode() + bytes(size)) for k in range(first, first + count)])


def bundler(tmp_path, now_ns=NOW_NS, **told):
    """Open a bundler whose clock stands still."""
    return Bundler(tmp_path / "s", "SYD", tmp_path / "out", signer("SYD"), None, lambda: now_ns, **told)


def exported(tmp_path, how=lambda one: one.fresh(), **told):
    """Export, and return what was said of each bundle."""
    one = bundler(tmp_path, **told)
    try:
        return list(how(one))
    finally:
        one.close()


def read(path, hub_keys=()):
    """Return a file's head, and the sequences of its envelopes as the envelopes have them."""
    with bundle_files.opened(path) as found:
        taken = verify(found.read, found.bytes, KEYS)
        taken.check()
        held = [(sequence, site_envelope.decode(content)) for sequence, content in taken.envelopes(hub_keys)]
    assert all(sequence == one.sequence and one.site == taken.head.site for sequence, one in held)
    return taken.head, [sequence for sequence, _ in held]


@pytest.fixture
def ten(tmp_path):
    """A state whose spool holds ten packets."""
    fill(tmp_path / "s", 10)
    return tmp_path


def test_everything_is_exported_once(ten):
    """In bundles of the size asked for; later only what is new; the spool counts it as what the hub has."""
    first = exported(ten, bundle_bytes=60)
    assert [] == exported(ten)
    fill(ten / "s", 2, first=11)
    second = exported(ten)

    told = [(one.first, one.last) for one in first + second]
    assert (1, 10) == (told[0][0], first[-1].last)
    assert [(11, 12)] == [(one.first, one.last) for one in second]
    assert len(first) > 1
    assert [k + 1 for _, k in told[:-1]] == [k for k, _ in told[1:]]
    assert list(range(1, 13)) == [k for one in first + second for k in read(Path(one.path))[1]]


def test_times_rise_though_the_clock_goes_back(ten):
    """Also over processes: no two bundles of a site have the same time."""
    one = exported(ten, bundle_bytes=60)
    again = exported(ten, lambda it: it.again(1, 10), now_ns=5, bundle_bytes=60)
    times = [read(Path(it.path))[0].made_ns for it in again]

    assert len(one) == len(again)
    assert times == sorted(set(times))
    assert times[0] > NOW_NS


def test_the_last_bundles_are_repeated(ten):
    """As they were cut; more than there are is all of them; none asked for is none."""
    told = [(one.first, one.last) for one in exported(ten, bundle_bytes=60)]
    again = exported(ten, lambda it: it.repeat(2), bundle_bytes=60)

    assert told[-2:] == [(one.first, one.last) for one in again]
    assert len(told) == len(exported(ten, lambda it: it.repeat(99), bundle_bytes=60))
    assert [] == exported(ten, lambda it: it.repeat(0))


def test_a_range_is_exported_again_by_its_sequences(ten):
    """Whatever was exported before; no further than there is."""
    [one] = exported(ten, lambda it: it.again(3, 5))
    assert (3, 5, [3, 4, 5]) == (one.first, one.last, read(Path(one.path))[1])
    [one] = exported(ten, lambda it: it.again(9, 2**40))
    assert (9, 10, [9, 10]) == (one.first, one.last, read(Path(one.path))[1])
    assert [] == exported(ten, lambda it: it.again(11, 20))
    assert 1 == exported(ten)[0].first


def test_what_left_the_spool_is_told(ten):
    """At the beginning, in the middle and at the end of a range; also where nothing of it is left."""
    with State(ten / "s", exclusive=True) as state, state._connection:
        state._connection.execute("DELETE FROM spool WHERE sequence IN (1, 4, 8, 9)")
    [one] = exported(ten, lambda it: it.again(1, 9))
    assert (1, 9, 5, 4) == (one.first, one.last, one.envelopes, one.lost)
    [one] = exported(ten, lambda it: it.again(8, 9))
    assert (8, 9, 0, 2) == (one.first, one.last, one.envelopes, one.lost)
    head, held = read(Path(one.path))
    assert (0, []) == (head.epoch, held)


def test_another_link_s_acknowledgements_are_left_alone(ten):
    """Where a hub answers over another link, an export by hand is a copy."""
    first = exported(ten, advances=False)

    assert [(one.first, one.last) for one in first] == [(one.first, one.last) for one in exported(ten, advances=False)]


def test_encrypted_bundles_hold_the_same(ten):
    """For the hub's key alone."""
    one = Bundler(ten / "s", "SYD", ten / "out", signer("SYD"), hub().public_key(), lambda: NOW_NS)
    [made] = list(one.fresh())
    one.close()

    assert made.is_encrypted
    assert list(range(1, 11)) == read(Path(made.path), [hub()])[1]


def test_a_death_before_the_note_exports_once_more(ten, monkeypatch):
    """The bundle is there twice, under another time; nothing is left out."""

    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("sensor.store.spool.SpoolReader.acknowledge", die)
        with pytest.raises(KeyboardInterrupt):
            exported(ten)
    before = read(next((ten / "out").iterdir()))[0]
    [one] = exported(ten)
    after, held = read(Path(one.path))

    assert list(range(1, 11)) == held
    assert after.made_ns > before.made_ns


def test_a_full_folder_stops_the_export_and_loses_nothing(ten):
    """It says how to go on; when the folder is emptied, it goes on."""
    with pytest.raises(OSError, match="nobody takes them away"):
        exported(ten, folder_bytes=100)
    assert 1 == exported(ten)[0].first


def test_one_process_exports_at_a_time(ten):
    """The second is told so."""
    with take_lock(ten / "s", bundling.LOCK), pytest.raises(ValueError, match="another process is exporting"):
        bundler(ten)


def test_damaged_notes_are_begun_afresh(ten):
    """They only serve to repeat."""
    (ten / "s" / "bundles.json").write_text("{")
    assert [] == exported(ten, lambda it: it.repeat(3))
    exported(ten)

    assert [[1, 10]] == json.loads((ten / "s" / "bundles.json").read_text())["ranges"]
