"""The window against bundles that are played again."""

import pytest

from sensor.store import bundle_window
from sensor.store.bundle_window import BundleWindow
from sensor.store.inbox import Inbox
from tests.wire.envelopes import envelope

KEY = b"12345678"


@pytest.fixture
def window(tmp_path):
    """Open a window over a new inbox."""
    Inbox(tmp_path).close()
    opened = BundleWindow(tmp_path)
    yield opened
    opened.close()


def test_a_bundle_is_new_once(window, tmp_path):
    """For its own site, and for whoever opens the window later."""
    assert "new" == window.judge("SYD", KEY, 5)
    window.take("SYD", KEY, 5)
    window.take("SYD", KEY, 5)
    later = BundleWindow(tmp_path)

    assert ("taken", "new") == (later.judge("SYD", KEY, 5), later.judge("PER", KEY, 5))
    later.close()


def test_what_is_older_than_the_window_is_not_guessed(window, monkeypatch):
    """As long as the window is not full anything may be new; what is between the known ones is new at any time."""
    monkeypatch.setattr(bundle_window, "WINDOW", 3)
    for made_ns in (10, 30):
        window.take("SYD", KEY, made_ns)
    assert "new" == window.judge("SYD", KEY, 1)
    for made_ns in (20, 40):
        window.take("SYD", KEY, made_ns)

    said = {made_ns: window.judge("SYD", KEY, made_ns) for made_ns in (1, 10, 19, 20, 25, 30, 40, 50)}
    assert {
        19: "too old",
        10: "too old",
        1: "too old",
        20: "taken",
        30: "taken",
        40: "taken",
        25: "new",
        50: "new",
    } == said


def test_it_begins_again_where_the_inbox_does(window, tmp_path):
    """Bundles that were kept are taken again by a hub that was put back; what comes in between changes nothing."""
    inbox = Inbox(tmp_path)
    inbox.take("SYD", [envelope(1)], 1)
    window.take("SYD", KEY, 5)
    inbox.take("SYD", [envelope(2)], 1)
    inbox.forget("SYD", [1], 1)
    assert "taken" == window.judge("SYD", KEY, 5)
    inbox.close()
    Inbox(tmp_path).close()  # there is no state that knows of what was forgotten

    assert "new" == window.judge("SYD", KEY, 5)


def test_a_key_has_a_window_of_its_own(window, monkeypatch):
    """Whoever had a stolen key cannot have kept out what the next one signs."""
    monkeypatch.setattr(bundle_window, "WINDOW", 2)
    for made_ns in (2**62, 2**63 - 1):
        window.take("SYD", b"stolen", made_ns)

    assert ("too old", "new") == (window.judge("SYD", b"stolen", 5), window.judge("SYD", KEY, 5))


def test_what_is_no_inbox_is_named(tmp_path):
    """As a file that is no database."""
    (tmp_path / "inbox.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(ValueError, match="not a database"):
        BundleWindow(tmp_path)
