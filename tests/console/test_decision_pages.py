"""What people decide on pages: carried out, in their name, where they may."""

import re

import msgspec
import pytest

from sensor.store.actions import KILL_SWITCH, Actions
from tests.console.desks import action, csrf, desk, filled, incident, post, signed_in


def stored(made, key="INC-1"):
    """An incident as it is now."""
    with made.state() as state:
        return state.incident(key)


def test_an_analyst_closes_with_a_verdict(made):
    """In their name, with a reason; a benign verdict suppresses the same."""
    browser = signed_in(made, "anna")
    answer = post(browser, "/incidents/INC-1/close", verdict="benign", reason=" our scanner ")
    assert "/incidents/INC-1?done=closed" == answer.headers["location"]
    one = stored(made)
    assert ("closed", "benign", "our scanner") == (one.state, one.verdict, one.reason)
    with made.state() as state:
        verdict = state.judgements.verdicts(0)[0]
        assert ("user:anna", True) == (verdict.author, bool(state.judgements.mutes()))
    assert "our scanner" in browser.get("/mutes").text


@pytest.mark.parametrize(
    ("name", "fields", "status"),
    [("vera", {"verdict": "true", "reason": "x"}, 403), ("anna", {"verdict": "true", "reason": " "}, 400),
     ("anna", {"verdict": "guilty", "reason": "x"}, 400)],
)  # fmt: skip
def test_a_verdict_needs_a_role_and_a_reason(made, name, fields, status):
    """Else nothing is changed."""
    assert status == post(signed_in(made, name), "/incidents/INC-1/close", **fields).status_code
    assert "open" == stored(made).state


def test_a_decision_needs_the_role_at_every_site_of_it(tmp_path):
    """Of two sites the analyst of one may look and not decide."""
    made = desk(filled(tmp_path, incident("INC-1", ("SYD", "PER")), incident("INC-2", ("SYD",))))
    browser = signed_in(made, "sid")
    fields = {"verdict": "true", "reason": "x"}
    assert [403, 303] == [post(browser, f"/incidents/INC-{number}/close", **fields).status_code for number in (1, 2)]


def test_a_suppression_shows_first_what_it_hides(made):
    """Then it is put in force, and taken back."""
    browser = signed_in(made, "anna")
    asked = {"entity": "ann%40ex.com", "detector": "place", "key": "", "site": "", "days": "7", "reason": "known"}
    answer = browser.post("/mutes", data={"csrf": csrf(browser.get("/incidents")), **asked})
    assert (200, True) == (
        answer.status_code,
        "<b>4</b> evidence of <b>2</b> stored incidents, and closes <b>2</b>" in answer.text,
    )
    assert "open" == stored(made).state

    sent = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', answer.text))
    assert "/mutes?done=muted" == browser.post("/mutes", data=sent).headers["location"]
    assert "closed" == stored(made).state
    with made.state() as state:
        (mute,) = state.judgements.mutes()
    assert ("ann@ex.com", "place", "known", "user:anna") == (mute.entity, mute.detector, mute.reason, mute.author)
    assert "/mutes?done=unmuted" == post(browser, f"/mutes/{mute.id}/remove", "/mutes").headers["location"]
    with made.state() as state:
        assert [] == state.judgements.mutes()
    assert 404 == post(browser, f"/mutes/{mute.id}/remove").status_code


def test_a_suppression_needs_a_scope_a_reason_and_the_sites(made):
    """Who is an analyst at one site suppresses at that site alone."""
    browser = signed_in(made, "sid")
    assert 400 == post(browser, "/mutes", detector="", reason="x").status_code
    assert 403 == post(browser, "/mutes", detector="place", reason="x").status_code
    assert 400 == post(browser, "/mutes", detector="place", site="SYD", reason="").status_code
    assert 200 == post(browser, "/mutes", detector="place", site="SYD", reason="x", days="9e9").status_code


def test_a_responder_approves_denies_and_asks_back(tmp_path):
    """Each in their name; what was decided already is not decided again."""
    made = desk(
        filled(tmp_path, incident(actions=(action(), action("ACT-2"), action("ACT-3", state="verified"))))
    )  # fmt: skip
    browser = signed_in(made, "rose")
    answers = [
        post(browser, f"/actions/{key}", what=what, reason="sure")
        for key, what in (("ACT-1", "approved"), ("ACT-2", "denied"), ("ACT-3", "undo"), ("ACT-2", "approved"))
    ]
    assert [303, 303, 303, 409] == [one.status_code for one in answers]
    with Actions(tmp_path) as actions:
        last = {one.action.id: one.action.history[-1] for one in actions.all()}
    assert {"ACT-1": "approved", "ACT-2": "denied", "ACT-3": "verified"} == {
        key: one.state for key, one in last.items()
    }
    assert {"user:rose"} == {one.by for one in last.values()}
    assert "asked to take it back: sure" == last["ACT-3"].detail
    assert [400, 404] == [post(browser, path, what="burn").status_code for path in ("/actions/ACT-1", "/actions/ACT-9")]
    assert 403 == post(signed_in(made, "anna"), "/actions/ACT-1", what="denied").status_code


def test_responses_are_listed_with_their_forms(made):
    """Those that wait for somebody first, and of sites that the reader may see."""
    assert "/actions/ACT-1" in signed_in(made, "rose").get("/actions").text
    assert "/actions/ACT-1" not in signed_in(made, "vera").get("/actions").text
    text = signed_in(made, "sid").get("/actions").text
    assert ("INC-1" in text, "1 response<" in text) == (True, True)


def test_an_admin_stops_everything(made, tmp_path):
    """And lets it go on; a responder may not."""
    browser = signed_in(made, "adam")
    assert 303 == post(browser, "/actions/stop", what="stop").status_code
    assert (True, True) == ((tmp_path / KILL_SWITCH).exists(), "are stopped" in browser.get("/actions").text)
    assert 403 == post(signed_in(made, "rose"), "/actions/stop", what="resume").status_code
    post(browser, "/actions/stop", what="resume")
    assert not (tmp_path / KILL_SWITCH).exists()


def test_where_a_state_is_only_shown_nothing_is_decided(tmp_path):
    """No form is there, and one that is sent is refused, saying why."""
    made = desk(filled(tmp_path), readonly="Only shown.")
    browser = signed_in(made)
    text = browser.get("/incidents/INC-1").text
    assert (True, False) == ("Only shown." in text, 'action="/incidents/INC-1/close"' in text)
    for path in ("/incidents/INC-1/close", "/mutes", "/actions/ACT-1", "/actions/stop", "/mutes/x/remove"):
        assert (403, True) == ((answer := post(browser, path)).status_code, "Only shown." in answer.text)


def test_a_device_is_called_by_its_name(tmp_path):
    """Where it is suppressed, and where it is acted on."""
    one = msgspec.structs.replace(action(), verb="isolate_device", target={"kind": "device", "id": "dev-2"})
    made = desk(filled(tmp_path, incident("INC-1", ("PER",), actions=(one,))))
    browser = signed_in(made)
    assert "<code>PER-1</code>" in browser.get("/actions").text
    fields = {"entity": "dev-2", "days": "9", "reason": "x"}
    assert "<dd>PER-1</dd>" in post(browser, "/mutes", **fields).text
    post(browser, "/mutes", **fields, force="yes")
    assert "PER-1" in browser.get("/mutes").text
