"""Lists of the state for a reader, a page at a time."""

import msgspec
import pytest

from sensor.model.account import SignIn
from sensor.model.incident import urgency
from sensor.model.result import InputResult
from sensor.store.listing import InputSum, Listing, Wanted, WantedSignIns
from sensor.store.state import State
from tests.store.test_state import commit, device, incident

ALL = Wanted()


def named(key, sites=("S",), **fields):
    """An incident at sites."""
    made = incident(key, fields.pop("tier", "triage"), fields.pop("state", "open"), fields.pop("score", 20.0))
    return msgspec.structs.replace(made, sites=sites, **fields)


def signin(number, verdict="unknown", country="AU", site="S", account="ann@ex.com", result="success"):
    """One sign-in, a day after the one before."""
    return SignIn(
        ts=f"2026-01-{number:02}T00:00:00.000000Z", account=account, source="entra", ip=None, country=country, asn=None,
        app="Mail", result=result, reason_code=None, reason=None, mfa="none", device=None, corroboration=verdict,
        id=f"SI-{number}", site=site,
    )  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    """Six incidents at two sites, and three sign-ins."""
    with State(tmp_path) as state:
        state.add_signins([signin(1), signin(2, "contradicted", "DE", "T"), signin(3, country=None, result="failure")])
        commit(
            state,
            [
                named("INC-1", score=5.0), named("INC-2", tier="page"), named("INC-3", state="closed", tier="page"),
                named("INC-4", score=50.0), named("INC-5", ("S", "T"), title="scan of 50% of_it"),
                named("INC-6", ("T",), tier="digest", last_activity="2025-01-01T00:00:00.000000Z"),
            ],
            [device()],
        )  # fmt: skip
    return tmp_path


def ids(folder, wanted=ALL, within=None, limit=10, offset=0):
    """How many there are, and which are given."""
    with Listing(folder) as listing:
        total, rows = listing.incidents(wanted, within, limit, offset)
    return total, [one.id for one in rows]


def test_incidents_are_in_the_order_of_urgency(folder):
    """The same order as the command line's, page by page."""
    with State(folder, readonly=True) as state:
        every = [one.id for one in sorted(state.incidents(digest=True), key=urgency)]
    assert (6, every) == ids(folder)
    assert (6, every[2:4]) == ids(folder, limit=2, offset=2)
    assert "INC-6" == ids(folder, Wanted(order="newest"))[1][0]


def test_incidents_are_narrowed(folder):
    """By state, tier, site, and text anywhere in them, whose signs mean nothing else."""
    assert (1, ["INC-3"]) == ids(folder, Wanted(state="closed"))
    assert (2, ["INC-2", "INC-3"]) == ids(folder, Wanted(tier="page"))
    assert (2, ["INC-5", "INC-6"]) == ids(folder, Wanted(site="T"))
    assert (1, ["INC-5"]) == ids(folder, Wanted(text="SCAN OF 50% of_it"))
    assert (0, []) == ids(folder, Wanted(text="scan%it"))


def test_a_reader_of_one_site_is_given_that_site(folder):
    """Incidents that touch it, and sign-ins told of there."""
    assert (2, ["INC-5", "INC-6"]) == ids(folder, within=("T",))
    assert (0, []) == ids(folder, within=())
    with Listing(folder) as listing:
        assert {("S", "open", "triage"): 1, ("T", "open", "digest"): 1} == listing.counts(("T",))
        assert 1 == len(listing.signins(WantedSignIns(), ("T",), 9))
        assert ["INC-5", "INC-6"] == [one.id for one in listing.related(incident("INC-1"), ("T",))]
        assert ["INC-6", "INC-5"] == [one.id for one in listing.of_entity(("dev-1",), ("T",), 9)]


def test_risks_are_those_of_open_incidents(folder):
    """The highest of each entity, at the sites that the reader may see; of closed ones there is none."""
    with Listing(folder) as listing:
        assert ({"dev-1": 50.0}, {"dev-1": 20.0}, {}) == (
            listing.risks("device", None), listing.risks("device", ("T",)), listing.risks("account", None),
        )  # fmt: skip
        assert {"INC-5": ("S", "T"), "INC-6": ("T",)} == listing.sites_of(["INC-5", "INC-6", "INC-5", "INC-9"])


def test_sign_ins_are_counted_by_country_and_verdict(folder):
    """And given as chosen, the latest first."""
    with Listing(folder) as listing:
        assert {("AU", "unknown"): 1, ("DE", "contradicted"): 1, ("", "unknown"): 1} == listing.signin_matrix(
            WantedSignIns(), None
        )
        since = WantedSignIns(since="2026-01-02T00:00:00.000000Z")
        assert {("DE", "contradicted"): 1, ("", "unknown"): 1} == listing.signin_matrix(since, None)
        assert ["SI-3", "SI-2", "SI-1"] == [one.id for one in listing.signins(WantedSignIns(), None, 9)]
        for wanted, found in (
            (WantedSignIns(country=""), "SI-3"), (WantedSignIns(verdict="contradicted"), "SI-2"),
            (WantedSignIns(account="ANN", country="AU"), "SI-1"), (WantedSignIns(result="failure"), "SI-3"),
        ):  # fmt: skip
            assert [found] == [one.id for one in listing.signins(wanted, None, 9)]
        assert "2026-01-03T00:00:00.000000Z" == listing.last_signin()


def test_inputs_are_summed_by_site_and_format(folder):
    """With why records were refused."""
    one = InputResult(path="x", site="S", format="zeek", records=5, bytes=1, accepted=3, late=0, duplicates=1,
                      rejected={"truncated": 1})  # fmt: skip
    with State(folder) as state:
        state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[one, one], meta={})
    with Listing(folder) as listing:
        assert [InputSum("S", "zeek", 2, 10, 6, 2, {"truncated": 2})] == listing.inputs(None)
        assert [] == listing.inputs(("T",))


def test_a_change_has_a_number_and_secrets_stay_inside(folder):
    """A closed incident raises it; keys of the state are not listed."""
    with Listing(folder) as listing:
        before = listing.last_change()
        assert [] == [key for key in listing.meta() if key.endswith("key")]
    with State(folder) as state:
        state.close_incident("INC-1", "benign", "known")
    with Listing(folder) as listing:
        assert before + 1 == listing.last_change()


def test_nothing_is_listed_of_no_state(tmp_path):
    """And none is made."""
    with pytest.raises(FileNotFoundError, match="no state"):
        Listing(tmp_path)
    assert [] == list(tmp_path.iterdir())
