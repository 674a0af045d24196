"""Whom a pseudonym stands for: for an admin, with a reason, after the audit log has the question."""

from typing import TYPE_CHECKING

from sensor.console.page import render
from sensor.console.visit import Desk, Refused, Visit

if TYPE_CHECKING:
    from starlette.responses import Response

PSEUDONYM_MAX = 300
REASON_MAX = 2000


def reveal(desk: Desk, visit: Visit) -> "Response":
    """Ask for a pseudonym, or answer who it is."""
    if not visit.person.may("admin"):
        raise Refused(403, "That needs the role admin at every site.")
    asked = visit.form.get("pseudonym", "").strip()[:PSEUDONYM_MAX]
    names: tuple[str, ...] | None = None
    if visit.form:
        reason = visit.form.get("reason", "").strip()[:REASON_MAX]
        if not asked or not reason:
            raise Refused(400, "Give the pseudonym and a reason: both stand in the audit log.")
        answer = desk.decisions.reveal(asked, reason, f"user:{visit.person.name}")
        if isinstance(answer, str):
            raise Refused(409, f"Not done: {answer}.")
        names = answer
    return render(desk, visit, "reveal.html", asked=asked, names=names)
