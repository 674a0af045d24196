"""`explain --verify` on incidents of real replays: all agree; whatever is edited is found."""

import json
import shutil
import sqlite3
from pathlib import Path

import msgspec
import numpy as np
import pyarrow.parquet as pq
import pytest

from sensor import config
from sensor.pipeline.core import Core
from sensor.pipeline.inputs import Options, find_inputs, open_sources
from sensor.pipeline.replaying import Run
from sensor.pipeline.verifying import verify_incident
from sensor.store.state import State
from tests.scenes import Given, arp, flow, flows, office, scan
from tests.store.archives import edit, on_disk

ROOT = Path(__file__).parents[2]


def replay(folder, sources):
    with State(folder, exclusive=True) as state:
        core = Core(config.default(), state)
        Run(core, sources(state.ledger)).go()
    return folder


def verified(folder, key=None):
    """The verification of every incident, or of one."""
    with State(folder, readonly=True) as state:
        found = state.incidents(digest=True)
        return [verify_incident(state, folder, one) for one in found if key in (None, one.id)]


def faults(folder, key=None):
    return [
        (one.evidence, one.what) for whole in verified(folder, key) for one in whole.checks if one.verdict == "differs"
    ]


def captured(*names):
    inputs = find_inputs([str(ROOT / "pcaps" / name) for name in names], "local")
    return lambda ledger: open_sources(inputs, ledger, Options(), config.default().networks())


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A state with a scan over hosts, a scan of ports, a dead peer, a sweep by ARP and the weather of a service."""
    rows = [*office(), *scan()]
    rows += [flow("10.0.0.10", "10.0.0.1", at_s=900 + k / 10, port=2000 + k, state="REJ") for k in range(40)]
    rows += [flow("10.0.0.11", "10.0.9.9", at_s=950 + k, port=8443, state="S0", uid=f"D{k}") for k in range(25)]
    rows += [flow(f"203.0.113.{k}", "10.0.0.12", at_s=1000 + k, port=22, state="REJ") for k in range(20)]
    asks = np.concatenate([arp("10.0.0.13", f"10.0.0.{k}", at_s=1200 + k / 10) for k in range(100, 140)])
    return replay(tmp_path_factory.mktemp("scene"), lambda ledger: [Given(flows(*rows), asks=asks, ledger=ledger)])


@pytest.fixture(scope="module")
def key(scene):
    """The incident of the scan over hosts."""
    with State(scene, readonly=True) as state:
        return next(one.id for one in state.incidents() if one.evidence[0].model == "scan.hosts/1")


@pytest.fixture
def copy(scene, tmp_path):
    """A copy of the state, to be edited."""
    return Path(shutil.copytree(scene, tmp_path / "copy"))


def sql(folder, statement, *values):
    connection = sqlite3.connect(folder / "state.sqlite")
    with connection:
        assert connection.execute(statement, values).rowcount
    connection.close()


def test_every_number_of_every_incident_agrees(scene):
    """Counted again from the archive: hosts, ports, dead peer, sweep, weather; nothing is left unverified."""
    whole = verified(scene)
    models = set()
    with State(scene, readonly=True) as state:
        models = {one.model for incident in state.incidents(digest=True) for one in incident.evidence}

    assert {"scan.hosts/1", "scan.ports/1", "scan.sweep/1", "inbound.count/1"} <= models
    assert [] == faults(scene)
    assert {0} == {one.not_verifiable for one in whole}


@pytest.mark.parametrize("name", ["demo/02-office-scan.pcap"])
def test_every_incident_of_a_shipped_capture_agrees(tmp_path, name):
    """A real scan in a real network, over the whole way from packets."""
    if not (ROOT / "pcaps" / name).exists():
        pytest.skip("the capture is not shipped")
    folder = replay(tmp_path, captured(name))

    assert [] == faults(folder)
    assert verified(folder)


@pytest.mark.parametrize(
    ("table", "column"),
    [("evidence", name) for name in ("observed", "p", "db")] + [("incidents", "score_db")],
)
def test_an_edited_number_of_a_table_is_found(copy, key, table, column):
    """By a thousandth, in the row of the scan."""
    where = "incident" if table == "evidence" else "id"
    sql(copy, f"UPDATE {table} SET {column} = {column} * 1.001 WHERE {where} = ?", key)  # noqa: S608

    assert any(column in what for _, what in faults(copy, key))


@pytest.mark.parametrize("column", ["tier", "state", "opened", "last_activity", "verdict", "site"])
def test_an_edited_text_of_an_incident_is_found(copy, key, column):
    """Its columns are what it shows."""
    sql(copy, f"UPDATE incidents SET {column} = 'closed' WHERE id = ?", key)  # noqa: S608

    assert faults(copy, key)


def numbers_in(body, path=()):
    """Every number of a JSON document, by its path."""
    items = body.items() if isinstance(body, dict) else enumerate(body) if isinstance(body, list) else ()
    for name, value in items:
        if isinstance(value, dict | list):
            yield from numbers_in(value, (*path, name))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield (*path, name)


def test_every_edited_number_of_the_body_is_found(scene, key, tmp_path):
    """One of each kind in turn, those of the basis, of ranges and of records too."""
    with State(scene, readonly=True) as state:
        body = json.loads(state.incident_row(key)["body"])
    kinds = {tuple(name for name in path if isinstance(name, str)): path for path in numbers_in(body)}
    paths = list(kinds.values())  # the last of each kind: a record's, a moment's
    assert len(paths) > 12
    folder = Path(shutil.copytree(scene, tmp_path / "body"))
    missed = []
    for path in paths:
        edited = json.loads(json.dumps(body))
        at = edited
        for name in path[:-1]:
            at = at[name]
        at[path[-1]] = at[path[-1]] + 1
        sql(folder, "UPDATE incidents SET body = ? WHERE id = ?", json.dumps(edited), key)
        if not faults(folder, key):
            missed.append(path)

    assert [] == missed


def test_an_edit_that_changes_everything_alike_is_found(copy, key):
    """Observed and basis, in table and body, p, decibans and score computed again: the records and the seals tell."""
    from sensor.incidents.verify import decibans

    with State(copy, readonly=True) as state:
        body = json.loads(state.incident_row(key)["body"])
    (one,) = [held for held in body["evidence"] if held["model"] == "scan.hosts/1"]
    one["observed"] -= 10
    one["basis"] |= {"fails": one["basis"]["fails"] - 10, "net": 6.0}
    one["p"] = one["basis"]["walks"] * 4.0**-6
    one["db"] = decibans(one["p"])
    body["score_db"], body["p"] = round(max(held["db"] for held in body["evidence"]), 3), one["p"]
    sql(
        copy, "UPDATE evidence SET observed = ?, basis = ?, p = ?, db = ? WHERE id = ?",
        one["observed"], json.dumps(one["basis"], sort_keys=True), one["p"], one["db"], one["id"],
    )  # fmt: skip
    sql(copy, "UPDATE incidents SET body = ?, score_db = ? WHERE id = ?", json.dumps(body), body["score_db"], key)
    found = {what for _, what in faults(copy, key)}

    assert {"observed (state)", "observed (shown)", "basis net", "basis fails", "seal"} <= found


@pytest.mark.parametrize(
    ("table", "column", "change"),
    [
        ("flows", "conn_state", lambda value: "SF" if value == "REJ" else value),
        ("flows", "orig_bytes", lambda value: None if value is None else value + 1),
        ("flows", "ts", lambda value: value + 1),
        ("flows", "history", lambda value: "ShADad" if value == "ShR" else value),
        ("flows", "resp_h", lambda value: "10.0.7.200" if value == "10.0.7.9" else value),
        ("flows", "orig_device", lambda value: None),
        ("flows", "n", lambda value: value + 1),
        ("arp", "target_ip", lambda value: "10.0.0.1"),
    ],
)
def test_an_edited_row_of_the_archive_is_found(copy, key, table, column, change):
    """Though the file was written again whole, with its page checksums and statistics."""
    path = next(copy / "archive" / name for name in on_disk(copy) if name.startswith(table))
    edit(path, column, change)

    assert ("archive", str(path.relative_to(copy / "archive"))) in faults(copy, key)


def test_an_edit_of_the_archive_shows_in_the_count(copy, key):
    """A refusal made a success is one failure less: the number itself is told."""
    path = next(copy / "archive" / name for name in on_disk(copy) if name.startswith("flows"))
    rows = pq.read_table(path, columns=["uid", "orig_h", "conn_state"], partitioning=None).to_pylist()
    victim = next(row["uid"] for row in reversed(rows) if row["orig_h"] == "10.0.0.66" and row["conn_state"] == "REJ")
    kept = [row["conn_state"] if row["uid"] != victim else "SF" for row in rows]
    it = iter(kept)
    edit(path, "conn_state", lambda _: next(it))
    found = {what for _, what in faults(copy, key)}

    assert {"observed (state)", "observed (shown)", "basis fails"} <= found


def test_a_file_or_row_taken_away_is_found(copy, key):
    """A file of the archive, its line in the list, an evidence with its seal, the key."""
    path = next(name for name in on_disk(copy) if name.startswith("flows"))
    (copy / "archive" / path).rename(copy / "aside")
    assert ("archive", path) in faults(copy, key)
    (copy / "aside").rename(copy / "archive" / path)
    sql(copy, "DELETE FROM archive_files WHERE path = ?", path)
    assert ("state", "seals") not in faults(copy, key)
    assert faults(copy, key)
    sql(copy, "DELETE FROM seals WHERE id = ?", path)
    assert ("state", "seals") in faults(copy, key)
    (copy / "seal.key").unlink()
    assert ("state", "seals") in faults(copy, key)


def test_what_has_expired_is_not_verifiable_and_no_pass(tmp_path):
    """The numbers stay sealed; that they follow from the records cannot be said."""
    folder = replay(tmp_path, lambda ledger: [Given(flows(*office(), *scan()), ledger=ledger)])
    with State(folder, exclusive=True) as state:
        core = Core(config.default(), state)
        core._archive.prepare(core.clock_ns, 90, 1)
        core.commit(())
    (one,) = verified(folder)

    assert 0 == one.differences
    assert {"observed (state)", "observed (shown)"} == {
        check.what for check in one.checks if check.verdict == "not verifiable"
    }
    assert all("are not in the archive" in check.why for check in one.checks if check.verdict == "not verifiable")


def test_without_an_archive_nothing_is_taken_for_an_edit(tmp_path):
    """The numbers are sealed and follow from their basis; whether from the records is not verifiable."""
    settings = msgspec.structs.replace(config.default(), archive=config.Archive(enabled=False))
    with State(tmp_path, exclusive=True) as state:
        core = Core(settings, state)
        Run(core, [Given(flows(*office(), *scan()), ledger=state.ledger)]).go()
    (one,) = verified(tmp_path)

    assert 0 == one.differences
    assert {"observed (state)", "observed (shown)"} == {
        check.what for check in one.checks if check.verdict == "not verifiable"
    }


def test_closing_an_incident_keeps_it_verified(copy, key):
    """The verdict is sealed by whoever gives it."""
    with State(copy) as state:
        state.close_incident(key, "benign", "ours")

    assert [] == faults(copy, key)
