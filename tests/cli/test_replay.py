"""`spanline replay` from the outside."""

import json
import time

import pytest

from sensor import registry
from tests.cli.runs import conn_log, spanline


@pytest.fixture
def cli(monkeypatch, capsys, tmp_path):
    """Run spanline with a state of the test's own."""

    def run(command, *args):
        return spanline(monkeypatch, capsys, command, *args, "--state", tmp_path / "state")

    return run


def test_json_is_the_documented_document(cli, tmp_path):
    """Every key, exact conservation, the incident, the coverage; stdout is one document."""
    log = conn_log(tmp_path / "conn.log")
    code, out, _ = cli("replay", f"SYD={log}", "--json")
    answer = json.loads(out)

    assert 0 == code
    assert {
        "version", "inputs", "packets", "flows", "events", "signins", "first_ts", "last_ts", "devices", "accounts",
        "incidents", "digest", "unusual", "coverage", "elapsed_s",
    } <= set(answer)  # fmt: skip
    account = answer["inputs"][0]
    assert {"path", "site", "format", "records", "bytes", "accepted", "late", "duplicates", "rejected"} <= set(account)
    assert account["records"] == account["accepted"] + account["duplicates"] + sum(account["rejected"].values()) == 60
    assert (str(log), "SYD", "zeek-conn-tsv") == (account["path"], account["site"], account["format"])
    assert ["SYD"] == answer["incidents"][0]["sites"]
    of = {
        name
        for name in registry.names("sensor.detectors")
        if hasattr(registry.load("sensor.detectors", name), "detector")
    }
    assert of - {"unusual"} == {one["detector"] for one in answer["coverage"]}


def test_text_says_first_what_was_visible_and_last_what_to_try(cli, tmp_path):
    """Visible, incidents, most unusual, coverage, next commands."""
    code, out, _ = cli("replay", conn_log(tmp_path / "conn.log"))

    assert 0 == code
    assert out.startswith("Visible: both directions")
    places = [out.index(text) for text in ("Incidents: 1", "TRIAGE INC-", "Most unusual here", "Coverage", "Next")]
    assert sorted(places) == places
    assert "spanline incident INC-" in out[places[-1] :]
    assert "\x1b" not in out


def test_fail_on_exits_3_only_where_it_matches(cli, tmp_path):
    """An incident is one, a page is not there yet."""
    log = conn_log(tmp_path / "conn.log")

    assert 0 == cli("replay", log, "--fresh", "--fail-on", "page")[0]
    assert 3 == cli("replay", log, "--fresh", "--fail-on", "incident")[0]
    assert 3 == cli("replay", log, "--fail-on", "incident")[0]


def test_nothing_readable_is_exit_1_and_one_readable_input_is_0(cli, tmp_path):
    """A bad file beside a good one is told, and the good one still judged."""
    (tmp_path / "x.bin").write_bytes(b"\0\1\2" * 100)
    bad, _, err = cli("replay", tmp_path / "x.bin")
    good, out, _ = cli("replay", tmp_path / "x.bin", conn_log(tmp_path / "conn.log"), "--json")

    assert (1, 0) == (bad, good)
    assert "x.bin: not recognised" in err
    assert ["not recognised" in (one["error"] or "") for one in json.loads(out)["inputs"]] == [True, False]


def test_learn_until_and_bad_times(cli, tmp_path):
    """A time after the scan keeps it quiet; nonsense is exit 2."""
    log = conn_log(tmp_path / "conn.log")
    _, out, _ = cli("replay", log, "--learn-until", "2030-01-01T00:00:00Z", "--json")
    code, _, err = cli("replay", log, "--learn-until", "tomorrow")

    assert [] == json.loads(out)["incidents"]
    assert (2, True) == (code, "--learn-until" in err)


