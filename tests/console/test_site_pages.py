"""The fleet's pages: the site to look at first in front, each with its own page, and nobody sees another's."""

import re

import pytest

from sensor.console.site_pages import page_of
from sensor.model.times import MINUTE_NS
from tests.console.desks import CLOCK_NS, EVIL, desk, signed_in
from tests.console.fleets import hub


@pytest.fixture
def fleet(tmp_path):
    """A console over a hub that runs."""
    return desk(hub(tmp_path), today_ns=lambda: CLOCK_NS)


def rows(text):
    """Names of the sites, in order."""
    return re.findall(r'<td><a href="/sites/[^"]*">([^<]*)</a>', text)


def test_sites_are_listed_with_what_to_look_at(fleet):
    """A page before silence, silence before a source that is down; who is well is last."""
    text = signed_in(fleet).get("/sites").text
    assert ["BNE", "PER", "CBR", "NTL", "HOB", "MEL", "DRW", "SYD"] == rows(text)[:8]
    for said in ("silent for 3 hours", "zeek down", "3 packets missing", "clock 95 seconds ahead"):
        assert said in text, said
    assert ("<b>1</b> silent" in text, "<b>1</b> never heard" in text) == (True, True)
    assert "<script>alert" not in text


def test_sites_are_narrowed_by_state_and_by_words(fleet):
    """Also by what there is to look at."""
    browser = signed_in(fleet)
    assert ["CBR"] == rows(browser.get("/sites?state=silent").text)
    assert ["MEL"] == rows(browser.get("/sites?text=missing").text)
    assert "No site is like that" in browser.get("/sites?text=nowhere").text


def test_a_sites_page_says_how_it_is_and_how_it_is_heard(fleet):
    """With its gaps, its clock, what is off, and the laptop that was there too."""
    browser = signed_in(fleet)
    text = browser.get("/sites/MEL").text
    for said in (
        "9,010–9,012", "+95.00 s", "± 0.02 s", "p-values that are off", "97 %", "1.4 times the budget", "came twice",
        "90,000",
    ):  # fmt: skip
        assert said in text, said
    assert "SYD-LT-0256" in browser.get("/sites/PER").text
    assert "silent since 31 Dec 21:00" in browser.get("/sites/CBR").text
    assert "This process reads the site itself" not in browser.get("/sites/NTL").text


def test_nobody_sees_a_site_that_is_not_theirs(fleet):
    """Neither in the list nor by its address; and of a device that was elsewhere too only that it was theirs."""
    browser = signed_in(fleet, "sid")
    assert ["SYD"] == rows(browser.get("/sites").text)
    assert 404 == browser.get("/sites/MEL").status_code
    assert "PER" not in browser.get("/sites/SYD").text


def test_a_site_may_be_called_anything(fleet):
    """Its address leads to it."""
    answer = signed_in(fleet).get(page_of(EVIL))
    assert (200, False) == (answer.status_code, "<script>alert" in answer.text)
    assert 404 == signed_in(fleet).get("/sites/NONE").status_code


def test_silence_is_by_the_time_of_day_only_where_a_sensor_runs(tmp_path):
    """A replay of last year is as it was then."""
    hub(tmp_path)
    alone = signed_in(desk(tmp_path)).get("/sites").text
    assert "No sensor runs behind this page" in alone
    assert "<b>1</b> silent" in alone
    later = signed_in(desk(tmp_path, today_ns=lambda: CLOCK_NS + 20 * MINUTE_NS)).get("/sites").text
    assert "No sensor runs behind this page" not in later
    assert "<b>9</b> silent" in later


def test_an_incident_across_sites_says_what_is_where(fleet):
    """Its sites with the evidence of each, and evidence and story with theirs; of one site nothing of it."""
    browser = signed_in(fleet)
    text = browser.get("/incidents/INC-9").text
    assert "At 2 sites" in text
    assert [("BNE", "1", "+30"), ("PER", "2", "+25")] == re.findall(
        r'<a href="/sites/\w+">(\w+)</a></td><td class="n">(\d+)</td><td class="n"><span class="db">([+\d]+)', text
    )
    assert ["BNE", "PER", "PER"] == re.findall(r'<span class="chip">identity</span> <span class="chip">(\w+)', text)[:3]
    assert "At 1 sites" not in browser.get("/incidents/INC-1").text
    assert 'id="sites"' not in browser.get("/incidents/INC-1").text


def test_a_laptop_that_moves_shows_its_places(fleet):
    """Each with its time and addresses, drawn too; who may see one site hears of another only that there is one."""
    text = signed_in(fleet).get("/devices/dev-7").text
    for said in ("Where it was", "places over time", 'href="/sites/PER"', ">outside", "198.51.100.4"):
        assert said in text, said
    assert ["outside", "PER", "SYD"] == [
        name.strip() for name in re.findall(r"<li>(?:<a [^>]*>)?([\w ]+)(?:</a>)? <span class=\"soft\">\d", text)
    ]
    held = signed_in(fleet, "sid").get("/devices/dev-7").text
    assert ("another site" in held, "PER" in held, "and 1 other" in held) == (True, False, True)
    assert "Where it was" not in signed_in(fleet).get("/devices/dev-2").text
