"""`spanline flows` from the outside."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from baselines._jit import JIT_DISABLED
from sensor.cli.flows import flows
from tests.sources.test_pcap import CAPTURE

PROGRAM = [sys.executable, "-c", "from sensor.cli.flows import flows; flows(prog_name='spanline flows')"]


@pytest.fixture
def capture(tmp_path):
    """A capture of 400 frames: 160 flows."""
    (tmp_path / "a.pcap").write_bytes(CAPTURE)
    return str(tmp_path / "a.pcap")


def run(*arguments, **options):
    """Run in this process."""
    return CliRunner().invoke(flows, list(arguments), **options)


def test_conn_log_on_stdout_and_nothing_else(capture):
    """The default is Zeek's text; standard error is empty."""
    result = run(capture)
    assert (0, "", "#separator \\x09") == (result.exit_code, result.stderr, result.stdout.splitlines()[0])
    assert 160 == sum(not line.startswith("#") for line in result.stdout.splitlines())


def test_stats_are_the_last_line_on_stderr(capture, tmp_path):
    """One JSON object with the contract's names, behind what went wrong."""
    result = run("--stats", "--format", "none", str(tmp_path / "missing"), capture)
    *said, last = result.stderr.splitlines()
    stats = json.loads(last)
    assert ["packets", "bytes", "flows", "accepted", "dropped", "elapsed_s"] == list(stats)
    assert [400, len(CAPTURE), 160, 400, {}] == list(stats.values())[:5]
    assert (0, "", 1) == (result.exit_code, result.stdout, len(said))


def test_exit_1_only_where_nothing_could_be_read_and_stats_even_then(tmp_path):
    """An error a file, then the counts, all zero."""
    (tmp_path / "text").write_text("no capture")
    result = run("--stats", str(tmp_path / "text"), str(tmp_path / "missing"))
    first, second, last = result.stderr.splitlines()
    assert 1 == result.exit_code
    assert first.startswith(f"error: file {tmp_path}/text, offset 0: no capture file begins with 6e6f2063; give a pcap")
    assert f"error: file {tmp_path}/missing, offset 0: No such file or directory" == second
    assert 0 == json.loads(last)["packets"]


def test_output_goes_to_a_file(capture, tmp_path):
    """-o FILE gets what stdout would have got."""
    result = run(capture, "-o", str(tmp_path / "conn.log"))
    assert (0, "") == (result.exit_code, result.stdout)
    assert run(capture).stdout == (tmp_path / "conn.log").read_text()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ((), "Missing argument"),
        (("--format", "csv"), "is not one of"),
        (("--threads", "0"), "0 is not in the range"),
        (("--format", "parquet", "--arp"), "give -o FILE"),
        (("-o", "/nowhere/at/all"), "cannot write /nowhere/at/all: No such file or directory"),
    ],
)
def test_bad_usage_is_exit_2(arguments, why, capture):
    """Said on standard error, with nothing on standard output."""
    result = run(*arguments, *([capture] if arguments else []))
    assert (2, "") == (result.exit_code, result.stdout)
    assert why in result.stderr


def test_compiling_is_announced_when_the_cache_is_cold(capture, monkeypatch):
    """What is compiled is said, so that nobody thinks the program hangs."""
    monkeypatch.setattr("sensor.warming.warm", lambda say, modules: say(f"compiling kernels of {len(modules)}"))
    assert ["compiling kernels of 5"] == run("--format", "none", capture).stderr.splitlines()


def test_help_shows_a_worked_example():
    """-h ends with commands that can be copied."""
    result = run("-h")
    assert (0, True) == (result.exit_code, "spanline flows capture.pcap > conn.log" in result.stdout)


def test_standard_input_is_a_capture():
    """`-` reads the pipe; the result is that of the file."""
    done = subprocess.run([*PROGRAM, "--format", "json", "-"], input=CAPTURE, capture_output=True, check=True)
    said = [
        line for line in done.stderr.decode().splitlines() if not line.startswith(("compiling kernels", "kernels of"))
    ]
    assert (160, []) == (len(done.stdout.splitlines()), said)


def test_importing_the_command_loads_no_kernels():
    """numba, numpy and pyarrow are imported when the command runs, so that --version and -h are fast."""
    code = (
        "import sys, sensor.cli.flows; print(sorted({'numba', 'numpy', 'pyarrow', 'rich', 'scapy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "[]\n" == done.stdout


@pytest.mark.skipif(JIT_DISABLED, reason="plain Python has no compiler")
def test_a_warm_start_needs_no_compiler(capture):
    """Kernels that were compiled before are loaded as machine code: importing numba would take half a second."""
    run("--format", "none", capture)
    code = (
        "import sys\nfrom sensor.cli.main import cli\n"
        f"cli.main(['flows', '--format', 'zeek', '-o', '/dev/null', {str(capture)!r}], standalone_mode=False)\n"
        "print('numba' in sys.modules, 'llvmlite.binding' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "False True\n" == done.stdout


def test_a_full_disk_is_named_and_no_capture_is_blamed(capture):
    """Nothing can be written to /dev/full: exit 1, the output is said to fail, the counts still come."""
    result = run("--format", "json", "-o", "/dev/full", "--stats", capture)
    assert 1 == result.exit_code
    *lines, stats = result.stderr.splitlines()
    assert ["No space left on device"] == [line.rsplit(": ", 1)[1] for line in lines]
    assert (True, 1) == (lines[0].startswith("error: cannot write "), int("elapsed_s" in json.loads(stats)))
