"""Files: many in a day, where an account never looked, and opened to others."""

import math

import numpy as np
import pytest

from sensor.detectors.files import BITS, LEVEL, MASS_FILES, SCALE, again, detector
from sensor.detectors.first_folders import ASSUMED_LABELLED, P_MIN
from sensor.detectors.seldom_places import P_MIN as P_SELDOM
from tests.detectors.acts_made import ANN, act, known, run, signin
from tests.scenes import SECRET

OUT = {"visibility_change": "external"}
NAMES = [ANN, "p1@corp.example", "p2@corp.example", "p3@corp.example"]


def read(number, day=10.0, hour=9.0, action="FilePreviewed", account=ANN, folder="docs", **fields):
    detail = {"file": f"f{number}", "site_url": "https://corp/team", "folder": folder} | fields.pop("detail", {})
    return act("file", action, day=day, hour=hour + number / 1000, account=account, detail=detail, **fields)


def history(days=10, each=3):
    return [read(n, day=day, account=name) for day in range(days) for name in NAMES for n in range(each)]


def found(*events, past=(), freeze=()):
    entities = known()
    one = detector(entities, SECRET)
    run(entities, [one], [*(signin(account=name) for name in NAMES), *past])
    return run(entities, [one], list(events), freeze=freeze)


def test_many_previews_in_a_day_are_mass():
    """Against the account's own days; a preview counts as an open does."""
    (one,) = found(*(read(n) for n in range(60)), past=history())
    evidence, basis = one.evidence, one.evidence.basis

    assert ("files", "act", ("mass_access",), True) == (evidence.family, evidence.stage, evidence.marks, one.opens)
    assert abs(basis["files"] - 60) <= 6
    assert np.isclose(again(evidence), evidence.p)
    assert basis["level"] < LEVEL


def test_without_days_of_its_own_mass_opens_nothing():
    """Ten a day are assumed, and said to be."""
    (one,) = found(*(read(n) for n in range(200)))
    z = (math.log1p(one.evidence.basis["files"]) - LEVEL) / SCALE

    assert np.isclose(0.5 * math.erfc(z / math.sqrt(2)), one.evidence.p)
    assert not one.opens
    assert "assumed: 10 a day" in one.evidence.text


def test_who_opens_many_every_day_is_left_alone():
    """A backup's account."""
    past = [read(n, day=day) for day in range(10) for n in range(100)]

    assert [] == found(*(read(n) for n in range(110)), past=past)


def test_a_folder_new_to_account_and_tenant_is_rare():
    """By the account's rate of first places and how little known it is; a label that it never opened is named."""
    plain, labelled = (
        found(read(1, folder="payroll", detail=detail), past=history())[0].evidence
        for detail in ({}, {"label": "secret"})
    )

    assert np.isclose(again(labelled), labelled.p)
    assert np.isclose(ASSUMED_LABELLED * plain.p, labelled.p)
    assert plain.p < plain.basis["a"] / (plain.basis["a"] + plain.basis["b"]) < 0.12
    assert "(label secret)" in labelled.text
    assert "new to it is 1 of the 1 place of its day, 1 of them with a label" in labelled.text


def test_several_new_places_of_a_day_weigh_together():
    """More than one, and more than one among many opened."""
    events = [read(n, folder=f"other-{n}") for n in range(4)]
    rows = [found(*events[:count], past=history())[0].evidence for count in (1, 2, 4)]
    busy = found(
        *(read(n, folder=f"other-{n}", detail={"label": "x"}) for n in range(2)),
        *(read(n) for n in range(3)),
        past=history(),
    )[-1].evidence
    among = found(read(0), read(1), read(5, folder="other"), past=history())[0].evidence

    assert rows[0].p > rows[1].p > rows[2].p >= P_MIN
    assert among.p > rows[0].p
    assert all(np.isclose(again(one), one.p) for one in (*rows, busy))


def test_who_often_opens_new_places_is_left_alone():
    """A first folder is ordinary for the account, or for its peers."""
    roams = [
        read(n, day=day, account=name, folder=f"{name}-{day}") for day in range(10) for name in NAMES for n in (1,)
    ]

    assert [] == found(read(1, folder="payroll"), past=roams)
    assert [] == found(read(1, folder="payroll"), past=[one for one in roams if one.account == ANN])


