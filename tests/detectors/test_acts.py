"""What the identity detectors share."""

import numpy as np

from sensor.detectors import administration
from sensor.detectors.acts import (
    Case,
    Who,
    by_kind,
    day_of,
    keys_of,
    multiply_again,
    rate_of,
    recount_records,
    teaches,
    told,
    who_of,
)  # fmt: skip
from tests.detectors.acts_made import ANN, act, at, known, signin, tick_of
from tests.scenes import SECRET


class Archived:
    """An archive that holds some records of the input `given`."""

    since_ns = 0

    def __init__(self, rows):
        self.held = rows

    def rows(self, sql, parameters=()):
        """Answer the one question asked of it."""
        return [(sum(parameters == ("given", row) for row in self.held),)]


def evidence(**fields):
    entities = known()
    case = Case(**{
        "ts": at(), "target": ("x",), "p": 0.01, "text": "t", "observed": 2.0, "basis": {"rate": 0.1, "factor a": 0.1},
        "stage": "act", "events": (act("admin", "a", row=3), act("admin", "b", row=4)),
    } | fields)  # fmt: skip
    return told(administration.detector(entities, SECRET), entities, Who(-1, ANN, 0), case).evidence


def test_the_same_target_is_the_same_evidence():
    """And another is another."""
    assert evidence().id == evidence(p=0.5).id != evidence(target=("y",)).id


def test_p_follows_from_the_basis_and_observed_from_the_archive():
    """An archive that lacks a record is found out."""
    one = evidence()

    assert np.isclose(0.01, multiply_again(one))
    assert [2.0, 1.0] == [recount_records(one, Archived(rows)) for rows in ([3, 4, 9], [4])]
    assert None is recount_records(evidence(observed=3.0), Archived([3, 4]))
    assert None is multiply_again(evidence(basis={}))


def test_a_rate_is_said_to_be_assumed_until_the_days_outweigh_it():
    """Then it is said to be of here."""
    assert (1 / 500, "assumed: one in 500 account-days") == rate_of(0, 0, 1 / 500)
    assert rate_of(19, 1500, 1 / 500) == (0.01, "here one in 100 account-days")


def test_who_is_the_account_else_the_name_in_the_record():
    """A name that no account has stands for itself."""
    entities = known()
    step = tick_of(entities, [signin(), signin(account="ghost@corp.example", outcome="failure", account_id=None)])

    assert [ANN, "ghost@corp.example"] == [who_of(entities, step, i).name for i in (0, 1)]
    assert [True, False] == [who_of(entities, step, i).account >= 0 for i in (0, 1)]


def test_events_are_sorted_by_kind_once():
    """And in order."""
    entities = known()
    step = tick_of(entities, [act("file", "a"), signin(), act("file", "b", hour=10)])

    assert ([0, 2], [1], []) == tuple(by_kind(step, kind) for kind in ("file", "signin", "mail_rule"))


def test_frozen_accounts_and_flagged_devices_do_not_teach():
    """Neither of them, whatever the other."""
    entities = known()
    step = tick_of(entities, [signin(device_id="D1")])
    none = np.zeros(entities.count(), np.bool_)
    found = [teaches(step, 0, none)]
    step.frozen_accounts = np.ones(entities.account_count(), np.bool_)
    found.append(teaches(step, 0, none))
    step.frozen_accounts[:] = False
    step.event_device = np.zeros(1, np.int32)
    found.append(teaches(step, 0, np.ones(1, np.bool_)))

    assert [True, False, False] == found


def test_keys_tie_an_event_to_others():
    """Its address, its session, its message; what is absent ties nothing."""
    event = act("mailbox", "Update", ip="198.51.100.7", session_id="s", detail={"message_id": "<m>"})

    assert ("address:198.51.100.7", "session:s", "message:<m>") == keys_of(event)
    assert () == keys_of(act("admin", "x"))


def test_days_are_within_what_is_kept():
    """Times before 1970 and after 2149 are put at the ends."""
    assert (0, 0, (1 << 16) - 1) == (day_of(-5), day_of(5), day_of(1 << 63))
