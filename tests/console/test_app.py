"""Every page for everybody: who may see it, and that nothing hostile gets through."""

import html

import pytest

from sensor.console.app import PAGES
from tests.console.desks import EVIL, signed_in

SHOWN = (
    "/incidents?state=all", "/incidents/INC-1", "/devices", "/devices/dev-1", "/accounts", "/accounts/ann@ex.com",
    "/signins?days=", "/quarantine", "/actions", "/mutes", "/hunt", "/sites", "/health",
)  # fmt: skip


@pytest.mark.parametrize("path", SHOWN)
def test_a_page_shows_hostile_names_as_text(made, path):
    """Nothing of them is markup, nor a control sign; the page is whole."""
    answer = signed_in(made).get(path)

    assert (200, True) == (answer.status_code, answer.text.rstrip().endswith("</html>"))
    assert "<script>alert" not in answer.text
    assert [] == [sign for sign in answer.text if not sign.isprintable() and sign != "\n"]


def test_hostile_names_are_readable(made):
    """Markup as it was written, control signs by their numbers."""
    assert html.escape(EVIL.split("\x1b")[0]) in signed_in(made).get("/devices/dev-1").text.replace("&#34;", "&quot;")
    assert r"\x1b[2J\u202e" in signed_in(made).get("/devices/dev-1").text


def test_nobody_sees_a_page_without_signing_in(made):
    """Each page that is not for anybody sends to the form, and a form that is sent is refused."""
    from tests.console.desks import client

    browser = client(made)
    for one in PAGES:
        if one.role is None:
            continue
        path = one.path.replace("{part:path}", "x").replace("{part}", "x")
        answer = browser.request(one.method, path)
        assert (one.path, 303 if one.method == "GET" else 401) == (one.path, answer.status_code)


def test_a_viewer_sees_and_decides_nothing(made):
    """Hunting is not in the menu; every form is refused."""
    browser = signed_in(made, "vera")
    assert "/hunt" not in browser.get("/incidents").text
    for one in PAGES:
        if one.role not in {None, "viewer"} and one.method == "GET":
            assert 403 == browser.get(one.path.replace("{part}", "x")).status_code


def test_what_is_not_there_is_said_to_be_so(made):
    """In a page of the console's own, with its headers."""
    browser = signed_in(made)
    for path in ("/nowhere", "/incidents/INC-9", "/devices/dev-9", "/accounts/eve@ex.com", "/static/nothing.css"):
        assert (path, 404) == (path, browser.get(path).status_code)
    assert 405 == browser.post("/devices").status_code
    assert "Not here" in browser.get("/nowhere").text


def test_files_of_the_console_may_be_kept_and_nothing_else(made):
    """A style sheet for an hour, a page not at all; nothing outside the folder."""
    browser = signed_in(made)
    assert ("max-age=3600", "no-store") == (
        browser.get("/static/console.css").headers["cache-control"], browser.get("/sites").headers["cache-control"],
    )  # fmt: skip
    assert 404 == browser.get("/static/..%2f..%2fapp.py").status_code


def test_a_state_that_is_gone_is_said_to_be_so(made, tmp_path):
    """The console goes on."""
    browser = signed_in(made)
    (tmp_path / "state.sqlite").rename(tmp_path / "elsewhere")
    assert (503, True) == ((answer := browser.get("/incidents")).status_code, "Not just now" in answer.text)
