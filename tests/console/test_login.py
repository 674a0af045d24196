"""Signing in and out."""

import pytest

from sensor.console import login
from sensor.console.sessions import IDLE_S, PER_PAIR, WINDOW_S
from sensor.console.visit import CHECKS_AT_ONCE
from tests.console.desks import GRANTS, PASSWORD, client, csrf, desk, filled, post, signed_in


def sign_in(browser, name="anna", password=PASSWORD, where="/incidents"):
    """Fill in the form."""
    page = browser.get(f"/login?next={where}")
    return browser.post("/login", data={"csrf": csrf(page), "name": name, "password": password, "next": where})


@pytest.fixture
def known(made):
    """A console with one user."""
    made.users.put("anna", GRANTS["anna"], PASSWORD)
    return made


def test_a_user_signs_in_and_out(known):
    """Lands where they wanted to go; afterwards the same cookie is nobody's."""
    browser = client(known)
    assert "/login?next=%2Fdevices%3Ftext%3Dx" == browser.get("/devices?text=x").headers["location"]
    answer = sign_in(browser, where="/devices?text=x")
    assert (303, "/devices?text=x") == (answer.status_code, answer.headers["location"])
    assert {"HttpOnly", "SameSite=lax"} <= set(answer.headers["set-cookie"].split("; "))
    assert 200 == browser.get("/devices").status_code
    assert "/incidents" == browser.get("/login").headers["location"]
    token = browser.cookies["spanline"]

    assert "/login?done=out" == post(browser, "/logout").headers["location"]
    browser.cookies.set("spanline", token)
    assert 303 == browser.get("/devices").status_code


@pytest.mark.parametrize("where", ["https://evil.example", "//evil.example", "/\\evil.example", "", "/a\nb"])
def test_signing_in_leads_nowhere_else(known, where):
    """An address of another server in the link is ignored."""
    browser = client(known)
    page = browser.get("/login")
    fields = {"csrf": csrf(page), "name": "anna", "password": PASSWORD, "next": where}
    assert "/incidents" == browser.post("/login", data=fields).headers["location"]


def test_a_wrong_name_is_answered_like_a_wrong_password(known):
    """And the form must be of this browser."""
    answers = [sign_in(client(known), *wrong) for wrong in (("anna", "x"), ("nobody", "x"))]
    assert [401, 401] == [one.status_code for one in answers]
    assert 1 == len({one.text.split('role="alert">')[1].split("<")[0] for one in answers})
    assert 403 == client(known).post("/login", data={"csrf": "x", "name": "anna", "password": PASSWORD}).status_code


def test_who_fails_too_often_waits(known):
    """The right password is of no use until the time is over; another name is free to try."""
    browser = client(known)
    assert [401] * PER_PAIR == [sign_in(browser, "anna", "wrong").status_code for _ in range(PER_PAIR)]
    answer = sign_in(browser)
    assert (429, str(int(WINDOW_S))) == (answer.status_code, answer.headers["retry-after"])
    assert 401 == sign_in(browser, name="bert").status_code
    known.clock_s.now_s += WINDOW_S
    assert 303 == sign_in(browser).status_code


def test_many_who_sign_in_at_once_do_not_stop_the_others(known, monkeypatch):
    """Who cannot be checked soon is told to try again; pages are answered meanwhile."""
    monkeypatch.setattr(login, "CHECK_WAIT_S", 0.05)
    for _ in range(CHECKS_AT_ONCE):
        known.checks.acquire()
    assert 503 == sign_in(client(known)).status_code
    assert 200 == signed_in(known).get("/sites").status_code


def test_a_session_that_is_not_used_ends(made):
    """The next page asks to sign in."""
    browser = signed_in(made)
    made.clock_s.now_s += IDLE_S - 1
    assert 200 == browser.get("/sites").status_code
    made.clock_s.now_s += IDLE_S + 1
    assert 303 == browser.get("/sites").status_code


def test_a_printed_link_signs_in_once(tmp_path):
    """As somebody who may look and hunt; a wrong or an old one does not."""
    made = desk(filled(tmp_path), readonly="only shown")
    made.link = "secret"
    browser = client(made)
    assert [403, 303, 403] == [
        browser.get(f"/enter?token={token}").status_code for token in ("wrong", "secret", "secret")
    ]
    assert "only shown" in browser.get("/hunt").text
    made.link = ""
    assert 403 == client(made).get("/enter?token=").status_code


def test_without_users_the_form_says_how_to_add_one(made):
    """Nobody can sign in."""
    assert "spanline user add" in client(made).get("/login").text
    assert 404 == client(made).get("/login/oidc").status_code
