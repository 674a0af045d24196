"""Messages that were held back: one row a message and recipient, across products."""

import json

from sensor.store.quarantine import quarantine

T0 = 1_700_000_000 * 10**9


class Answers:
    """An archive that gives rows as it was told."""

    since_ns = 0

    def __init__(self, *rows):
        self._rows = rows

    def rows(self, _sql, _parameters=()):
        return list(self._rows)


def event(minute, source, action, delivery, site="SYD", **detail):
    """One event of a product."""
    detail = {"delivery": delivery, "recipients": ["ann@ex.com"], **detail}
    return (T0 + minute * 60 * 10**9, site, source, action, "ann@ex.com", "Invoice", json.dumps(detail))


def test_products_that_name_a_message_differently_make_one_row():
    """Held back by one, seen by another, let go by a person, clicked: the latest first."""
    found = quarantine(
        Answers(
            event(9, "defender", "ClickAllowed", None, network_message_id="N1", url="https://x.example", clicked=True),
            event(5, "exchange_online", "Released", "released", network_message_id="N1", released_by=["kim@ex.com"]),
            event(1, "defender", "Delivered", "quarantined", network_message_id="N1", message_id="<1@x>",
                  sender="eve@x.example", subject="Invoice", threats=["Phish"]),
            event(0, "exchange_online", "Delivered", "delivered", message_id="<2@x>"),
        )
    )  # fmt: skip
    assert [("<1@x>", "ann@ex.com", "eve@x.example", "Invoice", "released", ("Phish",))] == [
        (one.message, one.recipient, one.sender, one.subject, one.delivery, one.threats) for one in found
    ]
    assert [
        ("ClickAllowed", "ann@ex.com", "clicked through, https://x.example"), ("Released", "kim@ex.com", ""),
        ("Delivered", "", ""),
    ] == [(step.action, step.who, step.note) for step in found[0].steps]  # fmt: skip


def test_a_link_that_was_opened_is_told_by_what_came_of_it():
    """Its record names nobody but who opened it."""
    opened = (("ClickAllowed", False), ("ClickBlocked", False), ("ClickBlocked", True))
    acted = event(9, "defender", "Phish ZAP", "quarantined", network_message_id="N1")
    clicks = (
        event(k, "defender", action, None, network_message_id="N1", recipients=None, clicked=through)
        for k, (action, through) in enumerate(opened)
    )
    (row,) = quarantine(Answers(acted, *clicks))

    assert ["", "clicked through", "the click was blocked", "clicked"] == [step.note for step in row.steps]


def test_each_recipient_is_a_row_of_its_own_at_its_site():
    """What has no id or no recipient is none; other sites' are left out."""
    rows = (
        event(1, "defender", "x", "junked", message_id="<1@x>", recipients=["a@x", "b@x"]),
        event(2, "defender", "x", "junked", site="PER", message_id="<3@x>"),
        event(3, "defender", "x", "junked"), event(4, "defender", "x", "junked", message_id="<4@x>", recipients=[]),
        (T0, "SYD", "ecs", None, None, None, "[]"),
    )  # fmt: skip
    assert ["a@x", "b@x"] == sorted(one.recipient for one in quarantine(Answers(*rows), ("SYD",)))
    assert 3 == len(quarantine(Answers(*rows)))
