"""The state: commit, read back, close, lock."""

import msgspec
import numpy as np
import pytest

from sensor.model.account import Account
from sensor.model.device import Device, Learning
from sensor.model.evidence import Entity, Evidence
from sensor.model.incident import Incident, Party
from sensor.model.result import InputResult
from sensor.store.state import State

LEARNING = Learning(state="learning", progress=0.5, ready_at=None)


def evidence(key="EV-1", db=20.0):
    return Evidence(
        id=key, ts="2024-01-01T00:00:00.000000Z", site="S", entity=Entity(kind="device", id="dev-1"), detector="scan",
        family="scan", source="network", observed=9.0, expected=1.0, range=(0.0, 3.0), reference="analytic",
        reference_n=0, p=1e-5, db=db, text="t", model="scan.hosts/1", basis={"net": 9.0},
    )  # fmt: skip


def incident(key="INC-1", tier="triage", state="open", score=20.0):
    return Incident(
        id=key, state=state, verdict=None, tier=tier, sites=("S",), opened="2024-01-01T00:00:00.000000Z",
        last_activity="2024-01-01T00:00:00.000000Z", score_db=score, p=1e-5, title="t", summary="s",
        entities=(Party(kind="device", site="S", id="dev-1", name="PC", role="subject"),), techniques=("T1046",),
        evidence=(evidence(f"EV-{key}"),), counter_evidence=(),
    )  # fmt: skip


def device(key="dev-1", name="PC", seen="2024-01-01T00:00:00.000000Z"):
    return Device(
        id=key, site="S", sites=("S",), name=name, macs=("00:aa:bb:cc:dd:01",), addresses=("10.0.0.5",),
        location="on_prem", vendor=None, role=None, accounts=(), first_seen=seen, last_seen=seen, flows=3,
        learning=LEARNING, risk_db=0.0,
    )  # fmt: skip


def commit(state, incidents=(), devices=(), columns=None):
    state.commit(
        columns=columns or {"x": np.arange(3)}, incidents=incidents, devices=devices,
        accounts=[Account(name="a", devices=(), first_seen="", last_seen="", sightings=1)], inputs=[],
        meta={"version": "1"},
    )  # fmt: skip


def test_what_is_committed_is_read_back(tmp_path):
    """Snapshot, incidents, evidence numbers, devices and ledger come back after a restart."""
    with State(tmp_path, exclusive=True) as state:
        state.ledger.remember("S", 0, b"d", 10, 2)
        commit(state, [incident()], [device()])
    with State(tmp_path, readonly=True) as state:
        assert [0, 1, 2] == state.load_snapshot()["x"].tolist()
        assert [incident()] == state.incidents()
        assert {"EV-INC-1": (9.0, 1e-5, 20.0)} == state.evidence_numbers("INC-1")
        assert [device()] == state.devices()
        assert 2 == state.ledger.records("S", 0, b"d")


def test_only_the_last_snapshot_is_kept(tmp_path):
    """Each commit replaces the snapshot file."""
    with State(tmp_path) as state:
        for k in range(3):
            commit(state, columns={"x": np.array([k])})

        assert [2] == state.load_snapshot()["x"].tolist()
    assert ["snapshot-00000003.npz"] == [path.name for path in tmp_path.glob("*.npz")]


def test_an_interrupted_run_leaves_nothing(tmp_path):
    """Without a commit neither the ledger nor incidents change."""
    with State(tmp_path) as state:
        state.ledger.remember("S", 0, b"d", 10, 2)
    with State(tmp_path, readonly=True) as state:
        assert [] == state.ledger.lengths("S", 0)
        assert {} == state.load_snapshot()


def test_incidents_come_most_urgent_first_without_the_digest(tmp_path):
    """Open before closed, page before triage, then by score; the digest only when asked for."""
    rows = [
        incident("INC-1", "triage", score=10), incident("INC-2", "digest", score=90),
        incident("INC-3", "page", score=5),
        incident("INC-4", "triage", "closed", 80), incident("INC-5", "triage", score=30),
    ]  # fmt: skip
    with State(tmp_path) as state:
        commit(state, rows)

        assert ["INC-3", "INC-5", "INC-1", "INC-4"] == [one.id for one in state.incidents()]
        assert "INC-2" in [one.id for one in state.incidents(digest=True)]
        assert ["INC-4"] == [one.id for one in state.incidents(states=("closed",))]


