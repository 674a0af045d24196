"""Mailboxes: told only of suspected accounts, for what they never did."""

import numpy as np
import pytest

from sensor.detectors.mailbox import BULK_ITEMS, FACTORS, again, detector
from sensor.detectors.place import detector as place
from tests.detectors.acts_made import ANN, act, known, run, signin
from tests.scenes import SECRET


def mail(action="Update", day=12.0, hour=10.0, folders=("\\Inbox",), **detail):
    own = {"folders": list(folders), "items": 1, "logon_type": "owner", "mailbox": ANN}
    return act("mailbox", action, day=day, hour=hour, ip="203.0.113.5", detail=own | detail)


def found(*events, freeze=(ANN,)):
    entities = known()
    both = [place(entities, SECRET), detector(entities, SECRET)]
    run(entities, both, [signin(), *(mail(day=day) for day in range(12))])
    run(entities, both, [signin(day=12, hour=1)], freeze=freeze)
    return [one for one in run(entities, both, list(events), freeze=freeze) if one.evidence.detector == "mailbox"]


def test_a_folder_that_was_never_changed_is_told_of_a_suspected_account():
    """Sent and deleted items, where traces are removed, weigh more; it opens nothing."""
    (plain,), (traces,) = found(mail(folders=["\\Projects"])), found(mail(folders=["\\Deleted Items"]))

    assert np.isclose((1 + 0.25) / (1 + 12), plain.evidence.p)
    assert np.isclose(FACTORS["traces"] * plain.evidence.p, traces.evidence.p)
    assert ("act", False, "mailbox") == (traces.evidence.stage, traces.opens, traces.evidence.family)
    assert np.isclose(again(traces.evidence), traces.evidence.p)
    assert "\\Deleted Items" in traces.evidence.text


def test_to_change_what_is_attached_is_an_act_of_its_own():
    """In a folder whose messages the account changes daily."""
    (one,) = found(mail(changed=["AttachmentCollection"]))

    assert "changed what is attached to 1 message in folders where it never did (\\Inbox)" in one.evidence.text
    assert [] == found(mail(changed=["Subject"]))


@pytest.mark.parametrize(
    "event",
    [
        mail(),
        mail(folders=["\\New"], client="Client=REST;Client=RESTSystem;;"),
        act("mailbox", "Update", day=12, outcome="failure", detail={"folders": ["\\New"]}),
    ],
)
def test_habits_services_and_failures_are_none(event):
    """Of a suspected account, too."""
    assert [] == found(event)


def test_without_suspicion_mail_is_mail():
    """People move and delete it all day."""
    assert [] == found(mail(folders=["\\New"]), freeze=())


@pytest.mark.parametrize(
    ("fields", "factor", "marks"),
    [
        ({"access": "Sync"}, "sync", ("mass_access",)),
        ({"items": BULK_ITEMS}, "bulk", ("mass_access",)),
        ({"mailbox": "boss@corp.example", "logon_type": "delegate"}, "another's", ()),
    ],
)
def test_bulk_synchronising_and_anothers_mailbox_weigh(fields, factor, marks):
    """Each by its factor, said in the text."""
    (one,) = found(mail("MailItemsAccessed", **fields))

    assert f"factor {factor}" in one.evidence.basis
    assert marks == one.evidence.marks
    assert np.isclose(again(one.evidence), one.evidence.p)


def test_save_and_load_is_identity():
    """A restart forgets no folder."""
    entities = known()
    one, other = detector(entities, SECRET), detector(entities, SECRET)
    run(entities, [one], [signin(), mail(day=0)])
    other.load(one.save())

    assert one.save()["place"].tolist() == other.save()["place"].tolist()
    assert ("judged", "no_input") == (one.coverage().state, other.coverage().state)
