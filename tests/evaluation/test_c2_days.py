"""Command and control in whole real days: a real one, and families of our own put into a real office's day."""

import json
from datetime import datetime

import numpy as np
import pytest

from tests.cli.runs import spanline
from tests.evaluation.learning_days import DAY_S, lines, write_day, write_whole

pytestmark = pytest.mark.slow

C2 = "104.248.234.238"
DAYS = 5


def when(text):
    return datetime.fromisoformat(text).timestamp()


def first_ts(folder):
    return min(float(line.split("\t", 1)[0]) for line in lines(folder, "conn") if not line.startswith("#"))


def replay(monkeypatch, capsys, tmp_path, *, until, inputs):
    moment = datetime.fromtimestamp(until).astimezone().isoformat()
    code, out, err = spanline(
        monkeypatch, capsys, "replay", "--fresh", "--state", tmp_path / "state", "--learn-until", moment, "--json",
        *inputs,
    )  # fmt: skip
    assert code == 0, err
    return json.loads(out)


def learned(source, tmp_path, without=(), days=DAYS):
    folders = []
    for back in range(days, 0, -1):
        folders.append(tmp_path / f"day-{back}")
        assert write_day(source, folders[-1], days_back=back, without=without) > 500
    return folders


def c2_evidence(result, address):
    """The beacon evidence of incidents that an address is in, the most urgent incident first."""
    return [
        (place, evidence)
        for place, incident in enumerate(result["incidents"])
        for evidence in incident["evidence"]
        if evidence["detector"] == "beacon" and address in evidence["text"]
    ]


def test_taidoor_is_the_most_urgent_incident_of_its_day(monkeypatch, capsys, tmp_path, data_dir):
    """Learned on five days without the pair; found within 50 runs or 15 minutes, and at most 3 incidents that day."""
    source = data_dir / "network" / "c2-taidoor-zeek"
    folders = learned(source, tmp_path, without=(C2,))
    write_whole(source, tmp_path / "whole")

    result = replay(
        monkeypatch, capsys, tmp_path, until=first_ts(source) - 60, inputs=[*folders, tmp_path / "whole"]
    )  # fmt: skip
    times = sorted(
        float(line.split("\t", 1)[0]) for line in lines(source, "conn") if C2 in line and not line.startswith("#")
    )
    runs = [a for a, b in zip(times, [-1e9, *times], strict=False) if a - b >= 1.0]
    opened = [when(one["opened"]) for one in result["incidents"] if any(C2 in e["name"] for e in one["entities"])]
    found = c2_evidence(result, C2)

    assert len(result["incidents"]) <= 3, [one["title"] for one in result["incidents"]]
    assert [0] == [place for place, _ in found]
    assert min(opened) - times[0] <= max(15 * 60, runs[50] - times[0])
    assert [] == [
        one["title"]
        for one in result["incidents"]
        if any(e["detector"] == "beacon" for e in one["evidence"]) and not any(C2 in e["name"] for e in one["entities"])
    ]


FAMILIES = {
    "steady": (60.0, 0.0, "tcp", 0.0),
    "jitter 20 %": (60.0, 0.2, "tcp", 0.0),
    "jitter 50 %": (120.0, 0.5, "tcp", 0.0),
    "udp": (30.0, 0.1, "udp", 0.0),
    "30 % missed": (90.0, 0.3, "tcp", 0.3),
}


@pytest.mark.parametrize("family", FAMILIES)
def test_c2_in_an_offices_day_is_found(monkeypatch, capsys, tmp_path, data_dir, family):
    """A pair of a host with an address that nobody used, from noon on: one incident, and the office's day none more."""
    period, jitter, proto, missed = FAMILIES[family]
    source = data_dir / "network" / "m57-day1-zeek"
    start = first_ts(source) + DAY_S / 2
    rng = np.random.default_rng(7)
    times = start + np.cumsum(period * (1 + rng.uniform(-jitter, jitter, int(6 * 3600 / period))))
    times = times[rng.random(len(times)) >= missed]
    history = "Dd" if proto == "udp" else "ShADadFf"
    extra = [(ts, "192.168.1.104", "203.0.113.77", 443, proto, "SF", history) for ts in times]
    folders = learned(source, tmp_path)
    write_whole(source, tmp_path / "whole", extra)

    result = replay(monkeypatch, capsys, tmp_path, until=first_ts(source) - 60, inputs=[*folders, tmp_path / "whole"])

    found = len(c2_evidence(result, "203.0.113.77"))
    assert found == 1
    assert len(result["incidents"]) <= 2, [one["title"] for one in result["incidents"]]
