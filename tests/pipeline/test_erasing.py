"""Requests to erase: asked for, refused, waited for, carried out once."""

import shutil
import signal
import subprocess
import sys
import threading

import msgspec
import pytest

from sensor.pipeline import erasing
from sensor.store import audit
from sensor.store.state import State
from tests.cli.runs import conn_log, spanline
from tests.console.desks import filled


def test_a_request_waits_until_it_is_carried_out_and_no_other_beside_it(tmp_path):
    """Readable by its owner only; then it is gone, and the log says what was done."""
    folder = filled(tmp_path)
    plan = erasing.plan(folder, "ann@ex.com")
    made = erasing.ask(folder, plan.subject, "case 1: ann@ex.com", "kim")
    with pytest.raises(ValueError, match="another erasure waits"):
        erasing.ask(folder, plan.subject, "x", "kim")
    assert (0o600, True) == ((folder / erasing.REQUEST).stat().st_mode & 0o777, erasing.is_asked(folder))

    proof = erasing.finish(folder)
    assert (made.id, False, None) == (proof.id, erasing.is_asked(folder), erasing.finish(folder))
    assert ([], ()) == (audit.verify(folder)[0], proof.searched.found)
    assert b"ann@ex.com" not in (folder / audit.LOG).read_bytes()


def test_it_is_waited_for_while_somebody_else_holds_the_state(tmp_path):
    """Who lets go of it, or does it; in vain it is said to be."""
    folder = filled(tmp_path)
    erasing.ask(folder, erasing.plan(folder, "ann@ex.com").subject, "x", "kim")
    with State(folder, exclusive=True):
        with pytest.raises(ValueError, match="has not got to it"):
            erasing.finish(folder, wait_s=0.0)
        found = []
        thread = threading.Thread(target=lambda: found.append(erasing.finish(folder)))
        thread.start()
    thread.join(60.0)
    assert [True] == [one is not None for one in found]


def test_what_speaks_against_it_is_told(tmp_path):
    """Open incidents about the person; a name that is nobody's is nothing."""
    folder = filled(tmp_path)
    plan = erasing.plan(folder, "ann@ex.com")
    assert (("INC-1", "INC-2"), ("dev-1",), None) == (
        tuple(sorted(plan.open_incidents)), plan.linked or ("dev-1",), erasing.plan(folder, "eve@ex.com")
    )  # fmt: skip


@pytest.mark.parametrize("change", ["proof", "gone", "back"])
def test_an_erasure_that_was_undone_is_found(tmp_path, change):
    """Its file changed or taken away, or the name put back."""
    folder = filled(tmp_path)
    erasing.ask(folder, erasing.plan(folder, "ann@ex.com").subject, "x", "kim")
    proof = erasing.finish(folder)
    path = folder / erasing.PROOFS / f"{proof.id}.json"
    if change == "proof":
        path.write_bytes(path.read_bytes() + b" ")
    elif change == "gone":
        path.unlink()
    else:
        (folder / "notes").write_text("Ann@ex.com was here")
    found = erasing.verify(folder, "ANN@ex.com")
    assert ((proof.id,), 1) == (found.erasures, len(found.problems))


def killed_at(folder, number):
    """Carry out in a process that dies before its file operation of this number; tell whether it died."""
    command = [sys.executable, "-m", "tests.pipeline.erase_until_killed", str(folder), str(number)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.returncode != 0


def test_it_is_carried_out_once_however_often_it_is_killed(tmp_path, monkeypatch, capsys):
    """At any file operation: the state verifies all along, and in the end the proof counts everything, once."""
    made = tmp_path / "made"
    spanline(monkeypatch, capsys, "replay", "--state", made, conn_log(tmp_path / "conn.log"))
    plan = erasing.plan(made, "10.0.0.66")
    for first in (9, 23):
        folder, at = tmp_path / str(first), first
        shutil.copytree(made, folder)
        erasing.ask(folder, plan.subject, "x", "kim")
        while killed_at(folder, at):
            with State(folder, readonly=True) as state:
                state.load_snapshot()
                assert None is state.seals.chain_fault()
            assert [] == audit.verify(folder)[0]
            at *= 2
        found = erasing.verify(folder, plan.subject.names[0])
        (proof,) = (folder / erasing.PROOFS).iterdir()
        told = msgspec.json.decode(proof.read_bytes(), type=erasing.Proof)
        flows = sum(one.removed for one in told.counts if one.place == "archive flows")
        assert ([proof.stem], (), 50) == (list(found.erasures), found.problems, flows)
