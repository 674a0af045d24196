"""The command line as a whole: start-up, help, exit codes."""

import json
import re
import subprocess
import sys

import pytest

from sensor.cli.main import COMMANDS
from tests.cli.runs import spanline
from tests.cli.test_events import OKTA
from tests.conftest import ROOT

CAPTURE = ROOT / "pcaps" / "demo" / "02-office-scan.pcap"


def test_version_starts_without_numpy_or_numba():
    """`--version` imports neither, which is what keeps it below .3 s."""
    code = (
        "import sys; sys.argv = ['spanline', '--version']\n"
        "from sensor.cli.main import main\n"
        "try:\n    main()\nexcept SystemExit as done:\n"
        "    print(done.code, [name for name in ('numpy', 'numba', 'rich', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert re.match(r"spanline, version \S+\n0 \[\]\n", done.stdout)


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(monkeypatch, capsys, command):
    """-h exits 0 and shows how it is used."""
    code, out, _ = spanline(monkeypatch, capsys, command, "-h")

    assert 0 == code
    assert out.startswith(f"Usage: spanline {command}")
    assert "Example" in out or command == "warm"


def test_the_group_lists_its_commands(monkeypatch, capsys):
    """-h names every command without importing it."""
    code, out, _ = spanline(monkeypatch, capsys, "-h")

    assert 0 == code
    assert all(re.search(rf"^  {name} ", out, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize(
    ("args", "code", "told"),
    [
        (["nonsense"], 2, "No such command"),
        (["replay"], 2, "Missing argument"),
        (["incidents", "--state", "/nonexistent/x"], 4, "no state"),
        (["check", "/nonexistent.toml"], 2, "does not exist"),
        (["run"], 2, "--config"),
    ],
)
def test_exit_codes_say_what_went_wrong(monkeypatch, capsys, args, code, told):
    """2 for bad usage, 4 for what does not exist; the reason on stderr, nothing on stdout."""
    found, out, err = spanline(monkeypatch, capsys, *args)

    assert (code, "") == (found, out)
    assert told in err


def test_a_state_that_cannot_be_written_is_one_line_and_exit_1(tmp_path):
    """No file may grow beyond 8 KiB, as on a full disk: what failed is said, without a traceback."""
    log = ROOT / "pcaps" / "demo" / "02-office-scan.pcap"
    code = (
        "import resource, sys\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))\n"
        f"sys.argv = ['spanline', 'replay', {str(log)!r}, '--state', {str(tmp_path / 'state')!r}]\n"
        "from sensor.cli.main import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert (1, "") == (done.returncode, done.stdout)
    assert 1 == len(done.stderr.splitlines())
    assert done.stderr.startswith("spanline: ")


@pytest.mark.parametrize("arguments", [["events", "LOG"], ["flows", "--format", "json", "CAPTURE"], ["-h"]])
def test_a_reader_that_goes_ends_the_command_without_a_word(tmp_path, arguments):
    """As in `spanline events log | head -1`: no traceback, and no signal, which would end `run` too."""
    log = tmp_path / "x.jsonl"
    rows = ({**OKTA, "uuid": f"{k:08d}-0000-11ee-8000-000000000000"} for k in range(2000))
    log.write_text("".join(json.dumps(row) + "\n" for row in rows))
    paths = {"LOG": str(log), "CAPTURE": str(CAPTURE)}
    command = [sys.executable, "-m", "sensor.cli.main", *(paths.get(one, one) for one in arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.read(1)
        process.stdout.close()
        told = process.stderr.read()

    assert ("", True) == (told, process.returncode in {0, 1})
