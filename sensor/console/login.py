"""Signing in and out: a local user's password, an OpenID provider, or the link that the command line printed, once.

A wrong name and a wrong password are answered alike and after as long. Who fails too often waits
(`sensor.console.sessions`), whether or not there is such a user.
"""

import hmac
import secrets
from typing import TYPE_CHECKING

from sensor.console.gate import cookie_name
from sensor.console.page import THEMES, render
from sensor.console.visit import Desk, Provider, Refused, Visit
from sensor.model.person import Person

if TYPE_CHECKING:
    from starlette.responses import Response

FORM_COOKIE, OIDC_COOKIE, COOKIE = "spanline-form", "spanline-oidc", "spanline"
CHECK_WAIT_S = 5.0
"""Longer, and those who wait would take the threads that answer everybody else."""
OIDC_S = 600
"""How long somebody may take at the provider."""
BACK = "/login/back"


def login_page(desk: Desk, visit: Visit) -> "Response":
    """Show the form."""
    if visit.session is not None:
        return _redirect(_next(visit.query.get("next", "")))
    return _form(desk, visit, "", 200)


def log_in(desk: Desk, visit: Visit) -> "Response":
    """Sign a local user in."""
    if not desk.forms.holds(visit.cookies.get(cookie_name(desk, FORM_COOKIE), ""), visit.form.get("csrf", "")):
        return _form(desk, visit, "The form is out of date: try again.", 403)
    name, password = visit.form.get("name", ""), visit.form.get("password", "")
    wait_s = desk.throttle.wait_s(name, visit.address)
    if wait_s:
        response = _form(desk, visit, f"Too many failures: try again in {wait_s / 60:.0f} minutes.", 429)
        response.headers["Retry-After"] = f"{wait_s:.0f}"
        return response
    if not desk.checks.acquire(timeout=CHECK_WAIT_S):
        return _form(desk, visit, "Many people sign in just now: try again.", 503)
    desk.throttle.failed(name, visit.address)  # before it is known, so that many at once are no way around
    try:
        person = desk.users.check(name, password)
    finally:
        desk.checks.release()
    if person is None:
        return _form(desk, visit, "The name or the password is wrong.", 401)
    desk.throttle.succeeded(name, visit.address)
    return _signed_in(desk, person, "local", _next(visit.form.get("next", "")))


def log_out(desk: Desk, visit: Visit) -> "Response":
    """Sign out."""
    desk.sessions.end(visit.cookies.get(cookie_name(desk, COOKIE), ""))
    response = _redirect("/login?done=out")
    response.delete_cookie(cookie_name(desk, COOKIE), path="/", secure=desk.place.secure, httponly=True, samesite="lax")
    return response


def enter(desk: Desk, visit: Visit) -> "Response":
    """Sign in whoever has the link that was printed where the console was started; it works once."""
    given = visit.query.get("token", "")
    if not desk.link or not hmac.compare_digest(desk.link.encode(), given.encode()):
        raise Refused(403, "This link was used before, or is not of this console. Start `spanline console` again.")
    desk.link = ""
    return _signed_in(desk, Person(name="local", grants={"*": "analyst"}), "link", "/incidents")


def to_provider(desk: Desk, visit: Visit) -> "Response":
    """Send the browser to the OpenID provider."""
    where, kept = _provider(desk).begin(_back(desk, visit))
    response = _redirect(where)
    _set(desk, response, OIDC_COOKIE, kept, OIDC_S)
    return response


def from_provider(desk: Desk, visit: Visit) -> "Response":
    """Sign in whom the OpenID provider vouches for."""
    kept = visit.cookies.get(cookie_name(desk, OIDC_COOKIE), "")
    if not kept:
        raise Refused(403, "Signing in took too long, or began in another browser. Try again.")
    try:
        person = _provider(desk).finish(kept, visit.query, _back(desk, visit))
    except PermissionError as error:
        raise Refused(403, f"Not signed in: {error}.") from error
    response = _signed_in(desk, person, "oidc", "/incidents")
    response.delete_cookie(cookie_name(desk, OIDC_COOKIE), path="/", secure=desk.place.secure, httponly=True)
    return response


def set_theme(_desk: Desk, visit: Visit) -> "Response":
    """Keep which colours somebody wants, in their browser."""
    wanted = visit.form.get("theme", "")
    response = _redirect(_next(visit.form.get("next", "")))
    if wanted in THEMES:
        response.set_cookie("theme", wanted, max_age=365 * 86_400, path="/", httponly=True, samesite="lax")
    return response


def _form(desk: Desk, visit: Visit, wrong: str, status: int) -> "Response":
    cookie = visit.cookies.get(cookie_name(desk, FORM_COOKIE), "") or secrets.token_urlsafe(24)
    response = render(
        desk, visit, "login.html", status, wrong=wrong, form_token=desk.forms.token(cookie),
        next=_next(visit.query.get("next", "") or visit.form.get("next", "")), name=visit.form.get("name", "")[:200],
        provider=desk.provider.title if desk.provider is not None else "", users=bool(desk.users.all()),
    )  # fmt: skip
    _set(desk, response, FORM_COOKIE, cookie, None)
    return response


def _signed_in(desk: Desk, person: Person, how: str, where: str) -> "Response":
    response = _redirect(where)
    _set(desk, response, COOKIE, desk.sessions.open(person, how), None)
    return response


def _set(desk: Desk, response: "Response", name: str, value: str, max_age: int | None) -> None:
    response.set_cookie(
        cookie_name(desk, name), value, max_age=max_age, path="/", secure=desk.place.secure, httponly=True,
        samesite="lax",  # a link in a message must find its reader signed in
    )  # fmt: skip


def _redirect(where: str) -> "Response":
    from starlette.responses import RedirectResponse

    return RedirectResponse(where, 303)


def _next(wanted: str) -> str:
    """Return where to go on: a path of ours, never another server's."""
    plain = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted[:2000] if plain else "/incidents"


def _back(desk: Desk, visit: Visit) -> str:
    return f"{desk.place.url or f'http://{visit.host}'}{BACK}"


def _provider(desk: Desk) -> Provider:
    if desk.provider is None:
        raise Refused(404, "No OpenID provider is configured.")
    return desk.provider
