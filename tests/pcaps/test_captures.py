"""The sample captures: crafted ones repeat byte for byte, all are listed, real programs can make the others again."""

import gzip
import importlib.metadata
import lzma
import subprocess
import sys
from pathlib import Path

import pytest

PCAPS = Path(__file__).resolve().parents[2] / "pcaps"
LIMIT_BYTES = 4_000_000  # they travel in the wheel
SUFFIXES = {".pcap", ".pcapng", ".gz", ".xz"}


def _captures(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)


def _octets(path: Path) -> bytes:
    """Read a capture; compressed ones unpacked, because compressors differ between releases of zlib and liblzma."""
    unpack = {".gz": gzip.decompress, ".xz": lzma.decompress}.get(path.suffix, bytes)
    return unpack(path.read_bytes())


def _made(script: str, *words: str) -> None:
    subprocess.run([sys.executable, str(PCAPS / script), *words], check=True, capture_output=True)


def test_crafted_captures_repeat_byte_for_byte(tmp_path: Path) -> None:
    """make.py writes exactly the captures that are kept, and no others."""
    _made("crafted/make.py", str(tmp_path))
    made = {path.name: _octets(path) for path in _captures(tmp_path)}
    kept = {path.name: _octets(path) for path in _captures(PCAPS / "crafted")}
    assert kept.keys() == made.keys()
    different = [name for name in kept if kept[name] != made[name]]
    assert [] == different, f"made with scapy {importlib.metadata.version('scapy')}"


def test_every_capture_is_described() -> None:
    """README.md names each capture that is kept, and the selftest's cases theirs."""
    text = (PCAPS / "README.md").read_text()
    cases = (PCAPS / "selftest" / "cases.toml").read_text()
    assert [] == [
        path.name
        for path in _captures(PCAPS)
        if f"`{path.name}`" not in text
        and f"`{path.stem}`" not in text
        and not (path.parent.name == "selftest" and path.name in cases)
    ]


def test_samples_stay_small_enough_to_ship() -> None:
    """The folder of samples stays under its limit."""
    assert sum(path.stat().st_size for path in _captures(PCAPS)) < LIMIT_BYTES


@pytest.mark.slow
@pytest.mark.needs_root
@pytest.mark.needs_tool("ip", "ethtool", "tcpdump", "nginx", "curl", "dnsmasq", "dig")
@pytest.mark.parametrize("scene", ["web", "dns"])
def test_real_programs_make_a_scene_again(scene: str, tmp_path: Path) -> None:
    """A scene runs to its end, leaves a capture of some size, and no namespace behind."""
    _made("make_protocols.py", str(tmp_path), scene)
    assert (tmp_path / f"{scene}.pcap").stat().st_size > 3000
    assert "spl-" not in subprocess.run(["ip", "netns"], check=True, capture_output=True, text=True).stdout


@pytest.mark.slow
@pytest.mark.needs_root
@pytest.mark.needs_tool(
    "ip", "ethtool", "tcpdump", "nginx", "curl", "dnsmasq", "dig", "nmap", "smbd", "krb5kdc", "udhcpc", "dhclient"
)
def test_the_office_can_be_made_again(tmp_path: Path) -> None:
    """make_demo.py runs to its end and leaves both captures."""
    _made("make_demo.py", str(tmp_path))
    assert ["01-office.pcap", "02-office-scan.pcap"] == [path.name for path in _captures(tmp_path)]
