"""What every request goes through."""

import pytest

from sensor.console.gate import BODY_MAX, POLICY
from sensor.console.visit import Place
from tests.console.desks import csrf, desk, filled, post, signed_in


def test_every_answer_carries_the_headers(made):
    """No script or style but the console's, no frame, no copy; over TLS also that it stays so."""
    answer = signed_in(made).get("/incidents")
    assert (POLICY, "DENY", "nosniff", "no-store", None) == tuple(
        answer.headers.get(name)
        for name in ("content-security-policy", "x-frame-options", "x-content-type-options", "cache-control",
                     "strict-transport-security")
    )  # fmt: skip
    assert "unsafe" not in POLICY
    assert "style=" not in answer.text


def test_over_tls_cookies_are_held_to_this_host(tmp_path):
    """And browsers are told to come by TLS."""
    made = desk(filled(tmp_path), place=Place(secure=True))
    answer = signed_in(made).get("/login")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-spanline-form=")
    assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "max-age" in answer.headers["strict-transport-security"]


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_a_form_of_another_page_is_refused(made, headers):
    """Even with the right token."""
    browser = signed_in(made, "anna")
    token = csrf(browser.get("/incidents"))
    fields = {"csrf": token, "verdict": "true", "reason": "x"}
    assert 403 == browser.post("/incidents/INC-1/close", data=fields, headers=headers).status_code
    with made.state() as state:
        assert "open" == state.incident("INC-1").state


def test_behind_a_proxy_a_form_may_be_of_the_address_that_browsers_see(tmp_path):
    """Whatever name the proxy asks under."""
    made = desk(filled(tmp_path), place=Place(url="https://console.example"))
    browser = signed_in(made, "anna")
    fields = {"csrf": csrf(browser.get("/incidents")), "verdict": "true", "reason": "x"}
    path = "/incidents/INC-1/close"
    assert 403 == browser.post(path, data=fields, headers={"Origin": "https://other.example"}).status_code
    assert 303 == browser.post(path, data=fields, headers={"Origin": "https://console.example"}).status_code


@pytest.mark.parametrize("token", ["", "wrong"])
def test_a_form_without_its_token_is_refused(made, token):
    """Nothing is decided by it."""
    answer = signed_in(made, "anna").post(
        "/incidents/INC-1/close", data={"csrf": token, "verdict": "true", "reason": "x"}
    )
    assert (403, True) == (answer.status_code, "out of date" in answer.text)


def test_a_long_form_is_refused(made):
    """Before it is read to its end; many fields are none."""
    browser = signed_in(made)
    assert 413 == browser.post("/hunt", content=b"x" * (BODY_MAX + 1)).status_code
    assert 403 == browser.post("/hunt", content=b"a=1&" * 1000).status_code


def test_themes_are_kept_in_the_browser(made):
    """One of three; where to go on is a page of ours."""
    browser = signed_in(made)
    answer = post(browser, "/theme", theme="dark", next="//evil.example")
    assert (303, "/incidents") == (answer.status_code, answer.headers["location"])
    assert 'data-theme="dark"' in browser.get("/incidents").text
    assert "set-cookie" not in post(browser, "/theme", theme="pink", next="/sites").headers