def test_a_label_in_a_folder_that_the_account_knows_says_nothing():
    """Its own team's minutes may carry one."""
    assert [] == found(read(1, detail={"label": "secret"}), past=history())


def test_a_folder_that_everybody_uses_is_not_rare():
    """Only the account never did."""
    past = [*history(), *(read(9, day=day, account=name, folder="all") for day in range(10) for name in NAMES[1:])]

    assert [] == found(read(1, folder="all"), past=past)


@pytest.mark.parametrize(
    "event",
    [
        read(1, folder="payroll", user_agent="OneDriveMpc-Transform_Thumbnail/1.0"),
        read(1, folder="payroll", outcome="failure"),
        read(1, folder="payroll", action="FileUploaded"),
    ],
)
def test_thumbnails_failures_and_uploads_are_not_read(event):
    """A service renders those for nobody."""
    assert [] == found(event, past=history())


@pytest.mark.parametrize(
    ("action", "detail", "expected"),
    [
        ("change_user_access", OUT | {"label": "shared_externally", "new_access": "can_edit"}, 1),
        ("change_document_visibility", OUT | {"new_access": "people_with_link"}, 1),
        ("change_document_visibility", OUT | {"new_access": "private"}, 0),
        ("change_user_access", {"visibility_change": "internal"}, 0),
        ("AnonymousLinkCreated", {}, 1),
    ],
)  # fmt: skip
def test_what_is_opened_to_others_is_told(action, detail, expected):
    """What is closed again, or stays inside, is not."""
    seen = found(act("file", action, detail={"file": "a"} | detail, source="google"))

    assert expected == len(seen)
    assert all(not one.opens and "assumed: one in" in one.evidence.text for one in seen)


def test_a_frozen_account_teaches_nothing():
    """What it opened stays new."""
    entities = known()
    one = detector(entities, SECRET)
    run(entities, [one], [signin(), *history()])
    for day in (10, 11):
        seen = run(entities, [one], [read(1, day=day, folder="payroll")], freeze=(ANN,))
        assert 1 == len(seen)


def test_the_bitmap_counts_within_a_tenth():
    """Below its length."""
    (one,) = found(*(read(n) for n in range(150)), past=history())

    assert abs(one.evidence.basis["files"] - 150) < 15
    assert MASS_FILES < BITS


def test_save_and_load_is_identity():
    """A restart forgets no folder and no count."""
    entities = known()
    one, other = detector(entities, SECRET), detector(entities, SECRET)
    run(entities, [one], [signin(), *history()])
    other.load(one.save())
    pair = [run(entities, [each], [read(1, folder="payroll")])[0].evidence.p for each in (one, other)]

    assert pair[0] == pair[1]


def elsewhere(days, each=1):
    """What everybody reads, and a colleague's place on some days."""
    return [*history(20), *(read(40 + n, day=day, folder="payroll") for day in days for n in range(each))]


def test_many_files_where_it_seldom_goes_are_told_although_no_place_is_new():
    """Against its own count of such files; at its floor it weighs less than what opens an incident."""
    one = found(*(read(n, day=21.0, folder="payroll") for n in range(60, 70)), past=elsewhere([8, 14]))[-1]

    assert 3.0 <= one.evidence.basis["seldom"] <= 10.0  # told until it is as rare as may be said
    assert (P_SELDOM, "act", False) == (one.evidence.p, one.evidence.stage, one.opens)
    assert again(one.evidence) == one.evidence.p
    assert "files today in places where it goes on fewer than one in five of its days" in one.evidence.text


def test_one_file_there_or_many_where_it_goes_often_are_none():
    """A visit now and then; a second desk."""
    assert [] == found(read(60, day=21.0, folder="payroll"), past=elsewhere([8, 14]))
    assert [] == found(*(read(n, day=21.0, folder="payroll") for n in range(60, 70)), past=elsewhere(range(0, 20, 3)))


def test_what_a_suspect_reads_does_not_become_usual():
    """Days of a frozen account teach nothing."""
    late = [read(n, day=day, folder="payroll") for day in (21.0, 22.0, 23.0) for n in range(60, 70)]
    means = [one.evidence.basis["mean"] for one in found(*late, past=elsewhere([8]), freeze=(ANN,))]

    assert 3 == len(means)
    assert max(means) == pytest.approx(min(means))
