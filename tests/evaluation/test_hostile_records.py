"""Hostile text in records, from the log to the report, the metrics and the command line: shown, and never obeyed."""

import json

import pytest

from tests.cli.runs import conn_log, spanline
from tests.cli.test_events import OKTA
from tests.evaluation.test_hostile_text import _Tags, injected, unprintable
from tests.hostile import strings

START_S = 1_700_000_000
SCANNERS = 12
"""Devices that scan, each under many names of the list; those that had one name in common may become one."""


def logs(folder, texts):
    """Write a conn.log with scans, a dhcp.log that names the scanners, and sign-ins with text in every field."""
    folder.mkdir()
    conn_log(folder / "conn.log")
    lines = (folder / "conn.log").read_text().splitlines(keepends=True)
    scans = [line for line in lines if "\t10.0.0.66\t" in line]
    more = [
        line.replace("10.0.0.66", f"10.0.1.{k}").replace("\t445\t", f"\t{2000 + k}\t")
        for k in range(1, SCANNERS + 1)
        for line in scans
    ]
    (folder / "conn.log").write_text("".join(lines + more))
    with (folder / "dhcp.log").open("w") as file:
        for number, text in enumerate(texts):
            k = number % SCANNERS + 1
            file.write(
                json.dumps(
                    {
                        "ts": START_S - 600 + number, "uids": [f"D{number}"], "client_addr": f"10.0.1.{k}",
                        "server_addr": "10.0.0.1", "mac": f"00:50:56:00:00:{k:02x}", "host_name": text, "domain": text,
                        "client_fqdn": text, "assigned_addr": f"10.0.1.{k}", "msg_types": ["REQUEST", "ACK"],
                        "lease_time": 86400.0, "duration": 0.1, "_path": "dhcp",
                    }
                )
                + "\n"
            )  # fmt: skip
    with (folder / "okta.jsonl").open("w") as file:
        for number, text in enumerate(texts):
            moment = f"2023-11-14T22:{number // 60 % 60:02d}:{number % 60:02d}.000Z"
            file.write(
                json.dumps(
                    {
                        **OKTA, "uuid": f"{number:08d}-0000-11ee-8000-000000000000", "published": moment,
                        "actor": {"type": "User", "alternateId": text, "id": text, "displayName": text},
                        "client": {
                            "ipAddress": "203.0.113.9", "userAgent": {"rawUserAgent": text, "os": text},
                            "geographicalContext": {"country": text, "city": text}, "device": text,
                        },
                        "target": [{"type": "AppInstance", "displayName": text, "alternateId": text, "id": text}],
                        "outcome": {"result": "FAILURE", "reason": text}, "displayMessage": text,
                        "authenticationContext": {"externalSessionId": text},
                    }
                )
                + "\n"
            )  # fmt: skip


@pytest.fixture
def runs(monkeypatch, capsys, tmp_path):
    """Replay logs with texts; returns the report, the metrics, and a way to run more."""

    def run(name, texts):
        logs(tmp_path / name, texts)
        state = tmp_path / f"{name}-state"
        code, _, said = spanline(
            monkeypatch, capsys, "replay", "--fresh", "--state", state, "--report", tmp_path / f"{name}.html",
            "--metrics-out", tmp_path / f"{name}.prom", "--json", tmp_path / name,
        )  # fmt: skip
        assert (0, []) == (code, injected(said))
        return (
            (tmp_path / f"{name}.html").read_text(), (tmp_path / f"{name}.prom").read_text(),
            lambda *arguments: spanline(monkeypatch, capsys, *arguments, "--state", state)[1],
        )  # fmt: skip

    return run


def test_a_run_takes_it_all_and_shows_it_as_text(runs):
    """Host names, accounts, agents, places, applications, sessions: no tag, no series, no line comes of any."""
    texts = ["plain", *strings()]
    report, metrics, ask = runs("hostile", texts)
    plain_report, plain_metrics, _ = runs("plain", [f"name{number}" for number in range(len(texts))])

    allowed = {one if isinstance(one, str) else one[0] for one in _Tags(plain_report).found}
    found = _Tags(report)
    assert set() == {one if isinstance(one, str) else one[0] for one in found.found} - allowed
    assert not {name for one in found.found if not isinstance(one, str) for name in one[1] if name.startswith("on")}
    assert set() == {one for one in report if not one.isprintable() and one not in "\n\t"}

    def names(text):
        return {
            line.rsplit(" ", 1)[0].split(" # ")[0].rsplit(" ", 1)[0] for line in text.splitlines() if line[0] != "#"
        }

    more = names(metrics) ^ names(plain_metrics)
    assert {one.split('"')[1] for one in more} <= {"not_a_record"}  # halves of characters (RFC 8259 §8.2)
    listed = json.loads(ask("incidents", "--json", "--digest"))
    assert 3 <= sum("scan" in {one["family"] for one in incident["evidence"]} for incident in listed)
    for command in (
        ("incidents",), ("incidents", "--digest"), ("devices",), ("accounts",), ("signins",),
        *(("incident", one["id"]) for one in listed[:20]), *(("explain", one["id"]) for one in listed[:20]),
        *(("incident", one["id"], "--format", "markdown") for one in listed[:20]),
    ):  # fmt: skip
        said = ask(*command)
        assert (set(), []) == (unprintable(said), injected(said)), command
