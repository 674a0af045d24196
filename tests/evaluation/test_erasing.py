"""The story's victim and her laptop are erased: nothing of them is left anywhere, and the rest goes on."""

import msgspec
import pytest

from sensor import config
from sensor.pipeline import erasing
from sensor.pipeline.core import Core
from sensor.store import audit
from sensor.store.archive_reader import ArchiveReader
from sensor.store.state import State
from tests.evaluation import demo_state
from tests.pipeline.test_erasing import killed_at

ANN = "tahlia.tanaka@example.com.au"
LAPTOP = "SYD-LT-0256"


@pytest.fixture
def folder(demo, tmp_path):
    """A copy of the demo's state, with a line about the victim in its audit log and packets of hers kept."""
    copy = demo_state.copy_of(demo, tmp_path / "state")
    log = audit.AuditLog(copy)
    log.append("2026-11-24T00:00:00Z", "executing", {"target": ANN})
    log.append("2026-11-24T00:00:01Z", "executing", {"target": "yara.petrov@example.com.au"})
    log.close()
    (copy / "packets").mkdir()
    (copy / "packets" / "a.pcap").write_bytes(b"\xd4\xc3\xb2\xa1 USER Tahlia.Tanaka\r\n")
    (copy / "packets" / "b.pcap").write_bytes(b"\xd4\xc3\xb2\xa1 USER annabella.tahliatanaka\r\n")
    return copy


def erased(folder, name, reason="request 4711"):
    plan = erasing.plan(folder, name)
    erasing.ask(folder, plan.subject, reason, "kim")
    return plan, erasing.finish(folder)


def asked(folder, sql):
    with State(folder, readonly=True) as state, ArchiveReader(state, folder) as archive:
        return archive.rows(sql)


def test_nothing_of_a_person_is_left_in_any_byte_and_the_proof_says_so(folder):
    """Names, ids, the name in paths; in tables, free pages, archive, snapshot, packets and the audit log."""
    before = asked(folder, "SELECT count(*) FROM events")[0][0]
    plan, proof = erased(folder, ANN, f"request of {ANN}")
    counts = {one.place: (one.removed, one.rewritten) for one in proof.counts}
    assert {
        one.place: (one.removed, one.rewritten) for one in plan.counts if one.place.startswith(("table", "arch"))
    } == {place: both for place, both in counts.items() if place.startswith(("table", "arch"))}
    assert ((1, 0), True) == (counts["table accounts"], counts["table signins"][0] > 0)
    assert before - counts["archive events"][0] == asked(folder, "SELECT count(*) FROM events")[0][0]

    left = b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file() and one.suffix != ".parquet").lower()
    assert [] == [word for word in (b"tahlia.tanaka@", b"tahlia_tanaka", b"d0e87cf4-a112") if word in left]
    assert [folder / "packets" / "b.pcap"] == list((folder / "packets").iterdir())
    assert ((), (0,)) == (proof.searched.found, proof.lines)
    assert [] == audit.verify(folder)[0]
    found = erasing.verify(folder, ANN)
    assert ((proof.id,), ()) == (found.erasures, found.problems)
    assert None is erasing.plan(folder, ANN)


def test_the_state_goes_on_without_them(folder):
    """It opens, commits, and what it shows of others is as it was; there is no other account."""
    with State(folder, readonly=True) as state:
        others = [one for one in state.accounts() if one.name != ANN]
    _, proof = erased(folder, ANN)
    with State(folder, exclusive=True) as state:
        core = Core(config.default(), state)
        core.commit(())
        now = {one.name: one for one in state.accounts()}
        assert {one.name for one in others} == set(now)
        assert [one.links for one in others] == [now[one.name].links for one in others]
        assert [] == [one for one in state.signins() if one.account in {ANN, proof.stands}]
        assert proof.stands in state.incident("INC-8b196e7b4a42").title
    assert () == erasing.verify(folder, ANN).problems


def test_a_device_goes_with_its_flows_and_its_names(folder):
    """Under both ids it was known by; what stays of others names it no more."""
    plan, proof = erased(folder, LAPTOP)
    ids = ", ".join(f"'{one}'" for one in plan.subject.names)
    assert [(0,)] == asked(folder, f"SELECT count(*) FROM flows WHERE orig_device IN ({ids})")  # noqa: S608
    assert ((), ()) == (proof.searched.found, erasing.verify(folder, LAPTOP).problems)
    with State(folder, exclusive=True) as state:
        Core(config.default(), state).commit(())
        assert [] == [one for one in state.devices() if LAPTOP in one.name or one.id in plan.subject.names]
    assert () == erasing.verify(folder, LAPTOP).problems


@pytest.mark.slow
def test_whoever_is_killed_is_followed_by_one_that_ends_it(demo, tmp_path):
    """At any file operation: the state verifies all along, and in the end the proof counts everything, once."""
    whole = demo_state.copy_of(demo, tmp_path / "whole")
    plan, proof = erased(whole, ANN)
    wanted = {one.place: one.removed for one in proof.counts if one.removed}
    for number in (1, 12, 60, 115, 150, 180, 210, 240):
        folder = demo_state.copy_of(demo, tmp_path / str(number))
        erasing.ask(folder, plan.subject, "request", "kim")
        at = number
        while killed_at(folder, at):
            with State(folder, readonly=True) as state:
                state.load_snapshot()
                assert None is state.seals.chain_fault()
            assert [] == audit.verify(folder)[0]
            at *= 3
        done = erasing.verify(folder, ANN)
        assert (1, (), False) == (len(done.erasures), done.problems, erasing.is_asked(folder))
        told = msgspec.json.decode(
            (folder / erasing.PROOFS / f"{done.erasures[0]}.json").read_bytes(), type=erasing.Proof
        )
        assert wanted == {one.place: one.removed for one in told.counts if one.removed}
