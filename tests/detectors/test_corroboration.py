"""Verdicts weighed."""

import msgspec
import numpy as np
import pytest

from baselines.evidence import decibans
from sensor.detectors import corroboration as module
from sensor.detectors.corroboration import again, detector, recount
from sensor.model.account import Revision, SignIn, SignInSeen
from tests.detectors.acts_made import known, signin, tick_of
from tests.detectors.ticks import entities, tick
from tests.scenes import SECRET, START, flows


def row(verdict, **fields):
    given = {
        "ts": "2023-11-14T00:00:00.000000Z", "account": "ann@ex.com", "source": "entra", "ip": "192.0.2.1",
        "country": "US", "asn": 9, "app": None, "result": "success", "reason_code": None, "reason": None,
        "mfa": "satisfied", "device": None, "id": "SI-1", "raw_id": "r1", "corroboration": verdict,
        "because": "LAP-1 was in use at SYD",
    }  # fmt: skip
    return SignIn(**{**given, **fields})


def scored(judge, *rows, revised=True):
    one = tick(entities(), flows())
    one.signins = [
        SignInSeen(row=each, account=0, device=-1, site=0, ts=START, begun=not revised, revised=revised)
        for each in rows
    ]
    return judge.score(one)


@pytest.mark.parametrize(
    ("verdict", "db", "stage", "marks"),
    [("contradicted", 15.0, "network", ("success", "contradicted")), ("unsupported", 5.0, "", ("success",)),
     ("supported", 0.0, "", ("success", "supported"))],
)  # fmt: skip
def test_a_verdict_on_a_success_weighs_its_log_odds(verdict, db, stage, marks):
    """Visible in the basis, of the network, tied to the address, and opening nothing by itself."""
    (found,) = scored(detector(entities(), SECRET), row(verdict))
    evidence = found.evidence

    assert (db, "network", stage, marks) == (evidence.db, evidence.source, evidence.stage, evidence.marks)
    assert pytest.approx(db, abs=1e-9) == decibans(evidence.p)
    assert {"log_odds_db": db} == evidence.basis
    assert "address:192.0.2.1" in evidence.keys
    assert not found.opens
    assert "LAP-1 was in use at SYD" in evidence.text


def test_a_token_renewed_without_a_contact_weighs_nothing():
    """Clients keep connections for hours; a renewal that is contradicted weighs what a sign-in does."""
    quiet, loud = (
        scored(detector(entities(), SECRET), row(verdict, category="non_interactive"))
        for verdict in ("unsupported", "contradicted")
    )

    assert ([], [15.0]) == (quiet, [one.evidence.db for one in loud])


def test_failures_and_what_is_unknown_weigh_nothing():
    """Whatever the verdict on a failure is."""
    judge = detector(entities(), SECRET)

    assert [] == scored(judge, *(row(verdict, result="failure") for verdict in module.WEIGHTS), row("unknown"))
    assert "1 contradicted" in judge.coverage().why


def test_support_is_told_once_for_an_account_and_address():
    """A mark for what is new there; every sign-in would be too many."""
    judge = detector(entities(), SECRET)
    rows = [row("supported", id=f"SI-{k}", ip=f"192.0.2.{k % 2}") for k in range(6)]

    assert 2 == len(scored(judge, *rows))


def test_a_revised_verdict_replaces_its_evidence():
    """The same id, with what it weighs now; one that is told again is told once."""
    judge = detector(entities(), SECRET)
    (first,) = scored(judge, row("contradicted"))
    assert [] == scored(judge, row("contradicted"))
    change = Revision(ts="t", from_="contradicted", to="unknown", because="a tunnel")
    (second,) = scored(judge, row("unknown", revisions=(change,), because="a tunnel"))

    assert (first.evidence.id, 0.0) == (second.evidence.id, second.evidence.db)
    assert second.evidence.observed > first.evidence.observed
    assert ("until t the verdict was contradicted",) == second.counter


class Archive:
    """An archive with one sign-in."""

    since_ns = 0

    def rows(self, sql, parameters=()):
        """Count it."""
        assert "signins" in sql
        return [(int(parameters == ("r1", "contradicted")),)]


def test_the_numbers_can_be_had_again():
    """Observed from the archive, p from the log odds; of another model neither."""
    (found,) = scored(detector(entities(), SECRET), row("contradicted"))
    other = msgspec.structs.replace(found.evidence, model="corroboration.log_odds/1:unsupported")

    assert (1.0, found.evidence.p) == (recount(found.evidence, Archive()), again(found.evidence))
    assert 0.0 == recount(other, Archive())
    assert again(msgspec.structs.replace(other, model="x")) is None
    assert recount(msgspec.structs.replace(other, records=()), Archive()) is None


def test_what_was_told_is_kept_through_a_restart_and_bounded(monkeypatch):
    """A later revision still replaces; the oldest are forgotten."""
    judge, other = detector(entities(), SECRET), detector(entities(), SECRET)
    scored(judge, row("contradicted"))
    judge.learn(tick(entities(), flows()), np.zeros(0, bool))
    other.load(judge.save())
    other.load({})
    assert "no sign-in" in detector(entities(), SECRET).coverage().why
    assert 1 == len(scored(other, row("supported")))
    monkeypatch.setattr(module, "TOLD_MAX", 2)
    scored(other, *(row("supported", id=f"SI-{k}", ip=f"192.0.2.{k}") for k in range(9)))
    assert (2, 2) == (len(other._told), len(other._supported))


def test_a_record_names_its_input_when_the_verdict_comes_later():
    """The log and the row that the sign-in was read from."""
    people = known()
    judge = detector(people, SECRET)
    step = tick_of(people, [signin()])
    judge.score(step)
    step.events = []
    step.kinds = None
    step.signins = [
        msgspec.structs.replace(one, row=msgspec.structs.replace(one.row, corroboration="contradicted"))
        for one in step.signins
    ]
    (found,) = judge.score(step)

    assert [("given", 0)] == [(one.input, one.row) for one in found.evidence.records]