def test_metrics_and_flows_are_written(cli, tmp_path):
    """OpenMetrics text that ends as it must, and a Parquet file of every flow."""
    pq = pytest.importorskip("pyarrow.parquet")
    cli(
        "replay",
        conn_log(tmp_path / "conn.log"),
        "--metrics-out",
        tmp_path / "m.txt",
        "--flows-out",
        tmp_path / "f.parquet",
    )

    assert (tmp_path / "m.txt").read_text().endswith("# EOF\n")
    assert 60 == pq.read_table(tmp_path / "f.parquet").num_rows


def test_networks_of_a_configuration_count(cli, tmp_path):
    """With other local networks nobody here is a device, and the first line says what to do."""
    (tmp_path / "c.toml").write_text('local_networks = ["192.0.2.0/24"]\n[sources.x]\ntype = "later"\n')
    _, out, _ = cli("replay", conn_log(tmp_path / "conn.log"), "--config", tmp_path / "c.toml")

    assert "0 local hosts" in out
    assert "local_networks" in out


def test_a_folder_is_walked_and_a_missing_file_named(cli, tmp_path):
    """Every file of a folder is an input; what is not there is an error by name."""
    (tmp_path / "logs").mkdir()
    for name in ("a.log", "b.log"):
        conn_log(tmp_path / "logs" / name, scanner=f"10.0.{ord(name[0]) - 96}.66")
    _, out, _ = cli("replay", tmp_path / "logs", "--json")
    code, _, err = cli("replay", tmp_path / "none")

    assert 2 == len(json.loads(out)["inputs"])
    assert (1, True) == (code, "none: cannot be read" in err)


def test_a_report_is_written(monkeypatch, capsys, tmp_path):
    """One page with the incident and the traffic's plot."""
    log = conn_log(tmp_path / "conn.log", hosts=20)
    page = tmp_path / "report.html"
    code, _, _ = spanline(monkeypatch, capsys, "replay", log, "--state", tmp_path / "state", "--report", page)

    assert 0 == code
    text = page.read_text()
    assert "scans the network" in text
    assert "<svg" in text


def test_speed_is_a_multiple_of_the_records_time(monkeypatch, capsys, tmp_path):
    """120 s of records at 60 times take two seconds; what is found is the same; what is no speed is bad usage."""
    conn_log(tmp_path / "conn.log")
    found = []
    for more in ((), ("--speed", "60x")):
        begin_s = time.monotonic()
        code, out, _ = spanline(
            monkeypatch, capsys, "replay", "--fresh", "--json", "--state", tmp_path / "s", tmp_path / "conn.log", *more
        )
        found.append((code, json.loads(out)["incidents"]))
    assert time.monotonic() - begin_s > 1.8
    assert found[0] == found[1]
    assert 2 == spanline(monkeypatch, capsys, "replay", "--speed", "fast", tmp_path / "conn.log")[0]


def test_a_part_left_out_judges_nothing(cli, tmp_path):
    """For an ablation; a name that there is not is bad usage, with the closest."""
    log = conn_log(tmp_path / "conn.log")
    code, out, _ = cli("replay", "--json", "--fresh", "--without", "scan", str(log))
    assert (0, []) == (code, json.loads(out)["incidents"])
    code, _, err = cli("replay", "--without", "scna", str(log))
    assert (2, True) == (code, "did you mean 'scan'" in err)


def test_a_sites_own_scanner_scans_without_an_incident(cli, tmp_path):
    """Its device shows what was scanned; another's scan is an incident as before."""
    config = tmp_path / "site.toml"
    log = conn_log(tmp_path / "conn.log")
    for listed, incidents in (("10.0.0.66", 0), ("10.0.0.67", 1)):
        config.write_text(f'[detection]\nscanners = ["{listed}"]\n')
        _, out, _ = cli("replay", "--json", "--fresh", "--config", str(config), str(log))
        assert incidents == len(json.loads(out)["incidents"])
        _, out, _ = cli("device", "--json", "10.0.0.66")
        assert (1 - incidents) == len(json.loads(out)["expected_scans"])
