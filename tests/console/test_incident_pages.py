"""The list of incidents and an incident's page."""

import re

import msgspec

from tests.console.desks import T, action, desk, evidence, filled, incident, signed_in


def listed(browser, query=""):
    """The ids on a page of the list, in its order."""
    return re.findall(
        r'<tr class="[^"]*" data-row>.*?/incidents/(INC-\w+)', browser.get(f"/incidents{query}").text, re.DOTALL
    )


def test_what_is_open_is_listed_by_urgency(tmp_path):
    """Pages first; closed ones where they are asked for; narrowed by what the form says."""
    made = desk(
        filled(
            tmp_path, incident("INC-1", tier="digest"), incident("INC-2", tier="triage"), incident("INC-3"),
            incident("INC-4", state="closed", verdict="benign"), incident("INC-5", ("PER",), title="only here"),
        )
    )  # fmt: skip
    browser = signed_in(made)
    assert ["INC-3", "INC-5", "INC-2", "INC-1"] == listed(browser)
    assert "INC-4" in listed(browser, "?state=all")
    assert ["INC-2"] == listed(browser, "?tier=triage")
    assert ["INC-5"] == listed(browser, "?text=only+here&state=nonsense")
    assert ["INC-5"] == listed(browser, "?site=PER")
    assert [] == listed(browser, "?text=nowhere")


def test_a_reader_of_one_site_sees_that_site(tmp_path):
    """Neither in the list, nor in the counts, nor by the address of a page."""
    made = desk(filled(tmp_path, incident("INC-1"), incident("INC-2", ("PER",)), incident("INC-3", ("SYD", "PER"))))
    browser = signed_in(made, "sid")
    assert ["INC-1", "INC-3"] == listed(browser)
    assert "<b>2</b> open" in browser.get("/incidents").text
    assert [200, 404, 200] == [browser.get(f"/incidents/INC-{number}").status_code for number in (1, 2, 3)]


def test_a_long_list_is_paged(tmp_path):
    """Fifty a page, and links that keep what was chosen."""
    made = desk(filled(tmp_path, *(incident(f"INC-{number}", score_db=float(number)) for number in range(120))))
    browser = signed_in(made)
    assert (50, 50, 20, 0) == tuple(len(listed(browser, f"?page={page}")) for page in (1, 2, 3, 4))
    assert "INC-119" == listed(browser)[0]
    text = browser.get("/incidents?text=INC&page=2").text
    assert ("page 2 of 3" in text, "/incidents?text=INC&amp;page=3&amp;state=open" in text) == (True, True)


def test_an_incident_tells_everything(made):
    """Story, evidence with its plot, who, what speaks against it, what was asked, responses and the forms."""
    text = signed_in(made).get("/incidents/INC-1").text
    for held in (
        "Check first", 'class="b-seen"', "usual 0–5", "Against it", "Asked of the records", "disable account",
        'value="approved"', 'value="denied"', "Close with a verdict", 'id="EV-INC-1"', 'href="#EV-INC-1"', "T1078",
        "/accounts/ann%40ex.com",
        "text=203.0.113.9", "hunt?sql=SELECT+1", "context, no weight", "spanline explain INC-1 --verify",
    ):  # fmt: skip
        assert held in text, held


def test_what_is_not_allowed_has_no_form(made):
    """A viewer has none, an analyst closes and suppresses, a responder decides on responses too."""
    wanted = ("/incidents/INC-1/close", 'action="/mutes"', 'action="/actions/ACT-1"')
    shown = {
        name: tuple(form in signed_in(made, name).get("/incidents/INC-1").text for form in wanted)
        for name in ("vera", "anna", "rose", "sid")
    }
    assert {
        "vera": (False,) * 3, "anna": (True, True, False), "rose": (True,) * 3, "sid": (True, True, False),
    } == shown  # fmt: skip


def test_other_incidents_of_the_same_are_named(made):
    """With the same entity, at sites that the reader may see."""
    assert "/incidents/INC-2" in signed_in(made).get("/incidents/INC-1").text
    assert "/incidents/INC-2" not in signed_in(made, "sid").get("/incidents/INC-1").text


def test_an_executed_response_can_be_taken_back(tmp_path):
    """One that cannot be, cannot."""
    other = msgspec.structs.replace(action("ACT-2", state="verified"), verb="revoke_sessions")
    made = desk(filled(tmp_path, incident(actions=(action(state="verified"), other))))
    assert 1 == signed_in(made, "rose").get("/incidents/INC-1").text.count('value="undo"')


def test_a_story_is_told_by_day(tmp_path):
    """Each day once, in order."""
    later = T.replace("01-01", "01-02")
    one = incident()
    moments = tuple(type(one.timeline[0])(ts=ts, kind="evidence", who="", text="x", db=1.0) for ts in (T, T, later))
    made = desk(filled(tmp_path, incident(timeline=moments, evidence=(evidence(),))))
    assert ["2026-01-01", "2026-01-02"] == re.findall(
        r'class="day">([\d-]+)', signed_in(made).get("/incidents/INC-1").text
    )
