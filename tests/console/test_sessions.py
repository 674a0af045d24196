"""Sessions and failures: bounded, and ended in time."""

import pytest

from sensor.console import sessions
from sensor.console.sessions import (
    LIFE_S,
    OF_ONE_MAX,
    PER_ADDRESS,
    PER_NAME,
    PER_PAIR,
    WINDOW_S,
    Forms,
    Sessions,
    Throttle,
)
from sensor.model.person import Person
from tests.console.desks import Ticking


def person(name="ann", role="viewer"):
    """Somebody."""
    return Person(name=name, grants={"*": role})


def test_a_session_is_found_by_its_token_alone():
    """And ends by being ended, and after its life, however much it is used."""
    clock = Ticking()
    held = Sessions(clock)
    token = held.open(person(), "local")
    assert (person(), None) == (held.find(token).person, held.find(token + "x"))
    other = held.open(person("bob"), "oidc")
    assert [("bob", "oidc", 0.0), ("ann", "local", 0.0)] == [(one.name, how, s) for one, how, s in held.people()]
    held.end(other)
    assert held.find(other) is None
    for _ in range(5):
        clock.now_s += LIFE_S / 4
        found = held.find(token)
    assert found is None


def test_sessions_are_bounded(monkeypatch):
    """Of one person, the oldest go; of all, the one unused longest."""
    held = Sessions(Ticking())
    first, *_, last = [held.open(person(), "local") for _ in range(OF_ONE_MAX + 1)]
    assert (True, True) == (held.find(first) is None, held.find(last) is not None)
    monkeypatch.setattr(sessions, "SESSIONS_MAX", 3)
    held = Sessions(Ticking())
    tokens = [held.open(person(f"p{number}"), "local") for number in range(3)]
    held.find(tokens[0])
    held.open(person("p3"), "local")
    assert ([True, False, True], 1) == ([held.find(one) is not None for one in tokens], held.evicted)


def test_users_who_change_are_seen_to():
    """Another role holds at once, a removed user is signed out; people of a provider are left alone."""
    held = Sessions(Ticking())
    ann, bob, kim = (
        held.open(person("ann"), "local"),
        held.open(person("bob"), "local"),
        held.open(person("kim"), "oidc"),
    )
    held.renew({"ann": person("ann", "admin")}.get)
    assert ("admin", None, "viewer") == (
        held.find(ann).person.grants["*"], held.find(bob), held.find(kim).person.grants["*"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("most", "where"),
    [(PER_PAIR, lambda number: ("ann", "10.0.0.1")), (PER_ADDRESS, lambda number: (f"p{number}", "10.0.0.1")),
     (PER_NAME, lambda number: ("ann", f"10.0.0.{number}"))],
)  # fmt: skip
def test_failures_are_counted_by_pair_address_and_name(most, where):
    """Until a window after the first of them."""
    clock = Ticking()
    held = Throttle(clock)
    for number in range(most):
        assert 0.0 == held.wait_s(*where(number))
        held.failed(*where(number))
        clock.now_s += 1
    assert WINDOW_S - most == held.wait_s(*where(0)) or most != PER_PAIR
    assert held.wait_s(*where(0)) > 0
    assert 0.0 == held.wait_s("zoe", "10.9.9.9")
    clock.now_s += WINDOW_S
    assert 0.0 == held.wait_s(*where(0))


def test_a_success_forgets_and_the_table_is_bounded(monkeypatch):
    """The oldest failures are forgotten for room."""
    held = Throttle(Ticking())
    for _ in range(PER_PAIR):
        held.failed("ann", "a")
    held.succeeded("ANN ", "a")
    assert 0.0 == held.wait_s("ann", "a")
    monkeypatch.setattr(sessions, "ATTEMPTS_MAX", 30)
    for number in range(100):
        held.failed(f"n{number}", f"a{number}")
    assert 30 == len(held._failed)


def test_a_token_of_a_form_is_bound_to_its_cookie():
    """Of another cookie, of another process, or of none it does not hold."""
    forms = Forms()
    token = forms.token("c")
    assert [True, False, False, False] == [
        forms.holds("c", token), forms.holds("d", token), Forms().holds("c", token), forms.holds("", forms.token("")),
    ]  # fmt: skip
