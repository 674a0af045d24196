"""The C reference does the same work: what `against_c` compares in speed gives the same rows."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.against_c import build, differing

ROOT = Path(__file__).resolve().parents[2]
CAPTURES = ["demo/01-office", "demo/02-office-scan", "protocols/icmp", "crafted/tcp-states", "crafted/fragments"]
CAPTURES += ["crafted/geneve", "crafted/erspan-2", "crafted/tcp-gap", "crafted/checksums", "crafted/pppoe-qinq"]


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the compiled reference."""
    folder = tmp_path_factory.mktemp("reference")
    build(folder)
    return folder


@pytest.mark.slow
@pytest.mark.needs_tool("gcc")
@pytest.mark.parametrize("name", CAPTURES)
def test_c_and_the_engine_write_the_same_rows(name: str, workshop: Path) -> None:
    """Every column of every flow of a capture is the same, in the same order."""
    pcap = ROOT / "pcaps" / f"{name}.pcap"
    mine, theirs = workshop / "mine", workshop / "theirs"
    engine = [
        sys.executable,
        "-m",
        "tests.bench.against_c",
        str(pcap),
        "--engine",
        "--rounds",
        "1",
        "--rows",
        str(mine),
    ]
    environment = {**os.environ, "SPANLINE_KERNEL_CACHE": str(workshop / "kernels")}
    subprocess.run(engine, check=True, capture_output=True, cwd=ROOT, env=environment)
    subprocess.run([str(workshop / "reference"), str(pcap), str(theirs)], check=True, capture_output=True)
    assert {} == differing(mine, theirs)
