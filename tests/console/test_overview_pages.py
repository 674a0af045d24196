"""Sign-ins, quarantine and health."""

import re

from sensor.console import overview_pages
from sensor.console.visit import Vital
from sensor.store.quarantine import HeldMessage, MailStep
from tests.console.desks import EVIL, desk, filled, signed_in


def test_sign_ins_are_a_matrix_of_country_and_verdict(made):
    """Countries with contradictions first; a cell leads to its rows."""
    browser = signed_in(made)
    text = browser.get("/signins").text
    assert ["DE", "unknown", "AU"] == re.findall(r'<th scope="row"><a [^>]*>(\w+)', text)
    assert "3 sign-ins" in text
    cell = re.search(
        r'href="(/signins\?[^"]*country=DE[^"]*verdict=contradicted[^"]*|[^"]*verdict=contradicted[^"]*country=DE[^"]*)"',
        text,
    )[1]
    assert "1 sign-in<" in browser.get(cell.replace("&amp;", "&")).text
    assert "1 sign-in<" in browser.get("/signins?country=-&days=").text
    assert "2 sign-ins" in signed_in(made, "sid").get("/signins").text
    assert "No sign-in is like that" in browser.get("/signins?account=zoe").text


def test_quarantine_lists_messages_with_what_happened(made, monkeypatch):
    """Who acted and what since; narrowed by text."""
    step = MailStep("2026-01-01T00:00:00Z", "defender", "Delivered", "quarantined", "kim@ex.com", EVIL)
    held = HeldMessage("<1@x>", "ann@ex.com", EVIL, EVIL, "SYD", "quarantined", ("Phish",), (step,) * 8)
    monkeypatch.setattr(overview_pages, "held_messages", lambda *_: [held])
    browser = signed_in(made)
    text = browser.get("/quarantine").text
    assert ("by kim@ex.com" in text, "and 2 more" in text, "<script>alert" in text) == (True, True, False)
    assert "No product acted on a message like that" in browser.get("/quarantine?text=zoe").text


def test_health_shows_what_was_read_kept_and_learned(tmp_path):
    """Numbers of the running process too, to who sees every site; who is signed in to an admin alone."""
    made = desk(filled(tmp_path), vitals=lambda: [Vital("Sources", "SYD zeek: source up", 0.0, "")])
    text = signed_in(made).get("/health").text
    for held in (
        "truncated 1",
        "SYD zeek: source up",
        "What it proposes to configure",
        "Who is signed in",
        "devices learning",
    ):
        assert held in text, held
    for name, seen in (("vera", (True, False)), ("sid", (False, False))):
        shown = signed_in(made, name).get("/health").text
        assert seen == ("SYD zeek: source up" in shown, "Who is signed in" in shown)


def test_a_pulse_changes_with_an_incident(made):
    """Which is how an open page knows."""
    browser = signed_in(made)
    before = browser.get("/pulse").json()["change"]
    made.decisions.close("INC-1", "true", "x", "user:x")
    assert before < browser.get("/pulse").json()["change"]
