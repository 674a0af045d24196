"""Devices and accounts."""

import re

import pytest

from sensor.model.usual import Act, DayOf, Share, Usual
from sensor.store import usual
from tests.console.desks import EVIL, desk, filled, signed_in


def names(browser, path, folder):
    """The ids that a list links to."""
    return re.findall(rf'data-row><td><a href="/{folder}/([^"]+)"', browser.get(path).text)


def test_devices_are_narrowed_and_ordered(made):
    """By any of what is known of them; of sites that the reader may see."""
    browser = signed_in(made)
    assert ["dev-2", "dev-1"] == sorted(names(browser, "/devices", "devices"), reverse=True)
    assert ["dev-1", "dev-2"] == names(browser, "/devices?order=name", "devices")
    assert ["dev-2"] == names(browser, "/devices?text=PER-1", "devices")
    assert ["dev-1"] == names(browser, "/devices?site=SYD&learning=learning&order=seen", "devices")
    assert [] == names(browser, "/devices?learning=ready", "devices")
    assert ["dev-1"] == names(signed_in(made, "sid"), "/devices", "devices")
    assert 404 == signed_in(made, "sid").get("/devices/dev-2").status_code


def test_accounts_with_open_incidents_come_first(made):
    """And are narrowed by name and kind."""
    browser = signed_in(made)
    assert ["ann%40ex.com", "bob%40ex.com"] == [
        one.replace("@", "%40") for one in names(browser, "/accounts", "accounts")
    ]
    assert 1 == len(names(browser, "/accounts?text=BOB", "accounts"))
    assert [] == names(browser, "/accounts?kind=machine", "accounts")
    assert 1 == len(names(signed_in(made, "sid"), "/accounts", "accounts"))
    assert 404 == signed_in(made, "sid").get("/accounts/bob@ex.com").status_code


USUAL = Usual(
    timezone="Australia/Sydney", whole=False, hours=(0,) * 8 + (5,) * 9 + (0,) * 7, weekdays=(3, 3, 3, 3, 3, 0, 0),
    days=(DayOf(day="2026-01-01", count=9, bytes_out=100), DayOf(day="2026-01-03", count=1)),
    groups={"services": (Share(name=EVIL, count=9, days=2),), "peers": (Share(name="dev-2", count=1, days=1),)},
    said=("Seen on 2 of 3 days.",),
)  # fmt: skip


def test_a_device_shows_what_is_usual(made, monkeypatch):
    """Sentences, columns by hour and day, days without records too; devices by their names."""
    monkeypatch.setattr(usual, "device_usual", lambda *_: USUAL)
    text = signed_in(made).get("/devices/dev-1").text
    for held in (
        "Seen on 2 of 3 days.",
        "flows by hour",
        "2 Jan: 0",
        "PER-1",
        "no longer has all",
        "By hour (Australia/Sydney)",
    ):
        assert held in text, held
    assert "<script>alert" not in text


def act(ts, kind, what, outcome, why=""):
    """One act."""
    return Act(ts=ts, kind=kind, what=what, outcome=outcome, why=why, where="DE", source="m365")


def test_an_account_tells_what_it_did_by_day(made, monkeypatch):
    """The latest first: why a sign-in failed, what the network says; one kind alone where that is asked for."""
    acts = (
        act("2026-01-01T08:00:00Z", "signin", EVIL, "failure", "wrong password"),
        act("2026-01-02T08:00:00Z", "signin", "Mail", "success", "contradicted"),
        act("2026-01-02T09:00:00Z", "mail_rule", "New-InboxRule", "unknown"),
        act("2026-01-02T09:00:05Z", "mail_rule", "New-InboxRule", "unknown"),
    )  # fmt: skip
    monkeypatch.setattr(usual, "account_timeline", lambda *_: acts)
    browser = signed_in(made)
    text = browser.get("/accounts/ann@ex.com").text
    assert 1 == text.count("New-InboxRule <b>×2</b>")
    assert ["2026-01-02", "2026-01-01"] == re.findall(r'class="day">([\d-]+)', text)
    assert ("wrong password" in text, 'class="verdict contradicted"' in text, "<script>alert" in text) == (
        True,
        True,
        False,
    )
    assert ["2026-01-02"] == re.findall(
        r'class="day">([\d-]+)', browser.get("/accounts/ann@ex.com?kind=mail_rule").text
    )


@pytest.mark.parametrize("path", ["/devices/dev-1", "/accounts/ann@ex.com"])
def test_without_an_archive_there_is_nothing_usual(made, path):
    """The rest of the page is there."""
    assert "The archive has no record of it" in signed_in(made).get(path).text


def test_an_account_names_its_incidents_and_links(tmp_path):
    """By any spelling of it."""
    browser = signed_in(desk(filled(tmp_path)))
    text = browser.get("/accounts/ANN@EX.COM").text
    assert ("/incidents/INC-1" in text, "/devices/dev-1" in text, "strong" in text) == (True, True, True)
