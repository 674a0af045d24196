"""What docs/nats ships: files as the script writes them, certificates that name the site, and a server's consent."""

import subprocess
import sys

import pytest
from cryptography import x509

from tests.fleet.servers import NATS_SERVER, PASSWORD, ROOT, shipped

SITES = ["SYD", "PER", "ADL"]


def test_the_files_are_what_the_script_writes() -> None:
    """For a hub and three sites; whoever edits one edits the script."""
    made, folder = shipped(), ROOT / "docs/nats"
    assert made.hub_conf(SITES) == (folder / "hub.conf").read_text()
    for site in SITES:
        assert made.leaf_conf(site, "tls://hub.example.org:7422") == (folder / f"leaf-{site}.conf").read_text()


def test_certificates_name_the_site_and_keys_are_private(tmp_path) -> None:
    """By the name that the hub's accounts bear; what is there already is kept."""
    made = shipped()
    made.write_certificates(tmp_path, ["hub.example.org", "192.0.2.1"], ["SYD"])
    before = (tmp_path / "SYD.pem").read_bytes()
    made.write_certificates(tmp_path, ["hub.example.org"], ["SYD", "PER"])
    assert before == (tmp_path / "SYD.pem").read_bytes()
    read = {path.stem: x509.load_pem_x509_certificate(path.read_bytes()) for path in tmp_path.glob("*.pem")}
    names = {name: one.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
             for name, one in read.items() if name != "ca"}  # fmt: skip
    assert ["spanline:site:PER"] == names["PER"].get_values_for_type(x509.UniformResourceIdentifier)
    assert ["hub.example.org"] == names["hub"].get_values_for_type(x509.DNSName)
    for one in read.values():
        one.verify_directly_issued_by(read["ca"])
    assert {0o600} == {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.key")}


@pytest.mark.needs_tool("nats-server")
def test_a_server_takes_what_an_operator_has_written(tmp_path) -> None:
    """The script by its command line, for other sites; nats-server finds nothing wrong with it."""
    command = [
        sys.executable,
        ROOT / "docs/nats/fleet.py",
        tmp_path,
        "--hub",
        "192.0.2.7",
        "--certificates",
        "a",
        "b_2",
    ]
    subprocess.run(command, check=True, timeout=60)
    for path in tmp_path.glob("*.conf"):
        path.write_text(path.read_text().replace("/etc/spanline/tls", str(tmp_path / "tls")))
        environment = {"SPANLINE_NATS_PASSWORD": PASSWORD}
        subprocess.run([NATS_SERVER, "-t", "-c", path], check=True, timeout=60, env=environment, capture_output=True)
    assert 3 == len(list(tmp_path.glob("*.conf")))


def test_a_name_that_means_something_in_a_subject_is_refused(tmp_path) -> None:
    """As the sensor does."""
    command = [sys.executable, ROOT / "docs/nats/fleet.py", tmp_path, "--hub", "h", "SYD.>"]
    assert 2 == subprocess.run(command, check=False, timeout=60, capture_output=True).returncode
