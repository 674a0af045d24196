"""The main job behind the sources: determinism, conservation, duplicates, late records, failures of inputs."""

import gzip

import msgspec
import numpy as np
import pytest

from sensor import config
from sensor.errors import Malformed
from sensor.model.flow import ENDINGS
from sensor.model.metadata import Dhcp, Dns
from sensor.model.source import Account, Batch
from sensor.pipeline.core import Core
from sensor.pipeline.inputs import Options, open_sources
from sensor.pipeline.replaying import Run
from sensor.store.state import State
from tests.scenes import DAY, START, Given, S, arp, common, flow, flows, office, scan


def replay(folder, make, *, fresh=True, learn_until=0, settings=None):
    """Run sources made with the state's ledger; return (result, state folder's core)."""
    with State(folder, fresh=fresh, exclusive=True) as state:
        core = Core(settings or config.default(), state, learn_until_ns=learn_until)
        run = Run(core, make(state.ledger))
        run.go()
        return run.result(), core


def one(rows, **options):
    return lambda ledger: [Given(rows, ledger=ledger, **options)]


def told(result):
    """The judged part of a result, as bytes."""
    return msgspec.json.encode([result.incidents, result.digest, result.unusual, result.coverage, result.visible])


@pytest.fixture(scope="module")
def scene():
    """Half an hour of office with a scan in it."""
    return flows(*office(), *scan())


def test_a_scan_in_an_office_is_one_incident_that_names_its_flows(tmp_path, scene):
    """The scanner, and nobody else, is an incident; its evidence names flows of the input by uid."""
    result, _ = replay(tmp_path, one(scene))

    assert 1 == len(result.incidents)
    incident = result.incidents[0]
    assert ("triage", "10.0.0.66") == (incident.tier, incident.entities[0].name)
    uids = {uid.decode() for uid in scene["uid"]}
    records = incident.evidence[0].records
    assert len(records) > 5
    assert {record.uid for record in records} <= uids
    assert {"T1018", "T1046"} == set(incident.techniques)
    assert incident.summary.startswith("10.0.0.66 tried 60 hosts")


@pytest.mark.parametrize(("piece", "seed"), [(1, None), (7, 1), (1000, 2)])
def test_any_arrival_and_chunking_gives_the_same_bytes(tmp_path, scene, piece, seed):
    """Shuffled arrival in pieces of any size: byte-identical incidents, digest, list and coverage."""
    expected, _ = replay(tmp_path / "a", one(scene))
    result, _ = replay(tmp_path / "b", one(scene, piece=piece, seed=seed))

    assert told(expected) == told(result)


def test_a_run_cut_in_two_gives_the_same_incident_and_inventory(tmp_path, scene):
    """State, restart, go on: the incident and its numbers are those of one run."""
    whole, core = replay(tmp_path / "a", one(scene))
    cut = int(np.searchsorted(scene["ts"] + scene["duration"], START + 615 * S))
    replay(tmp_path / "b", one(scene[:cut]))
    parted, again = replay(tmp_path / "b", one(scene[cut:]), fresh=False)

    assert [i.id for i in whole.incidents] == [i.id for i in parted.incidents]
    assert [(e.observed, e.p) for e in whole.incidents[0].evidence] == [
        (e.observed, e.p) for e in parted.incidents[0].evidence
    ]
    assert msgspec.json.encode(list(core.devices())) == msgspec.json.encode(list(again.devices()))


def test_the_same_input_again_changes_nothing(tmp_path, scene):
    """All duplicates, no new flow, the incident as it was."""
    first, _ = replay(tmp_path, one(scene))
    with State(tmp_path, readonly=True) as state:
        before = (state.incidents(digest=True), state.devices())
    second, _ = replay(tmp_path, one(scene), fresh=False)
    with State(tmp_path, readonly=True) as state:
        after = (state.incidents(digest=True), state.devices())

    assert before == after
    assert (len(scene), 0, 0) == (second.inputs[0].duplicates, second.inputs[0].accepted, second.flows)
    assert [i.id for i in first.incidents] == [i.id for i in second.incidents]
    assert second.visible.text.startswith("Nothing new")


