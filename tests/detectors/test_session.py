"""Sessions: one session at two networks or with two clients."""

import numpy as np
import pytest

from sensor.detectors.place import detector as place
from sensor.detectors.session import BOTH, CLIENT_RATE, NETWORK_RATE, again, detector
from tests.detectors.acts_made import CHROME, SAFARI, act, known, run, signin
from tests.scenes import SECRET

HOME = {"ip": "198.51.100.7", "user_agent": CHROME, "session_id": "s1"}


def found(*events):
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    return [one for one in run(entities, both, list(events)) if one.evidence.detector == "session"]


@pytest.mark.parametrize(
    ("fields", "p", "opens"),
    [
        ({"user_agent": SAFARI}, CLIENT_RATE, True),
        ({"ip": "203.0.113.5"}, NETWORK_RATE, False),
        ({"ip": "203.0.113.5", "user_agent": SAFARI}, CLIENT_RATE * BOTH, True),
    ],
)
def test_a_session_that_moves_is_told(fields, p, opens):
    """Another client may open an incident, another network alone may not."""
    (one,) = found(signin(**HOME), signin(hour=9.5, **HOME | fields))

    assert opens == one.opens
    assert np.isclose(p, one.evidence.p, rtol=0.02)  # one account-day has passed
    assert np.isclose(again(one.evidence), one.evidence.p)
    assert "session:s1" in one.evidence.keys
    assert "one in" in one.evidence.text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"user_agent": CHROME.replace("120", "121")},
        {"user_agent": "Microsoft Office/16.0 (Windows NT 10.0)"},
        {"session_id": "s2", "ip": "203.0.113.5", "user_agent": SAFARI},
        {"ip": "203.0.113.5", "hour": 20},
        {"outcome": "failure", "user_agent": SAFARI},
    ],
)
def test_an_ordinary_session_is_not(fields):
    """Updates, Office's own clients, other sessions, and a network hours later."""
    assert [] == found(signin(**HOME), signin(**{"hour": 9.5} | HOME | fields))


def test_another_network_alone_stays_weak():
    """However rare it is in the tenant: a line that fails over moves everybody's session."""
    days = [signin(day=day, **HOME | {"session_id": f"s{day}"}) for day in range(300)]

    (one,) = found(*days, signin(day=300, **HOME), signin(day=300, hour=9.5, **HOME | {"ip": "203.0.113.5"}))
    assert np.isclose(NETWORK_RATE, one.evidence.p)
    assert "one in 40 account-days" in one.evidence.text


def test_a_phone_between_its_own_networks_is_not():
    """Both were the account's on three days before."""
    days = [
        signin(day=day, hour=hour, ip=ip, session_id=f"{day}{ip}")
        for day in range(4)
        for hour, ip in ((8, "198.51.100.7"), (9, "203.0.113.5"))
    ]

    assert [] == found(*days, signin(day=5, **HOME), signin(day=5, hour=9.2, **HOME | {"ip": "203.0.113.5"}))


def test_coming_home_is_not():
    """The network it goes on from is the account's own, wherever it was before; files name no network themselves."""
    days = [signin(day=day, session_id=f"s{day}", ip="198.51.100.7", asn=64501) for day in range(4)]
    back = [
        signin(day=5, **HOME | {"ip": "203.0.113.5", "asn": 64500}),
        act("file", "FileAccessed", day=5, hour=9.5, source="entra", **HOME),
    ]

    assert [] == found(*days, *back)


def test_files_and_mail_of_a_session_count_too():
    """A stolen token is used there, not at the sign-in."""
    (one,) = found(
        signin(source="m365", **HOME), act("file", "FileAccessed", hour=9.5, **HOME | {"user_agent": SAFARI})
    )

    assert "Safari on macOS" in one.evidence.text


def test_a_provider_that_saw_a_spent_token_again_is_believed():
    """At its assumed rate."""
    (one,) = found(act("other", "app.oauth2.token.detect_reuse", source="okta", outcome="failure"))

    assert (1 / 1000, False) == (one.evidence.p, one.opens)


def test_save_and_load_is_identity():
    """A restart forgets no session."""
    entities = known()
    one, other = detector(entities, SECRET), detector(entities, SECRET)
    run(entities, [one], [signin(**HOME)])
    other.load(one.save())

    assert 1 == len(run(entities, [other], [signin(hour=9.5, **HOME | {"user_agent": SAFARI})]))
