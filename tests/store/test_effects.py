"""Has what was done taken effect."""

import duckdb
import pytest

from sensor.model.incident import Action, Step
from sensor.store.effects import answers

TARGETS = {
    "account": "o'neil@ex.com", "mail_rule": "ann@ex.com/.", "message": "<1@x>/ann@ex.com", "device": "dev-1",
    "address": "203.0.113.9",
}  # fmt: skip


def action(state, kind="account", detail="the effect holds"):
    steps = [
        Step(ts=f"2026-01-01T00:00:0{k}Z", state=one, by="x", detail="intent")
        for k, one in enumerate(("approved", "executing"))
    ]
    return Action(
        id="ACT-1", connector="entra", verb="revoke_sessions", target={"kind": kind, "id": TARGETS[kind]}, mode="auto",
        state=state, reason="r", expires="2026-01-02T00:00:00Z", blast_radius="1 account",
        history=(*steps, Step(ts="2026-01-01T00:00:09Z", state=state, by="x", detail=detail)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("state", "begins", "answered"),
    [
        ("verified", "Yes, seen at 2026-01-01T00:00:09Z", True), ("failed", "No:", True),
        ("unknown", "Not known", False),
        ("undone", "It did, and was taken back", True), ("executing", "Not yet", False),
    ],
)  # fmt: skip
def test_what_came_of_it_is_said(state, begins, answered):
    """What nobody can tell is no answer."""
    (one,) = answers([action(state)])

    assert one.answer.startswith(begins)
    assert (answered, 3) == (one.answered, one.rows)
    assert one.question == "Has revoke_sessions of o'neil@ex.com taken effect?"


def test_what_was_not_begun_is_not_asked():
    """A proposal has no effect."""
    assert () == answers([action(state) for state in ("proposed", "approved", "denied", "expired")])


@pytest.mark.parametrize("kind", TARGETS)
def test_its_query_can_be_asked(kind):
    """What the target did since it was begun, whatever kind of target it is."""
    with duckdb.connect() as archive:
        archive.execute("CREATE TABLE events (ts TIMESTAMP, account_entity TEXT, kind TEXT, action TEXT)")
        archive.execute(
            "CREATE TABLE flows (ts TIMESTAMP, orig_device TEXT, orig_h TEXT, resp_h TEXT, conn_state TEXT)"
        )
        for who in ("o'neil@ex.com", "ann@ex.com"):
            archive.execute("INSERT INTO events VALUES ('2026-01-01 00:00:05', ?, 'mailbox', 'x')", [who])
        archive.execute("INSERT INTO flows VALUES ('2026-01-01 00:00:05', 'dev-1', '10.0.0.1', '203.0.113.9', 'SF')")
        (one,) = answers([action("verified", kind)])

        assert [1] == [row[1] for row in archive.execute(one.query).fetchall()]
