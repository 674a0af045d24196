"""What every request goes through: its size, who asks, whether the form is the console's own, and how it is answered.

A page runs on a thread of the server's pool. Answers carry the headers that keep a browser from doing anything else
with a page: no script or style but the console's, no frame around it, no copy in a cache (OWASP ASVS 5.0, 3.4).
"""

import hmac
import logging
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, urlsplit

from sensor.console.page import render
from sensor.console.sessions import Session
from sensor.console.visit import Desk, Page, Refused, Visit

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

_LOG = logging.getLogger(__name__)
BODY_MAX = 65_536
"""A form's: the longest is a query of SQL."""
FIELDS_MAX = 64
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # `no-referrer` would make a form's Origin null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}
HSTS = "max-age=31536000"
"""A year (RFC 6797 §6.1.1); only over TLS."""


def cookie_name(desk: Desk, name: str) -> str:
    """Return a cookie's name: over TLS one that no other host or path could have set (RFC 6265bis §4.1.3.2)."""
    return f"__Host-{name}" if desk.place.secure else name


def guarded(desk: Desk, page: Page, *, role: str | None) -> "Callable[[Request], Awaitable[Response]]":
    """Make a route of a page.

    Args:
        desk: The console.
        page: What answers.
        role: The least role that somebody needs at some site; None: anybody may ask, signed in or not.
    """
    from starlette.concurrency import run_in_threadpool

    async def answer(request: "Request") -> "Response":
        try:
            body = await _body(request)
        except Refused as refused:
            return _finished(desk, _error(desk, _visit(desk, request, {}), refused))
        return _finished(desk, await run_in_threadpool(_answered, desk, page, role, request, body))

    return answer


def missing(desk: Desk) -> "Callable[[Request, Exception], Awaitable[Response]]":
    """Make the answer where there is no such page."""

    async def answer(request: "Request", error: Exception) -> "Response":
        status = getattr(error, "status_code", 404)
        text = "There is no such page." if status == 404 else "That is not how this page is asked for."
        return _finished(desk, _error(desk, _visit(desk, request, {}), Refused(status, text)))

    return answer


def _answered(desk: Desk, page: Page, role: str | None, request: "Request", body: bytes) -> "Response":
    from starlette.responses import RedirectResponse

    visit = _visit(desk, request, _fields(body))
    try:
        if request.method == "POST":
            _check_form(desk, visit, request)
        if role is not None:
            if visit.session is None:
                if request.method == "POST":
                    raise Refused(401, "You are signed out. Sign in and try again.")
                asked = f"?{request.url.query}" if request.url.query else ""
                return RedirectResponse(f"/login?next={quote(visit.path + asked, safe='')}", 303)
            if not visit.session.person.may_somewhere(role):
                raise Refused(403, f"That needs the role {role}.")
        return page(desk, visit)
    except Refused as refused:
        return _error(desk, visit, refused)
    except FileNotFoundError as error:
        return _error(desk, visit, Refused(503, f"There is nothing to show yet: {error}."))
    except (sqlite3.Error, ValueError, OSError) as error:
        _LOG.warning("not answered path=%s: %s", visit.path, error)
        return _error(desk, visit, Refused(503, f"The state cannot be read just now: {error}."))


def _check_form(desk: Desk, visit: Visit, request: "Request") -> None:
    """Refuse a form that is not the console's own: by where the browser says it is from, and by its token."""
    origin, site = request.headers.get("origin"), request.headers.get("sec-fetch-site")
    own = {visit.host, urlsplit(desk.place.url).netloc}  # a proxy may ask under another name than browsers do
    if site not in {None, "same-origin", "none"} or (origin is not None and urlsplit(origin).netloc not in own - {""}):
        raise Refused(403, "The form is from another page.")
    if visit.session is not None and not hmac.compare_digest(
        visit.session.csrf.encode(), visit.form.get("csrf", "").encode()
    ):
        raise Refused(403, "The form is out of date. Go back, reload the page and try again.")


async def _body(request: "Request") -> bytes:
    if request.method != "POST":
        return b""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > BODY_MAX:
            raise Refused(413, f"The form is longer than {BODY_MAX:,} bytes.")
        parts.append(part)
    return b"".join(parts)


def _fields(body: bytes) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=FIELDS_MAX))
    except ValueError:
        return {}


def _visit(desk: Desk, request: "Request", form: Mapping[str, str]) -> Visit:
    token = request.cookies.get(cookie_name(desk, "spanline"), "")
    session: Session | None = desk.sessions.find(token) if token else None
    return Visit(
        path=request.url.path, part=str(request.path_params.get("part", "")), query=dict(request.query_params),
        form=form, cookies=request.cookies, address=request.client.host if request.client else "",
        host=request.headers.get("host", ""), session=session,
    )  # fmt: skip


def _error(desk: Desk, visit: Visit, refused: Refused) -> "Response":
    return render(desk, visit, "error.html", refused.status, status=refused.status, text=refused.text)


def _finished(desk: Desk, response: "Response") -> "Response":
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if desk.place.secure:
        response.headers["Strict-Transport-Security"] = HSTS
    return response
