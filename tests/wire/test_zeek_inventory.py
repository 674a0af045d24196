"""Records of x509, files, notice, weird, software and known_* logs."""

import pytest

from sensor.errors import Malformed
from sensor.model import protocols
from sensor.wire.zeek_messages import READERS

ID = {"uid": "C1", "id.orig_h": "10.0.0.1", "id.orig_p": "4000", "id.resp_h": "10.0.0.2", "id.resp_p": "443"}
SHARED = {"ts": 1_500_000_000, "uid": "C1", "orig_h": "10.0.0.1", "orig_p": 4000, "resp_h": "10.0.0.2", "resp_p": 443}
NOBODY = {"ts": 1_500_000_000, "uid": "", "orig_h": "", "orig_p": 0, "resp_h": "", "resp_p": 0, "proto": 0}


def read(kind, *parts):
    """Read one record of a log."""
    record = {"ts": "1.5"}
    for part in parts:
        record |= part
    return READERS[kind](record.get, 0, 0)


@pytest.mark.parametrize("dot", [".", "_"])
def test_x509(dot):
    """A certificate has no addresses; stores without dots in names write underscores."""
    found = read("x509", {"fingerprint": "ab", "id": "F1", f"san{dot}dns": ["a.test", "b.test"]}, {
        f"certificate{dot}{name}": value for name, value in {
            "serial": "01", "subject": "CN=a", "issuer": "CN=i", "not_valid_before": "1.0", "not_valid_after": "2.5",
        }.items()
    })  # fmt: skip
    assert protocols.X509(
        **NOBODY, fingerprint="ab", fuid="F1", serial="01", subject="CN=a", issuer="CN=i", not_before=1_000_000_000,
        not_after=2_500_000_000, dns=("a.test", "b.test"),
    ) == found  # fmt: skip


@pytest.mark.parametrize("written", ["253402300799.000000", "-62135596800.000000", "-1", 253402300799])
def test_a_certificates_date_that_a_time_cannot_say(written):
    """9999-12-31 and dates before 1970 are unknown: neither an error nor another year."""
    assert read("x509", {"certificate.not_valid_after": written}).not_after is None


def test_files_of_today():
    """The connection's columns, and the size that was said or else seen."""
    columns = {"fuid": "F1", "source": "HTTP", "filename": "a", "mime_type": "text/html", "md5": "m", "sha1": "s",
               "sha256": "h"}  # fmt: skip
    found = read("files", ID, columns, {"is_orig": "F", "seen_bytes": "5", "total_bytes": "9"})
    assert protocols.File(**SHARED, proto=0, **columns, is_orig=False, size=9) == found
    assert 5 == read("files", ID, {"seen_bytes": "5"}).size


@pytest.mark.parametrize(("is_orig", "orig", "resp"), [("F", "10.0.0.9", "192.0.2.1"), ("T", "192.0.2.1", "10.0.0.9")])
def test_files_of_before(is_orig, orig, resp):
    """Who sent is the originator only where the file went its way."""
    found = read("files", {"tx_hosts": ["192.0.2.1"], "rx_hosts": ["10.0.0.9"], "conn_uids": ["C7"], "fuid": "F1",
                           "is_orig": is_orig})  # fmt: skip
    assert (orig, resp, "C7") == (found.orig_h, found.resp_h, found.uid)


def test_notice():
    """With a connection, or with the addresses that it names."""
    said = {"note": "SSH::Password_Guessing", "msg": "m", "sub": "s"}
    assert protocols.Notice(**SHARED, proto=6, kind="notice", **said) == read("notice", ID, said, {"proto": "tcp"})
    found = read("notice", said, {"src": "10.0.0.5", "dst": "10.0.0.6", "p": "22"})
    assert ("10.0.0.5", 0, "10.0.0.6", 22) == (found.orig_h, found.orig_p, found.resp_h, found.resp_p)
    assert protocols.Notice(**NOBODY, kind="notice", **said) == read("notice", said)


def test_weird():
    """The name is the note."""
    assert protocols.Notice(**SHARED, proto=0, kind="weird", note="bad_ack", msg="2", sub="IP") == read(
        "weird", ID, {"name": "bad_ack", "addl": "2", "source": "IP"}
    )


def test_software():
    """The version's parts are one text."""
    found = read("software", {"host": "10.0.0.4", "host_p": "80", "software_type": "HTTP::SERVER", "name": "nginx",
                              "version.major": "1", "version.minor": "18", "version.addl": "ubuntu"})  # fmt: skip
    assert ("10.0.0.4", 80, "HTTP::SERVER", "nginx", "1.18-ubuntu") == (
        found.orig_h, found.orig_p, found.service, found.software, found.version,
    )  # fmt: skip
    assert read("software", {"host": "10.0.0.4", "name": "x"}).version is None


def test_known():
    """The host of each inventory is the originator."""
    host = {"host": "10.0.0.4"}
    assert protocols.Known(**NOBODY | {"orig_h": "10.0.0.4"}, kind="known_hosts") == read("known_hosts", host)
    port = {"port_num": "53", "port_proto": "udp"}
    assert protocols.Known(
        **NOBODY | {"orig_h": "10.0.0.4", "orig_p": 53, "proto": 17}, kind="known_services", service="DNS,X"
    ) == read("known_services", host, port, {"service": ["DNS", "X"]})
    assert "CN=a" == read("known_certs", host, {"port_num": 443, "subject": "CN=a"}).subject
    device = read("known_devices", {"mac": "AA:BB:CC:DD:EE:FF", "dhcp_host_name": "pc"})
    assert ("aa:bb:cc:dd:ee:ff", "pc", "") == (device.mac, device.name, device.orig_h)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("notice", "missing_note"), ("weird", "missing_name"), ("known_hosts", "missing_host"),
        ("known_services", "missing_host"), ("known_certs", "missing_host"), ("known_devices", "missing_mac"),
    ],
)  # fmt: skip
def test_a_record_that_names_nothing(kind, reason):
    """It is refused, and the reason names what is missing."""
    with pytest.raises(Malformed, match=f"^{reason}$"):
        read(kind)
