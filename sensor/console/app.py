"""The console as an ASGI application: which address is which page, and who may ask for it."""

from typing import TYPE_CHECKING, NamedTuple

from sensor.console import (
    decision_pages,
    entity_pages,
    hunt_page,
    incident_pages,
    login,
    overview_pages,
    reveal_page,
    site_pages,
)
from sensor.console.gate import guarded, missing
from sensor.console.page import STATIC
from sensor.console.visit import Desk, Page

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.staticfiles import StaticFiles
    from starlette.types import Message, Receive, Scope, Send

ANYBODY = None


class At(NamedTuple):
    """One page: where, by which method, and for whom."""

    path: str
    method: str
    page: Page
    role: str | None


PAGES = (
    At("/", "GET", incident_pages.home, "viewer"),
    At("/login", "GET", login.login_page, ANYBODY),
    At("/login", "POST", login.log_in, ANYBODY),
    At("/login/oidc", "GET", login.to_provider, ANYBODY),
    At("/login/back", "GET", login.from_provider, ANYBODY),
    At("/enter", "GET", login.enter, ANYBODY),
    At("/theme", "POST", login.set_theme, ANYBODY),
    At("/logout", "POST", login.log_out, "viewer"),
    At("/incidents", "GET", incident_pages.incidents, "viewer"),
    At("/incidents/{part}", "GET", incident_pages.incident, "viewer"),
    At("/incidents/{part}/close", "POST", decision_pages.close, "analyst"),
    At("/actions", "GET", decision_pages.actions, "viewer"),
    At("/actions/stop", "POST", decision_pages.stop, "admin"),
    At("/actions/{part}", "POST", decision_pages.decide, "responder"),
    At("/mutes", "GET", decision_pages.mutes, "viewer"),
    At("/mutes", "POST", decision_pages.mute, "analyst"),
    At("/mutes/{part}/remove", "POST", decision_pages.unmute, "analyst"),
    At("/devices", "GET", entity_pages.devices, "viewer"),
    At("/devices/{part}", "GET", entity_pages.device, "viewer"),
    At("/accounts", "GET", entity_pages.accounts, "viewer"),
    At("/accounts/{part:path}", "GET", entity_pages.account, "viewer"),
    At("/signins", "GET", overview_pages.signins, "viewer"),
    At("/quarantine", "GET", overview_pages.quarantine, "viewer"),
    At("/sites", "GET", site_pages.sites, "viewer"),
    At("/sites/{part:path}", "GET", site_pages.site, "viewer"),
    At("/health", "GET", overview_pages.health, "viewer"),
    At("/hunt", "GET", hunt_page.hunt, "analyst"),
    At("/hunt", "POST", hunt_page.hunt, "analyst"),
    At("/reveal", "GET", reveal_page.reveal, "admin"),
    At("/reveal", "POST", reveal_page.reveal, "admin"),
    At("/pulse", "GET", overview_pages.pulse, "viewer"),
)


def application(desk: Desk) -> "Starlette":
    """Make the application."""
    from starlette.applications import Starlette
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    routes: list[Route | Mount] = [
        Route(one.path, guarded(desk, one.page, role=one.role), methods=[one.method]) for one in PAGES
    ]
    routes.append(Mount("/static", _Kept(StaticFiles(directory=STATIC))))
    unknown = missing(desk)
    return Starlette(routes=routes, exception_handlers={404: unknown, 405: unknown})


class _Kept:
    """Files of ours, which a browser may keep for an hour."""

    def __init__(self, files: "StaticFiles") -> None:
        self._files = files

    async def __call__(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        async def with_headers(message: "Message") -> None:
            if message["type"] == "http.response.start":
                more = [(b"cache-control", b"max-age=3600"), (b"x-content-type-options", b"nosniff")]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._files(scope, receive, with_headers)