def test_every_record_is_accounted_for(tmp_path, scene):
    """records = accepted + duplicates + rejected for each input, and accepted flows are the flows judged."""
    result, _ = replay(tmp_path, lambda ledger: [Given(scene, path="a"), Given(scene[:50], path="b", site="S2")])

    for account in result.inputs:
        assert account.records == account.accepted + account.duplicates + sum(account.rejected.values())
    assert len(scene) + 50 == result.flows


def test_alerts_are_frozen_until_the_learning_ends(tmp_path, scene):
    """--learn-until beyond the scan: nothing opens, devices are learned."""
    result, core = replay(tmp_path, one(scene), learn_until=START + DAY)

    assert ((), 0) == (result.incidents, len(core.incidents.cases))
    assert result.devices > 6


def test_two_sites_same_addresses_never_meet(tmp_path, scene):
    """The same flows at two sites are two scanners, two incidents, each of its own site."""
    result, _ = replay(tmp_path, lambda ledger: [Given(scene, site="SYD"), Given(scene, site="PER")])

    assert {("SYD",), ("PER",)} == {incident.sites for incident in result.incidents}
    assert 2 == len({incident.entities[0].id for incident in result.incidents})


def test_records_older_than_the_state_are_late_and_teach_nothing(tmp_path):
    """A day before the state: counted as late, scored, said on the first line, baselines as they were."""
    replay(tmp_path, one(flows(*office(start_s=86_400.0))))
    with State(tmp_path, exclusive=True) as state:
        core = Core(config.default(), state)
        before = core.volumes.save()
        run = Run(core, [Given(flows(*office(seed=1)))])
        run.go()
        result = run.result()

    assert result.inputs[0].late == result.inputs[0].accepted > 0
    assert "older than the state" in result.visible.text
    assert all(
        np.array_equal(before[name], column) for name, column in core.volumes.save().items() if "pairs" not in name
    )


def test_repeated_reports_of_a_long_flow_add_up_once(tmp_path):
    """Interval rows of one uid count as one flow and their bytes as the last report's."""
    interval = ENDINGS.index("interval")
    rows = [
        flow(at_s=0, duration_s=60 * k, out=1000 * k, uid="long", why=interval if k < 4 else 0) for k in range(1, 5)
    ]
    result, core = replay(tmp_path, one(flows(*rows)))

    sent = core.unusual._totals.columns["bytes_out"]
    assert (4000.0, 1.0) == (sent[0], core.unusual._totals.columns["opened"][0])
    assert {} == core.open_flows
    assert 1 == core.entities.devices.table.columns["flows"][0]
    assert 4 == result.flows


class Broken:
    """A source that gives a batch and then fails."""

    def __init__(self, error):
        self.account = Account(path="broken", site="local", format="given")
        self._error = error

    def batches(self):
        """Give one flow, then raise."""
        self.account.records = self.account.accepted = 1
        yield Batch(flows=flows(flow()))
        raise self._error


@pytest.mark.parametrize("error", [Malformed("offset 9: damaged"), OSError(5, "I/O error"), RuntimeError("a bug")])
def test_an_input_that_fails_does_not_stop_the_others(tmp_path, scene, error):
    """What it gave is kept, its error is told, and the scan in the other input is found."""
    result, _ = replay(tmp_path, lambda ledger: [Broken(error), Given(scene)])

    assert str(error) in result.inputs[0].error or "a bug" in result.inputs[0].error
    assert (None, 1) == (result.inputs[1].error, len(result.incidents))
    assert len(scene) + 1 == result.flows


