"""Administration: acts that are unusual for who does them, and sign-ins of accounts that should not."""

import numpy as np
import pytest

from sensor.detectors.administration import AGAIN, DORMANT_DAYS, SIGNINS, again, detector
from sensor.detectors.administration_kinds import KINDS
from sensor.detectors.place import detector as place
from tests.detectors.acts_made import ANN, act, known, office, run, signin
from tests.scenes import SECRET


def found(*events, past=(), freeze=()):
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    run(entities, both, [signin(), *past])
    run(entities, both, [signin(hour=9.4)], freeze=freeze)
    seen = run(entities, both, list(events), freeze=freeze)
    return [one for one in seen if one.evidence.detector == "administration"]


def role(day=0.0, hour=10.0, target="eve@corp.example", **fields):
    return act(
        "admin", "Add member to role", day=day, hour=hour, source="entra", detail={"targets": [target]}, **fields
    )


def test_an_act_is_told_at_its_assumed_rate_and_says_so():
    """With whom it was done to as a key; it opens nothing by itself."""
    (one,) = found(role())

    assert np.isclose(KINDS["role"][0], one.evidence.p, rtol=0.01)
    assert ("act", False, ("T1098.003",)) == (one.evidence.stage, one.opens, one.techniques)
    assert "account:eve@corp.example" in one.evidence.keys
    assert "Assumed: one in 501 account-days" in one.evidence.text
    assert np.isclose(again(one.evidence), one.evidence.p)


def test_daily_work_of_an_administrator_is_not_told():
    """Who gives roles every other day gives another."""
    past = [*office(days=40), *(role(day=day) for day in range(0, 40, 2))]

    assert [] == found(role(day=41), past=past)


@pytest.mark.parametrize("action", ["User registered security info", "Register device", "Reset user password"])
def test_everybodys_daily_work_is_told_of_suspected_accounts_alone(action):
    """Whoever took an account over registers a factor of their own."""
    event = act("admin", action, hour=10, source="entra")

    assert ([], 1) == (found(event), len(found(event, freeze=(ANN,))))


def test_a_factor_removed_by_a_service_is_about_its_target():
    """No person acted."""
    changes = {"StrongAuthenticationMethod": "[]"}
    event = act("admin", "Update user.", hour=10, account="serviceprincipal_aa", detail={
        "targets": ["eve@corp.example"], "changes": changes,
    })  # fmt: skip
    (one,) = found(event)

    assert "eve@corp.example" == one.evidence.entity.id


def test_a_role_for_an_account_that_was_just_made_weighs_ten_times():
    """The account is named."""
    made = act("admin", "Add user", source="entra", detail={"targets": ["eve@corp.example"]})
    (one,) = found(role(day=1), past=[made])

    assert 0.1 == one.evidence.basis["factor new account"]
    assert "eve@corp.example was made in the day before" in one.evidence.text
    assert np.isclose(again(one.evidence), one.evidence.p)


def test_a_second_serious_act_of_a_day_is_a_fifth_and_may_open():
    """A credential for an application, then its consent: the second weighs as an incident does."""
    secret = act("admin", "Add service principal credentials", hour=10, source="entra")
    consent = act("consent", "Consent to application", hour=11, source="entra", detail={"scopes": ["Mail.ReadWrite"]})
    first, second = found(secret, consent)

    assert (False, True) == (first.opens, second.opens)
    assert AGAIN == second.evidence.basis["factor other acts"]
    assert np.isclose(again(second.evidence), second.evidence.p)
    assert "1 other kind of such acts that day" in second.evidence.text


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"detail": {"client_app": "IMAP4"}}, "legacy"),
        ({"user_agent": "BAV2ROPC"}, "legacy"),
        ({"detail": {"protocol": "devicecode"}}, "device_code"),
        ({"day": DORMANT_DAYS + 1.0}, "dormant"),
        ({"account": "svc-backup@corp.example"}, "service"),
    ],
)
def test_sign_ins_that_should_not_be_are_entries(fields, kind):
    """At assumed rates; of a kind that the account does not use every day."""
    (one,) = found(signin(**{"hour": 10} | fields))

    assert (kind, "entry") == (one.evidence.model.partition(".")[2].removesuffix("/1"), one.evidence.stage)
    assert np.isclose(SIGNINS[kind][0], one.evidence.p, rtol=0.01)


def test_a_suspected_account_that_signs_in_daily_does_not_sleep():
    """Nothing is learned of it for two months, and it was there all the same."""
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    run(entities, both, [signin()])
    seen = run(entities, both, [signin(day=day) for day in range(1, DORMANT_DAYS + 5)], freeze=(ANN,))

    assert [] == [one for one in seen if one.evidence.detector == "administration"]


def test_an_act_on_the_day_an_account_woke_is_a_fifth():
    """Whatever it did; the days after it is awake, and the sign-in stays told by itself."""
    entities = known()
    both = [detector(entities, SECRET), place(entities, SECRET)]
    run(entities, both, [signin(day=day) for day in range(5)])
    woke = DORMANT_DAYS + 6.0
    seen = run(entities, both, [signin(day=woke), role(day=woke, hour=11.0)])
    later = run(entities, both, [role(day=woke + 1, target="zoe@corp.example")])
    acts = [one.evidence for one in [*seen, *later] if one.evidence.detector == "administration"]

    assert [("entry", None), ("act", AGAIN), ("act", None)] == [
        (one.stage, one.basis.get("factor slept")) for one in acts
    ]
    assert all(again(one) == one.p for one in acts)
    assert "it had slept until that day" in acts[1].text


def test_a_printer_that_always_sends_by_an_old_protocol_is_usual():
    """And so is an ordinary sign-in, or a failed one."""
    printer = {"detail": {"client_app": "Authenticated SMTP"}, "account": "printer@corp.example"}
    past = [signin(day=day, **printer) for day in range(10)]

    assert [] == found(signin(day=11, **printer), signin(day=11, hour=10), past=[*past, *office(days=10)])
    assert [] == found(signin(hour=10, outcome="failure", **printer))


def test_save_and_load_is_identity():
    """A restart forgets no act and no account that was made."""
    entities = known()
    one, other = detector(entities, SECRET), detector(entities, SECRET)
    made = act("admin", "Add user", source="entra", detail={"targets": ["eve@corp.example"]})
    run(entities, [one], [signin(), made, role()])
    other.load(one.save())
    pair = [run(entities, [each], [role(day=0.5)])[0].evidence.basis for each in (one, other)]

    assert pair[0] == pair[1]
    assert "factor new account" in pair[0]


def test_a_state_of_fewer_kinds_is_read():
    """An older release knew all but the last ones."""
    entities = known()
    one, other = detector(entities, SECRET), detector(entities, SECRET)
    run(entities, [one], [signin(), role()])
    state = {name: column[:, :-1] if column.ndim == 2 else column for name, column in one.save().items()}
    other.load(state)
    pair = [run(entities, [each], [role(day=0.5)])[0].evidence.basis for each in (one, other)]

    assert pair[0] == pair[1]
