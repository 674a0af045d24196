"""A file of what replayed inputs make a site tell: written, read again, the same each time."""

import json

from click.testing import CliRunner

from sensor.cli.main import cli
from sensor.pipeline.core import Core
from sensor.pipeline.reports_file import ReportsFile
from sensor.sources.site import SiteSource
from sensor.store.state import State
from tests.scenes import S

CONN = """#separator \\x09
#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\torig_bytes\tresp_bytes\tconn_state\thistory
#types\ttime\tstring\taddr\tport\taddr\tport\tenum\tstring\tinterval\tcount\tcount\tstring\tstring
"""


def log(path, *hosts):
    """A conn.log of an hour: each host asks a page a minute."""
    rows = [
        f"{1_700_000_000 + 60 * k}.0\tC{k}{host}\t{host}\t40000\t198.51.100.{k % 9}\t443\ttcp\tssl\t1.0\t100\t900\tSF"
        "\tShADadFf"
        for k in range(60) for host in hosts
    ]  # fmt: skip
    path.write_text(CONN + "\n".join(rows) + "\n")
    return str(path)


def replay(*words):
    result = CliRunner().invoke(cli, ["replay", "--json", *map(str, words)])
    assert 0 == result.exit_code, result.output
    return json.loads(result.stdout)


def test_a_site_is_replayed_at_its_hub(tmp_path):
    """Its devices are the hub's; reports are counted; the same file again changes nothing."""
    source = log(tmp_path / "conn.log", "10.0.0.5", "10.0.0.6")
    out = [tmp_path / name for name in ("a.reports", "b.reports")]
    for path in out:
        replay("--fresh", "--state", tmp_path / "site", "--site", "SYD", "--reports-out", path, source)
    hub = replay("--fresh", "--state", tmp_path / "hub", "--site", "HUB", out[0])
    again = replay("--state", tmp_path / "hub", "--site", "HUB", out[1])
    with State(tmp_path / "hub", readonly=True) as state:
        devices = state.devices()

    assert out[0].read_bytes() == out[1].read_bytes()
    assert (2, "site", None) == (hub["devices"], hub["inputs"][0]["format"], hub["inputs"][0]["error"])
    first, second = hub["inputs"][0], again["inputs"][0]
    assert first["records"] == first["accepted"] == second["duplicates"] == second["records"] > 5
    assert [("SYD", "2023-11-14T23:10"), ("SYD", "2023-11-14T23:10")] == [
        (one.site, one.last_seen[:16]) for one in devices
    ]


def test_nothing_goes_into_the_spool_of_a_replay(tmp_path):
    """It is in the file; the state that is written has no packets for anybody."""
    from sensor.config import default

    with State(tmp_path / "state") as state:
        core = Core(default(), state)
        reports = ReportsFile(core, "local", tmp_path / "out")
        reports.after(1_700_000_000 * S)
        assert [] == reports.packets()
        reports.close()
        assert {"held"} == set(reports.save())

    assert SiteSource(tmp_path / "out", "x", 0).batches()