def test_messages_and_arp_reach_the_entities(tmp_path):
    """A lease names a device, an answer names an address, an ARP sweep is an incident."""
    asks = np.concatenate([arp(target=f"10.0.0.{k}", at_s=5 + k / 10) for k in range(100, 140)])
    asks["offset"] = np.arange(len(asks))
    messages = [
        Dhcp(**common(), mac="00:aa:bb:cc:dd:01", host_name="LAPTOP-1", assigned_addr="10.0.0.5", msg_type=5),
        Dns(**common(), query="a.example", addresses=("198.51.100.7",)),
    ]
    rows = flows(flow(orig_mac=0x00AABBCCDD01, at_s=2), flow(resp="198.51.100.7", at_s=3))
    result, _ = replay(tmp_path, lambda ledger: [Given(rows, messages=messages, asks=asks)])

    assert ["LAPTOP-1 sweeps the local network"] == [incident.title for incident in result.incidents]
    assert "given" == result.incidents[0].evidence[0].records[0].input
    assert any("a.example (198.51.100.7)" in evidence.text for evidence in result.unusual)
    assert result.visible.dns


def test_backscatter_is_no_scan_by_its_receiver(tmp_path):
    """Answers to packets that were never sent, on a hundred ports: no incident, one digest row of the receiver."""
    rows = [flow("203.0.113.9", "10.0.0.5", at_s=k, port=2000 + k, state="SHR") for k in range(100)]
    rows += [flow("10.0.0.5", "10.0.0.9", at_s=k + 0.5, port=445) for k in range(100)]
    result, _ = replay(tmp_path, one(flows(*rows)))

    assert ((), 1) == (result.incidents, len(result.digest))
    assert "backscatter" in result.digest[0].evidence[0].text


def test_the_second_half_of_a_benign_office_day_is_quiet(data_dir, tmp_path):
    """m57: the second half after the first, no incident; and all of it cold, none either."""
    folder = data_dir / "network" / "m57-day1-zeek"
    lines = gzip.decompress((folder / "conn.log.gz").read_bytes()).splitlines(keepends=True)
    head, rows = [line for line in lines if line[:1] == b"#"][:8], [line for line in lines if line[:1] != b"#"]
    rows.sort(key=lambda line: float(line.split(b"\t")[0]))
    found = []
    for name, part in (("a.log", rows[: len(rows) // 2]), ("b.log", rows[len(rows) // 2 :])):
        (tmp_path / name).write_bytes(b"".join(head + part))
        with State(tmp_path / "s", exclusive=True) as state:
            core = Core(config.default(), state)
            run = Run(core, open_sources([(str(tmp_path / name), "local")], state.ledger, Options(), {}))
            run.go()
            found.append(run.result())

    assert [(), ()] == [result.incidents for result in found]
    assert len(rows) == sum(result.flows for result in found)


def test_real_backscatter_is_no_scan(data_dir, tmp_path):
    """A day of a victim's answers to 202 addresses of ours: nobody here is a scanner."""
    ours = config.build({"local_networks": ["192.150.186.0/23"]})
    result = replay_file(data_dir / "network" / "scan-misc" / "backscatter.trace", tmp_path, ours)

    assert () == result.incidents
    assert result.devices > 100
    assert 4771 == result.packets == result.inputs[0].accepted


def test_a_day_with_a_beacon_is_judged_honestly(data_dir, tmp_path):
    """c2-taidoor was captured one way: this release finds nothing there and says that it could not."""
    folder = data_dir / "network" / "c2-taidoor-zeek"
    result = replay_file(folder / "conn.log", tmp_path, config.default())

    assert () == result.incidents
    assert "one direction only" in result.visible.text


def replay_file(path, folder, settings):
    """Replay one file through its real source."""
    with State(folder / "state", exclusive=True) as state:
        core = Core(settings, state)
        run = Run(core, open_sources([(str(path), "local")], state.ledger, Options(), settings.networks()))
        run.go()
        return run.result()