def test_closing_keeps_verdict_and_reason(tmp_path):
    """A closed incident says who it was and why; an unknown one is None."""
    with State(tmp_path) as state:
        commit(state, [incident()])
        closed = state.close_incident("INC-1", "benign", "our scanner")

        assert ("closed", "benign", "our scanner") == (closed.state, closed.verdict, closed.reason)
        assert closed == state.incident("INC-1")
        assert state.close_incident("INC-9", "benign", "x") is None


def test_a_device_is_found_by_id_name_address_or_mac(tmp_path):
    """Names fold case; of several the one seen last wins; nothing found is None."""
    rows = [device(), device("dev-2", "pc", "2025-01-01T00:00:00.000000Z")]
    with State(tmp_path) as state:
        commit(state, devices=rows)

        assert "dev-1" == state.device("dev-1").id
        assert ["dev-2"] * 3 == [state.device(key).id for key in ("PC", "10.0.0.5", "00:AA:bb:cc:dd:01")]
        assert state.device("10.0.0.99") is None


def test_fresh_drops_our_files_and_no_others(tmp_path):
    """A note in the folder survives; the state does not."""
    (tmp_path / "note.txt").write_text("mine")
    with State(tmp_path) as state:
        commit(state, [incident()])
    with State(tmp_path, fresh=True) as state:
        assert ([], {}) == (state.incidents(), state.load_snapshot())
    assert "mine" == (tmp_path / "note.txt").read_text()


def test_one_process_learns_at_a_time(tmp_path):
    """A second exclusive opening is refused while the first lives; a reader is not."""
    with State(tmp_path, exclusive=True) as state:
        commit(state, [incident()])
        with pytest.raises(ValueError, match="another spanline process"):
            State(tmp_path, exclusive=True)
        with State(tmp_path, readonly=True) as reader:
            assert 1 == len(reader.incidents())
    State(tmp_path, exclusive=True).close()


def test_reading_where_there_is_none_creates_nothing(tmp_path):
    """A reader of a missing state gets FileNotFoundError and leaves no folder."""
    with pytest.raises(FileNotFoundError, match="spanline replay"):
        State(tmp_path / "none", readonly=True)
    assert not (tmp_path / "none").exists()


def test_json_has_the_fields_others_rely_on():
    """The keys of Incident, Evidence and Device are the documented ones, and more only behind them."""
    shown = msgspec.to_builtins(incident())

    assert {
        "id", "state", "verdict", "tier", "sites", "opened", "last_activity", "score_db", "p", "title", "summary",
        "entities", "techniques", "evidence", "counter_evidence", "actions",
    } <= set(shown)  # fmt: skip
    assert {
        "id", "ts", "site", "entity", "detector", "family", "source", "observed", "expected", "range", "reference",
        "reference_n", "p", "db", "text", "records", "model",
    } <= set(shown["evidence"][0])  # fmt: skip
    assert {
        "id", "site", "sites", "name", "macs", "addresses", "location", "vendor", "role", "accounts", "first_seen",
        "last_seen", "flows", "learning", "risk_db",
    } <= set(msgspec.to_builtins(device()))  # fmt: skip


def test_accounts_of_inputs_are_kept_for_the_latest_only(tmp_path, monkeypatch):
    """A sensor that runs for months does not fill its state with them."""
    monkeypatch.setattr("sensor.store.state.INPUTS_MAX", 3)
    one = InputResult(path="x", site="A", format="f", records=1, bytes=1, accepted=1, late=0, duplicates=0, rejected={})
    with State(tmp_path, exclusive=True) as state:
        for _ in range(5):
            state.commit(columns={}, incidents=[], devices=[], accounts=[], inputs=[one], meta={})
        count = state._connection.execute("SELECT count(*) FROM inputs").fetchone()[0]

    assert 3 == count
